"""What is done on the stage: one event for one function each, full of marks."""

import base64
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import count
from types import MappingProxyType
from typing import Any, Final

import httpx

from tests.canary import marks
from tests.canary.marks import CODE, FROM, REPLY, TEXT, TO, Sort
from tests.canary.stage import Answer, Stage, taken

_NEXT: Final = count(1)
SOURCE: Final = "/hook-sources/canary"
LATER: Final = "2026-12-12T00:00:00Z"  # by the stage's clock, which goes on by days


@dataclass(frozen=True)
class Act:
    """A function, and the event that it gets; `event` makes it anew each time, for the message is to be another one."""

    name: str
    function: str
    event: Callable[[], dict[str, Any]]
    entry: str = "handler"

    def play(self, stage: Stage) -> Any:
        """Run the function."""
        return stage.invoke(self.function, self.event(), entry=self.entry)


def call(
    method: str,
    path: str,
    body: Any = None,
    *,
    query: Mapping[str, str] | None = None,
    headers: Mapping[str, str] = MappingProxyType({}),
) -> dict[str, Any]:
    """An event of API Gateway; a body that is no text is written as JSON."""
    sent = {"Authorization": f"Bearer {marks.API_KEY}", "Content-Type": "application/json", **headers}
    return {
        "resource": path,
        "path": path,
        "httpMethod": method,
        "headers": sent,
        "multiValueHeaders": {name: [value] for name, value in sent.items()},
        "queryStringParameters": query,
        "multiValueQueryStringParameters": query and {name: [value] for name, value in query.items()},
        "pathParameters": None,
        "body": body if body is None or isinstance(body, str) else json.dumps(body),
        "isBase64Encoded": False,
        "requestContext": {
            "requestId": f"request-{next(_NEXT)}",
            "path": f"/v1{path}",
            "stage": "v1",
            "authorizer": {
                "client": "shop",
                "accounts": "default",
                "default_account": "default",
                "scopes": "admin,read,send",
                "account_sid": marks.ACCOUNT_SID,
            },
        },
    }


def records(*bodies: str, receives: int = 1, **attributes: str) -> dict[str, Any]:
    """An event of SQS."""
    return {
        "Records": [
            {
                "messageId": f"message-{number}",
                "receiptHandle": "receipt",
                "body": body,
                "attributes": {"ApproximateReceiveCount": str(receives)},
                "messageAttributes": {
                    name: {"stringValue": value, "dataType": "String"} for name, value in attributes.items()
                },
            }
            for number, body in enumerate(bodies)
        ]
    }


def happened(kind: str, **data: Any) -> str:
    """An event as the topic delivers it."""
    number = next(_NEXT)
    return json.dumps(
        {
            "specversion": "1.0",
            "id": f"{number:032x}",
            "source": "urn:eums:default",
            "type": kind,
            "subject": "01JDCKQ3V9T4M3W5Y8Z7N6P2QR",
            "time": "2026-11-23T12:00:00+08:00",
            "datacontenttype": "application/json",
            "data": data,
        }
    )


def delivered(message: str = "01JDCKQ3V9T4M3W5Y8Z7N6P2QR") -> str:
    return happened(
        "sms.message.delivered",
        message_id=message,
        client_reference="order-42",
        client="shop",
        account="default",
        to=f"+86{TO}",
        status="delivered",
        final=True,
        error_class=None,
        gateway_message_id="0603015522454756885",
        gateway_status="DELIVRD",
        reported_at="2026-11-23T12:00:00+08:00",
    )


def heard(text: str) -> str:
    return happened(
        "sms.inbound.received",
        account="default",
        **{"from": f"+86{FROM}"},
        to="1069012345678",
        text=text,
        received_at="2026-11-23T12:00:00+08:00",
        signature=None,
        content_base64=base64.b64encode(text.encode("utf-16-be")).decode(),
        msg_fmt=8,
        in_reply_to=None,
    )


def message(**more: Any) -> dict[str, Any]:
    return {"to": TO, "text": TEXT, "client_reference": f"order-{next(_NEXT)}", **more}


TWILIO: Final = f"/2010-04-01/Accounts/{marks.ACCOUNT_SID}/Messages"
_FORM: Final = {"Content-Type": "application/x-www-form-urlencoded"}


def form(**fields: str) -> str:
    return str(httpx.QueryParams(fields))


def hook(secret: str = marks.HOOK_SECRET, body: Any = None) -> dict[str, Any]:
    """Somebody's webhook, which comes without a key."""
    event = call(
        "POST",
        "/hooks/canary",
        body or {"to": TO, "text": TEXT + str(next(_NEXT))},
        headers={"Authorization": f"Bearer {secret}"},
    )
    del event["requestContext"]["authorizer"]
    return event


def asked(authorization: str) -> dict[str, Any]:
    """What the authorizer gets."""
    return {"headers": {"Authorization": authorization}, "methodArn": "arn:aws:execute-api:r:1:api/v1/GET/messages"}


_BASIC: Final = base64.b64encode(f"{marks.ACCOUNT_SID}:{marks.AUTH_TOKEN}".encode()).decode()
_AUTH: Final = {"kind": "bearer", "secret": marks.HOOK_SECRET}


def acts(made: Mapping[str, str]) -> list[Act]:
    """All of them, about what was made before: a message, a batch, an endpoint, a delivery, a journal object."""
    one, endpoint = made["message"], f"/webhook-endpoints/{made['endpoint']}"
    return [
        Act("send", "messages", lambda: call("POST", "/messages", message())),
        Act(
            "send once",
            "messages",
            lambda: call("POST", "/messages", message(), headers={"Idempotency-Key": f"key-{next(_NEXT)}"}),
        ),
        Act("send later", "messages", lambda: call("POST", "/messages", message(send_at=LATER))),
        Act("queue", "messages", lambda: call("POST", "/messages", message(), headers={"Prefer": "respond-async"})),
        Act("estimate", "messages", lambda: call("POST", "/messages/estimate", {"to": TO, "text": TEXT})),
        Act("find", "messages", lambda: call("GET", f"/messages/{one}")),
        Act("list", "messages", lambda: call("GET", "/messages", query={"to": TO, "limit": "1"})),
        Act("cancel", "messages", lambda: call("POST", f"/messages/{made['later']}/cancel")),
        Act(
            "batch",
            "batches",
            lambda: call(
                "POST", "/batches", {"template": "【京东】{{code}}", "messages": [{"to": TO, "params": {"code": CODE}}]}
            ),
        ),
        Act("find batch", "batches", lambda: call("GET", f"/batches/{made['batch']}")),
        Act("balance", "account", lambda: call("GET", "/balance")),
        Act(
            "statistics",
            "account",
            lambda: call(
                "GET",
                "/statistics",
                query={"start_date": f"2026-10-{1 + next(_NEXT) % 28:02}", "end_date": "2026-10-31"},
            ),
        ),
        Act("opt out", "opt_outs", lambda: call("POST", "/opt-outs", {"numbers": [FROM]})),
        Act("opt in", "opt_outs", lambda: call("DELETE", f"/opt-outs/{FROM}")),
        Act("opt-outs", "opt_outs", lambda: call("GET", "/opt-outs", query={"limit": "1"})),
        Act(
            "put source",
            "hook_sources",
            lambda: call(
                "PUT",
                SOURCE,
                {"auth": _AUTH, "preset": "plain", "limits": {"calls_per_minute": 6000, "messages_per_day": 1_000_000}},
            ),
        ),
        Act("find source", "hook_sources", lambda: call("GET", SOURCE)),
        Act("sources", "hook_sources", lambda: call("GET", "/hook-sources")),
        Act("dry run", "hook_sources", lambda: call("POST", f"{SOURCE}/dry-run", {"body": {"to": TO, "text": TEXT}})),
        Act("hook", "hooks", hook),
        Act("wrong hook", "hooks", lambda: hook(marks.PASSWORD)),
        Act("endpoints", "webhook_endpoints", lambda: call("GET", "/webhook-endpoints")),
        Act(
            "change endpoint",
            "webhook_endpoints",
            lambda: call("PATCH", endpoint, {"description": TEXT, "enabled": True}),
        ),
        Act("rotate", "webhook_endpoints", lambda: call("POST", f"{endpoint}/rotate-secret")),
        Act("test endpoint", "webhook_endpoints", lambda: call("POST", f"{endpoint}/test")),
        Act("replay", "webhook_endpoints", lambda: call("POST", f"{endpoint}/replay", {"failed": True})),
        Act("deliveries", "webhook_endpoints", lambda: call("GET", f"{endpoint}/deliveries")),
        Act(
            "twilio send",
            "twilio",
            lambda: call(
                "POST",
                f"{TWILIO}.json",
                form(To=f"+86{TO}", From="1", Body=TEXT, StatusCallback="https://shop.example/cb"),
                headers=_FORM,
            ),
        ),
        Act("twilio list", "twilio", lambda: call("GET", f"{TWILIO}.json", query={"To": f"+86{TO}", "PageSize": "1"})),
        Act("twilio find", "twilio", lambda: call("GET", f"{TWILIO}/{made['twilio']}.json")),
        Act("key", "authorizer", lambda: asked(f"Bearer {marks.API_KEY}")),
        Act("twilio key", "authorizer", lambda: asked(f"Basic {_BASIC}")),
        Act("no key", "authorizer", lambda: asked(f"Bearer {marks.HOOK_SECRET}{marks.AUTH_TOKEN}")),
        Act("docs", "docs", lambda: call("GET", "/openapi.json")),
        Act("pull reports", "pull", dict, "reports"),
        Act("pull inbound", "pull", dict, "inbound"),
        Act("publish reports", "publish", lambda: records(json.dumps({"journal_key": made["reports"]}))),
        Act("publish inbound", "publish", lambda: records(json.dumps({"journal_key": made["inbound"]}))),
        Act("submit", "submit", lambda: records(json.dumps({"message": made["queued"]}))),
        Act("submit last", "submit", lambda: records(json.dumps({"message": made["queued"]}), receives=5)),
        Act("unfold", "submit", lambda: records(made["plan"])),
        Act("track", "track", lambda: records(delivered(one))),
        Act("track early", "track", lambda: records(delivered("01JDCKQ3V9T4M3W5Y8Z7N6P2QZ"))),
        Act("hear", "track", lambda: records(heard("TD"))),
        Act("fan out", "fan_out", lambda: records(delivered(one), heard(REPLY), client="shop")),
        Act(
            "fan out callback", "fan_out", lambda: records(delivered(made["twilio_id"]), client="shop", callback="yes")
        ),
        Act("deliver", "deliver", lambda: records(made["delivery"])),
        Act("attend", "attend", dict),
        Act("watch", "watch", dict),
        Act("sweep", "sweep", dict),
        Act("reconcile", "reconcile", dict),
    ]


def prepare(stage: Stage) -> dict[str, str]:
    """Make what the acts are about. The secrets that are made on the way are marks as well."""

    def answered(function: str, event: dict[str, Any]) -> Any:
        answer = stage.invoke(function, event)
        assert answer["statusCode"] < 300, answer
        return json.loads(answer["body"])

    stage.begin_path()
    made = {"message": answered("messages", call("POST", "/messages", message()))["id"]}
    made["later"] = answered("messages", call("POST", "/messages", message(send_at=LATER)))["id"]
    made["queued"] = answered("messages", call("POST", "/messages", message(), headers={"Prefer": "respond-async"}))[
        "id"
    ]
    batch = {"text": TEXT, "messages": [{"to": TO}, {"to": FROM}]}
    made["batch"] = answered("batches", call("POST", "/batches", batch))["id"]
    made["plan"] = stage.queue_of("send")[-1]
    answered("hook_sources", acts(dict.fromkeys(("message", "endpoint"), ""))[15].event())
    endpoint = {"url": "https://shop.example/events", "event_types": ["sms.*"]}
    whole = answered("webhook_endpoints", call("POST", "/webhook-endpoints", endpoint))
    made["endpoint"] = whole["id"]
    learn_secret(stage, whole)
    sent = answered(
        "twilio",
        call(
            "POST",
            f"{TWILIO}.json",
            form(To=f"+86{TO}", From="1", Body=TEXT, StatusCallback="https://shop.example/cb"),
            headers=_FORM,
        ),
    )
    made["twilio"] = sent["sid"]
    made["twilio_id"] = json.loads(stage.queue_of("send")[-1])["message"]
    stage.invoke("fan_out", records(delivered(made["message"]), client="shop"))
    made["delivery"] = stage.queue_of("deliver")[-1]
    for kind, page in (("reports", REPORTS), ("inbound", INBOUND)):
        stage.gateway = once(page)
        stage.invoke("pull", {}, entry=kind)
        made[kind] = json.loads(stage.queue_of("publish")[-1])["journal_key"]
    return made


def learn_secret(stage: Stage, answer: Any) -> None:
    """A webhook's signing secret is shown once, to whoever asked for it, and nowhere else."""
    if isinstance(answer, dict) and "secret" in answer:
        stage.marks.add(Sort.SECRET, str(answer["secret"]).removeprefix("whsec_"))


REPORTS: Final = json.dumps(
    {
        "code": 0,
        "data": [
            {
                "message_id": "0603015522454756885",
                "dest_number": TO,
                "report_status": "DELIVRD",
                "report_time": "2026-11-23 12:00:00",
                "reference": "",
            }
        ],
    }
)
INBOUND: Final = json.dumps(
    {
        "code": 0,
        "data": [
            {
                "dest": "1069012345678",
                "src": FROM,
                "content": REPLY,
                "receive_time": "2026-11-23 12:00:00",
                "binary_content": base64.b64encode(REPLY.encode("utf-16-be")).decode(),
                "msg_fmt": 8,
            }
        ],
    },
    ensure_ascii=False,
)


def once(page: str | bytes, status: int = 200) -> Answer:
    """A gateway that hands this out to the first pull, and then nothing."""
    pages = [page]

    def answer(called: str, asked: dict[str, str]) -> httpx.Response:
        return httpx.Response(status, content=pages.pop()) if pages else taken(called, asked)

    return answer
