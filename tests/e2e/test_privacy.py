"""What the functions log at INFO: neither a number nor a text nor a secret."""

import re
from typing import TYPE_CHECKING

import httpx

from tests.e2e.deployed import Deployed

if TYPE_CHECKING:
    from collections.abc import Iterator

TEXT = "【京东】这段话不得出现在日志里987654"
NUMBER = re.compile(r"(?<!\d)(?:\+?86|0086)?1[3-9]\d{9}(?!\d)")


def logged(deployed: Deployed) -> "Iterator[str]":
    logs = deployed.aws.session.client("logs", endpoint_url=deployed.aws.endpoint)
    for groups in logs.get_paginator("describe_log_groups").paginate(logGroupNamePrefix="/aws/lambda/"):
        for group in groups["logGroups"]:
            for events in logs.get_paginator("filter_log_events").paginate(logGroupName=group["logGroupName"]):
                yield from (event["message"] for event in events["events"])


def test_the_logs_hold_no_number_no_text_and_no_secret(deployed: Deployed, shop: httpx.Client) -> None:
    key = shop.headers["Authorization"].removeprefix("Bearer ")
    sent = shop.post("messages", json={"to": "13812345676", "text": TEXT}).json()
    deployed.gateway.reply(sent["recipients"][0]["gateway_message_id"], TEXT)
    deployed.deliveries.about(sent["id"], "sms.message.delivered")
    deployed.inbound.about(sent["id"], "sms.inbound.received")
    shop.post("messages", json={"to": "1381234", "text": TEXT})  # refused requests are logged as well
    shop.post("messages", json={"to": "19900000301", "text": TEXT})

    lines = [*logged(deployed), *deployed.places.log("ministack").read_text(encoding="utf-8").splitlines()]

    assert any("eums-bridge" in line for line in lines), "there are no logs to look at"
    for line in lines:
        if line.startswith("{"):  # a function's own; the rest is the emulated AWS's
            assert not NUMBER.search(_without_trace_ids(line)), line
        for secret in ("不得出现", "987654", key, "13812345676"):
            assert secret not in line, line


def _without_trace_ids(line: str) -> str:
    """A log line without ids that are digits by chance."""
    return re.sub(r'"(?:xray_trace_id|timestamp|function_request_id|request_id|correlation_id)":"[^"]*"', "", line)
