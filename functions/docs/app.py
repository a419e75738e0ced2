"""`GET /health`, `GET /openapi.json`, `GET /docs`: no key needed, nothing read but what the layers carry."""

from typing import Any

from aws_lambda_powertools.event_handler import Response, content_types

from bridge import wiring
from bridge.api.pages import address, openapi_json, swagger_ui
from bridge.api.responses import HealthResponse
from bridge.api.rest import answer, rest
from bridge.handling import handler as lambda_handler

app = rest()


@app.get("/health")
def health() -> Response[str]:
    """Say that the API answers. Whether the gateway does is for `GET /balance` to say, which needs a key."""
    return answer(HealthResponse(status="ok"))


@app.get("/openapi.json")
def openapi() -> Response[str]:
    """The API's description."""
    server = address(app.current_event["requestContext"], wiring.public_url())
    return Response(200, content_types.APPLICATION_JSON, openapi_json(server))


@app.get("/docs")
def docs() -> Response[str]:
    """Swagger UI over it, in one page that loads nothing from elsewhere."""
    return Response(200, content_types.TEXT_HTML, swagger_ui())


@lambda_handler
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Entry point."""
    return app.resolve(event, context)
