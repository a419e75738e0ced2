"""Shows the events of the running stack as they come: `python -m local.tail`."""

import json
import os
import sys
from collections.abc import Mapping
from datetime import datetime
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from local import queues
from local.aws import Aws, forget
from local.console import Console
from local.errors import LocalError
from local.interrupts import INTERRUPTS, Interrupted
from local.outputs import Outputs
from local.places import Places

_TELLING = ("from", "to", "status", "gateway_status", "text", "client_reference", "reason", "balance")


def line(event: Mapping[str, object]) -> str:
    """An event in a line: when, what, and what a person asks first."""
    data = event.get("data")
    data = data if isinstance(data, dict) else {}
    told = [f"{name}={data[name]}" for name in _TELLING if data.get(name) not in (None, "")]
    return "  ".join([_clock(str(event.get("time", ""))), str(event.get("type", "?")), *told])


def show(console: Console, event: Mapping[str, object]) -> None:
    """Print the line, and the whole event below it."""
    console.say(f"  {console.paint(line(event), 'cyan')}")
    console.say(f"    {console.paint(json.dumps(event, ensure_ascii=False), 'dim')}")


def _clock(time: str) -> str:
    try:
        return datetime.fromisoformat(time).astimezone().strftime("%H:%M:%S")
    except ValueError:
        return "--:--:--"


def main() -> int:
    """Follow the stack that `make run` serves until Ctrl-C."""
    console = Console()
    forget(os.environ)
    INTERRUPTS.install()
    try:
        outputs = Outputs.read(Places.default().outputs)
        with queues.tail(Aws(urlsplit(outputs.aws_endpoint).port or 0), outputs.topic_arn) as events:
            console.say("Following the events; Ctrl-C ends it.")
            while True:
                for event in events.next():
                    show(console, event)
    except Interrupted:
        return 0
    except (LocalError, BotoCoreError, ClientError) as error:
        sys.stderr.write(f"{error}\n")
        return 1


if __name__ == "__main__":
    sys.exit(main())
