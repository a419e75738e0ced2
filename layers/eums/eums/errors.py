"""What can go wrong, split by who is at fault and by whether the call had an effect.

* EumsError
  x AccountError      the account's settings contradict themselves: nothing can be called
  x InvalidRequest    the request can never be right: nothing was sent
    + InvalidSubmit     … a submit
  x NotSent           no byte of the request left: calling again is safe
  x Refused           the gateway said no, with a code
  x Ambiguous         the request may have arrived, and nobody knows what became of it
    + Malformed         … an answer came, and it cannot be read
      + Undecipherable    … because it is encrypted with no key of the account

No message quotes a number, a text, a password, a key or an answer. What came back is in `raw`, for whoever may keep it.
Every error can be pickled.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from eums.calls import Call
    from eums.codes import Code

__all__ = [
    "AccountError",
    "Ambiguous",
    "EumsError",
    "InvalidRequest",
    "InvalidSubmit",
    "Malformed",
    "NotSent",
    "Refused",
    "Undecipherable",
]


class EumsError(Exception):
    """The root of the tree. Its only argument is its message."""

    # Pickled by state: the default would call the class with the message alone.
    def __reduce__(self) -> tuple[Any, ...]:
        return _restore, (type(self), self.args, self.__dict__)


def _restore(kind: type[EumsError], args: tuple[object, ...], state: dict[str, object]) -> EumsError:
    error = kind.__new__(kind, *args)
    error.__dict__.update(state)
    return error


class AccountError(EumsError):
    """The settings of an account are incomplete or contradict themselves.

    Attributes:
        problems: every problem, each naming its setting and quoting no secret.
    """

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("the account cannot be used: " + "; ".join(self.problems))


class InvalidRequest(EumsError):
    """A request that the gateway could only refuse. Nothing was sent.

    Attributes:
        field: the field at fault, by its name in the specification.
        reason: what is wrong with it.
    """

    def __init__(self, field: str, reason: str) -> None:
        self.field = field
        self.reason = reason
        super().__init__(f"{field}: {reason}")


class InvalidSubmit(InvalidRequest):
    """A submit that the gateway could only refuse (下行协议). Nothing was sent.

    Attributes:
        code: the number by which the gateway refuses this (响应错误码); None where it lists none.
        index: which number of `dest` is at fault, from 0; None where it is not one of them.
        further: what else is wrong with the same submit.
    """

    def __init__(self, field: str, reason: str, *, code: int | None = None, index: int | None = None) -> None:
        super().__init__(field, reason)
        self.code = code
        self.index = index
        self.further: tuple[InvalidSubmit, ...] = ()


class NotSent(EumsError):
    """No byte of the request left this machine. Calling again cannot do anything twice.

    Attributes:
        reason: why it did not leave.
    """

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"nothing was sent: {reason}")


class Refused(EumsError):
    """The gateway answered with an error code (响应错误码).

    Attributes:
        code: the code, whose fault it is, and whether it is definite.
        call: the call that was refused.
    """

    def __init__(self, code: Code, call: Call | None = None) -> None:
        self.code = code
        self.call = call
        what = f"{call.value}: " if call is not None else ""
        super().__init__(f"{what}the gateway refused with {code.number} ({code.english})")


class Ambiguous(EumsError):
    """The request, or part of it, may have reached the gateway, and its effect is not known.

    A submit that ended like this may have been sent to the handset. Sending it again may send it twice.

    Attributes:
        reason: what happened.
        raw: what came back, if anything did.
        http_status: the status of the HTTP response, if there was one.
        code: the code, where the gateway gave one that settles nothing (999).
    """

    def __init__(self, reason: str, raw: bytes = b"", http_status: int | None = None, code: Code | None = None) -> None:
        self.reason = reason
        self.raw = raw
        self.http_status = http_status
        self.code = code
        status = f" (HTTP {http_status})" if http_status is not None else ""
        super().__init__(f"the outcome is not known: {reason}{status}")


class Malformed(Ambiguous):
    """An answer came and cannot be read. Its bytes are in `raw`."""


class Undecipherable(Malformed):
    """An answer came, encrypted with a key that the account has not. Whoever learns the key can read `raw`."""
