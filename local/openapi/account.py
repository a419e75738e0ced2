"""Balance and statistics of a gateway account, and the limits of a client."""

from typing import Any, Final

from pydantic import BaseModel

from bridge.api.limits import CapResponse, LimitsResponse
from bridge.api.requests import BalanceQuery, StatisticsQuery
from bridge.api.responses import BalanceResponse, StatisticsResponse
from bridge.domain.clients import Scope
from local.openapi.operations import example, json_answer, operation, query_parameters
from local.openapi.problems import EDGE, GATEWAY, REFUSED_422, STORE, Refusal, problems

ANSWERS: Final[tuple[type[BaseModel], ...]] = (BalanceResponse, StatisticsResponse, CapResponse, LimitsResponse)


def paths() -> dict[str, Any]:
    """The operations on an account and on the caller's own limits, by path."""
    return {
        "/balance": {"get": _balance()},
        "/statistics": {"get": _statistics()},
        "/limits": {"get": _limits()},
    }


def _balance() -> dict[str, Any]:
    return {
        **operation(
            "get_balance",
            "account",
            "Messages left",
            "Asks the gateway each time: once a minute is often enough.",
            Scope.READ,
        ),
        "parameters": query_parameters(BalanceQuery),
        "responses": {
            "200": json_answer(
                "The balance.",
                "BalanceResponse",
                left=example(
                    "100 messages left",
                    {"account": "default", "balance": 100, "as_of": "2026-11-23T13:09:00.120+08:00"},
                ),
            ),
            **problems(EDGE, GATEWAY, REFUSED_422),
        },
    }


def _statistics() -> dict[str, Any]:
    return {
        **operation(
            "get_statistics",
            "account",
            "What was sent, day by day",
            "The gateway answers 31 days at a time and three times a minute for an account. A longer range is split, "
            "and what was answered is kept for a while: after a 429, ask the same again when `Retry-After` says.",
            Scope.READ,
        ),
        "parameters": query_parameters(StatisticsQuery),
        "responses": {
            "200": json_answer(
                "The days, oldest first; days without traffic may be missing.",
                "StatisticsResponse",
                one=example(
                    "One day",
                    {
                        "account": "default",
                        "items": [{"date": "2021-02-03", "submitted": 100, "delivered": 90, "failed": 6, "unknown": 4}],
                        "totals": {"submitted": 100, "delivered": 90, "failed": 6, "unknown": 4},
                    },
                ),
            ),
            **problems(
                EDGE, GATEWAY, REFUSED_422, {"429": Refusal(EDGE["429"].description, ("too_often", "throttled"))}
            ),
        },
    }


def _limits() -> dict[str, Any]:
    cap = {"limit": 1000, "used": 412}
    return {
        **operation(
            "get_limits",
            "account",
            "What the client may send",
            "The limits that the operator gave the client, for all of its keys together, and what of them is used "
            "today. A day begins at 00:00 +08:00. Asks the gateway nothing.",
            Scope.SEND,
            Scope.READ,
        ),
        "responses": {
            "200": json_answer(
                "The limits.",
                "LimitsResponse",
                some=example(
                    "It is limited",
                    {
                        "client": "shop",
                        "extensions": ["01", "02*"],
                        "rate": 5.0,
                        "burst": 10,
                        "daily_messages": cap,
                        "daily_segments": None,
                        "day_ends_at": "2026-11-24T00:00:00+08:00",
                    },
                ),
            ),
            **problems(EDGE, STORE),
        },
    }
