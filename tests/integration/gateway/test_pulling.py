from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from local.gateway import EmptyStyle, Gateway, ManualClock
from tests.integration.gateway.plain_client import PlainClient


def test_a_report_comes_after_the_delay_and_once(any_client: PlainClient, clock: ManualClock) -> None:
    (message,) = any_client.send("13812345678", reference="order-42")["data"]
    clock.advance(4.999)
    assert any_client.reports() == {"code": 0, "data": []}
    clock.advance(0.001)
    assert any_client.reports() == {
        "code": 0,
        "data": [
            {
                "message_id": message["message_id"],
                "dest_number": "13812345678",
                "report_status": "DELIVRD",
                "report_time": "2013-08-06 10:20:35",
                "reference": "order-42",
            }
        ],
    }
    assert any_client.reports() == {"code": 0, "data": []}


def test_without_a_reference_the_report_has_an_empty_one(client: PlainClient, gateway: Gateway) -> None:
    client.send("13812345678")
    gateway.make_reports_due()
    assert client.reports()["data"][0]["reference"] == ""


def test_pages(client: PlainClient, gateway: Gateway) -> None:
    numbers = [str(13800000000 + ordinal) for ordinal in range(250)]
    client.send(*numbers)
    assert gateway.make_reports_due() == 250
    pages = [[record["dest_number"] for record in client.reports()["data"]] for _ in range(4)]
    assert [len(page) for page in pages] == [100, 100, 50, 0]
    assert [number for page in pages for number in page] == numbers
    gateway.configure(mo_page_size=2)
    for text in ("一", "二", "三"):
        gateway.inject_mo("13812345678", text)
    assert [[mo["content"] for mo in client.mos()["data"]] for _ in range(3)] == [["一", "二"], ["三"], []]


def test_concurrent_pulls_never_share_a_record(client: PlainClient, gateway: Gateway) -> None:
    numbers = [str(13800000000 + ordinal) for ordinal in range(1000)]
    client.send(*numbers)
    gateway.make_reports_due()
    gateway.configure(report_page_size=7)
    with ThreadPoolExecutor(16) as pool:
        pages = list(pool.map(lambda _: client.reports()["data"], range(160)))
    pulled = [record["dest_number"] for page in pages for record in page]
    assert sorted(pulled) == numbers


def test_accounts_do_not_see_each_other(client: PlainClient, gateway: Gateway) -> None:
    client.send("13812345678")
    gateway.inject_mo("13812345678", "好的")
    gateway.make_reports_due()
    other = client.but(name="old")
    assert other.reports()["data"] == []
    assert other.mos()["data"] == []
    assert len(client.reports()["data"]) == 1
    assert len(client.mos()["data"]) == 1


@pytest.mark.parametrize(
    ("style", "answer"),
    [
        (EmptyStyle.LIST, {"code": 0, "data": []}),
        (EmptyStyle.MISSING, {"code": 0}),
        (EmptyStyle.NULL, {"code": 0, "data": None}),
        (EmptyStyle.CODE, {"code": 130}),
    ],
)
def test_empty_pulls(any_client: PlainClient, gateway: Gateway, style: EmptyStyle, answer: Any) -> None:
    gateway.configure(empty=style)
    assert any_client.reports() == answer
    assert any_client.mos() == answer


def test_the_printed_mo(any_client: PlainClient, gateway: Gateway) -> None:
    gateway.inject_mo("13812345678", "好的", sign="京东")
    assert any_client.mos() == {
        "code": 0,
        "data": [
            {
                "dest": "1069012345678",
                "src": "13812345678",
                "content": "好的",
                "receive_time": "2013-08-06 10:20:30",
                "binary_content": "WX12hA==",
                "msg_fmt": 8,
                "reference": "",
                "sign": "京东",
            }
        ],
    }
    assert any_client.mos() == {"code": 0, "data": []}


def test_the_handset_answers(client: PlainClient, gateway: Gateway) -> None:
    (message,) = client.send("13812345678", content="您好【京东】", ext="12", reference="order-42")["data"]
    gateway.reply(message["message_id"], "收到", msg_fmt=15)
    (mo,) = client.mos()["data"]
    assert mo["dest"] == "106901234567812"
    assert mo["src"] == "13812345678"
    assert mo["reference"] == "order-42"
    assert mo["sign"] == "京东"
    assert mo["msg_fmt"] == 15
    assert mo["binary_content"] == "ytW1vQ=="


def test_one_message_id_for_all_numbers(client: PlainClient, gateway: Gateway) -> None:
    gateway.configure(shared_message_id=True)
    sent = client.send("13812345678", "13800001234")["data"]
    gateway.make_reports_due()
    reports = client.reports()["data"]
    assert {record["message_id"] for record in sent + reports} == {sent[0]["message_id"]}
    assert [record["dest_number"] for record in reports] == ["13812345678", "13800001234"]
    with pytest.raises(LookupError):
        gateway.reply(sent[0]["message_id"], "好")
    assert gateway.reply(sent[0]["message_id"], "好", dest_number="13800001234").src == "13800001234"


def test_message_ids_never_repeat(client: PlainClient, gateway: Gateway) -> None:
    numbers = [str(13800000000 + ordinal) for ordinal in range(1000)]
    first = [record["message_id"] for record in client.send(*numbers)["data"]]
    gateway.reset()
    second = [record["message_id"] for record in client.send(*numbers)["data"]]
    assert len(set(first + second)) == 2000


def test_a_minimum_interval_between_pulls(client: PlainClient, gateway: Gateway, clock: ManualClock) -> None:
    gateway.configure(pull_interval=10)
    assert client.reports()["code"] == 0
    assert client.mos()["code"] == 0  # a kind of its own
    clock.advance(9)
    assert client.reports() == {"code": 131}
    clock.advance(1)
    assert client.reports()["code"] == 0


def test_statistics_add_up(any_client: PlainClient, gateway: Gateway, clock: ManualClock) -> None:
    any_client.send("13812345678", "13812345679", "19900001000", "19900002000", "19900002005")
    row = {"date": "20130806", "submit": 5, "delivrd": 0, "undeliv": 0, "unknown": 5}
    dates = {"start_date": "20130806", "end_date": "20130807"}
    assert any_client.call("statistic_app", **dates) == {"code": 0, "data": [row]}
    clock.advance(5)
    # The number that was only accepted so far is still unknown.
    row |= {"delivrd": 2, "undeliv": 1, "unknown": 2}
    assert any_client.call("statistic_app", **dates)["data"] == [row]
    clock.advance(24 * 3600)
    tomorrow = any_client.but(seed="20130807102035")
    tomorrow.send("13812345678")
    gateway.make_reports_due()
    assert tomorrow.call("statistic_app", **dates)["data"] == [
        row | {"delivrd": 3, "unknown": 1},
        {"date": "20130807", "submit": 1, "delivrd": 1, "undeliv": 0, "unknown": 0},
    ]


def test_statistics_three_times_a_minute(any_client: PlainClient, clock: ManualClock) -> None:
    any_client.send("13812345678")
    dates = {"start_date": "20130806", "end_date": "20130806"}
    codes = []
    for _ in range(3):
        codes.append(any_client.call("statistic_app", **dates)["code"])
        clock.advance(10)
    codes += [any_client.call("statistic_app", **dates)["code"] for _ in range(2)]
    clock.advance(29.999)
    codes.append(any_client.call("statistic_app", **dates)["code"])
    clock.advance(0.001)  # the first call is a minute ago, the second is not
    codes += [any_client.call("statistic_app", **dates)["code"] for _ in range(2)]
    assert codes == [0, 0, 0, 131, 131, 131, 0, 131]
    # Another account, and another call, have nothing to do with it.
    assert any_client.but(name="old", version=1).call("statistic_app", **dates)["code"] == 130
    assert any_client.call("balance")["code"] == 0
