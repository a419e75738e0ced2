"""The description of the API, and a page that shows it."""

from functools import cache
from importlib.resources import files
from typing import Final

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


@cache
def openapi_json() -> str:
    """The OpenAPI document; `make openapi` writes the file from the models."""
    return files("bridge.api").joinpath("openapi.json").read_text(encoding="utf-8")


@cache
def swagger_ui() -> str:
    """Swagger UI in one page (about 1.7 MB) that asks for `openapi.json` beside it and for nothing else."""
    return _PAGE.format(
        css=_SWAGGER_UI.joinpath("swagger-ui.min.css").read_text(encoding="utf-8"),
        script=_SWAGGER_UI.joinpath("swagger-ui-bundle.min.js").read_text(encoding="utf-8"),
    )
