import signal
from collections.abc import Iterator
from contextlib import suppress

import pytest

from local.interrupts import Interrupted, Interrupts

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture
def interrupts() -> Iterator[Interrupts]:
    before = {number: signal.getsignal(number) for number in SIGNALS}
    installed = Interrupts()
    installed.install()
    yield installed
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.usefixtures("interrupts")
def test_the_first_signal_ends_the_run_and_later_ones_do_not_disturb(number: signal.Signals) -> None:
    with pytest.raises(Interrupted):
        signal.raise_signal(number)

    signal.raise_signal(number)


def test_a_signal_waits_until_a_half_made_thing_is_whole(interrupts: Interrupts) -> None:
    made = []
    with suppress(Interrupted):
        with interrupts.shielded():
            signal.raise_signal(signal.SIGINT)
            made.append("whole")
        made.append("never")

    assert made == ["whole"]


def test_clearing_up_is_not_disturbed(interrupts: Interrupts) -> None:
    interrupts.quiet()

    signal.raise_signal(signal.SIGINT)
