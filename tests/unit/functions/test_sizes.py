"""What the API takes of a body: so many bytes and no more, and no JSON that nobody could hold."""

import base64
import json
from collections.abc import Callable
from dataclasses import replace
from functools import cache
from types import ModuleType
from typing import Any, NamedTuple

import pytest

from bridge import wiring
from bridge.api import batches, hook_sources, webhook_endpoints
from bridge.api.requests import MAX_RECIPIENTS, SendRequest, parse_body
from bridge.api.rest import USUAL
from bridge.domain.batches import MAX_ENTRIES
from bridge.domain.clients import Scope
from bridge.domain.errors import InvalidRequest
from bridge.domain.hook_mappings import LARGEST, parsed
from bridge.domain.segments import MAX_LENGTH
from tests.fakes.world import SHOP

Load = Callable[[str], ModuleType]
Rest = Callable[..., dict[str, Any]]
Answer = tuple[int, dict[str, Any]]
KIB = 1024


class Route(NamedTuple):
    """A route that reads a body, and how many bytes it may have."""

    function: str
    method: str
    path: str
    largest: int
    parameters: dict[str, str] | None = None


SID = "AC" + "0" * 32
ROUTES = [
    Route("messages", "POST", "/messages", USUAL),
    Route("messages", "POST", "/messages/estimate", USUAL),
    Route("batches", "POST", "/batches", batches.LARGEST),
    Route("opt_outs", "POST", "/opt-outs", USUAL),
    Route("hook_sources", "PUT", "/hook-sources/alerts", USUAL, {"source": "alerts"}),
    Route("hook_sources", "POST", "/hook-sources/alerts/dry-run", hook_sources.LARGEST_SAMPLE, {"source": "alerts"}),
    Route("webhook_endpoints", "POST", "/webhook-endpoints", webhook_endpoints.LARGEST),
    Route("webhook_endpoints", "PATCH", "/webhook-endpoints/x", webhook_endpoints.LARGEST, {"id": "x"}),
    Route("webhook_endpoints", "POST", "/webhook-endpoints/x/replay", webhook_endpoints.LARGEST, {"id": "x"}),
]
NAMES = [f"{route.method} {route.path}" for route in ROUTES]


class Nobody:
    """A service that is not asked."""

    def __getattr__(self, name: str) -> Callable[..., Any]:
        def asked(*_: object, **__: object) -> Any:
            raise AssertionError(f"{name} was asked for")

        return asked


@pytest.fixture
def ask(monkeypatch: pytest.MonkeyPatch, load: Load, rest: Rest, context: object) -> Callable[..., Answer]:
    for name in ("sending", "estimating", "batching", "opting_out", "configuring", "subscribing", "twilio_sending"):
        monkeypatch.setattr(wiring, name, Nobody)

    loaded = cache(load)

    def ask(route: Route, body: str, *, encoded: bool = False) -> Answer:
        event = rest(
            route.method,
            route.path,
            route.path,
            body=base64.b64encode(body.encode()).decode() if encoded else body,
            isBase64Encoded=encoded,
            pathParameters=route.parameters,
        )
        event["requestContext"]["authorizer"]["scopes"] = ",".join(Scope)
        answer = loaded(route.function).handler(event, context)
        return answer["statusCode"], json.loads(answer["body"])

    return ask


@pytest.mark.parametrize("encoded", [False, True])
@pytest.mark.parametrize("route", ROUTES, ids=NAMES)
def test_a_body_may_have_so_many_bytes_and_no_more(ask: Callable[..., Answer], route: Route, *, encoded: bool) -> None:
    blank = " " * (route.largest - 2)

    status, problem = ask(route, f"{blank}[]", encoded=encoded)
    assert (status, problem["type"]) == (422, "urn:eums-bridge:problem:invalid-request")

    status, problem = ask(route, f" {blank}[]", encoded=encoded)
    assert (status, problem["type"]) == (413, "urn:eums-bridge:problem:request-too-large")
    size = f"{route.largest // KIB} KiB" if route.largest % (KIB * KIB) else f"{route.largest // KIB // KIB} MiB"
    assert problem["detail"] == f"the body has more than {size}, which is the most that is taken here"


@pytest.mark.parametrize("route", ROUTES, ids=NAMES)
def test_bytes_count_and_not_characters(ask: Callable[..., Answer], route: Route) -> None:
    for text in ("短", "\U0001f4f1", "\ud800"):
        size = len(text.encode("utf-8", "surrogatepass"))
        assert ask(route, text * (route.largest // size))[0] == 422
        assert ask(route, text * (route.largest // size + 1))[0] == 413


def test_twilios_door_says_it_as_twilio_does(ask: Callable[..., Answer], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bridge.api.twilio_rest.rest.caller", lambda *_: replace(SHOP, account_sid=SID))
    route = Route("twilio", "POST", f"/2010-04-01/Accounts/{SID}/Messages.json", USUAL)

    status, problem = ask(route, "Body=" + "x" * USUAL)

    assert (status, problem["code"], problem["status"]) == (413, 20413, 413)


def test_what_is_no_text_is_refused(ask: Callable[..., Answer], rest: Rest, load: Load, context: object) -> None:
    assert ask(ROUTES[0], "\ufeff{}", encoded=True)[0] == 422
    for body in (base64.b64encode(b"\xff\xfe{").decode(), "a"):
        event = rest("POST", "/messages", "/messages", body=body, isBase64Encoded=True)
        answer = load("messages").handler(event, context)
        assert answer["statusCode"] == 422
        assert json.loads(answer["body"])["errors"] == [{"field": "body", "message": "must be a text in UTF-8"}]


def test_the_largest_message_that_can_be_sent_fits() -> None:
    """Every character as an escape, every number as long as it may be written, and a reference of emoji: 40 KB."""
    numbers = [f"0086 138 {place:04d} {place:04d}" for place in range(MAX_RECIPIENTS)]
    body = json.dumps(
        {"to": numbers, "text": "\U0001f4f1" * (MAX_LENGTH // 2), "client_reference": "\U0001f4f1" * 128}, indent=4
    )
    assert len(body) < USUAL // 4


def test_ten_thousand_parcels_fit_into_a_batch() -> None:
    """600 bytes a message: parameters of a template in any case, a text of its own of 150 Chinese characters."""
    entries = [
        {"to": f"+86138{place:08d}", "text": "短" * 150, "client_reference": f"parcel-{place}"}
        for place in range(MAX_ENTRIES)
    ]
    body = json.dumps({"messages": entries}, ensure_ascii=False)
    # API Gateway hands it to the function as a JSON string, beside the headers and what else it says.
    event = json.dumps({"body": body}, ensure_ascii=False).encode()
    assert len(event) + 64 * KIB < batches.LARGEST


DEEP = 100_000
HOSTILE = {
    "lists": "[" * DEEP,
    "objects": '{"a":' * DEEP,
    "closed lists": "[" * DEEP + "]" * DEEP,
    "in a field": '{"to":' + "[" * DEEP + "]" * DEEP + ',"text":"x"}',
    "in a list": '{"messages":[' + "[" * DEEP + "]" * DEEP + "]}",
    "deep in a body": '{"body":' + "[" * 300 + "]" * 300 + "}",
    "5,000 digits": '{"text":' + "9" * 5000 + "}",
    "20,000 negative digits": '{"messages":[{"to":"13812345678","params":{"a":-' + "9" * 20_000 + "}}]}",
    "an exponent": '{"text":1e999999}',
    "a negative exponent": '{"to":-1e999999,"text":"x"}',
    "NaN": '{"to":NaN,"text":"x"}',
    "nothing": "",
    "NUL": "\0",
    "half of an emoji": '{"to":"13812345678","text":"\\ud83d"}',
}


@pytest.mark.parametrize("route", ROUTES, ids=NAMES)
def test_what_nobody_can_hold_is_refused_and_never_an_error_of_ours(ask: Callable[..., Answer], route: Route) -> None:
    answers = {name: ask(route, body) for name, body in HOSTILE.items()}

    assert {name: status for name, (status, _) in answers.items()} == {
        name: 413 if len(body) > route.largest else 422 for name, body in HOSTILE.items()
    }
    assert {problem["type"].rpartition(":")[0] for _, problem in answers.values()} == {"urn:eums-bridge:problem"}


@pytest.mark.parametrize("name", sorted(set(HOSTILE) - {"half of an emoji"}))
def test_a_hooks_body_likewise(name: str) -> None:
    with pytest.raises(InvalidRequest):
        parsed(HOSTILE[name].encode())


@pytest.mark.parametrize("number", ["1e999999", "-1e999999", "1" * 400 + ".0"])
def test_a_number_that_became_infinite_is_no_number(number: str) -> None:
    with pytest.raises(InvalidRequest):
        parsed(f'{{"value": {number}}}'.encode())
    assert parsed(b'{"value": 1e-999999}') == {"value": 0.0}


def test_what_is_refused_is_not_quoted() -> None:
    with pytest.raises(InvalidRequest) as refused:
        parse_body(SendRequest, '{"to":"13812345678","text":"secret","x":' + "[" * DEEP)
    assert "secret" not in str(refused.value.problems)
    assert "13812345678" not in str(refused.value.problems)


def test_hooks_take_what_they_did() -> None:
    assert LARGEST == 256 * KIB
