"""Numbers that want no more messages."""

from typing import Any, Final

from pydantic import BaseModel

from bridge.api.opt_outs import OptOutQuery, OptOutsQuery, OptOutsRequest, OptOutsResponse
from bridge.api.requests import NUMBER_SCHEMA
from bridge.api.rest import USUAL
from bridge.domain.clients import Scope
from local.openapi.operations import example, json_answer, json_body, operation, path_parameter, query_parameters
from local.openapi.problems import EDGE, OPERATOR, REFUSED_422, Refusal, problems, too_large

REQUESTS: Final[tuple[type[BaseModel], ...]] = (OptOutsRequest,)
ANSWERS: Final[tuple[type[BaseModel], ...]] = (OptOutsResponse,)

_OPT_OUT: Final = {
    "number": "+8613812345678",
    "account": "default",
    "since": "2026-11-23T13:09:00+08:00",
    "source": "inbound",
    "keyword": "TD",
}


def paths() -> dict[str, Any]:
    """The operations on opt-outs, by path."""
    return {
        "/opt-outs": {"get": _opt_outs(), "post": _opt_out()},
        "/opt-outs/{number}": {"delete": _opt_in()},
    }


def _opt_outs() -> dict[str, Any]:
    return {
        **operation(
            "list_opt_outs",
            "opt-outs",
            "Numbers that want no more messages",
            "A number opts out of an account by answering a keyword to it and nothing else (`T`, `TD`, `R`, `N`, "
            "`退订` or `拒收`, unless the account has its own), in either case and width, whatever white space and "
            "punctuation stands around it. A later message to it is refused unless it is transactional.\n\nAn opt-out "
            "belongs to the account, whichever client sent what it answered. Pages are in an order of their own, in "
            "which an opt-out that comes or goes meanwhile moves no other.",
            Scope.READ,
        ),
        "parameters": query_parameters(OptOutsQuery),
        "responses": {
            "200": json_answer(
                "A page of the opt-outs.",
                "OptOutsResponse",
                last=example("The last page", {"items": [_OPT_OUT], "next_cursor": None}),
            ),
            **problems(EDGE, OPERATOR, REFUSED_422),
        },
    }


def _opt_out() -> dict[str, Any]:
    return {
        **operation(
            "add_opt_outs",
            "opt-outs",
            "Send no more to these numbers",
            "Opts numbers out that asked for it elsewhere. One that is opted out already stays as it is, so that the "
            "request can be repeated.",
            Scope.SEND,
        ),
        "requestBody": json_body(
            "OptOutsRequest",
            one=example("One number", {"numbers": "+8613812345678"}),
            many=example("Several numbers", {"numbers": ["13812345678", "13800001234"]}),
        ),
        "responses": {
            "200": json_answer(
                "The opt-out of each number, in the request's order; there is no next page.",
                "OptOutsResponse",
                added=example(
                    "One that was added",
                    {"items": [{**_OPT_OUT, "source": "api", "keyword": None}], "next_cursor": None},
                ),
            ),
            **problems(EDGE, OPERATOR, REFUSED_422, too_large(USUAL)),
        },
    }


def _opt_in() -> dict[str, Any]:
    return {
        **operation(
            "remove_opt_out",
            "opt-outs",
            "Send to a number again",
            "For a number whose owner asked for messages again. What the handset sent until now does not opt it out "
            "again, and what it sends from now on does.",
            Scope.ADMIN,
        ),
        "parameters": [
            path_parameter(
                "number",
                "The number, in any form that the API knows; `+` may be URL-encoded.",
                {name: value for name, value in NUMBER_SCHEMA.items() if name != "examples"},
                "13812345678",
            ),
            *query_parameters(OptOutQuery),
        ],
        "responses": {
            "204": {"description": "The number is not opted out any more."},
            **problems(
                EDGE, OPERATOR, REFUSED_422, {"404": Refusal("The number is not opted out.", ("not_opted_out",))}
            ),
        },
    }
