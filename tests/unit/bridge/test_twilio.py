"""The door's tables, forms and signatures, held against Twilio's own package where that knows them."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlencode

import pytest
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped] # the package has no types
from twilio.rest.api.v2010.account.message import MessageInstance  # type: ignore[import-untyped] # likewise

from bridge.api.twilio_errors import TwilioRefusal, twilio_problem_of
from bridge.api.twilio_forms import cancels, id_of, key_of, listing_of, order_of, parse_form
from bridge.api.twilio_messages import message_json
from bridge.domain.errors import (
    AccountNotConfigured,
    FieldProblem,
    InvalidRequest,
    NotAllowed,
    NotAuthentic,
    NotCancellable,
    NotFound,
    NotStored,
    OptedOut,
    StillInFlight,
    TooManyRequests,
)
from bridge.domain.messages import Message, Recipient, Rejection, Status
from bridge.domain.twilio import TwilioSend, extension_of, is_account_sid, message_id, message_sid
from bridge.domain.twilio_callbacks import MAX_ORIGINS, endpoint_of, form, request, signature
from bridge.domain.twilio_statuses import _OF_CLASS, STATUSES, UNMAPPED, error_code, error_message
from bridge.services.sending import Order
from eums import ERROR_CLASSES
from tests.fakes.webhooks import endpoint
from tests.fakes.world import NOON

if TYPE_CHECKING:
    from bridge.domain.webhooks import Endpoint

ID = "01JDCKQ3V9T4M3W5Y8Z7N6P2QR"
ACCOUNT = "AC" + "0a" * 16
SEND = TwilioSend(account_sid=ACCOUNT, sender="1234", callback_url="https://shop.example.com/status?order=42")
NUMBER = "+8613812345678"
FORM = {"To": NUMBER, "Body": "【京东】123456"}
TOKEN = "12345"


def event(**data: object) -> str:
    return json.dumps({"data": {"message_id": ID, "to": NUMBER, "status": "delivered", **data}})


def refused(form: Mapping[str, str]) -> int:
    with pytest.raises(TwilioRefusal) as caught:
        order_of(form, ACCOUNT)
    assert caught.value.problem.status == 400
    return caught.value.problem.code


def test_a_message_has_the_sid_of_its_bits() -> None:
    # The ULID's own definition: ten characters of milliseconds, sixteen of chance, five bits each.
    digits = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    bits = "".join(f"{digits.index(character):05b}" for character in ID)
    assert message_sid(ID) == f"SM{int(bits, 2):032x}"
    assert message_id(message_sid(ID)) == ID
    with pytest.raises(ValueError, match="not a ULID"):
        message_sid(ID.lower())


@pytest.mark.parametrize(
    ("sid", "known"),
    [(ACCOUNT, True), ("AC" + "0" * 31, False), ("AC" + "0A" * 16, False), (f"{ACCOUNT}\n", False), ("", False)],
)
def test_an_accounts_sid(sid: str, known: bool) -> None:  # noqa: FBT001 - parametrized
    assert is_account_sid(sid) is known


@pytest.mark.parametrize(
    ("sender", "extension"),
    [
        ("1234", "1234"),
        ("12345678", "12345678"),
        ("123456789", ""),
        ("+15017122661", ""),
        ("15017122661", ""),
        ("ACME", ""),
        ("１２３", ""),
        ("12\n", ""),
        ("", ""),
        (None, ""),
    ],
)
def test_a_from_of_a_few_digits_is_an_extension(sender: str | None, extension: str) -> None:
    assert extension_of(sender) == extension


def test_every_status_has_one_that_twilios_sdk_knows() -> None:
    known = {value for name, value in vars(MessageInstance.Status).items() if name.isupper()}
    assert set(STATUSES) == set(Status)
    assert set(STATUSES.values()) <= known


def test_error_codes_are_those_of_what_failed() -> None:
    assert set(_OF_CLASS) <= ERROR_CLASSES | set(Rejection)
    assert error_code(Status.DELIVERED, None, None) is None
    assert error_code(Status.SUBMITTED, "unreachable", 205) is None
    assert error_code(Status.UNDELIVERED, "unreachable", None) == 30003
    assert error_code(Status.UNDELIVERED, "unclassified", None) == UNMAPPED
    assert error_code(Status.REJECTED, None, 401) == 30007
    assert error_code(Status.REJECTED, None, 999) == UNMAPPED
    assert error_code(Status.REJECTED, None, None) == UNMAPPED
    assert error_code(Status.REJECTED, Rejection.OPTED_OUT, None) == 21610
    codes = {error_code(Status.REJECTED, one, None) for one in _OF_CLASS}
    codes |= {error_code(Status.REJECTED, None, code) for code in range(1000)}
    assert [code for code in codes if code != UNMAPPED and error_message(code) == error_message(UNMAPPED)] == []
    assert error_message(None) is None


def test_the_signature_is_the_one_of_twilios_documentation() -> None:
    # twilio.com/docs/usage/security#validating-requests, whose example this is.
    params = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+14158675309",
        "Digits": "1234",
        "From": "+14158675309",
        "To": "+18005551212",
    }
    fields = list(params.items())[::-1]
    assert signature(TOKEN, "https://mycompany.com/myapp.php?foo=1&bar=2", fields) == "RSOYDt4T1cUTdK1PDd93/VVr8B8="


def test_a_callback_says_what_twilios_says_and_nothing_empty() -> None:
    url, headers, body = request(event(), SEND, TOKEN, "event-1")

    assert url == SEND.callback_url
    assert headers["I-Twilio-Idempotency-Token"] == "event-1"
    fields = dict(parse_qsl(body.decode(), strict_parsing=True, keep_blank_values=True))
    assert fields == {
        "ApiVersion": "2010-04-01",
        "SmsSid": message_sid(ID),
        "SmsStatus": "delivered",
        "MessageSid": message_sid(ID),
        "MessageStatus": "delivered",
        "AccountSid": ACCOUNT,
        "To": NUMBER,
        "From": "1234",
    }
    assert RequestValidator(TOKEN).validate(url, fields, headers["X-Twilio-Signature"])
    without = dict(form(event(), replace(SEND, sender=None)))
    assert "From" not in without
    failed = dict(form(event(status="undelivered", error_class="invalid_number"), SEND))
    assert (failed["ErrorCode"], failed["ErrorMessage"]) == ("30005", "Unknown destination handset")


@pytest.mark.parametrize("body", ["{}", '{"data": {}}', event(message_id=None), event(status="lost")])
def test_what_is_about_no_message_is_no_callback(body: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        form(body, SEND)


def test_one_endpoint_stands_for_each_host_of_an_account() -> None:
    def made(url: str, client: str = "shop", sid: str = ACCOUNT) -> str:
        send = replace(SEND, callback_url=url, account_sid=sid)
        return endpoint_of(client, send, (), NOON).id

    one = made("https://a.example.com/1")
    assert made("https://a.example.com/2?x=y") == one
    assert len({one, *map(made, ("https://b.example.com/1", "https://a.example.com:8443/1"))}) == 3
    assert made("https://a.example.com/1", client="bank") != one
    assert made("https://a.example.com/1", sid="AC" + "1" * 32) != one

    found = endpoint_of("shop", SEND, (), NOON)
    assert (found.url, found.event_types, found.account_sid) == ("https://shop.example.com", (), ACCOUNT)
    failing = replace(found, description="known")
    assert endpoint_of("shop", SEND, (endpoint(), failing), NOON) is failing


def test_hosts_beyond_the_most_share_one_endpoint() -> None:
    known: list[Endpoint] = []
    for number in range(MAX_ORIGINS + 3):
        send = replace(SEND, callback_url=f"https://{number}.example.com/")
        found = endpoint_of("shop", send, known, NOON)
        if found not in known:
            known.append(found)
    assert len(known) == MAX_ORIGINS + 1
    assert known[-1].url == "https://"
    first = replace(SEND, callback_url="https://0.example.com/other")
    assert endpoint_of("shop", first, known, NOON) is known[0]


def test_a_form_is_an_order() -> None:
    body = urlencode({**FORM, "From": "1234", "MessagingServiceSid": "MG" + "0" * 32, "ValidityPeriod": "60"})

    assert order_of(parse_form(body), ACCOUNT) == Order(
        to=("13812345678",),
        text="【京东】123456",
        extension="1234",
        queued=True,
        twilio=TwilioSend(account_sid=ACCOUNT, sender="1234", service_sid="MG" + "0" * 32),
    )


def test_a_time_may_have_any_offset() -> None:
    wanted = datetime(2026, 11, 24, 1, tzinfo=UTC)
    for text in ("2026-11-24T01:00:00Z", "2026-11-24T09:00:00+08:00", "2026-11-24T01:00:00"):
        assert order_of({**FORM, "ScheduleType": "fixed", "SendAt": text}, ACCOUNT).send_at == wanted


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"To": ""}, 21604),
        ({"To": "+15558675310"}, 21211),
        ({"To": "whatsapp:+8613812345678"}, 21211),
        ({"Body": ""}, 21602),
        ({"Body": " \n"}, 21602),
        ({"Body": "短" * 501}, 21617),
        ({"Body": "😀" * 251}, 21617),
        ({"MediaUrl": "https://example.com/a.png"}, 21620),
        ({"SendAsMms": "True"}, 21620),
        ({"ContentSid": "HX" + "0" * 32}, 50526),
        ({"From": "x" * 65}, 21212),
        ({"From": "a\nb"}, 21212),
        ({"MessagingServiceSid": "MG1"}, 21705),
        ({"StatusCallback": "https://example.com/é"}, 21609),
        ({"SendAt": "2026-11-24T01:00:00Z"}, 20001),
        ({"ScheduleType": "whenever", "SendAt": "2026-11-24T01:00:00Z"}, 20001),
        ({"ScheduleType": "fixed"}, 35111),
        ({"ScheduleType": "fixed", "SendAt": "tomorrow"}, 35114),
    ],
)
def test_what_twilio_would_refuse_has_its_number(changes: dict[str, str], code: int) -> None:
    assert refused({**FORM, **changes}) == code


def test_what_is_no_form_is_refused() -> None:
    for body in ("&".join(f"a{n}=1" for n in range(101)), "Body=%ff"):
        with pytest.raises(TwilioRefusal):
            parse_form(body)
    assert parse_form(None) == {}


@pytest.mark.parametrize("form", [{}, {"Status": "cancelled"}, {"Body": ""}])
def test_an_update_can_only_cancel(form: dict[str, str]) -> None:
    cancels({"Status": "canceled"})
    with pytest.raises(TwilioRefusal):
        cancels(form)


def test_either_header_makes_a_repeat_harmless() -> None:
    assert key_of({"i-twilio-idempotency-token": "a", "Idempotency-Key": "b"}) == "a"
    assert key_of({"Idempotency-Key": "b"}) == "b"
    assert key_of({}) is None
    with pytest.raises(InvalidRequest):
        key_of({"I-Twilio-Idempotency-Token": "two words"})


def test_a_path_names_a_message() -> None:
    assert id_of(f"{message_sid(ID)}.json") == ID
    with pytest.raises(TwilioRefusal) as caught:
        id_of("SM1.json")
    assert (caught.value.problem.status, caught.value.problem.code) == (404, 20404)


def test_a_listing_filters_by_number_and_day() -> None:
    listing = listing_of({"To": "+8613812345678", "DateSent": "2026-11-23", "PageSize": "1000", "PageToken": "x"})

    assert listing.filters.to == NUMBER
    assert listing.filters.created_after == datetime(2026, 11, 23, tzinfo=UTC)
    assert listing.filters.created_before == datetime(2026, 11, 24, tzinfo=UTC)
    assert (listing.size, listing.page, listing.cursor) == (100, 0, "x")
    since = listing_of({"DateSent>": "2026-11-23T00:00:00Z", "DateSent<": "2026-11-25"}).filters
    assert (since.created_after, since.created_before) == (
        datetime(2026, 11, 23, tzinfo=UTC),
        datetime(2026, 11, 25, tzinfo=UTC),
    )
    assert listing_of(None).size == 50
    for query in ({"From": "1234"}, {"To": "1"}, {"DateSent": "today"}):
        with pytest.raises(TwilioRefusal):
            listing_of(query)


def test_a_message_is_what_the_sdk_reads() -> None:
    message = Message(
        id=ID,
        client="shop",
        account="default",
        text="【京东】123456",
        recipients=(Recipient(to=NUMBER, status=Status.SUBMITTING),),
        created_at=NOON,
        deadline=NOON,
        twilio=SEND,
    )
    shown = message_json(message, ACCOUNT)

    # What the SDK reads, by its own list of them: each is there, and nothing else is.
    assert {"from_" if name == "from" else name for name in shown} == {
        name for name in vars(MessageInstance(None, {}, ACCOUNT)) if not name.startswith("_")
    }
    assert shown["date_created"] == "Mon, 23 Nov 2026 04:00:00 +0000"
    read = MessageInstance(None, shown, ACCOUNT)
    assert (read.status, read.from_, read.date_created) == ("sending", "1234", NOON.astimezone(UTC))
    assert shown["uri"] == f"/2010-04-01/Accounts/{ACCOUNT}/Messages/{shown['sid']}.json"


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (NotAuthentic(), 401, 20003),
        (NotAllowed("no scope"), 403, 20003),
        (NotFound("none"), 404, 20404),
        (NotCancellable("late"), 409, 30409),
        (OptedOut(message_id=ID), 400, 21610),
        (StillInFlight("first"), 409, 20409),
        (TooManyRequests("wait", retry_after=1), 429, 20429),
        (NotStored("store"), 503, 20503),
        (AccountNotConfigured("account"), 500, 20500),
        (ValueError("bug"), 500, 20500),
        (InvalidRequest((FieldProblem("to[0]", "is wrong", 104),)), 400, 21211),
        (InvalidRequest((FieldProblem("text", "is too long", 109),)), 400, 21617),
        (InvalidRequest((FieldProblem("text", "is blank", 105),)), 400, 21602),
        (InvalidRequest((FieldProblem("extension", "is wrong", 108),)), 400, 21212),
        (InvalidRequest((FieldProblem("status_callback", "is private"),)), 400, 21609),
        (InvalidRequest((FieldProblem("send_at", "is past"),)), 400, 35114),
        (InvalidRequest((FieldProblem("Idempotency-Key", "is used"),)), 400, 20001),
    ],
)
def test_an_error_is_said_in_twilios_words(error: Exception, status: int, code: int) -> None:
    body: dict[str, Any] = twilio_problem_of(error).body()

    # With a `type` or a `title` the SDK takes it for another kind of error: `twilio.base.version`.
    assert set(body) == {"code", "message", "more_info", "status"}
    assert (body["status"], body["code"]) == (status, code)
    assert body["more_info"] == f"https://www.twilio.com/docs/errors/{code}"
    assert body["message"]
    if code == 20500:
        assert str(error) not in body["message"]
