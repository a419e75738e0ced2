"""`/webhook-endpoints`: where a client wants its events, and what was delivered there. All of it takes an admin."""

from aws_lambda_powertools.event_handler import Response

import bridge.api.webhook_endpoints as api
from bridge import wiring
from bridge.api.requests import parse_body, parse_query
from bridge.api.rest import answer, body, caller, no_content, rest
from bridge.domain.clients import Scope
from bridge.handling import handler as lambda_handler

app = rest()


@app.route("/webhook-endpoints", method=["GET", "POST"])
def endpoints() -> Response[str]:
    """All of the client's, or a new one."""
    client, subscribing = caller(app, Scope.ADMIN), wiring.subscribing()
    if app.current_event.http_method == "GET":
        return answer(api.endpoints_response(subscribing.all(client)))
    made = subscribing.create(client, **parse_body(api.EndpointRequest, body(app, api.LARGEST)).wanted())
    return answer(api.with_secret(made), 201, {"Location": f"webhook-endpoints/{made.id}"})


@app.route("/webhook-endpoints/<name>", method=["GET", "PATCH", "DELETE"])
def endpoint(name: str) -> Response[str]:
    """Show, change or remove one."""
    client, subscribing = caller(app, Scope.ADMIN), wiring.subscribing()
    if app.current_event.http_method == "DELETE":
        subscribing.remove(client, name)
        return no_content()
    if app.current_event.http_method == "GET":
        return answer(api.endpoint_response(subscribing.get(client, name)))
    changes = parse_body(api.EndpointChanges, body(app, api.LARGEST)).changes()
    return answer(api.endpoint_response(subscribing.change(client, name, changes)))


@app.post("/webhook-endpoints/<name>/<what>")
def act(name: str, what: str) -> Response[str]:
    """Rotate its secret, post a test event now, or deliver again what failed or the events of a time."""
    client = caller(app, Scope.ADMIN)
    if what == "rotate-secret":
        return answer(api.with_secret(wiring.subscribing().rotate(client, name)))
    if what == "test":
        return answer(api.test_response(wiring.subscribing().test(client, name)))
    request = parse_body(api.ReplayRequest, body(app, api.LARGEST))
    return answer(api.replayed_response(*wiring.replaying().several(client, name, **request.wanted())), 202)


@app.route("/webhook-endpoints/<name>/deliveries", method=["GET"])
def deliveries(name: str) -> Response[str]:
    """A page of what was delivered, and what was not."""
    client = caller(app, Scope.ADMIN)
    query = parse_query(api.DeliveriesQuery, app.current_event.query_string_parameters)
    return answer(api.deliveries_response(wiring.replaying().listed(client, name, **query.wanted()), query.limit))


@app.post("/webhook-endpoints/<name>/deliveries/<delivery>/replay")
def replay(name: str, delivery: str) -> Response[str]:
    """Deliver one again."""
    wiring.replaying().one(caller(app, Scope.ADMIN), name, delivery)
    return answer(api.replayed_response(1, None), 202)


handler = lambda_handler(app.resolve)
