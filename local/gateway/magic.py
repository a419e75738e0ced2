"""Numbers with a meaning: 199 0000 xxxx. One table drives what they do and what the documentation says.

Every other valid number is ordinary: accepted, and reported DELIVRD after the report delay.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

_REFUSAL = re.compile(r"19900000([0-9]{3})")


class ReportReference(StrEnum):
    """How a report carries the `reference` of its submit."""

    KEPT = "kept"
    NULL = "null"
    ABSENT = "absent"


@dataclass(frozen=True)
class Step:
    """One report: a raw status after some report delays, or after the late delay."""

    status: str
    delays: int = 1
    late: bool = False


@dataclass(frozen=True)
class Reply:
    """An MO that the handset sends by itself, one report delay after its last report."""

    text: str
    msg_fmt: int | None = 8


@dataclass(frozen=True)
class Behaviour:
    """What the gateway does with a number."""

    meaning: str
    steps: tuple[Step, ...] = (Step("DELIVRD"),)
    reply: Reply | None = None
    report_reference: ReportReference = ReportReference.KEPT
    valid: bool = True
    listed: bool = True
    extra_charge: int = 0


ORDINARY = Behaviour("delivered after the report delay")

_FAILURES = (
    "UNDELIV",
    "EXPIRED",
    "REJECTD",
    "MK:0001",
    "MK:0012",
    "MI:0010",
    "BLACK",
    "KEYWORD",
    "DISTURB",
    "NOROUTE",
    "SIGNERR",
    "DB:0141",
    "CU12",
    "SGIP:2",
    "12",
    "mk:0001",
    "2_12",
    "MK00013",
    "DELETED",
    "XYZ:9999",
)

MAGIC: dict[str, Behaviour] = {
    **{
        f"1990000{1000 + ordinal}": Behaviour(f"undelivered, reported as {status}", (Step(status),))
        for ordinal, status in enumerate(_FAILURES)
    },
    "19900002000": Behaviour("never reported", ()),
    "19900002001": Behaviour("reported late (the late report delay)", (Step("DELIVRD", late=True),)),
    "19900002002": Behaviour("reported twice, the same", (Step("DELIVRD"), Step("DELIVRD", 2))),
    "19900002003": Behaviour("DELIVRD, then contradicted by UNDELIV", (Step("DELIVRD"), Step("UNDELIV", 2))),
    "19900002004": Behaviour("UNDELIV, then contradicted by DELIVRD", (Step("UNDELIV"), Step("DELIVRD", 2))),
    "19900002005": Behaviour("ACCEPTD (not final), then DELIVRD", (Step("ACCEPTD"), Step("DELIVRD", 2))),
    "19900002006": Behaviour("UNKNOWN (not final) and nothing after it", (Step("UNKNOWN"),)),
    "19900002007": Behaviour("reported with a null reference", report_reference=ReportReference.NULL),
    "19900002008": Behaviour("reported without a reference field", report_reference=ReportReference.ABSENT),
    "19900002009": Behaviour("reported at once: a pull may overtake the submit's response", (Step("DELIVRD", 0),)),
    "19900003000": Behaviour("delivered, then answers 好的", reply=Reply("好的")),
    "19900003001": Behaviour("delivered, then opts out with TD", reply=Reply("TD")),
    "19900003002": Behaviour("delivered, then answers 收到 with msg_fmt 15 (GB18030)", reply=Reply("收到", 15)),
    "19900003003": Behaviour("delivered, then answers 收到 without binary_content", reply=Reply("收到", None)),
    "19900004000": Behaviour("accepted, charged and reported, but left out of the submit's response", listed=False),
    "19900004001": Behaviour("taken for an invalid number: not accepted, not in the response", (), valid=False),
    "19900004002": Behaviour("charged one item more than the other numbers", extra_charge=1),
}

REFUSAL_PATTERN = "19900000CCC"
REFUSAL_MEANING = (
    "the whole submit is refused with code CCC (001 to 999, listed in the specification or not); nothing takes effect"
)


def behaviour(number: str) -> Behaviour:
    """Look up what happens to a valid number."""
    return MAGIC.get(number, ORDINARY)


def refusal(number: str) -> int | None:
    """Tell the code that a number refuses its submit with, if it is such a number."""
    found = _REFUSAL.fullmatch(number)
    return (int(found[1]) or None) if found else None


def documentation() -> list[tuple[str, str]]:
    """List the table as (number, meaning)."""
    rows = [(REFUSAL_PATTERN, REFUSAL_MEANING)]
    return rows + [(number, entry.meaning) for number, entry in MAGIC.items()]
