"""The bridge itself."""

from typing import Any, Final

from pydantic import BaseModel

from bridge.api.responses import HealthResponse
from local.openapi.operations import EDGE, json_answer, problems

ANSWERS: Final[tuple[type[BaseModel], ...]] = (HealthResponse,)


def paths() -> dict[str, Any]:
    """The operations on the bridge itself, by path."""
    return {
        "/health": {"get": _health()},
    }


def _health() -> dict[str, Any]:
    return {
        "operationId": "get_health",
        "tags": ["service"],
        "summary": "Whether the API answers",
        "security": [],
        "responses": {
            "200": json_answer("It does.", "HealthResponse", {"status": "ok"}),
            **problems({code: EDGE[code] for code in ("429", "500")}),
        },
    }
