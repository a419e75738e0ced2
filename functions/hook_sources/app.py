"""Hook sources: made, changed, shown, tried and forgotten."""

from typing import Any

from aws_lambda_powertools.event_handler import Response

from bridge import wiring
from bridge.api.hook_sources import (
    LARGEST_SAMPLE,
    DryRunRequest,
    HookSourceRequest,
    HookSourcesQuery,
    dry_run_response,
    source_response,
    sources_response,
)
from bridge.api.requests import parse_body, parse_query
from bridge.api.rest import answer, body, caller, no_content, rest
from bridge.domain.clients import Scope
from bridge.handling import handler as lambda_handler

app = rest()


@app.get("/hook-sources")
def listed() -> Response[str]:
    """A page of the caller's hook sources."""
    client = caller(app, Scope.ADMIN)
    query = parse_query(HookSourcesQuery, app.current_event.query_string_parameters)
    return answer(sources_response(*wiring.configuring().listed(client, query.cursor, query.limit)))


@app.put("/hook-sources/<source>")
def put(source: str) -> Response[str]:
    """Make a hook source, or change it."""
    client = caller(app, Scope.ADMIN)
    order = parse_body(HookSourceRequest, body(app)).order()
    made, is_new = wiring.configuring().put(client, source, order)
    return answer(source_response(made), 201 if is_new else 200)


@app.get("/hook-sources/<source>")
def find(source: str) -> Response[str]:
    """A hook source of the caller's, without its secret."""
    return answer(source_response(wiring.configuring().find(caller(app, Scope.ADMIN), source)))


@app.delete("/hook-sources/<source>")
def remove(source: str) -> Response[str]:
    """Forget a hook source."""
    wiring.configuring().remove(caller(app, Scope.ADMIN), source)
    return no_content()


@app.post("/hook-sources/<source>/dry-run")
def dry_run(source: str) -> Response[str]:
    """What a sample body would send."""
    client = caller(app, Scope.ADMIN)
    sample = parse_body(DryRunRequest, body(app, LARGEST_SAMPLE))
    return answer(dry_run_response(wiring.configuring().try_out(client, source, sample.body, sample.headers)))


@lambda_handler
def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Entry point."""
    return app.resolve(event, context)
