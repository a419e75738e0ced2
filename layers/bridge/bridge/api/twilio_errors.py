"""Errors as Twilio says them, by one table: its number beside the HTTP status.

Source: twilio.com/docs/api/errors; `twilio.base.version.Version.exception` is what reads them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Final

from bridge.domain.errors import (
    BridgeError,
    FieldProblem,
    InvalidRequest,
    NotAllowed,
    NotAuthentic,
    NotCancellable,
    NotFound,
    NotStored,
    OptedOut,
    StillInFlight,
    TooLarge,
    TooManyRequests,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class TwilioProblem:
    """One answer to a request that was not carried out."""

    status: int
    code: int
    message: str

    def body(self) -> dict[str, object]:
        """The members, as JSON values: all of Twilio's, and no other, or its SDKs read another kind of error."""
        return {
            "code": self.code,
            "message": self.message,
            "more_info": f"https://www.twilio.com/docs/errors/{self.code}",
            "status": self.status,
        }


class TwilioRefusal(BridgeError):
    """A request that Twilio itself would refuse, by the number by which it does."""

    def __init__(self, problem: TwilioProblem) -> None:
        super().__init__(f"refused as {problem.code}")
        self.problem = problem


def refusal(code: int, message: str, *, status: int = HTTPStatus.BAD_REQUEST) -> TwilioRefusal:
    """A refusal to raise."""
    return TwilioRefusal(TwilioProblem(status=int(status), code=code, message=message))


INTERNAL: Final = TwilioProblem(
    status=500, code=20500, message="Internal error: the bridge's log has more under the request's id"
)
NO_SUCH_ROUTE: Final = TwilioProblem(
    status=404, code=20404, message="There is nothing here: of Twilio's API this bridge has the messages"
)

# By error: HTTP status, Twilio's number, and what is said where the error's own words are not for everybody.
_TABLE: Final[Mapping[type[BridgeError], tuple[int, int, str | None]]] = {
    NotAuthentic: (401, 20003, "Authenticate"),
    NotAllowed: (403, 20003, None),
    NotFound: (404, 20404, "The requested message was not found"),
    NotCancellable: (409, 30409, None),
    OptedOut: (400, 21610, "Attempt to send to unsubscribed recipient"),
    StillInFlight: (409, 20409, None),
    TooLarge: (413, 20413, None),
    TooManyRequests: (429, 20429, None),
    NotStored: (503, 20503, None),
}

# A problem of a field: by the gateway's code where it has one, else by the field.
_BY_GATEWAY_CODE: Final[Mapping[int, int]] = {104: 21211, 105: 21602, 108: 21212, 109: 21617, 111: 30007}
_BY_FIELD: Final[Mapping[str, int]] = {"status_callback": 21609, "send_at": 35114, "to": 21211, "text": 21602}
_INVALID: Final = 20001


def twilio_problem_of(error: Exception) -> TwilioProblem:
    """The answer to an error; INTERNAL for whatever is not in the table."""
    if isinstance(error, TwilioRefusal):
        return error.problem
    if isinstance(error, InvalidRequest):
        return _invalid(error.problems[0])
    for kind in type(error).__mro__:
        if kind in _TABLE:
            status, code, message = _TABLE[kind]
            return TwilioProblem(status=status, code=code, message=message or str(error))
    return INTERNAL


def _invalid(problem: FieldProblem) -> TwilioProblem:
    field = problem.field.partition("[")[0]
    code = _BY_GATEWAY_CODE.get(problem.gateway_code or 0) or _BY_FIELD.get(field, _INVALID)
    return TwilioProblem(status=400, code=code, message=f"{_NAMES.get(field, field)} {problem.message}")


# The names that Twilio has for our fields.
_NAMES: Final[Mapping[str, str]] = {
    "to": "'To'",
    "text": "'Body'",
    "extension": "'From', as an extension,",
    "send_at": "'SendAt'",
    "status_callback": "'StatusCallback'",
    "cursor": "'PageToken'",
}
