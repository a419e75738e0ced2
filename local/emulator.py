"""MiniStack, the emulated AWS: started for one run, confined to this machine and to the run's folder."""

import json
import os
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from typing import Final

from local import scratch
from local.aws import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY, Aws, forget
from local.errors import CommandFailed, TooLate, end_of
from local.places import Places
from local.ports import LOOPBACK
from local.processes import Process

READY_SECONDS: Final = 60.0
STOP_SECONDS: Final = 5.0
"""It answers the calls in flight before it ends."""

_PASSED_ON = ("PATH", "LANG", "LC_ALL", "LC_CTYPE", "TZ", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE")
_PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy")
_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class Emulator:
    """MiniStack as a child process. The Lambdas are its children, and end with it."""

    def __init__(self, aws: Aws, places: Places, *, functions_see: str | None = None) -> None:
        """Start it; `wait` tells when it is ready.

        Args:
            aws: where it is to be.
            places: the files of this run.
            functions_see: the endpoint that the Lambdas call instead, where something stands between.
        """
        self.log = places.log("ministack")
        shutil.rmtree(places.emulator, ignore_errors=True)
        for folder in ("s3", "state"):
            (places.emulator / folder).mkdir(parents=True)
        self._scratch = scratch.make(places.emulator / "tmp")
        self.log.unlink(missing_ok=True)
        self._aws = aws
        self._process = Process(
            [places.tool("ministack", "python"), "-m", "ministack"],
            environment=_environment(os.environ, aws, places)
            | {"TMPDIR": str(self._scratch)}
            | ({"AWS_ENDPOINT_URL": functions_see} if functions_see else {}),
            log=self.log,
            folder=places.emulator,
            grace=STOP_SECONDS,
        )

    def wait(self) -> None:
        """Wait until it answers.

        Raises:
            CommandFailed: it ended.
            TooLate: it does not answer.
        """
        deadline = time.monotonic() + READY_SECONDS
        while not self._answers():
            self.require_running()
            if time.monotonic() > deadline:
                raise TooLate(f"MiniStack does not answer after {READY_SECONDS:g} s:\n{end_of(self.log)}")
            time.sleep(0.05)
        self.require_running()

    def require_running(self) -> None:
        """Check that it is still there.

        Raises:
            CommandFailed: it ended by itself.
        """
        status = self._process.status()
        if status is not None:
            raise CommandFailed(f"MiniStack ended by itself with status {status}:\n{end_of(self.log)}")

    def stop(self) -> None:
        """Stop it and its Lambdas. The journal stays under the run's folder until the next run."""
        self._process.stop()
        scratch.remove(self._scratch)

    def _answers(self) -> bool:
        try:
            with _direct.open(f"{self._aws.endpoint}/_ministack/ready", timeout=2) as response:
                return bool(json.load(response)["status"] == "completed")
        except (OSError, ValueError, urllib.error.URLError):
            return False


def _environment(environ: Mapping[str, str], aws: Aws, places: Places) -> dict[str, str]:
    """What MiniStack and the Lambdas see. The Lambdas inherit it, so only what is listed of the user's."""
    passed_on = {name: environ[name] for name in (*_PASSED_ON, *_PROXIES) if name in environ}
    forget(passed_on)
    return passed_on | {
        "HOME": str(places.emulator),
        "PYTHONUNBUFFERED": "1",
        "PYTHONUTF8": "1",
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        "BIND_HOST": LOOPBACK,
        "MINISTACK_HOST": LOOPBACK,
        "GATEWAY_PORT": str(aws.port),
        "MINISTACK_REGION": REGION,
        "AUTH": "true",
        "DOCKER_HOST": f"unix://{places.emulator}/no-docker",
        # Listeners on other ports, of services that nobody asked for.
        "SFTP_ENABLED": "0",
        "IOT_MTLS_ENABLED": "0",
        # What was pulled can be pulled no second time: it outlives the run, as files.
        "S3_PERSIST": "1",
        "S3_DATA_DIR": str(places.emulator / "s3"),
        "STATE_DIR": str(places.emulator / "state"),
    }
