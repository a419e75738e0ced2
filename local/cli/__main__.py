"""`python -m local.cli`, and what `.venv/bin/eums-bridge` runs."""

import sys
from pathlib import Path

PROJECT = Path(__file__).resolve().parent.parent.parent

if __name__ == "__main__":
    # The project is never installed: its three roots are found from here, whatever the working directory is.
    sys.path[:0] = [str(PROJECT / folder) for folder in (".", "layers/eums", "layers/bridge")]
    try:
        from local.cli.app import main

        code = main()
    except KeyboardInterrupt:  # before the handlers were in place
        sys.stderr.write("Interrupted.\n")
        code = 130
    sys.exit(code)
