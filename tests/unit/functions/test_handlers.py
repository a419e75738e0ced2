import io
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from threading import Barrier
from types import ModuleType
from typing import Any

import pytest

from bridge import handling, wiring
from bridge.adapters.metrics import EmfCounters
from bridge.domain.clients import Caller, hash_key
from bridge.domain.opt_outs import inbound_message
from bridge.domain.policies import Policy
from bridge.domain.pulls import to_publish
from bridge.domain.work import RECEIVES, MessageWork, Work, work_of
from bridge.services.balancing import Balance
from bridge.services.tracking import Tracking
from eums import Ambiguous, NotSent, Refused, code_of
from tests.fakes.clients import FakeClients
from tests.fakes.world import NOON, SHOP, World

FUNCTIONS = Path(__file__).parents[3] / "functions"
EVENTS = FUNCTIONS.parent / "events"

Load = Callable[[str], ModuleType]
Rest = Callable[..., dict[str, Any]]

KEY = "eb_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"
BODY = json.dumps({"to": ["+8613812345678"], "text": "【京东】您的验证码是123456", "client_reference": "order-42"})


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World(clients=FakeClients({hash_key(KEY): SHOP}))
    for name in ("sending", "batching", "finding", "statistics", "balancing", "estimating"):
        monkeypatch.setattr(wiring, name, getattr(world, name))
    monkeypatch.setattr(wiring, "authorizing", world.authorizing)
    return world


@pytest.fixture
def messages(world: World, load: Load) -> ModuleType:  # noqa: ARG001 - wired before it is loaded
    return load("messages")


@pytest.fixture
def batches(world: World, load: Load) -> ModuleType:  # noqa: ARG001 - likewise
    return load("batches")


@pytest.fixture
def account(world: World, load: Load) -> ModuleType:  # noqa: ARG001 - likewise
    return load("account")


@pytest.fixture
def logged(monkeypatch: pytest.MonkeyPatch) -> io.StringIO:
    """What the functions log, as CloudWatch would get it. Their handler keeps the stream that it was made with."""
    stream = io.StringIO()
    monkeypatch.setattr(handling.logger.registered_handler, "stream", stream)
    return stream


def header(answer: dict[str, Any], name: str) -> str:
    return str(answer["multiValueHeaders"][name][0])


def received(*bodies: str, times: int = 1) -> dict[str, Any]:
    """An event of SQS; the records' ids count from 1."""
    attributes = {"ApproximateReceiveCount": str(times)}
    return {
        "Records": [
            {"messageId": str(number), "body": body, "attributes": attributes} for number, body in enumerate(bodies, 1)
        ]
    }


def test_a_send_answers_201_with_the_message_and_its_place(messages: ModuleType, rest: Rest, context: object) -> None:
    answer = messages.handler(rest("POST", "/messages", "/messages", body=BODY), context)

    message = json.loads(answer["body"])
    assert answer["statusCode"] == 201
    assert header(answer, "Content-Type") == "application/json"
    assert header(answer, "Location") == f"messages/{message['id']}"
    assert message == {
        "id": message["id"],
        "status": "submitted",
        "account": "default",
        "client_reference": "order-42",
        "text": "【京东】您的验证码是123456",
        "estimated_segments": 1,
        "created_at": "2026-11-23T12:00:00+08:00",
        "recipients": [
            {
                "to": "+8613812345678",
                "status": "submitted",
                "gateway_message_id": "0603015522454700000",
                "billed_segments": 1,
                "gateway_status": None,
                "error_class": None,
                "reported_at": None,
                "client_reference": None,
            }
        ],
        "gateway_code": None,
        "reason": None,
        "send_at": None,
        "batch_id": None,
    }


def test_the_message_is_found_again(messages: ModuleType, rest: Rest, context: object) -> None:
    sent = json.loads(messages.handler(rest("POST", "/messages", "/messages", body=BODY), context)["body"])
    event = rest("GET", "/messages/{id}", f"/messages/{sent['id']}", pathParameters={"id": sent["id"]})

    answer = messages.handler(event, context)

    assert (answer["statusCode"], json.loads(answer["body"])) == (200, sent)


def test_messages_are_listed_the_newest_first_page_by_page(messages: ModuleType, rest: Rest, context: object) -> None:
    sent = [json.loads(messages.handler(rest("POST", "/messages", "/messages", body=BODY), context)["body"])]
    sent.insert(0, json.loads(messages.handler(rest("POST", "/messages", "/messages", body=BODY), context)["body"]))

    def page(**query: str) -> Any:
        answer = messages.handler(rest("GET", "/messages", "/messages", queryStringParameters=query), context)
        assert (answer["statusCode"], header(answer, "Cache-Control")) == (200, "no-store")
        return json.loads(answer["body"])

    assert page() == {"items": sent, "next_cursor": None}
    filters = {"to": "13812345678", "client_reference": "order-42", "limit": "1"}
    first = page(**filters)
    assert first == {"items": sent[:1], "next_cursor": first["next_cursor"]}
    assert page(**filters, cursor=first["next_cursor"]) == {"items": sent[1:], "next_cursor": None}
    assert page(status="rejected") == {"items": [], "next_cursor": None}


def test_a_list_that_cannot_be_names_every_problem(messages: ModuleType, rest: Rest, context: object) -> None:
    query = {"to": "1", "limit": "1000", "colour": "red"}

    answer = messages.handler(rest("GET", "/messages", "/messages", queryStringParameters=query), context)

    assert answer["statusCode"] == 422
    assert [error["field"] for error in json.loads(answer["body"])["errors"]] == ["to", "limit", "colour"]


def test_a_garbled_cursor_is_a_problem(messages: ModuleType, rest: Rest, context: object) -> None:
    event = rest("GET", "/messages", "/messages", queryStringParameters={"cursor": "x"})

    answer = messages.handler(event, context)

    assert answer["statusCode"] == 422
    assert [error["field"] for error in json.loads(answer["body"])["errors"]] == ["cursor"]


@pytest.mark.parametrize("path", ["/messages", "/messages/01JDCKQ3V9T4M3W5Y8Z7N6P2QR"])
def test_reading_wants_its_scope(messages: ModuleType, rest: Rest, context: object, path: str) -> None:
    event = rest("GET", path, path)
    event["requestContext"]["authorizer"]["scopes"] = "send"

    assert messages.handler(event, context)["statusCode"] == 403


def test_an_unknown_outcome_is_202(world: World, messages: ModuleType, rest: Rest, context: object) -> None:
    world.gateway.submit_answer = Ambiguous("no answer")

    answer = messages.handler(rest("POST", "/messages", "/messages", body=BODY), context)

    assert (answer["statusCode"], json.loads(answer["body"])["status"]) == (202, "unknown")


@pytest.mark.parametrize(
    ("failure", "status"),
    [(Refused(code_of(205)), 402), (Refused(code_of(401)), 422), (Refused(code_of(107)), 502), (NotSent("down"), 503)],
)
def test_failures_are_problems(  # noqa: PLR0917
    world: World, messages: ModuleType, rest: Rest, context: object, failure: Exception, status: int
) -> None:
    world.gateway.submit_answer = failure

    answer = messages.handler(rest("POST", "/messages", "/messages", body=BODY), context)

    problem = json.loads(answer["body"])
    assert answer["statusCode"] == problem["status"] == status
    assert header(answer, "Content-Type") == "application/problem+json"
    assert problem["request_id"] == "request-1"


def test_a_repeat_with_the_same_key_is_answered_byte_for_byte(
    world: World, messages: ModuleType, rest: Rest, context: object
) -> None:
    event = rest("POST", "/messages", "/messages", body=BODY, headers={"idempotency-key": "a-key"})
    first = messages.handler(event, context)
    again = messages.handler(event, context)

    assert "Idempotent-Replayed" not in first["multiValueHeaders"]
    assert header(again, "Idempotent-Replayed") == "true"
    assert (again["statusCode"], again["body"]) == (first["statusCode"], first["body"])
    assert len(world.gateway.submits) == 1

    other = {**event, "body": BODY.replace("order-42", "order-43")}
    assert messages.handler(other, context)["statusCode"] == 422


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "键"])
def test_a_key_that_is_none_is_named(messages: ModuleType, rest: Rest, context: object, key: str) -> None:
    event = rest("POST", "/messages", "/messages", body=BODY, headers={"Idempotency-Key": key})

    answer = messages.handler(event, context)

    assert [error["field"] for error in json.loads(answer["body"])["errors"]] == ["Idempotency-Key"]


def test_a_bad_body_names_every_problem(messages: ModuleType, rest: Rest, context: object) -> None:
    answer = messages.handler(rest("POST", "/messages", "/messages", body='{"to": "1", "txt": "x"}'), context)

    assert answer["statusCode"] == 422
    assert {error["field"] for error in json.loads(answer["body"])["errors"]} == {"to[0]", "text", "txt"}


def test_a_bad_body_names_the_gateways_codes(messages: ModuleType, rest: Rest, context: object) -> None:
    body = json.dumps({"to": "13812345678", "text": " ", "account": "?"})
    problem = json.loads(messages.handler(rest("POST", "/messages", "/messages", body=body), context)["body"])

    assert problem["gateway_code"] == 105
    assert {error["field"]: error.get("gateway_code") for error in problem["errors"]} == {"text": 105, "account": None}


ESTIMATE = "/messages/estimate"


@pytest.mark.parametrize("scopes", ["send", "read", "read,send"])
def test_an_estimate_with_problems_is_an_answer(
    world: World, messages: ModuleType, rest: Rest, context: object, scopes: str
) -> None:
    world.accounts.policies["default"] = Policy(signature_required=True)
    event = rest("POST", ESTIMATE, ESTIMATE, body='{"text": "您的验证码", "to": ["13812345678", "13812345679"]}')
    event["requestContext"]["authorizer"]["scopes"] = scopes

    answer = messages.handler(event, context)

    assert answer["statusCode"] == 200
    assert json.loads(answer["body"]) == {
        "account": "default",
        "text": "您的验证码",
        "length": 5,
        "estimated_segments": 1,
        "recipients": 2,
        "estimated_total_segments": 2,
        "problems": [
            {
                "field": "text",
                "message": "must carry a signature in 【】 at its beginning or end",
                "gateway_code": 111,
            }
        ],
    }
    assert world.gateway.submits == []


@pytest.mark.parametrize(
    ("scopes", "body", "status"),
    [("admin", '{"text": "x"}', 403), ("send", '{"txt": "x"}', 422), ("send", '{"text": "x", "account": "b"}', 403)],
)
def test_what_is_no_estimate_is_a_problem(  # noqa: PLR0917
    messages: ModuleType, rest: Rest, context: object, scopes: str, body: str, status: int
) -> None:
    event = rest("POST", ESTIMATE, ESTIMATE, body=body)
    event["requestContext"]["authorizer"]["scopes"] = scopes

    answer = messages.handler(event, context)

    assert (answer["statusCode"], header(answer, "Content-Type")) == (status, "application/problem+json")


def test_a_surprise_is_a_500_that_says_nothing(  # noqa: PLR0917
    world: World,
    messages: ModuleType,
    rest: Rest,
    context: object,
    logged: io.StringIO,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def surprise(_: str) -> Policy:
        raise RuntimeError("about 13812345678")

    monkeypatch.setattr(world.accounts, "policy", surprise)

    answer = messages.handler(rest("POST", "/messages", "/messages", body=BODY), context)

    assert answer["statusCode"] == 500
    assert "13812345678" not in answer["body"]
    assert "Traceback" not in answer["body"]
    assert "RuntimeError" not in answer["body"]
    assert "13812345678" not in logged.getvalue()
    [line] = [json.loads(line) for line in logged.getvalue().splitlines()]
    assert (line["error"], line["correlation_id"]) == ("RuntimeError", "request-1")
    assert json.loads(answer["body"])["request_id"] == "request-1"


@pytest.mark.parametrize(("method", "path"), [("GET", "/nothing"), ("DELETE", "/messages")])
def test_no_such_route_is_a_404_problem(
    messages: ModuleType, rest: Rest, context: object, method: str, path: str
) -> None:
    answer = messages.handler(rest(method, path, path), context)

    assert answer["statusCode"] == 404
    assert header(answer, "Content-Type") == "application/problem+json"


@pytest.mark.parametrize(
    "path", ["/messages/x", "/messages/01JDCKQ3V9T4M3W5Y8Z7N6P2QR", "/messages/%E8%AE%A2", "/messages/a b"]
)
def test_a_message_that_is_not_there(messages: ModuleType, rest: Rest, context: object, path: str) -> None:
    assert messages.handler(rest("GET", "/messages/{id}", path), context)["statusCode"] == 404


def test_a_key_without_the_scope_is_refused(messages: ModuleType, rest: Rest, context: object) -> None:
    event = rest("POST", "/messages", "/messages", body=BODY)
    event["requestContext"]["authorizer"]["scopes"] = "read"

    answer = messages.handler(event, context)

    assert answer["statusCode"] == 403
    assert "send" in json.loads(answer["body"])["detail"]


def test_times_are_told_to_the_millisecond(world: World, account: ModuleType, rest: Rest, context: object) -> None:
    world.clock.advance(0.1239)

    answer = account.handler(rest("GET", "/balance", "/balance"), context)

    assert json.loads(answer["body"])["as_of"] == "2026-11-23T12:00:00.123+08:00"


def test_the_balance(account: ModuleType, rest: Rest, context: object) -> None:
    answer = account.handler(rest("GET", "/balance", "/balance"), context)

    assert json.loads(answer["body"]) == {
        "account": "default",
        "balance": 100,
        "as_of": "2026-11-23T12:00:00+08:00",
    }


def test_another_accounts_balance_is_not_to_be_had(account: ModuleType, rest: Rest, context: object) -> None:
    event = rest("GET", "/balance", "/balance", queryStringParameters={"account": "other"})

    assert account.handler(event, context)["statusCode"] == 403


def test_the_statistics(account: ModuleType, rest: Rest, context: object) -> None:
    query = {"start_date": "2026-11-01", "end_date": "2026-11-02"}

    answer = account.handler(rest("GET", "/statistics", "/statistics", queryStringParameters=query), context)

    assert json.loads(answer["body"]) == {
        "account": "default",
        "items": [
            {"date": "2026-11-01", "submitted": 10, "delivered": 7, "failed": 2, "unknown": 1},
            {"date": "2026-11-02", "submitted": 10, "delivered": 7, "failed": 2, "unknown": 1},
        ],
        "totals": {"submitted": 20, "delivered": 14, "failed": 4, "unknown": 2},
    }


def test_too_many_statistics_say_when_to_come_back(
    world: World, account: ModuleType, rest: Rest, context: object
) -> None:
    world.gateway.statistics_answer = Refused(code_of(131))
    query = {"start_date": "2026-11-01", "end_date": "2026-11-02"}

    answer = account.handler(rest("GET", "/statistics", "/statistics", queryStringParameters=query), context)

    assert answer["statusCode"] == 429
    assert header(answer, "Retry-After") == "60"


ARN = "arn:aws-cn:execute-api:cn-north-1:123456789012:abc123/v1/POST/messages"


def test_a_known_key_opens_the_whole_stage(world: World, load: Load, context: object) -> None:  # noqa: ARG001
    answer = load("authorizer").handler({"methodArn": ARN, "headers": {"authorization": f"Bearer {KEY}"}}, context)

    [statement] = answer["policyDocument"]["Statement"]
    assert (statement["Effect"], statement["Resource"]) == (
        "Allow",
        "arn:aws-cn:execute-api:cn-north-1:123456789012:abc123/v1/*",
    )
    assert answer["context"] == {
        "client": "shop",
        "accounts": "default",
        "default_account": "default",
        "scopes": "read,send",
    }


def test_fallbacks_go_from_the_authorizer_to_whoever_sends(
    monkeypatch: pytest.MonkeyPatch, load: Load, rest: Rest, context: object
) -> None:
    caller = replace(SHOP, accounts=frozenset({"*"}), fallback_accounts=("c", "b"))
    world = World(clients=FakeClients({hash_key(KEY): caller}))
    monkeypatch.setattr(wiring, "authorizing", world.authorizing)
    answer = load("authorizer").handler({"methodArn": ARN, "headers": {"authorization": f"Bearer {KEY}"}}, context)
    assert answer["context"]["fallback_accounts"] == "c,b"
    asked: list[Caller] = []

    class Balancing:
        def asked(self, caller: Caller, _: str | None) -> Balance:
            asked.append(caller)
            return Balance(account="default", balance=1, as_of=NOON)

    monkeypatch.setattr(wiring, "balancing", Balancing)
    event = rest("GET", "/balance", "/balance")
    account = load("account")
    assert account.handler(event, context)["statusCode"] == 200  # as the authorizer answered before it knew of them
    event["requestContext"]["authorizer"] = answer["context"]
    assert account.handler(event, context)["statusCode"] == 200

    assert asked == [SHOP, caller]


@pytest.mark.parametrize(
    "headers", [None, {}, {"Authorization": "Bearer eb_wrongwrongwrongwrong"}, {"Authorization": "x"}]
)
def test_every_other_key_is_denied_alike(
    world: World,  # noqa: ARG001
    load: Load,
    context: object,
    headers: dict[str, str] | None,
) -> None:
    answer = load("authorizer").handler({"methodArn": ARN, "headers": headers}, context)

    assert answer["policyDocument"]["Statement"][0]["Effect"] == "Deny"
    assert "context" not in answer


def test_a_record_that_fails_goes_back_to_the_queue_alone(
    monkeypatch: pytest.MonkeyPatch, load: Load, context: object, logged: io.StringIO
) -> None:
    published = []

    class Publishing:
        def take(self, body: str) -> None:
            key = json.loads(body)["journal_key"]
            if key == "bad":
                raise RuntimeError("13812345678")
            published.append(key)

    monkeypatch.setattr(wiring, "publishing", Publishing)
    records = received('{"journal_key": "good"}', '{"journal_key": "bad"}', "poison", '{"journal_key": "better"}')

    answer = load("publish").handler(records, context)

    assert answer == {"batchItemFailures": [{"itemIdentifier": "2"}, {"itemIdentifier": "3"}]}
    assert published == ["good", "better"]
    assert [json.loads(line)["error"] for line in logged.getvalue().splitlines()] == ["RuntimeError", "JSONDecodeError"]
    assert "13812345678" not in logged.getvalue()


def test_the_documentation_needs_nothing(load: Load, rest: Rest, context: object) -> None:
    docs = load("docs")

    assert json.loads(docs.handler(rest("GET", "/health", "/health"), context)["body"]) == {"status": "ok"}
    document = docs.handler(rest("GET", "/openapi.json", "/openapi.json"), context)
    assert json.loads(document["body"])["openapi"] == "3.1.0"
    page = docs.handler(rest("GET", "/docs", "/docs"), context)
    assert header(page, "Content-Type").startswith("text/html")
    assert "SwaggerUIBundle" in page["body"]
    assert len(page["body"].encode()) < 6_000_000  # the most that Lambda answers


@pytest.mark.parametrize(
    ("context_of_request", "configured", "server"),
    [
        (
            {"domainName": "a.execute-api.cn-north-1.amazonaws.com.cn", "path": "/v1/openapi.json"},
            "",
            "https://a.execute-api.cn-north-1.amazonaws.com.cn/v1",
        ),
        ({"domainName": "sms.example", "path": "/openapi.json"}, "", "https://sms.example"),
        (
            {"domainName": "sms.example", "path": "/v1/openapi.json"},
            "https://front.example/x",
            "https://front.example/x",
        ),
        ({"path": "/v1/openapi.json"}, "", "./"),
    ],
)
def test_the_document_names_the_address_that_clients_see(  # noqa: PLR0917
    monkeypatch: pytest.MonkeyPatch,
    load: Load,
    rest: Rest,
    context: object,
    context_of_request: dict[str, str],
    configured: str,
    server: str,
) -> None:
    monkeypatch.setenv("PUBLIC_URL", configured)
    event = rest("GET", "/openapi.json", "/openapi.json")
    event["requestContext"] |= {**context_of_request, "resourcePath": "/openapi.json"}

    assert json.loads(load("docs").handler(event, context)["body"])["servers"] == [{"url": server}]


def test_metrics_are_written_out_when_an_invocation_ends(
    monkeypatch: pytest.MonkeyPatch, load: Load, context: object, capsys: pytest.CaptureFixture[str]
) -> None:
    counters = EmfCounters()
    monkeypatch.setattr(wiring, "counters", lambda: counters)

    class Watching:
        def watch(self) -> None:
            counters.count("Balance", 7, account="default")
            counters.count("Pulls")
            counters.count("Pulls", 2)

    monkeypatch.setattr(wiring, "watching", Watching)
    load("watch").handler({}, context)

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    assert [line.get("Balance") for line in lines] == [[7.0], None]
    assert lines[0]["account"] == "default"
    assert sum(lines[1]["Pulls"]) == 3


def test_what_an_alarm_looks_at_is_told_for_the_service_too(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("POWERTOOLS_SERVICE_NAME", "eums-bridge")
    monkeypatch.setenv("POWERTOOLS_METRICS_NAMESPACE", "EumsBridge")
    counters = EmfCounters()
    for account, age in (("default", 60), ("other", 200)):
        counters.count("PullAge", age, account=account, kind="reports")
        counters.count("Pulls", 5, account=account, kind="reports")
    counters.count("AccountsWatched", 2)

    counters.flush()

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    told = [
        (metric["Name"], line["_aws"]["CloudWatchMetrics"][0]["Dimensions"], line.get("account"), line[metric["Name"]])
        for line in lines
        for metric in line["_aws"]["CloudWatchMetrics"][0]["Metrics"]
    ]
    one, both = ["account", "kind", "service"], ["service"]
    assert told == [
        ("PullAge", [one, both], "default", [60.0]),
        ("Pulls", [one], "default", [5.0]),
        ("PullAge", [one, both], "other", [200.0]),
        ("Pulls", [one], "other", [5.0]),
        ("AccountsWatched", [both], None, [2.0]),
    ]
    assert {line["service"] for line in lines} == {"eums-bridge"}


@pytest.mark.parametrize(("name", "status"), [("messages", 201), ("account", 200), ("docs", 200)])
def test_the_sample_requests_are_answered(
    world: World,  # noqa: ARG001
    load: Load,
    context: object,
    name: str,
    status: int,
) -> None:
    event = json.loads((EVENTS / f"{name}.json").read_text())

    assert load(name).handler(event, context)["statusCode"] == status


def test_the_sample_pointer_and_event_are_read(monkeypatch: pytest.MonkeyPatch, load: Load, context: object) -> None:
    world = World()
    keys: list[object] = []

    class Publishing:
        def take(self, body: str) -> None:
            keys.append(to_publish(body))

    monkeypatch.setattr(wiring, "publishing", Publishing)
    tracking = Tracking(
        accounts=world.accounts,
        messages=world.messages,
        early=world.early,
        clock=world.clock,
        counters=world.counters,
    )
    monkeypatch.setattr(wiring, "tracking", lambda: tracking)
    heard: list[str] = []

    class OptingOut:
        def hear(self, body: str) -> None:
            heard.append(inbound_message(body).text)

    monkeypatch.setattr(wiring, "opting_out", OptingOut)
    nothing_failed: dict[str, list[str]] = {"batchItemFailures": []}

    assert load("publish").handler(json.loads((EVENTS / "publish.json").read_text()), context) == nothing_failed
    assert load("track").handler(json.loads((EVENTS / "track.json").read_text()), context) == nothing_failed
    assert keys == ["raw/default/reports/2026-11-23/01JDCKQ3V9T4M3W5Y8Z7N6P2QR"]
    assert list(world.messages.reports) == [("01JDCKQ3V9T4M3W5Y8Z7N6P2QR", "+8613812345678")]
    assert heard == ["TD"]


@pytest.mark.parametrize(("times", "last"), [(1, False), (RECEIVES - 1, False), (RECEIVES, True), (RECEIVES + 1, True)])
def test_submitting_is_told_when_a_pointer_comes_for_the_last_time(
    monkeypatch: pytest.MonkeyPatch,
    load: Load,
    context: object,
    times: int,
    last: bool,  # noqa: FBT001 - parametrized
) -> None:
    told = []

    class Queueing:
        def take(self, body: str, *, last: bool, time_left: Callable[[], float]) -> None:
            told.append((body, last, time_left()))
            if body == "poison":
                raise ValueError

    monkeypatch.setattr(wiring, "queueing", Queueing, raising=False)

    answer = load("submit").handler(received("one", "poison", "another", times=times), context)

    assert answer == {"batchItemFailures": [{"itemIdentifier": "2"}]}
    assert sorted(told) == [(body, last, 100.0) for body in ("another", "one", "poison")]


def test_ten_pointers_are_followed_at_once(monkeypatch: pytest.MonkeyPatch, load: Load, context: object) -> None:
    all_here = Barrier(10)

    class Queueing:
        def take(self, body: str, **_: object) -> None:
            all_here.wait(60)  # where one is late, all of them fail
            if body == "poison":
                raise ValueError

    monkeypatch.setattr(wiring, "queueing", Queueing, raising=False)

    answer = load("submit").handler(received(*map(str, range(9)), "poison"), context)

    assert answer == {"batchItemFailures": [{"itemIdentifier": "10"}]}


def test_the_sample_of_work_points_to_a_message_that_nobody_made(
    monkeypatch: pytest.MonkeyPatch, load: Load, context: object
) -> None:
    work: list[Work] = []

    class Queueing:
        def take(self, body: str, *, last: bool, time_left: object) -> None:  # noqa: ARG002 - the port's signature
            assert not last
            work.append(work_of(body))

    monkeypatch.setattr(wiring, "queueing", Queueing, raising=False)

    assert load("submit").handler(json.loads((EVENTS / "submit.json").read_text()), context) == {
        "batchItemFailures": []
    }
    assert work == [MessageWork(message_id="0" * 26)]


def test_attending_is_told_how_long_it_may_take(monkeypatch: pytest.MonkeyPatch, load: Load, context: object) -> None:
    class Attending:
        def attend(self, time_left: Callable[[], float]) -> dict[str, int]:
            assert time_left() == 100
            return {"attached": 1, "expired": 2}

    monkeypatch.setattr(wiring, "attending", Attending)

    event = json.loads((EVENTS / "attend.json").read_text())
    assert load("attend").handler(event, context) == {"attached": 1, "expired": 2}


def test_there_is_a_sample_event_for_every_function() -> None:
    functions = {path.parent.name for path in FUNCTIONS.glob("*/app.py")}
    assert {path.stem for path in EVENTS.iterdir()} == (functions - {"pull"}) | {"pull-reports", "pull-inbound"}
