"""`make sam-local`: what `sam local` needs beside a running stack, until Ctrl-C.

A build for containers: Lambda's interpreter, but this machine's processor, since an emulated one takes minutes. And,
where containers do not reach this machine's loopback by themselves, a way there: the two ports of the running stack,
on the address of Docker's bridge alone. Docker Desktop brings such a way along, and then nothing listens here.
"""

import argparse
import os
import platform
import sys
import threading
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from local import stack
from local.aws import Aws, forget
from local.console import Console
from local.env_file import seen_from_container
from local.errors import LocalError
from local.forwarding import Forwarding, address_of
from local.interrupts import INTERRUPTS, Interrupted, follow_parent
from local.outputs import Outputs
from local.places import Places

BRIDGE: Final = "docker0"
"""The bridge that Docker's own network has on Linux."""
PYTHON: Final = "3.13"
"""What SAM's image for the template's runtime has."""
_MACHINES: Final = {"arm64": "arm64", "aarch64": "arm64", "x86_64": "x86_64", "amd64": "x86_64"}
_WHEELS: Final = {"arm64": "aarch64-manylinux2014", "x86_64": "x86_64-manylinux2014"}


def architecture() -> str:
    """This machine's processor, as Lambda calls it.

    Raises:
        LocalError: Lambda has no such.
    """
    machine = platform.machine().lower()
    if machine not in _MACHINES:
        raise LocalError(
            f"Lambda does not run on {machine}: set DOCKER_DEFAULT_PLATFORM, and use `sam build`'s own build"
        )
    return _MACHINES[machine]


def build(places: Places, aws: Aws, python: str = PYTHON, *, heard: bool = False) -> bool:
    """Build for the containers of this machine, unless nothing changed since the last time.

    Args:
        places: of the run; the build is in its folder.
        aws: nothing is asked of it.
        python: the version in the containers, as `3.13`.
        heard: whether `sam` is.

    Returns:
        Whether it was built anew.

    Raises:
        LocalError: with the end of the log.
    """
    processor = architecture()
    return stack.build_with(
        places,
        aws,
        into=places.container_build,
        variables={"LAYER_PYTHON": python, "LAYER_PLATFORM": _WHEELS[processor]},
        processor=processor,
        heard=heard,
    )


def ports_of(outputs: Outputs) -> list[int]:
    """What a container has to reach on this machine's loopback: the emulated AWS, and the gateway if it is there."""
    local = (url for url in (outputs.aws_endpoint, outputs.gateway_url) if seen_from_container(url) != url)
    return [urlsplit(url).port or 80 for url in local]


def main(arguments: Sequence[str]) -> int:
    """Build, open the way, tell what to say to `sam`, until Ctrl-C or SIGTERM."""
    INTERRUPTS.install()
    parser = argparse.ArgumentParser(prog="python -m local.containers", description=__doc__)
    parser.add_argument("--state", type=Path, help="the folder of the run, .local if not said otherwise")
    parser.add_argument("--bridge", default=BRIDGE, help=f"the interface that Docker's containers hang on ({BRIDGE})")
    parser.add_argument("--python", default=PYTHON, help=f"the version in the containers ({PYTHON})")
    given = parser.parse_args(arguments)
    console = Console()
    places = Places(given.state.resolve()) if given.state else Places.default()
    if os.environ.pop("MADE_AT", None) is not None:
        follow_parent()
    forget(os.environ)
    try:
        outputs = Outputs.read(places.outputs)
        aws = Aws(urlsplit(outputs.aws_endpoint).port or 80)
        with ExitStack() as started:
            with console.step(
                f"Building the application for containers, python{given.python} {architecture()}"
            ) as notes:
                if not build(places, aws, given.python):
                    notes.append("nothing changed")
            address = address_of(given.bridge)
            if address is None:
                console.say(f"  No {given.bridge} here: Docker Desktop passes connections on by itself")
            else:
                for port in ports_of(outputs):
                    started.enter_context(Forwarding(address, port))
                    console.say(f"  {address} port {port} leads to this machine's loopback, for containers")
            _tell(console, places)
            threading.Event().wait()
    except Interrupted:
        console.say("Stopped.")
    except LocalError as error:
        INTERRUPTS.quiet()
        sys.stderr.write(f"{console.paint('error', 'red')}: {error}\n")
        return 1
    return 0


def _tell(console: Console, places: Places) -> None:
    own = "" if places == Places.default() else f" --template {places.container_build / 'template.yaml'}"
    own = f"{own} --env-vars {places.env_file}" if own else own
    console.say()
    console.say("Ready; in another terminal:")
    console.say()
    console.say(f"  sam local invoke MessagesFunction --config-env local --event events/messages.json{own}")
    console.say(f"  sam local start-api --config-env local{own}")
    console.say()
    console.say("Ctrl-C ends it.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
