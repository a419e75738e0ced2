"""What can go wrong, by whose fault it is.

    BridgeError
    ├── InvalidRequest        the caller's: every problem named by field
    ├── NotAllowed            the caller's: its key does not cover this
    ├── NotFound              the caller's: no such thing, or not its own
    ├── StillInFlight         the caller's: the first request with this key has not ended
    ├── NotCancellable        the caller's: too late
    ├── OptedOut              the caller's: nobody of those it goes to wants it
    ├── TooManyRequests       the caller's: wait
    │   ├── RateLimited       its client sends faster than it may
    │   └── DailyCapReached   its client has sent what it may send in a day
    ├── NotAuthentic          the sender's: a hook's call that nobody who knows its secret has made
    ├── TooLarge              the sender's: more than is taken there
    ├── NameTaken             the caller's: a hook source of that name is another client's
    ├── NotVerifiable         nobody's: what a signature is checked with is out of reach
    ├── AccountNotConfigured  the operator's: the secret lacks the account or describes it wrongly
    ├── PolicyError           the operator's: what the accounts secret says under an account's "bridge"
    ├── GatewayRefused        a response code of the gateway: `eums.CODES` says whose fault
    ├── GatewayUnreachable    nobody answered; nothing was sent
    ├── GatewayUnreadable     an answer that is not EUMS
    ├── NotPublished          the topic did not take some events; they are to be tried again
    └── NotQueued             the queue did not take some pointers; they are to be tried again
    ├── NotStored             the stores did not do what was asked; nothing was sent
    └── NotPublished          the topic did not take some events; they are to be tried again

No message of these holds a phone number, a text or a secret: they are logged.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from eums import Code


class BridgeError(Exception):
    """The root of the bridge's errors."""


@dataclass(frozen=True, slots=True)
class FieldProblem:
    """One thing that is wrong with a request: where, and what to do.

    Attributes:
        gateway_code: the number by which the gateway would refuse it (响应错误码); None where it has none for this.
    """

    field: str
    message: str
    gateway_code: int | None = None


class InvalidRequest(BridgeError):
    """The request cannot be carried out as it is."""

    def __init__(self, problems: tuple[FieldProblem, ...]) -> None:
        super().__init__(f"{len(problems)} invalid fields: {', '.join(problem.field for problem in problems)}")
        self.problems = problems


class NotAllowed(BridgeError):
    """The client's key does not cover this."""


class NotFound(BridgeError):
    """No such thing, or not the client's own."""


class TooManyRequests(BridgeError):
    """The limit of a call is used up for now."""

    def __init__(self, detail: str, *, retry_after: int) -> None:
        super().__init__(detail)
        self.retry_after = retry_after  # seconds


class RateLimited(TooManyRequests):
    """The client sends faster than it may; nothing was sent, and nothing was counted."""


class DailyCapReached(TooManyRequests):
    """The client has sent what it may send in a day; nothing was sent, and nothing was counted."""


class NotAuthentic(BridgeError):
    """A call of a hook that its sender did not make, or made before; or there is no such hook: nobody is told which."""

    def __init__(self) -> None:
        super().__init__("the call is not authentic")


class TooLarge(BridgeError):
    """A body of more bytes than are taken."""

    def __init__(self, at_most: int) -> None:
        mebi, rest = divmod(at_most, 1024 * 1024)
        size = f"{at_most // 1024} KiB" if rest else f"{mebi} MiB"
        super().__init__(f"the body has more than {size}, which is the most that is taken here")


class NameTaken(BridgeError):
    """A hook source of that name is another client's, or somebody else has just written it."""


class NotVerifiable(BridgeError):
    """What a signature is checked with could not be fetched; nothing was sent, and the sender is to try again."""


class StillInFlight(BridgeError):
    """The first request with this idempotency key has not ended yet."""

    retry_after = 2  # seconds


class NotCancellable(BridgeError):
    """The message is being submitted, or was."""


class OptedOut(BridgeError):
    """Everybody whom the message goes to has opted out of what this account sends.

    Attributes:
        message_id: the message; it is recorded as rejected.
    """

    def __init__(self, *, message_id: str) -> None:
        super().__init__("the recipients have opted out of what this account sends")
        self.message_id = message_id


class NotStored(BridgeError):
    """What has to be written down or looked up before a send could not be; nothing was sent."""


class AccountNotConfigured(BridgeError):
    """The accounts secret does not have this account, or it cannot be used as it stands there."""


class PolicyError(BridgeError):
    """The policy of an account has unknown or wrong settings.

    Attributes:
        problems: every problem, each naming its setting and quoting none.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("; ".join(self.problems))


class GatewayFailure(BridgeError):
    """The gateway did not do what was asked.

    Attributes:
        message_id: the message it was about, if it was a submit; it is recorded as rejected.
    """

    def __init__(self, detail: str, *, message_id: str | None = None) -> None:
        super().__init__(detail)
        self.message_id = message_id


class GatewayRefused(GatewayFailure):
    """The gateway answered with a code."""

    def __init__(self, code: "Code", *, message_id: str | None = None) -> None:
        super().__init__(f"the gateway refused with {code.number}: {code.english}", message_id=message_id)
        self.code = code


class GatewayUnreachable(GatewayFailure):
    """No answer, and nothing was done."""


class GatewayUnreadable(GatewayFailure):
    """An answer that is not EUMS: an error page, the wrong AES key, or garbage."""


class NotPublished(BridgeError):
    """Some events were not taken; whoever asked must ask again, with the same ids."""

    def __init__(self, failed: int) -> None:
        super().__init__(f"{failed} events were not taken by the topic")
        self.failed = failed


class NotQueued(BridgeError):
    """Some pointers were not taken by SendQueue; those that were will be worked on."""

    def __init__(self, failed: int) -> None:
        super().__init__(f"{failed} pointers were not taken by the queue")
        self.failed = failed
