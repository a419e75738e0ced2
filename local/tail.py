"""An event as a person reads it."""

import json
from collections.abc import Mapping
from datetime import datetime

from local.console import Console

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
