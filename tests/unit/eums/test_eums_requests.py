from __future__ import annotations

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from urllib.parse import parse_qsl
from zoneinfo import ZoneInfo

import pytest

import eums
from eums import Account, Call, InvalidRequest, InvalidSubmit, Submit, build_request, check_dates, check_submit

NOW = datetime(2026, 11, 23, 5, 9, 0, tzinfo=UTC)
ACCOUNT = Account(base_url="http://gateway.test", name="test&co", password="123456")
GOOD = Submit(("13812345678",), "【京东】您的验证码是123456")


def test_the_seed_is_the_gateways_wall_clock_whatever_zone_the_time_came_in() -> None:
    shanghai = ZoneInfo("Asia/Shanghai")

    assert eums.format_seed(NOW, shanghai) == "20261123130900"
    assert eums.format_seed(NOW.astimezone(timezone(timedelta(hours=-8))), shanghai) == "20261123130900"
    assert eums.format_seed(datetime(26, 1, 2, 3, 4, 5, tzinfo=UTC), UTC) == "00260102030405"


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        eums.format_seed(datetime(2026, 11, 23), UTC)  # noqa: DTZ001 - the very thing


def test_a_submit_is_compact_json_in_order_and_signed_as_sent() -> None:
    submit = Submit(("13812345678", "13912345678"), "a b+c&d=好\n\"'/😀", ext="12", reference="01JD")

    request = build_request(ACCOUNT, Call.SEND, NOW, submit=submit)

    data = '{"dest":"13812345678,13912345678","content":"a b+c&d=好\\n\\"\'/😀","ext":"12","reference":"01JD"}'
    assert request.fields == (
        ("name", "test&co"),
        ("seed", "20261123130900"),
        ("key", eums.sign(ACCOUNT.password_digest, "20261123130900", data)),
        ("ver", "1"),
        ("data", data),
    )
    assert request.method == "POST"
    assert request.query == ""
    assert tuple(parse_qsl(request.body.decode("ascii"), strict_parsing=True)) == request.fields


def test_empty_fields_are_left_out() -> None:
    data = dict(build_request(ACCOUNT, Call.SEND, NOW, submit=GOOD).fields)["data"]

    assert list(json.loads(data)) == ["dest", "content"]


def test_an_encrypted_submit_signs_the_hex() -> None:
    account = replace(ACCOUNT, version=17, aes_key="0123456789abcdef")

    fields = dict(build_request(account, Call.SEND, NOW, submit=GOOD).fields)

    plain = eums.decrypt_hex(fields["data"], b"0123456789abcdef").decode()
    assert json.loads(plain) == {"dest": "13812345678", "content": GOOD.content}
    assert fields["ver"] == "17"
    assert fields["key"] == eums.sign(account.password_digest, fields["seed"], fields["data"])


def test_by_get_everything_is_in_the_query() -> None:
    request = build_request(replace(ACCOUNT, method="GET"), Call.SEND, NOW, submit=GOOD)

    assert request.body == b""
    assert tuple(parse_qsl(request.query, strict_parsing=True)) == request.fields


def test_the_repr_of_a_request_shows_no_text() -> None:
    request = build_request(replace(ACCOUNT, method="GET"), Call.SEND, NOW, submit=GOOD)

    assert repr(request) == "Request(method='GET', url='http://gateway.test/eums/sms/utf8/json/send.do')"


def test_an_arguments_of_another_call_is_refused() -> None:
    day = date(2021, 2, 3)
    wrong: list[tuple[Call, dict[str, Any]]] = [
        (Call.SEND, {}),
        (Call.REPORT, {"submit": GOOD}),
        (Call.MO, {"start": day}),
        (Call.SEND, {"submit": GOOD, "end": day}),
        (Call.STATISTICS, {"start": day}),
        (Call.STATISTICS, {"end": day}),
    ]
    for call, arguments in wrong:
        with pytest.raises(InvalidRequest):
            build_request(ACCOUNT, call, NOW, **arguments)


@pytest.mark.parametrize(
    "submit",
    [
        GOOD,
        replace(GOOD, content="字" * 500),
        replace(GOOD, content="😀" * 250),
        replace(GOOD, ext="1" * 20),
        replace(GOOD, reference="r" * 50),
        replace(GOOD, dest=tuple(f"138{number:08}" for number in range(1000))),
        replace(GOOD, dest=("13000000000", "19999999999")),
    ],
)
def test_submits_that_may_be_sent(submit: Submit) -> None:
    check_submit(ACCOUNT, submit)


@pytest.mark.parametrize(
    ("field", "submit"),
    [
        ("content", replace(GOOD, content="")),
        ("content", replace(GOOD, content=" \u3000\n")),
        ("content", replace(GOOD, content="字" * 501)),
        ("content", replace(GOOD, content="😀" * 250 + "x")),
        ("content", replace(GOOD, content="half \ud83d")),
        ("reference", replace(GOOD, reference="a,b")),
        ("reference", replace(GOOD, reference="a;b")),
        ("reference", replace(GOOD, reference="r" * 51)),
        ("reference", replace(GOOD, reference="😀" * 26)),
        ("reference", replace(GOOD, reference="\udc00")),
        ("ext", replace(GOOD, ext="12a")),
        ("ext", replace(GOOD, ext="١٢")),
        ("ext", replace(GOOD, ext="1" * 21)),
        ("dest", replace(GOOD, dest=())),
        ("dest", replace(GOOD, dest=("12812345678",))),
        ("dest", replace(GOOD, dest=("1381234567",))),
        ("dest", replace(GOOD, dest=("138123456789",))),
        ("dest", replace(GOOD, dest=("+8613812345678",))),
        ("dest", replace(GOOD, dest=("1381234567８",))),
        ("dest", replace(GOOD, dest=("13812345678\n",))),
        ("dest", replace(GOOD, dest=("13812345678,13912345678",))),
        ("dest", replace(GOOD, dest=("13812345678", "13912345678", "13812345678"))),
        ("dest", replace(GOOD, dest=tuple(f"138{number:08}" for number in range(1001)))),
    ],
)
def test_submits_that_could_only_be_refused(field: str, submit: Submit) -> None:
    with pytest.raises(InvalidSubmit) as error:
        build_request(ACCOUNT, Call.SEND, NOW, submit=submit)

    assert error.value.field == field
    assert "13812345678" not in str(error.value)
    assert submit.content not in str(error.value) or not submit.content.strip()


NUMBER = GOOD.dest[0]


@pytest.mark.parametrize(
    ("code", "submit"),
    [
        (104, replace(GOOD, dest=())),
        (104, replace(GOOD, dest=("12812345678",))),
        (105, replace(GOOD, content="")),
        (105, replace(GOOD, content=" \u3000\n")),
        (108, replace(GOOD, ext="12a")),
        (108, replace(GOOD, ext="1" * 21)),
        (109, replace(GOOD, content="字" * 501)),
        (109, replace(GOOD, content="😀" * 250 + "x")),
        # 响应错误码 lists nothing for these.
        (None, replace(GOOD, dest=tuple(f"138{number:08}" for number in range(1001)))),
        (None, replace(GOOD, dest=(NUMBER, NUMBER))),
        (None, replace(GOOD, content="half \ud83d")),
        (None, replace(GOOD, reference="a,b")),
        (None, replace(GOOD, reference="r" * 51)),
    ],
)
def test_what_could_only_be_refused_names_the_code_that_would_refuse_it(code: int | None, submit: Submit) -> None:
    with pytest.raises(InvalidSubmit) as error:
        check_submit(ACCOUNT, submit)

    assert error.value.code == code
    assert error.value.further == ()


def test_everything_that_is_wrong_is_named_at_once() -> None:
    wrong = Submit(("12812345678", NUMBER, "x", NUMBER), "字" * 501, ext="12a", reference="a,b" * 20)

    with pytest.raises(InvalidSubmit) as error:
        check_submit(ACCOUNT, wrong)

    assert [(each.field, each.code, each.index) for each in (error.value, *error.value.further)] == [
        ("dest", 104, 0),
        ("dest", 104, 2),
        ("dest", None, 3),
        ("content", 109, None),
        ("ext", 108, None),
        ("reference", None, None),
        ("reference", None, None),
    ]
    assert str(error.value) == "dest: number 1 of 4 is no mainland mobile of 11 digits"


def test_the_number_of_numbers_follows_the_method() -> None:
    fifty_one = replace(GOOD, dest=tuple(f"138{number:08}" for number in range(51)))

    check_submit(ACCOUNT, fifty_one)
    with pytest.raises(InvalidSubmit, match="dest: has 51 numbers, more than 50"):
        check_submit(replace(ACCOUNT, method="GET"), fifty_one)


def test_at_most_31_days_both_ends_counted() -> None:
    check_dates(date(2021, 1, 1), date(2021, 1, 1))
    check_dates(date(2021, 1, 1), date(2021, 1, 31))
    with pytest.raises(InvalidRequest, match="end_date"):
        check_dates(date(2021, 1, 1), date(2021, 2, 1))
    with pytest.raises(InvalidRequest, match="end_date"):
        check_dates(date(2021, 1, 2), date(2021, 1, 1))
