"""Estimating: what a message would cost, and what the gateway would refuse of it, without sending anything."""

from dataclasses import dataclass

from bridge.domain import segments
from bridge.domain.clients import Caller
from bridge.domain.errors import FieldProblem
from bridge.domain.numbers import national
from bridge.ports import Accounts, Gateway
from bridge.services.checking import check
from bridge.services.choosing import choose
from eums import Submit


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """A message that may be sent one day.

    Attributes:
        to: numbers in any form; None where nobody is thought of yet, so that it is about one recipient.
        account: our name of the gateway account; None for the client's default.
    """

    text: str
    to: tuple[str, ...] | None = None
    extension: str = ""
    account: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimate:
    """What would become of a draft.

    Attributes:
        text: as it would be sent, with the account's own signature where that goes in front.
        recipients: how many the gateway would charge for: the mainland mobile numbers, each once.
        problems: what would be refused; () where it may be sent.
    """

    account: str
    text: str
    recipients: int
    problems: tuple[FieldProblem, ...]

    @property
    def length(self) -> int:
        """UTF-16 code units of the text."""
        return segments.length(self.text)

    @property
    def segments(self) -> int:
        """Segments of the text, for one recipient."""
        return segments.estimate(self.text)

    @property
    def total_segments(self) -> int:
        """Segments for all recipients."""
        return self.segments * self.recipients


@dataclass(frozen=True, slots=True, kw_only=True)
class Estimating:
    """Looks at messages as `sending` would."""

    accounts: Accounts
    gateway: Gateway

    def estimate(self, caller: Caller, draft: Draft) -> Estimate:
        """What would become of a draft now, whatever was sent before. Raises NotAllowed and AccountNotConfigured."""
        account = choose(caller, draft.account, self.accounts)
        wanted = Submit(dest=draft.to or (), content=draft.text, ext=draft.extension)
        checked = check(self.gateway, account, self.accounts.policy(account), wanted)
        nobody = draft.to is None
        return Estimate(
            account=account,
            text=checked.submit.content,
            recipients=1 if nobody else len(set(filter(None, map(national, checked.submit.dest)))),
            problems=(
                *_not_allowed(caller, draft.extension),
                *(problem for problem in checked.problems if not (nobody and problem.field == "to")),
            ),
        )


def _not_allowed(caller: Caller, extension: str) -> tuple[FieldProblem, ...]:
    refusal = caller.limits.refusal(extension)
    return () if refusal is None else (FieldProblem("extension", refusal),)
