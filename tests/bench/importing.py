"""What a cold start imports: each built function up to its first client, against `import boto3; boto3.client("sqs")`.

All that it imports for its services counts, and the first of its clients, whichever that is. Fresh processes on the
build for this machine, with nothing to import from but the layers, the function and boto3; each with byte code. All in
turn, as often as there are rounds, by the processor's time, and the medians of the ratios.
"""

import json
import re
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from local.artifacts import Build, Function, sdk_only
from local.places import Places
from tests.bench.frame import finish, pin, processors
from tests.fakes.endpoints import environment

ROUNDS: Final = 7
GOAL: Final = 1.25
BARE: Final = "boto3 and a client of SQS"
# Prints how many seconds it took, and how many MB at most.
PROGRAM: Final = """
import json, sys, time
folders, module, services = json.loads(sys.argv[1])
sys.path[:0] = folders
began = time.process_time()
if module:
    __import__(module)
    made = []
    if services:
        from botocore.session import Session
        make = Session.create_client
        def first(*args, **kwargs):
            made[:] = made or [make(*args, **kwargs)]
            return made[0]
        Session.create_client = first
    from bridge import wiring
    for service in services:
        getattr(wiring, service)()
    # Some take their clients only when they need one.
    if not made and "bridge.adapters.aws" in sys.modules:
        sys.modules["bridge.adapters.aws"].sqs()
else:
    import boto3
    boto3.client("sqs")
took = time.process_time() - began
import re, resource
try:  # Linux counts what the parent had into ru_maxrss
    most = int(re.search(r"VmHWM:\\s*(\\d+)", open("/proc/self/status").read())[1]) / 1024
except OSError:
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
print(took, most)
"""


def services(function: Function) -> list[str]:
    """The services that the function asks `bridge.wiring` for; none, and it makes no client."""
    code = (function.folder / "app.py").read_text(encoding="utf-8")
    return sorted(set(re.findall(r"\bwiring\.(\w+)\(", code)) - {"public_url"})


def sides(build: Build, sdk: Path) -> Iterator[tuple[str, str]]:
    """The argument of the program, for each function and for boto3 alone."""
    yield BARE, json.dumps([[str(sdk)], "", []])
    for function in build.functions:
        module, _, _ = function.handler.rpartition(".")
        yield function.name, json.dumps([[*map(str, function.folders), str(sdk)], module, services(function)])


def took(python: Path, argument: str, *, keep: bool = False) -> tuple[float, float]:
    """Seconds that a fresh interpreter takes, and its most MB; with `keep`, it keeps the byte code of what it imports.

    Raises:
        RuntimeError: it failed; the message is its last line.
    """
    done = subprocess.run(  # noqa: S603 - our own program
        [python, "-I", "-S", *([] if keep else ["-B"]), "-c", PROGRAM, argument],
        env=environment("http://127.0.0.1:9"),
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError((done.stderr.strip() or "without a word").splitlines()[-1])
    took, most = map(float, done.stdout.split())
    return took, most


def measure() -> dict[str, float]:
    """The figures."""
    places = Places.default()
    python = places.tool("ministack", "python")
    build = Build.read(places.build)
    with tempfile.TemporaryDirectory() as scratch:
        arguments = dict(sides(build, sdk_only(python, Path(scratch))))
        for argument in arguments.values():
            took(python, argument, keep=True)  # boto3's byte code is Lambda's own there
        rounds = [{name: took(python, argument)[0] for name, argument in arguments.items()} for _ in range(ROUNDS)]
    ratios = {
        f"{name}, against {BARE}": statistics.median(each[name] / each[BARE] for each in rounds)
        for name in arguments
        if name != BARE
    }
    return ratios | {f"milliseconds of {BARE}": statistics.median(each[BARE] for each in rounds) * 1000}


def main() -> int:
    pin(processors()[0])
    figures = measure()
    return finish(figures, {name: GOAL for name in figures if "against" in name})


if __name__ == "__main__":
    sys.exit(main())
