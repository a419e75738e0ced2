"""The API's own handlers against whatever comes: an answer that the description knows, or a problem; never 5xx.

What is answered 4xx has done nothing: no submit went out, nothing was queued, no time was set.
"""

import json
import os
from collections.abc import Iterator
from functools import cache
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, Phase, example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from local.openapi import document
from tests.fakes import hostile
from tests.fakes.stack import ACCOUNT_SID, Said, Stack, is_refused, stack

PHONE: Final = "13812345678"
SECRET: Final = "choose-one-of-your-own"
ULID: Final = "01JDCKQ3V9T4M3W5Y8Z7N6P2QR"
WHEN: Final = "2026-11-24T09:00:00+08:00"
BODIES: Final[dict[str, dict[str, Any]]] = {
    "POST /messages": {
        "to": [PHONE, "+8613800001234"],
        "text": "【京东】hi",
        "extension": "12",
        "client_reference": "order-42",
        "account": "default",
        "category": "transactional",
        "on_ambiguous": "resend",
    },
    "POST /messages/estimate": {"text": "hi", "to": [PHONE], "extension": "12", "account": "default"},
    "POST /batches": {
        "template": "【京东】{{code}}",
        "messages": [
            {"to": PHONE, "params": {"code": 1, "x": "y"}, "client_reference": "a"},
            {"to": PHONE, "text": "b"},
        ],
        "account": "default",
    },
    "POST /opt-outs": {"numbers": ["13900000009"], "account": "default"},
    "PUT /hook-sources/{source}": {
        "auth": {"kind": "hmac", "secret": SECRET, "header": "X-Signature", "prefix": "sha256=", "tolerance": 300},
        "preset": "plain",
        "mapping": {"each": "body.alerts", "text": "{{ item.x }}", "dedup": "body.id", "dedup_seconds": 60},
        "to": [PHONE],
        "account": "default",
        "limits": {"messages_per_call": 1, "calls_per_minute": 6000, "messages_per_day": 1000000},
    },
    "POST /hook-sources/{source}/dry-run": {"body": {"to": PHONE, "text": "hi"}, "headers": {"X-A": "b"}},
    "POST /hooks/{source}": {"to": [PHONE], "text": "hi", "title": "x", "tag": ["a"]},
    "POST /webhook-endpoints": {
        "url": "https://shop.example.com/hook",
        "event_types": ["sms.message.*"],
        "accounts": ["default"],
        "description": "x",
    },
    "PATCH /webhook-endpoints/{id}": {
        "url": "https://shop.example.com/hook",
        "event_types": ["sms.inbound.received"],
        "accounts": [],
        "description": "y",
        "enabled": True,
    },
    "POST /webhook-endpoints/{id}/replay": {"failed": True, "from": WHEN, "to": WHEN, "cursor": ULID},
}
FORM: Final = {"To": PHONE, "Body": "hi", "From": "1069", "StatusCallback": "https://shop.example.com/x"}
_DOCUMENT: Final[dict[str, Any]] = document()
TWILIO: Final = f"/2010-04-01/Accounts/{ACCOUNT_SID}/Messages"
# Fifteen of each here; `make fuzz` has more. No shrinking: it takes minutes, and what comes first is small enough.
EXAMPLES: Final = settings(
    max_examples=int(os.environ.get("EXAMPLES", "15")),
    derandomize="EXAMPLES" not in os.environ,
    phases=[Phase.explicit, Phase.generate],
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def api() -> Iterator[Stack]:
    with stack() as api:
        yield api


@pytest.fixture(scope="module")
def endpoint(api: Stack) -> str:
    """The id of a webhook endpoint."""
    return str(api.ask("POST", "/webhook-endpoints", as_bytes(BODIES["POST /webhook-endpoints"])).json["id"])


@pytest.fixture(scope="module", autouse=True)
def _source(api: Stack) -> None:
    """A hook source, `alerts`."""
    wanted = {"auth": {"kind": "bearer", "secret": SECRET}, "preset": "plain", "limits": {"calls_per_minute": 6000}}
    assert api.ask("PUT", "/hook-sources/alerts", as_bytes(wanted)).status == HTTPStatus.CREATED


def as_bytes(body: object) -> bytes:
    return json.dumps(body, ensure_ascii=False).encode("utf-8", "replace")


@cache
def described(verb: str, path: str, status: int, kind: str) -> Draft202012Validator:
    """What the API's description says of an answer; fails where it does not know it."""
    whole = _DOCUMENT
    response = whole["paths"][path][verb]["responses"][str(status)]
    content = response.get("content", {kind: {"schema": {"const": ""}}})[kind]
    schema = {**content["schema"], "components": whole["components"]}
    return Draft202012Validator(schema, format_checker=FormatChecker())


def hold(said: Said, verb: str, path: str) -> None:
    """Hold an answer against the description, and against what holds for every answer."""
    assert said.status < HTTPStatus.INTERNAL_SERVER_ERROR, said
    said.body.encode()
    assert said.headers["cache-control"] == "no-store"
    value: Any = json.loads(said.body) if said.body else ""
    if path == TWILIO:
        assert isinstance(value, dict)
        if is_refused(said):
            assert value.keys() == {"code", "message", "more_info", "status"}
            assert value["status"] == said.status
        return
    described(verb.lower(), path, said.status, said.headers.get("content-type", "")).validate(value)
    if is_refused(said):
        assert said.headers["content-type"] == "application/problem+json"
        assert value["status"] == said.status


def filled(verb: str, path: str, endpoint: str) -> str:
    # What is made and changed is another source than the one that takes calls.
    return path.replace("{source}", "made" if verb == "PUT" else "alerts").replace("{id}", endpoint)


def asked(api: Stack, verb: str, path: str, at: str, body: bytes = b"", **more: Any) -> Said:
    """Ask, and see that the answer is a good one and that a refusal had no effect."""
    before = api.effects()
    said = api.ask(verb, at, body, **more)
    hold(said, verb, path)
    if is_refused(said):
        assert api.effects() == before
    return said


OPERATIONS: Final = [pytest.param(*name.split(" "), id=name) for name in BODIES]
headers = st.lists(
    st.tuples(
        st.sampled_from(
            ["Idempotency-Key", "idempotency-key", "Prefer", "Content-Type", "Content-Length", "Content-Encoding", "X"]
        ),
        hostile.texts
        | st.sampled_from(["respond-async", "respond-async;;=,", "application/xml", "gzip", "x" * 20_000]),
    ),
    max_size=4,
)


@pytest.mark.parametrize(("verb", "path"), OPERATIONS)
@given(data=st.data())
@EXAMPLES
def test_any_body_gets_an_answer_that_is_described(
    api: Stack, endpoint: str, verb: str, path: str, data: st.DataObject
) -> None:
    body = data.draw(hostile.bodies(BODIES[f"{verb} {path}"]))
    more = data.draw(headers)
    if path == "/hooks/{source}" and data.draw(st.booleans()):
        more = [*more, ("Authorization", f"Bearer {SECRET}")]

    asked(api, verb, path, filled(verb, path, endpoint), body, headers=more, encoded=data.draw(st.booleans()))


@pytest.mark.parametrize(("verb", "path"), OPERATIONS)
@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"[" * hostile.DEEP, id="lists in lists"),
        pytest.param(b'{"a":' * hostile.DEEP, id="objects in objects"),
        pytest.param(b"[" * hostile.DEEP + b"]" * hostile.DEEP, id="and all of them end"),
        pytest.param(b'{"x":' + b"[" * hostile.DEEP + b"]" * hostile.DEEP + b"}", id="in a field that is not known"),
        pytest.param(b"9" * hostile.DEEP, id="a long number"),
        pytest.param(b'"' + b"x" * 1_000_000 + b'"', id="a long text"),
        pytest.param(b"[" + b"0," * 500_000 + b"0]", id="a long list"),
        pytest.param(b"{" + b",".join(b'"%d":0' % each for each in range(50_000)) + b"}", id="many fields"),
        pytest.param(b" " * 1_000_000, id="nothing but blanks"),
        pytest.param(b"\x1f\x8b\x08\x00", id="gzip"),
        pytest.param(b"\xff\xfe{\x00}\x00", id="UTF-16"),
        pytest.param(b"\xed\xa0\x80", id="half of a pair, as UTF-8 would have it"),
    ],
)
def test_a_body_of_no_use_is_refused(api: Stack, endpoint: str, verb: str, path: str, body: bytes) -> None:
    more = [("Authorization", f"Bearer {SECRET}")]

    said = asked(api, verb, path, filled(verb, path, endpoint), body, headers=more)

    assert is_refused(said)
    assert len(said.body) < 20_000


@pytest.mark.parametrize(("verb", "path"), OPERATIONS)
def test_the_bodies_themselves_are_good(api: Stack, endpoint: str, verb: str, path: str) -> None:
    body = as_bytes(BODIES[f"{verb} {path}"])

    said = asked(api, verb, path, filled(verb, path, endpoint), body, headers=[("Authorization", f"Bearer {SECRET}")])

    assert said.status < HTTPStatus.BAD_REQUEST, said.body


BAD_TEXTS: Final = [r"\ud800", r"a\udc00\ud83d", r"\u0000", r"a\u0008", r"\u001b[31m", r"\u007f", r"\u0085"]
GOOD_TEXTS: Final = [
    r"\u202eabc\u202c",
    r"\u2066a\u2069",
    r"\ud83d\ude00",
    "👩\u200d👧",
    r"a\tb\r\nc",
    r"\ufeffa\uffff",
]


@pytest.mark.parametrize("text", BAD_TEXTS)
def test_what_no_handset_shows_is_refused_before_anything_is_sent(api: Stack, text: str) -> None:
    wanted = f'{{"to":"{PHONE}","text":"{text}"}}'

    said = asked(api, "POST", "/messages", "/messages", wanted.encode())
    batch = asked(api, "POST", "/batches", "/batches", f'{{"messages":[{wanted}]}}'.encode())

    assert (said.status, batch.status) == (422, 422)
    assert said.json["errors"][0]["field"] in {"text", "body"}
    assert batch.json["errors"][0]["field"] in {"messages[0].text", "body"}


@pytest.mark.parametrize("text", GOOD_TEXTS)
def test_what_some_language_needs_is_sent_as_it_is(api: Stack, text: str) -> None:
    wanted = f'{{"to":"{PHONE}","text":"{text}","category":"transactional"}}'

    said = asked(api, "POST", "/messages", "/messages", wanted.encode())

    assert said.status == HTTPStatus.CREATED
    assert api.gateway.submits[-1][1].content == said.json["text"] == json.loads(f'"{text}"')


QUERIES: Final = {
    "/messages": "client_reference to status account batch_id created_after created_before cursor limit",
    "/opt-outs": "account cursor limit",
    "/hook-sources": "cursor limit",
    "/webhook-endpoints/{id}/deliveries": "status cursor limit",
    "/balance": "account",
    "/statistics": "start_date end_date account",
}
GOOD_VALUES: Final = [
    PHONE,
    "default",
    "1",
    "delivered",
    "failed",
    WHEN,
    ULID,
    "2021-02-03",
    "0001-01-01",
    "9999-12-31",
]
values = hostile.texts | st.sampled_from([*GOOD_VALUES, "9" * 5001, "1e3", "+1", "١", "0001-01-01T00:00:00+23:59"])


@pytest.mark.parametrize("path", QUERIES)
@given(data=st.data())
@EXAMPLES
def test_any_query_gets_an_answer_that_is_described(api: Stack, endpoint: str, path: str, data: st.DataObject) -> None:
    names = st.sampled_from(QUERIES[path].split()) | st.sampled_from(["x", ""])
    query = data.draw(st.lists(st.tuples(names, values), max_size=4))

    asked(api, "GET", path, filled("GET", path, endpoint), query=query, headers=data.draw(headers))


PATHS: Final = [
    "GET /messages/{id}",
    "POST /messages/{id}/cancel",
    "GET /batches/{id}",
    "DELETE /opt-outs/{number}",
    "GET /hook-sources/{source}",
    "DELETE /hook-sources/{source}",
    "GET /webhook-endpoints/{id}",
    "DELETE /webhook-endpoints/{id}",
    "POST /webhook-endpoints/{id}/rotate-secret",
    "POST /webhook-endpoints/{id}/test",
    "POST /webhook-endpoints/{id}/deliveries/{delivery}/replay",
]
# A slash ends a part; that an empty one is another path, API Gateway knows before us.
parts = values.filter(lambda text: text and "/" not in text and len(text) < 2000) | st.just("%2F%ff%")


@pytest.mark.parametrize(("verb", "path"), [pytest.param(*name.split(" "), id=name) for name in PATHS])
@given(data=st.data())
@EXAMPLES
def test_any_name_gets_an_answer_that_is_described(api: Stack, verb: str, path: str, data: st.DataObject) -> None:
    at = path
    for name in ("{id}", "{number}", "{source}", "{delivery}"):
        at = at.replace(name, data.draw(parts.filter(lambda text: text != "alerts")), 1)

    asked(api, verb, path, at)


@given(
    form=st.lists(st.tuples(st.sampled_from([*FORM, "SendAt", "ScheduleType", "x"]), values), max_size=4),
    raw=st.none() | st.binary(max_size=60),
    more=st.fixed_dictionaries({"headers": headers, "encoded": st.booleans()}),
)
@example(form=[], raw=b"Body=\xff", more={"encoded": True})
@example(form=[("Body", "\0")], raw=None, more={})
@EXAMPLES
def test_any_form_gets_an_answer_of_twilios(
    api: Stack, form: list[tuple[str, str]], raw: bytes | None, more: dict[str, Any]
) -> None:
    body = urlencode({**FORM, **dict(form)}).encode() if raw is None else raw

    asked(api, "POST", TWILIO, f"{TWILIO}.json", body, **more)
