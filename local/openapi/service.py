"""The bridge itself."""

from typing import Any, Final

from pydantic import BaseModel

from bridge.api.responses import HealthResponse
from local.openapi.operations import example, json_answer, operation
from local.openapi.problems import EDGE, problems

ANSWERS: Final[tuple[type[BaseModel], ...]] = (HealthResponse,)


def paths() -> dict[str, Any]:
    """The operations on the bridge itself, by path."""
    return {
        "/health": {"get": _health()},
    }


def _health() -> dict[str, Any]:
    return {
        **operation(
            "get_health",
            "service",
            "Whether the API answers",
            "Asks nobody: neither the bridge's stores nor the gateway. No key is needed.",
        ),
        "responses": {
            "200": json_answer("It does.", "HealthResponse", ok=example("It answers", {"status": "ok"})),
            **problems({code: EDGE[code] for code in ("429", "500")}),
        },
    }
