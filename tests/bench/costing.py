"""What a million sends and a million reports cost, and a month in which nothing is sent: `make bench`.

Calls, DynamoDB's units and the bytes of the logs are counted: the functions' own handlers run over an emulated AWS with
this template's tables, against the simulated gateway. Prices are list prices, in prices.json, with their sources. What
cannot be counted here is assumed, and stands in `Assumed`.
"""

import argparse
import json
import math
import os
import platform
import re
import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from functools import cache
from http import HTTPStatus
from pathlib import Path
from typing import Any, Final, NamedTuple

from bridge import wiring
from bridge.adapters import aws as clients
from bridge.domain.limits import Limits
from bridge.domain.pulls import Kind
from bridge.domain.walks import Place
from tests.bench.emulated import PROJECT, Counted, ShiftedClock, emulated, handler_of
from tests.bench.idling import RUNS_A_MINUTE, idle_minute
from tests.bench.metered import template

GOAL: Final = 8.0  # USD for both millions
MILLION: Final = 1_000_000
DOCS: Final = PROJECT / "docs/cost.md"
_BEGIN: Final = "<!-- made by: make cost -->\n"
_END: Final = "<!-- to here -->\n"
_MARKED: Final = re.compile(f"{re.escape(_BEGIN)}(.*?){re.escape(_END)}", re.DOTALL)
_MANY: Final = 1000  # quantities from here on are written whole
_A_MINUTE: Final = 60  # seconds
_PLATFORM_LINES: Final = 350  # bytes of START, END and REPORT, which Lambda writes itself
_SHARE_TRACED: Final = 0.05  # X-Ray's own rule, beside the first request of each second, which are all of a quiet stack
_MINUTES: Final = 60 * 24 * 30  # of a month
_POLLS_A_MINUTE: Final = 15  # of each queue with a function: five pollers of Lambda, 20 seconds each


@dataclass(frozen=True, slots=True, kw_only=True)
class Assumed:
    """What nobody can count here.

    Attributes:
        reports_a_page: that a pull brings at once.
        events_a_batch: that SQS gives a function at once,
        reports_a_batch: and to `TrackFunction`, which waits some seconds for a full batch: ten from 12 a second on,
            which is a million a day.
        send_ms, publish_ms, event_ms: how long a function runs for a send, a page and an event: the gateway's answer
            takes 100 ms of the first, each call of AWS 5 ms, our own code ten times what `make bench` measures.
    """

    reports_a_page: int = 10
    events_a_batch: int = 5
    reports_a_batch: int = 10
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


def prices() -> dict[str, float]:
    """USD by what they are for."""
    read = json.loads((Path(__file__).parent / "prices.json").read_text(encoding="utf-8"))
    return {name: price["usd"] for name, price in read["prices"].items()}


class Counts(NamedTuple):
    """What was counted.

    Attributes:
        sent: one send.
        walked: `messages` of them, looked at once more when their submit is over, and when no report is awaited any
            more; without the walks' own queries, which many messages share.
        pulled, published: a page.
        tracked, fanned_out: a batch.
    """

    sent: Counted
    walked: Counted
    messages: int
    pulled: Counted
    published: Counted
    tracked: Counted
    fanned_out: Counted


@cache
def count(assumed: Assumed) -> Counts:
    """A send and what follows it: a pull of a page, its publication, a batch of its events tracked and fanned out."""
    with emulated() as stack:
        # No send is in another hour than the one before it.
        hour = stack.amid_an_hour().replace(minute=0)
        send, publish, track, fan_out = (handler_of(name) for name in ("messages", "publish", "track", "fan_out"))
        event = json.loads((PROJECT / "events/messages.json").read_text(encoding="utf-8"))

        def one_send() -> None:
            if (answer := send(event))["statusCode"] != HTTPStatus.CREATED:
                raise RuntimeError(f"the send was answered {answer}")

        one_send()  # reads the accounts
        sent = stack.counted(one_send)
        for _ in range(assumed.reports_a_page - 2):
            one_send()
        pulled = stack.counted(lambda: wiring.pulling().pull("default", Kind.REPORTS))
        pointer = clients.sqs().receive_message(QueueUrl=os.environ["PUBLISH_QUEUE_URL"])["Messages"][0]["Body"]
        events: list[str] = []

        def keep(params: Mapping[str, Any], **_: object) -> None:
            events.extend(entry["Message"] for entry in params["PublishBatchRequestEntries"])

        clients.sns().meta.events.register("provide-client-params.sns.PublishBatch", keep)
        published = stack.counted(lambda: publish(_records([pointer])))
        if len(events) != assumed.reports_a_page:
            raise RuntimeError(f"{len(events)} events instead of {assumed.reports_a_page}")
        return Counts(
            sent=sent,
            pulled=pulled,
            published=published,
            tracked=stack.counted(lambda: _all_done(track(_records(events[: assumed.reports_a_batch])))),
            fanned_out=stack.counted(lambda: _all_done(fan_out(_records(events[: assumed.events_a_batch])))),
            walked=stack.counted(lambda: _walk(stack.clock, hour)),
            messages=assumed.reports_a_page,
        )


def _hundreds(logged: float) -> int:
    """Bytes, rounded up: a line is one longer now and then, by a digit of a time."""
    return math.ceil(logged / 100) * 100


def _walk(clock: ShiftedClock, hour: datetime) -> None:
    """What `functions/attend` does with an hour: after it, and three days later."""
    attending = wiring.attending()
    for name, walk, later in (
        ("abandoned", attending._settle, timedelta(hours=2)),
        ("expiry", attending._expire, timedelta(hours=74)),
    ):
        attending.progress.remember(name, Place(at=hour))
        with clock.later(hour + later):
            walk(lambda: 100.0)


@cache
def count_limited() -> tuple[Counted, Counted, Counted]:
    """A send of a client that has a rate and both caps; one with an `Idempotency-Key`; and its repeat."""
    limits = Limits(rate=1000.0, burst=1000, daily_messages=10_000, daily_segments=10_000)
    with emulated() as stack:
        send = handler_of("messages")
        event = json.loads((PROJECT / "events/messages.json").read_text(encoding="utf-8"))
        event["requestContext"]["authorizer"]["limits"] = limits.text

        def one_send(key: str | None = None) -> None:
            headers = {**event["headers"], **({"Idempotency-Key": key} if key else {})}
            if (answer := send({**event, "headers": headers}))["statusCode"] != HTTPStatus.CREATED:
                raise RuntimeError(f"the send was answered {answer}")

        for _ in range(2):  # reads the accounts, and finds what the client has used
            one_send()
        return (
            stack.counted(one_send),
            stack.counted(lambda: one_send("a-key")),
            stack.counted(lambda: one_send("a-key")),
        )


def bill(assumed: Assumed) -> tuple[list[Line], list[Line]]:
    """The lines of a million sends, and of a million reports."""
    counted = count(assumed)
    sent, pulled, published = counted.sent, counted.pulled, counted.published
    usd, page, batch = prices(), assumed.reports_a_page, assumed.events_a_batch
    traced = _SHARE_TRACED if template()["Parameters"]["Tracing"]["Default"] == "Active" else 0.0
    sends = [
        _line("API Gateway, REST", 1, usd["api_gateway_rest_request"]),
        _line("Lambda, requests", 1, usd["lambda_request"]),
        _line("Lambda, GB-seconds", _gb("MessagesFunction") * assumed.send_ms / 1000, usd["lambda_gb_second"]),
        _line("DynamoDB, write units", sent.write_units, usd["dynamodb_write_unit"]),
        _line(
            "DynamoDB, read units",
            sent.read_units + (counted.walked.read_units - counted.walked.walk_units) / counted.messages,
            usd["dynamodb_read_unit"],
        ),
        _line("CloudWatch Logs, bytes", sent.logged + _PLATFORM_LINES, usd["logs_gb"] / 1e9),
        _line("X-Ray, traces", traced, usd["trace"]),
    ]
    gets = published.calls["s3:GetObject"] + published.calls["s3:HeadObject"]
    puts = sum(pulled.calls[f"s3:{name}"] + published.calls[f"s3:{name}"] for name in ("PutObject", "PutObjectTagging"))
    # For one report: a page is published, a batch tracked, and a batch fanned out.
    shares = [
        (pulled, page),
        (published, page),
        (counted.tracked, assumed.reports_a_batch),
        (counted.fanned_out, batch),
    ]
    invocations = sum(1 / many for _, many in shares[1:])
    seconds = {
        "PublishFunction": assumed.publish_ms / page / 1000,
        "TrackFunction": assumed.event_ms / 1000,
        "FanOutFunction": assumed.event_ms / batch / 1000,
    }
    reports = [
        _line("SNS, publishes", published.publishes / page, usd["sns_publish"]),
        # A pointer and its receipt and deletion for a page; receipt and deletion of a batch in two queues of the
        # bridge, and by the application in its own.
        _line("SQS, requests", 3 / page + 2 / assumed.reports_a_batch + 2 * 2 / batch, usd["sqs_request"]),
        _line("S3, requests that write", puts / page, usd["s3_put"]),
        _line("S3, requests that read", gets / page, usd["s3_get"]),
        _line("Lambda, requests", invocations, usd["lambda_request"]),
        _line(
            "Lambda, GB-seconds",
            sum(_gb(function) * lasted for function, lasted in seconds.items()),
            usd["lambda_gb_second"],
        ),
        _line("DynamoDB, write units", sum(one.write_units / many for one, many in shares), usd["dynamodb_write_unit"]),
        _line("DynamoDB, read units", sum(one.read_units / many for one, many in shares), usd["dynamodb_read_unit"]),
        _line(
            "CloudWatch Logs, bytes",
            sum(one.logged / many for one, many in shares) + invocations * _PLATFORM_LINES,
            usd["logs_gb"] / 1e9,
        ),
        _line("X-Ray, traces", traced / page, usd["trace"]),
    ]
    return [line for line in sends if line.usd], [line for line in reports if line.usd]


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
    minute = idle_minute(pull_seconds)
    # A run sleeps between its pulls until the minute is over; with 60 it pulls once.
    run = 58.0 if pull_seconds < _A_MINUTE else 0.3
    runs = sum(RUNS_A_MINUTE.values())
    gb = sum(
        _gb(name) * (run if name.startswith("Pull") else 0.3) * a_minute for name, a_minute in RUNS_A_MINUTE.items()
    )
    lines = [
        ("Lambda, requests", runs * _MINUTES, usd["lambda_request"]),
        ("Lambda, GB-seconds", gb * _MINUTES, usd["lambda_gb_second"]),
        ("EventBridge Scheduler, invocations", runs * _MINUTES, usd["scheduler_invocation"]),
        ("DynamoDB, write units", minute.write_units * _MINUTES, usd["dynamodb_write_unit"]),
        ("DynamoDB, read units", minute.read_units * _MINUTES, usd["dynamodb_read_unit"]),
        ("S3, listings", minute.calls["s3:ListObjectsV2"] * _MINUTES, usd["s3_put"]),
        ("CloudWatch Logs, bytes", _hundreds(minute.logged + runs * _PLATFORM_LINES) * _MINUTES, usd["logs_gb"] / 1e9),
        ("SQS, requests of Lambda's pollers", polled * _POLLS_A_MINUTE * _MINUTES, usd["sqs_request"]),
        ("CloudWatch, alarms", kinds["AWS::CloudWatch::Alarm"], usd["alarm_month"]),
        ("CloudWatch, dashboard", kinds["AWS::CloudWatch::Dashboard"], usd["dashboard_month"]),
        ("Secrets Manager, secret", 1, usd["secret_month"]),
        # Each of these functions reads it every five minutes.
        ("Secrets Manager, calls", len(RUNS_A_MINUTE) / 5 * _MINUTES, usd["secret_call"]),
    ]
    return [Line(what, quantity, quantity * price) for what, quantity, price in lines]


def _line(what: str, quantity: float, price: float) -> Line:
    return Line(what, quantity, quantity * price * MILLION)


def _gb(function: str) -> float:
    stack = template()
    properties = stack["Resources"][function]["Properties"]
    return float(properties.get("MemorySize", stack["Globals"]["Function"]["MemorySize"])) / 1024


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
