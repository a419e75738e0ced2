"""Every number of the table does what the table says."""

from typing import Any

import pytest

from local.gateway import Gateway, ManualClock
from local.gateway.magic import MAGIC
from tests.integration.gateway.plain_client import PlainClient


def statuses(client: PlainClient) -> list[str]:
    return [record["report_status"] for record in client.reports()["data"]]


UNDELIVERED = [
    "UNDELIV", "EXPIRED", "REJECTD", "MK:0001", "MK:0012", "MI:0010", "BLACK", "KEYWORD", "DISTURB", "NOROUTE",
    "SIGNERR", "DB:0141", "CU12", "SGIP:2", "12", "mk:0001", "2_12", "MK00013", "DELETED", "XYZ:9999",
]  # fmt: skip


@pytest.mark.parametrize(("ordinal", "status"), list(enumerate(UNDELIVERED)))
def test_undelivered(client: PlainClient, clock: ManualClock, ordinal: int, status: str) -> None:
    assert client.send(f"1990000{1000 + ordinal}")["data"][0]["charge_item"] == 1
    clock.advance(5)
    assert statuses(client) == [status]


@pytest.mark.parametrize(
    ("number", "timeline"),
    [
        ("19900002000", {5: [], 10: [], 86400: []}),
        ("19900002001", {5: [], 599: [], 600: ["DELIVRD"]}),
        ("19900002002", {4: [], 5: ["DELIVRD"], 9: [], 10: ["DELIVRD"], 600: []}),
        ("19900002003", {5: ["DELIVRD"], 10: ["UNDELIV"], 600: []}),
        ("19900002004", {5: ["UNDELIV"], 10: ["DELIVRD"], 600: []}),
        ("19900002005", {5: ["ACCEPTD"], 10: ["DELIVRD"], 600: []}),
        ("19900002006", {5: ["UNKNOWN"], 10: [], 600: []}),
        ("19900002009", {0: ["DELIVRD"], 5: []}),
        ("19900004000", {5: ["DELIVRD"], 10: []}),
        ("19900009999", {4: [], 5: ["DELIVRD"], 10: []}),
    ],
)
def test_timelines(client: PlainClient, clock: ManualClock, number: str, timeline: dict[int, list[str]]) -> None:
    client.send(number)
    passed = 0
    for second, expected in timeline.items():
        clock.advance(second - passed)
        passed = second
        # Time has passed, so the pulls carry the time of now.
        pull = client.but(seed=clock().strftime("%Y%m%d%H%M%S"))
        assert statuses(pull) == expected, second


def test_references_of_reports(client: PlainClient, gateway: Gateway) -> None:
    client.send("19900002007", "19900002008", reference="order-42")
    gateway.make_reports_due()
    null, absent = client.reports()["data"]
    assert null["reference"] is None
    assert "reference" not in absent


@pytest.mark.parametrize(
    ("number", "text", "binary"),
    [
        ("19900003000", "好的", {"msg_fmt": 8, "binary_content": "WX12hA=="}),
        ("19900003001", "TD", {"msg_fmt": 8, "binary_content": "AFQARA=="}),
        ("19900003002", "收到", {"msg_fmt": 15, "binary_content": "ytW1vQ=="}),
        ("19900003003", "收到", {}),
    ],
)
def test_replies(client: PlainClient, clock: ManualClock, number: str, text: str, binary: dict[str, Any]) -> None:
    client.send(number, ext="12", reference="order-42")
    clock.advance(9.999)
    assert statuses(client) == ["DELIVRD"]
    assert client.mos()["data"] == []
    clock.advance(0.001)
    assert client.mos()["data"] == [
        {
            "dest": "106901234567812",
            "src": number,
            "content": text,
            "receive_time": "2013-08-06 10:20:40",
            "reference": "order-42",
            "sign": "京东",
        }
        | binary
    ]
    assert client.mos()["data"] == []


@pytest.mark.parametrize(
    "code",
    [*range(101, 117), *range(121, 127), 131, *range(201, 207), *range(301, 310), 401, 500, 999],
)
def test_refusals_of_the_whole_submit(client: PlainClient, gateway: Gateway, code: int) -> None:
    assert client.send("13812345678", f"19900000{code}") == {"code": code}
    assert gateway.submits() == []
    assert gateway.balance() == 100_000


def test_refusals_are_encrypted_too(any_client: PlainClient) -> None:
    assert any_client.send("19900000305") == {"code": 305}


def test_left_out_of_the_response(client: PlainClient, gateway: Gateway) -> None:
    answer = client.send("19900004000", "13812345678")
    assert [record["dest_number"] for record in answer["data"]] == ["13812345678"]
    (submit,) = gateway.submits()
    assert [message.dest_number for message in submit.messages] == ["19900004000", "13812345678"]
    assert gateway.balance() == 99_998
    assert client.send("19900004000") == {"code": 0, "data": []}


def test_taken_for_invalid(client: PlainClient, gateway: Gateway) -> None:
    answer = client.send("19900004001", "13812345678")
    assert [record["dest_number"] for record in answer["data"]] == ["13812345678"]
    assert gateway.balance() == 99_999
    assert gateway.make_reports_due() == 1
    assert client.send("19900004001") == {"code": 104}


def test_charged_differently(client: PlainClient, gateway: Gateway) -> None:
    assert [record["charge_item"] for record in client.send("19900004002", "13812345678")["data"]] == [2, 1]
    assert gateway.balance() == 99_997


def test_no_number_of_the_table_is_without_a_test() -> None:
    tested = {f"1990000{1000 + ordinal}" for ordinal in range(len(UNDELIVERED))}
    tested |= {f"1990000{number}" for number in (*range(2000, 2010), *range(3000, 3004), *range(4000, 4003))}
    assert set(MAGIC) == tested
