"""What a million sends and a million reports cost, and a month in which nothing is sent: `make bench`.

Calls, DynamoDB's units and the bytes of the logs are counted: the functions' own handlers run over an emulated AWS with
this template's tables, against the simulated gateway. Prices are list prices, in prices.json, with their sources. What
cannot be counted here is assumed, and stands in `Assumed`.
"""

import argparse
import importlib.util
import io
import json
import os
import platform
import re
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, redirect_stdout
from dataclasses import asdict, dataclass
from functools import cache
from http import HTTPStatus
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Final

from bridge import wiring
from bridge.adapters import aws as clients
from bridge.domain.limits import Limits
from bridge.domain.pulls import Kind
from local.gateway import Gateway, GatewayAccount, GatewaySettings
from tests.bench.metered import Meter, metered, template
from tests.fakes.endpoints import environment, gateway_account

GOAL: Final = 8.0  # USD for both millions
MILLION: Final = 1_000_000
PROJECT: Final = Path(__file__).parents[2]
DOCS: Final = PROJECT / "docs/cost.md"
_BEGIN: Final = "<!-- made by: make cost -->\n"
_END: Final = "<!-- to here -->\n"
_MARKED: Final = re.compile(f"{re.escape(_BEGIN)}(.*?){re.escape(_END)}", re.DOTALL)
_MANY: Final = 1000  # quantities from here on are written whole
_A_MINUTE: Final = 60  # seconds
_PLATFORM_LINES: Final = 350  # bytes of START, END and REPORT, which Lambda writes itself
_SHARE_TRACED: Final = 0.05  # X-Ray's default rule: the first request of a second, and 5 % of the others
_MINUTES: Final = 60 * 24 * 30  # of a month
_POLLS_A_MINUTE: Final = 15  # of each queue with a function: five pollers of Lambda, 20 seconds each


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumed:
    """What nobody can count here.

    Attributes:
        reports_a_page: that a pull brings at once.
        events_a_batch: that SQS gives a function at once.
        send_ms, publish_ms, event_ms: how long a function runs for a send, a page and an event: the gateway's answer
            takes 100 ms of the first, each call of AWS 5 ms, our own code ten times what `make bench` measures.
    """

    reports_a_page: int = 10
    events_a_batch: int = 5
    send_ms: float = 150.0
    publish_ms: float = 60.0
    event_ms: float = 15.0


@dataclass(frozen=True, slots=True)
class Line:
    """A line of the bill, for a million.

    Attributes:
        quantity: units for one send or one report.
        usd: for a million of them.
    """

    what: str
    quantity: float
    usd: float


@dataclass(frozen=True, slots=True)
class Counted:
    """One way through the bridge, counted.

    Attributes:
        calls: of AWS, by service and operation.
        logged: bytes that the function wrote.
    """

    calls: Counter[str]
    write_units: float
    read_units: float
    messages: int
    logged: int


def prices() -> dict[str, float]:
    """USD by what they are for."""
    read = json.loads((Path(__file__).parent / "prices.json").read_text(encoding="utf-8"))
    return {name: price["usd"] for name, price in read["prices"].items()}


@cache
def count(assumed: Assumed) -> tuple[Counted, Counted, Counted, Counted]:
    """A send, a pull of a page, its publication, and one batch of its events tracked and fanned out."""
    with _stack() as (meter, heard):
        send, publish, track, fan_out = (_handler(name) for name in ("messages", "publish", "track", "fan_out"))
        event = json.loads((PROJECT / "events/messages.json").read_text(encoding="utf-8"))

        def one_send() -> None:
            if (answer := send(event))["statusCode"] != HTTPStatus.CREATED:
                raise RuntimeError(f"the send was answered {answer}")

        one_send()  # reads the accounts
        sent = _counted(meter, heard, one_send)
        for _ in range(assumed.reports_a_page - 2):
            one_send()
        pulled = _counted(meter, heard, lambda: wiring.pulling().pull("default", Kind.REPORTS))
        pointer = clients.sqs().receive_message(QueueUrl=os.environ["PUBLISH_QUEUE_URL"])["Messages"][0]["Body"]
        events: list[str] = []

        def keep(params: Mapping[str, Any], **_: object) -> None:
            events.extend(entry["Message"] for entry in params["PublishBatchRequestEntries"])

        clients.sns().meta.events.register("provide-client-params.sns.PublishBatch", keep)
        published = _counted(meter, heard, lambda: publish(_records([pointer])))
        if len(events) != assumed.reports_a_page:
            raise RuntimeError(f"{len(events)} events instead of {assumed.reports_a_page}")
        batch = _records(events[: assumed.events_a_batch])

        def follow() -> None:
            _all_done(track(batch))
            _all_done(fan_out(batch))

        followed = _counted(meter, heard, follow)
    return sent, pulled, published, followed


@cache
def count_limited() -> tuple[Counted, Counted, Counted]:
    """A send of a client that has a rate and both caps; one with an `Idempotency-Key`; and its repeat."""
    limits = Limits(rate=1000.0, burst=1000, daily_messages=10_000, daily_segments=10_000)
    with _stack() as (meter, heard):
        send = _handler("messages")
        event = json.loads((PROJECT / "events/messages.json").read_text(encoding="utf-8"))
        event["requestContext"]["authorizer"]["limits"] = limits.text

        def one_send(key: str | None = None) -> None:
            headers = {**event["headers"], **({"Idempotency-Key": key} if key else {})}
            if (answer := send({**event, "headers": headers}))["statusCode"] != HTTPStatus.CREATED:
                raise RuntimeError(f"the send was answered {answer}")

        for _ in range(2):  # reads the accounts, and finds what the client has used
            one_send()
        return (
            _counted(meter, heard, one_send),
            _counted(meter, heard, lambda: one_send("a-key")),
            _counted(meter, heard, lambda: one_send("a-key")),
        )


def bill(assumed: Assumed) -> tuple[list[Line], list[Line]]:
    """The lines of a million sends, and of a million reports."""
    sent, pulled, published, followed = count(assumed)
    usd, page, batch = prices(), assumed.reports_a_page, assumed.events_a_batch
    sends = [
        _line("API Gateway, REST", 1, usd["api_gateway_rest_request"]),
        _line("Lambda, requests", 1, usd["lambda_request"]),
        _line("Lambda, GB-seconds", _gb("MessagesFunction") * assumed.send_ms / 1000, usd["lambda_gb_second"]),
        _line("DynamoDB, write units", sent.write_units, usd["dynamodb_write_unit"]),
        _line("DynamoDB, read units", sent.read_units, usd["dynamodb_read_unit"]),
        _line("CloudWatch Logs, bytes", sent.logged + _PLATFORM_LINES, usd["logs_gb"] / 1e9),
        _line("X-Ray, traces", _SHARE_TRACED, usd["trace"]),
    ]
    gets = published.calls["s3:GetObject"] + published.calls["s3:HeadObject"]
    puts = sum(pulled.calls[f"s3:{name}"] + published.calls[f"s3:{name}"] for name in ("PutObject", "PutObjectTagging"))
    invocations = 1 / page + 2 / batch  # publish for a page; track and fan-out for a batch
    seconds = {
        "PublishFunction": assumed.publish_ms / page / 1000,
        "TrackFunction": assumed.event_ms / 1000,
        "FanOutFunction": assumed.event_ms / batch / 1000,
    }
    writes = (pulled.write_units + published.write_units) / page + followed.write_units / batch
    reads = (pulled.read_units + published.read_units) / page + followed.read_units / batch
    logged = (pulled.logged + published.logged) / page + followed.logged / batch + invocations * _PLATFORM_LINES
    reports = [
        _line("SNS, publishes", published.messages / page, usd["sns_publish"]),
        # A pointer and its receipt and deletion for a page; receipt and deletion of a batch in two queues of the
        # bridge, and by the application in its own.
        _line("SQS, requests", 3 / page + 3 * 2 / batch, usd["sqs_request"]),
        _line("S3, requests that write", puts / page, usd["s3_put"]),
        _line("S3, requests that read", gets / page, usd["s3_get"]),
        _line("Lambda, requests", invocations, usd["lambda_request"]),
        _line(
            "Lambda, GB-seconds",
            sum(_gb(function) * lasted for function, lasted in seconds.items()),
            usd["lambda_gb_second"],
        ),
        _line("DynamoDB, write units", writes, usd["dynamodb_write_unit"]),
        _line("DynamoDB, read units", reads, usd["dynamodb_read_unit"]),
        _line("CloudWatch Logs, bytes", logged, usd["logs_gb"] / 1e9),
        _line("X-Ray, traces", _SHARE_TRACED / page, usd["trace"]),
    ]
    return sends, reports


def idle_month(pull_seconds: int) -> list[Line]:
    """A month in which nothing is sent: quantities are of the month, and so is the price.

    Args:
        pull_seconds: the parameter PullSeconds.
    """
    usd = prices()
    resources = template()["Resources"]
    kinds = Counter(resource["Type"] for resource in resources.values())
    polled = sum(
        1
        for resource in resources.values()
        if resource["Type"] == "AWS::Serverless::Function"
        for event in resource["Properties"].get("Events", {}).values()
        if event["Type"] == "SQS"
    )
    pulls = ("PullReportsFunction", "PullInboundFunction")
    # A run sleeps between its pulls until the minute is over; with 60 it pulls once.
    run = 58.0 if pull_seconds < _A_MINUTE else 0.3
    minutely = ("WatchFunction", "AttendFunction")
    runs = len(pulls) + len(minutely)
    gb = sum(_gb(name) * run for name in pulls) + sum(_gb(name) * 0.3 for name in minutely)
    asked = _A_MINUTE // pull_seconds * len(pulls)
    lines = [
        ("Lambda, requests", runs * _MINUTES, usd["lambda_request"]),
        ("Lambda, GB-seconds", gb * _MINUTES, usd["lambda_gb_second"]),
        ("EventBridge Scheduler, invocations", runs * _MINUTES, usd["scheduler_invocation"]),
        # Intent, end of the pull; a unit each.
        ("DynamoDB, write units", 2 * asked * _MINUTES, usd["dynamodb_write_unit"]),
        ("SQS, requests of Lambda's pollers", polled * _POLLS_A_MINUTE * _MINUTES, usd["sqs_request"]),
        ("CloudWatch, alarms", kinds["AWS::CloudWatch::Alarm"], usd["alarm_month"]),
        ("CloudWatch, dashboard", kinds["AWS::CloudWatch::Dashboard"], usd["dashboard_month"]),
        ("Secrets Manager, secret", 1, usd["secret_month"]),
    ]
    return [Line(what, quantity, quantity * price) for what, quantity, price in lines]


def _line(what: str, quantity: float, price: float) -> Line:
    return Line(what, quantity, quantity * price * MILLION)


def _gb(function: str) -> float:
    stack = template()
    properties = stack["Resources"][function]["Properties"]
    return float(properties.get("MemorySize", stack["Globals"]["Function"]["MemorySize"])) / 1024


@contextmanager
def _stack() -> Iterator[tuple[Meter, io.StringIO]]:
    """The emulated AWS and what the functions write, beside a simulated gateway whose reports are due at once."""
    before = dict(os.environ)
    heard = io.StringIO()
    settings = GatewaySettings(report_delay=0.0)
    try:
        with Gateway([GatewayAccount(name="test")], settings=settings) as gateway, redirect_stdout(heard):
            variables = environment("unused")
            del variables["AWS_ENDPOINT_URL"]
            os.environ.update(variables)
            os.environ.pop("AWS_PROFILE", None)
            _forget()
            with metered(gateway_account(gateway.url), variables) as meter:
                os.environ.update(variables)
                yield meter, heard
                wiring.gateway().close()
    finally:
        os.environ.clear()
        os.environ.update(before)
        _forget()


def _forget() -> None:
    for cached in (*vars(wiring).values(), *vars(clients).values()):
        if hasattr(cached, "cache_clear"):
            cached.cache_clear()


def _handler(name: str) -> Callable[[dict[str, Any]], Any]:
    spec = importlib.util.spec_from_file_location(f"app_{name}", PROJECT / "functions" / name / "app.py")
    if spec is None or spec.loader is None:
        raise ImportError(name)
    app = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(app)
    context = SimpleNamespace(
        function_name=name,
        memory_limit_in_mb=512,
        invoked_function_arn=f"arn:aws:lambda:us-east-1:123456789012:function:{name}",
        aws_request_id="52fdfc07-2182-154f-163f-5f0f9a621d72",
        get_remaining_time_in_millis=lambda: 25_000,
    )

    def invoke(event: dict[str, Any]) -> Any:
        return app.handler(event, context)

    return invoke


def _records(bodies: list[str]) -> dict[str, Any]:
    return {
        "Records": [
            {"messageId": str(number), "body": body, "attributes": {"ApproximateReceiveCount": "1"}}
            for number, body in enumerate(bodies)
        ]
    }


def _all_done(answer: Mapping[str, Any]) -> None:
    if answer != {"batchItemFailures": []}:
        raise RuntimeError(f"the function answered {answer}")


def _counted(meter: Meter, heard: io.StringIO, work: Callable[[], object]) -> Counted:
    meter.clear()
    before = heard.tell()
    work()
    return Counted(
        calls=Counter(meter.calls),
        write_units=meter.units["write"],
        read_units=meter.units["half reads"] / 2,
        messages=meter.messages,
        logged=heard.tell() - before,
    )


def tables() -> str:
    """The bill in Markdown, the dearest first; what docs/cost.md holds between its two marks."""
    sends, reports = bill(Assumed())
    parts = [
        _table("a million sends", "for one", sends),
        _table("a million reports", "for one", reports),
        f"Both: **{_total([*sends, *reports]):.2f} USD**.\n",
        *(
            _table(f"an idle month, `PullSeconds` {seconds}", "a month", idle_month(seconds))
            for seconds in (5, _A_MINUTE)
        ),
    ]
    return "\n".join(parts)


def in_the_docs() -> str:
    """What docs/cost.md says."""
    [said] = _MARKED.findall(DOCS.read_text(encoding="utf-8"))
    return str(said)


def _table(title: str, of_what: str, lines: list[Line]) -> str:
    rows = [f"| {title} | {of_what} | USD |", "|---|---:|---:|"]
    rows += [
        f"| {line.what} | {_quantity(line.quantity)} | {line.usd:.2f} |"
        for line in sorted(lines, key=lambda line: -line.usd)
    ]
    return "\n".join([*rows, f"| | | **{_total(lines):.2f}** |", ""])


def _quantity(number: float) -> str:
    return f"{number:,.0f}" if number >= _MANY else f"{number:.3g}"


def _total(lines: list[Line]) -> float:
    return sum(line.usd for line in lines)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.bench.costing", description=__doc__)
    parser.add_argument("--write", action="store_true", help="put the tables into docs/cost.md")
    if parser.parse_args(arguments).write:
        before, after = _MARKED.split(DOCS.read_text(encoding="utf-8"))[::2]
        DOCS.write_text(f"{before}{_BEGIN}{tables()}{_END}{after}", encoding="utf-8")
        return 0
    sends, reports = bill(Assumed())
    total = _total([*sends, *reports])
    said = {
        "machine": f"{platform.machine()}, {os.cpu_count()} processors, Python {platform.python_version()}",
        "assumed": asdict(Assumed()),
        "figures": {
            "USD for a million sends": round(_total(sends), 2),
            "USD for a million reports": round(_total(reports), 2),
            "USD for both": round(total, 2),
        },
        "goals": {"USD for both": GOAL},
    }
    sys.stdout.write(json.dumps(said, indent=2) + "\n")
    if total > GOAL and os.environ.get("CHECK", "") == "1":
        sys.stderr.write("missed: USD for both\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
