"""The description of the API, and a page that shows it."""

import json
from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any, Final

# Powertools carries Swagger UI (Apache-2.0) for its own resolver; read as files, so that nothing of it is imported.
_SWAGGER_UI: Final = files("aws_lambda_powertools").joinpath("event_handler", "openapi", "swagger_ui")

_PAGE: Final = """<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>eums-bridge</title>
<style>{css}</style>
</head>
<body>
<div id="api"></div>
<script>{script}</script>
<script>SwaggerUIBundle({{url: "openapi.json", dom_id: "#api", deepLinking: true}})</script>
</body>
</html>
"""


def address(request_context: Mapping[str, Any], configured: str) -> str:
    """Where the API is, as its clients see it.

    Args:
        request_context: of API Gateway's event: it knows its own name, a custom domain's too.
        configured: an address that was set by hand, for what API Gateway does not know: a proxy in front, an emulator.
    """
    if configured or "domainName" not in request_context:
        return configured or "./"
    prefix = request_context["path"].removesuffix(request_context["resourcePath"])
    return f"https://{request_context['domainName']}{prefix}"


@cache
def openapi_json(server: str) -> str:
    """The OpenAPI document, with the address of its server; `make openapi` writes the file from the models."""
    document = json.loads(files("bridge.api").joinpath("openapi.json").read_text(encoding="utf-8"))
    return json.dumps({**document, "servers": [{"url": server}]}, ensure_ascii=False)


@cache
def swagger_ui() -> str:
    """Swagger UI in one page (about 1.7 MB) that asks for `openapi.json` beside it and for nothing else."""
    return _PAGE.format(
        css=_SWAGGER_UI.joinpath("swagger-ui.min.css").read_text(encoding="utf-8"),
        script=_SWAGGER_UI.joinpath("swagger-ui-bundle.min.js").read_text(encoding="utf-8"),
    )
