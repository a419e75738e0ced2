"""What comes wrong: from the gateway, from callers, from queues and from webhooks; each of it full of marks."""

import json
from collections.abc import Iterator
from typing import Any, Final

import httpx

from eums import CODES
from tests.canary import marks
from tests.canary.acts import SOURCE, TWILIO, delivered, form, happened
from tests.canary.marks import CODE, FROM, TEXT, TO
from tests.canary.stage import Answer


def always(content: str | bytes, status: int = 200) -> Answer:
    """A gateway that answers everything so."""
    return lambda *_: httpx.Response(status, content=content)


def failing(kind: type[httpx.TransportError]) -> Answer:
    """A gateway that breaks off, with an error that quotes what it can."""

    def answer(*_: object) -> httpx.Response:
        raise kind(marks.QUOTED)

    return answer


def gateway_faults() -> Iterator[tuple[str, Answer]]:
    """Every code, and answers that are none."""
    for code in [*CODES, 310, 500, 777]:
        yield f"code {code}", always(json.dumps({"code": code, "message": marks.QUOTED}))
    for kind in (
        httpx.ConnectError,
        httpx.ConnectTimeout,
        httpx.ReadTimeout,
        httpx.ReadError,
        httpx.RemoteProtocolError,
    ):
        yield kind.__name__, failing(kind)
    yield "page of an error", always(f"<html>{marks.QUOTED}</html>", 502)
    yield "text", always(marks.QUOTED)
    yield "other key", always(bytes(range(64)).hex())
    yield "nothing", always("")
    yield "no data", always(json.dumps({"code": 0, "data": marks.QUOTED}))
    yield "odd records", always(json.dumps({"code": 0, "data": [marks.QUOTED, {"dest_number": TO, "content": TEXT}]}))
    yield "cut", always(json.dumps({"code": 0, "data": [{"dest_number": TO, "src": FROM, "content": TEXT}]})[:-9])
    yield "UTF-16", always(marks.QUOTED.encode("utf-16"))
    yield "bytes", always(b"\xff\xfe" + marks.QUOTED.encode())


BODIES: Final[dict[str, Any]] = {
    "text": marks.QUOTED,
    "quoted": json.dumps(marks.QUOTED),
    "list": [marks.QUOTED],
    "nothing": "",
    "null": "null",
    "deep": "[" * 3000 + marks.QUOTED,
    "unknown field": {"to": TO, "text": TEXT, marks.QUOTED: marks.QUOTED},
    "bad number": {"to": f"{TO}99", "text": TEXT},
    "numbers": {"to": [TO, marks.QUOTED], "text": TEXT},
    "wrong type": {"to": {"number": TO}, "text": [TEXT]},
    "long text": {"to": TO, "text": TEXT * 60},
    "surrogate": f'{{"to": "{TO}", "text": "\\ud800{CODE}"}}',
    "cut": json.dumps({"to": TO, "text": TEXT})[:-5],
    "bad account": {"to": TO, "text": TEXT, "account": marks.PASSWORD},
    "bad extension": {"to": TO, "text": TEXT, "extension": marks.HOOK_SECRET},
    "bad time": {"to": TO, "text": TEXT, "send_at": TEXT},
    "messages": {"template": "{{ " + CODE, "messages": [{"to": TO, "params": {"code": CODE}}, {"to": TEXT}]},
    "secret": {
        "auth": {"kind": "hmac", "secret": marks.HOOK_SECRET, "header": TEXT},
        "mapping": {"to": TO, "text": TEXT + "{{"},
    },
    "url": {"url": f"https://shop.example/?{marks.HOOK_SECRET}", "event_types": [TEXT]},
    "bad url": {"url": f"http://{marks.HOOK_SECRET}@10.0.0.1/", "event_types": ["*"]},
    "form": form(To=marks.QUOTED, From=TEXT, Body=TEXT, StatusCallback=marks.QUOTED),
    "long form": form(To=f"+86{TO}", From="1", Body=TEXT * 200),
    "numbers to opt out": {"numbers": [TO, f"{FROM}7", TEXT]},
    "sample": {"body": marks.QUOTED, "headers": {"Authorization": f"Bearer {marks.HOOK_SECRET}"}},
}
ROUTES: Final = (
    ("messages", "POST", "/messages"),
    ("messages", "POST", "/messages/estimate"),
    ("messages", "POST", f"/messages/{marks.HOOK_SECRET}/cancel"),
    ("batches", "POST", "/batches"),
    ("opt_outs", "POST", "/opt-outs"),
    ("hook_sources", "PUT", SOURCE + "-2"),
    ("hook_sources", "POST", f"{SOURCE}/dry-run"),
    ("webhook_endpoints", "POST", "/webhook-endpoints"),
    ("twilio", "POST", f"{TWILIO}.json"),
)
LINES: Final = {
    "text": marks.QUOTED,
    "JSON": json.dumps({"a": marks.QUOTED}),
    "string": json.dumps(marks.QUOTED),
    "pointer": json.dumps({"journal_key": marks.QUOTED}),
    "message": json.dumps({"message": marks.QUOTED}),
    "batch": json.dumps({"batch": marks.QUOTED}),
    "part": json.dumps({"part": 0, "of": 1, "circumstances": {"kind": TEXT}, "body_base64": TEXT}),
    "event": happened(f"sms.{TEXT}", to=TO, text=TEXT),
    "half an event": delivered()[:-9],
    "odd event": happened("sms.message.delivered", to=TO, message_id=TEXT),
    "odd reply": happened("sms.inbound.received", text=TEXT, **{"from": TO}),
    "delivery": f'{{"endpoint": "{TO}", "delivery": "x"}}\n{delivered()}',
}
QUEUES: Final = ("publish", "submit", "track", "fan_out", "deliver")
WEBHOOK_ANSWERS: Final[dict[str, bytes | Exception]] = {
    **{
        str(status): b"HTTP/1.1 %d X\r\nContent-Length: 0\r\n\r\n" % status for status in (200, 301, 400, 410, 429, 500)
    },
    "quoting": f"HTTP/1.1 500 {CODE}\r\nX: {marks.HOOK_SECRET}\r\n\r\n{marks.QUOTED}".encode(),
    "garbage": marks.QUOTED.encode(),
}
