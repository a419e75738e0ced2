#!/bin/sh
# The command line of eums-bridge, from any working directory. `make environments` puts it into .venv/bin.
here=$(dirname "$(readlink -f "$0")")
exec "$here/python" -I "$here/../../local/cli/__main__.py" "$@"
