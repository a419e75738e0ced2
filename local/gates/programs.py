"""Running a gate's program: confined to what it is given, its answer read as JSON."""

import json
import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from local.errors import LocalError

SECONDS: Final = 300.0
"""For one program; on two idle cores the slowest takes six."""
_PASSED_ON: Final = ("PATH", "LANG", "LC_ALL", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")
_PROXIES: Final = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
_SHOWN: Final = 2000


class GateFailed(LocalError):
    """A gate did not do its work, so that it found nothing means nothing."""


@dataclass(frozen=True)
class Answer:
    """What a program wrote, and its exit status."""

    status: int
    output: str
    errors: str

    def json(self, program: str) -> Any:
        """The answer as JSON.

        Raises:
            GateFailed: it is none; with the end of what the program said.
        """
        try:
            return json.loads(self.output)
        except ValueError as exc:
            said = (self.errors.strip() or self.output.strip())[-_SHOWN:]
            raise GateFailed(f"{program} gave no JSON, status {self.status}:\n{said}") from exc


def ask(command: Sequence[str | Path], *, home: Path, more: Mapping[str, str] | None = None) -> Answer:
    """Run a program to its end.

    Args:
        command: the program and its arguments.
        home: an empty folder: no settings of the user's, and none of this folder's, change what a gate says.
        more: variables beside those of every program.

    Raises:
        GateFailed: it did not end in time.
    """
    passed_on = {name: os.environ[name] for name in (*_PASSED_ON, *_PROXIES) if name in os.environ}
    try:
        done = subprocess.run(
            [str(word) for word in command],
            capture_output=True,
            check=False,
            cwd=home,
            encoding="utf-8",
            env=passed_on | {"HOME": str(home), "PYTHONUTF8": "1"} | dict(more or {}),
            stdin=subprocess.DEVNULL,
            timeout=SECONDS,
        )
    except subprocess.TimeoutExpired as exc:
        raise GateFailed(f"{Path(str(command[0])).name} did not end within {SECONDS:g} s") from exc
    return Answer(done.returncode, done.stdout, done.stderr)
