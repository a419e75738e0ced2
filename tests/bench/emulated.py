"""The functions' own handlers over an emulated AWS, beside a simulated gateway: what they ask for is counted."""

import importlib.util
import io
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

from bridge import wiring
from bridge.adapters import aws as clients
from bridge.adapters.clock import SystemClock
from local.gateway import Gateway, GatewayAccount, GatewaySettings
from tests.bench.metered import Meter, metered
from tests.fakes.endpoints import environment, gateway_account

PROJECT: Final = Path(__file__).parents[2]
_HALF: Final = 30  # minutes


@dataclass(frozen=True, slots=True)
class Counted:
    """One way through the bridge, counted.

    Attributes:
        calls: of AWS, by service and operation.
        walk_units: those of read_units that looking through ByHour took.
        publishes: what SNS charges for these messages.
        logged: bytes that the function wrote.
    """

    calls: Counter[str]
    write_units: float
    read_units: float
    walk_units: float
    publishes: int
    messages: int
    logged: int


class ShiftedClock(SystemClock):
    """This machine's, so much ahead."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def now(self) -> datetime:
        """That time."""
        return super().now() + self.ahead

    @contextmanager
    def later(self, time: datetime) -> Iterator[None]:
        """Show another time for a while, which goes on from there."""
        before, self.ahead = self.ahead, time - super().now()
        try:
            yield
        finally:
            self.ahead = before


@dataclass(frozen=True, slots=True, kw_only=True)
class Emulated:
    """An AWS with this template's tables, and the clock that the functions see."""

    meter: Meter
    heard: io.StringIO
    clock: ShiftedClock = field(default_factory=ShiftedClock)

    def amid_an_hour(self) -> datetime:
        """Put the clock to a quarter of this hour that is not near its ends, within what gateways bear; when it begins.

        What is counted must not depend on when it is.
        """
        now = SystemClock().now()
        begins = now.replace(minute=5 if now.minute < _HALF else 40, second=0, microsecond=0)
        self.clock.ahead = begins - now
        return begins

    def counted(self, work: Callable[[], object]) -> Counted:
        """Do some work, and say what it asked for."""
        self.meter.clear()
        before = self.heard.tell()
        work()
        return Counted(
            calls=Counter(self.meter.calls),
            write_units=self.meter.units["write"],
            read_units=self.meter.units["half reads"] / 2,
            walk_units=self.meter.units["half reads of ByHour"] / 2,
            publishes=self.meter.publishes,
            messages=self.meter.messages,
            logged=self.heard.tell() - before,
        )


@contextmanager
def emulated() -> Iterator[Emulated]:
    """The emulated AWS and what the functions write, beside a simulated gateway whose reports are due at once."""
    before = dict(os.environ)
    heard = io.StringIO()
    usual = wiring.clock
    settings = GatewaySettings(report_delay=0.0)
    try:
        with Gateway([GatewayAccount(name="test")], settings=settings) as gateway, redirect_stdout(heard):
            variables = environment("unused")
            del variables["AWS_ENDPOINT_URL"]
            os.environ.update(variables)
            os.environ.pop("AWS_PROFILE", None)
            _forget()
            with metered(gateway_account(gateway.url), variables) as meter:
                os.environ.update(variables)
                stack = Emulated(meter=meter, heard=heard)
                wiring.clock = lambda: stack.clock  # type: ignore[assignment] # the real one remembers what it gave
                yield stack
                wiring.gateway().close()
    finally:
        wiring.clock = usual
        os.environ.clear()
        os.environ.update(before)
        _forget()


def _forget() -> None:
    for cached in (*vars(wiring).values(), *vars(clients).values()):
        if hasattr(cached, "cache_clear"):
            cached.cache_clear()


def handler_of(name: str) -> Callable[[dict[str, Any]], Any]:
    """A function's handler, to be called with an event."""
    spec = importlib.util.spec_from_file_location(f"app_{name}", PROJECT / "functions" / name / "app.py")
    if spec is None or spec.loader is None:
        raise ImportError(name)
    app = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(app)
    context = SimpleNamespace(
        function_name=name,
        memory_limit_in_mb=512,
        invoked_function_arn=f"arn:aws:lambda:us-east-1:123456789012:function:{name}",
        aws_request_id="52fdfc07-2182-154f-163f-5f0f9a621d72",
        get_remaining_time_in_millis=lambda: 25_000,
    )

    def invoke(event: dict[str, Any]) -> Any:
        return app.handler(event, context)

    return invoke
