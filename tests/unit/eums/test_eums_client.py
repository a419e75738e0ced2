from __future__ import annotations

import json
import logging
from dataclasses import replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

import httpx
import pytest

import eums
from eums import Account, Ambiguous, Call, Client, Malformed, NotSent, Refused, Reply, Submit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

ACCOUNT = Account(base_url="http://gateway.test:8080", name="test", password="123456")
SUBMIT = Submit(("13812345678",), "【京东】您的验证码是123456", reference="01JD")
NOW = datetime(2026, 11, 23, 5, 9, 0, tzinfo=UTC)
ACCEPTED = b'{"code":0,"data":[{"dest_number":"13812345678","message_id":"0603","charge_item":1}]}'


class Gateway:
    """Answers every request alike, and keeps what it was asked."""

    def __init__(self, answer: httpx.Response | bytes | Exception) -> None:
        self.answer = answer
        self.requests: list[httpx.Request] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        if isinstance(self.answer, Exception):
            raise self.answer
        return httpx.Response(200, content=self.answer) if isinstance(self.answer, bytes) else self.answer


def client(gateway: Gateway, account: Account = ACCOUNT) -> Client:
    return Client(account, http=httpx.Client(transport=httpx.MockTransport(gateway)), clock=lambda: NOW)


class Chunks(httpx.SyncByteStream):
    """A body that ends in an error."""

    def __init__(self, *chunks: bytes, error: Exception | None = None) -> None:
        self.chunks = chunks
        self.error = error

    def __iter__(self) -> Iterator[bytes]:
        yield from self.chunks
        if self.error is not None:
            raise self.error


CALLS: list[Callable[[Client], object]] = [
    lambda client: client.send(SUBMIT),
    lambda client: client.report(),
    lambda client: client.mo(),
    lambda client: client.balance(),
    lambda client: client.statistic_app(date(2021, 2, 3), date(2021, 2, 4)),
    lambda client: client.pull(Call.REPORT),
]


def test_a_post_is_a_form_in_utf_8() -> None:
    gateway = Gateway(ACCEPTED)

    accepted = client(gateway).send(SUBMIT)

    (request,) = gateway.requests
    assert accepted == (eums.Accepted("13812345678", "0603", 1),)
    assert request.method == "POST"
    assert str(request.url) == "http://gateway.test:8080/eums/sms/utf8/json/send.do"
    assert request.headers["content-type"] == "application/x-www-form-urlencoded; charset=UTF-8"
    assert request.headers["accept-encoding"] == "identity"
    expected = eums.build_request(ACCOUNT, Call.SEND, NOW, submit=SUBMIT)
    assert request.content == expected.body
    assert tuple(parse_qsl(request.content.decode())) == expected.fields


def test_a_get_has_everything_in_its_query_unchanged() -> None:
    gateway = Gateway(ACCEPTED)
    account = replace(ACCOUNT, method="GET")
    awkward = replace(SUBMIT, content="a b+c%20&d=好/😀;~'\"#?")

    client(gateway, account).send(awkward)

    (request,) = gateway.requests
    expected = eums.build_request(account, Call.SEND, NOW, submit=awkward)
    assert request.method == "GET"
    assert request.content == b""
    assert "content-type" not in request.headers
    assert request.url.query == expected.query.encode()
    assert tuple(parse_qsl(request.url.query.decode())) == expected.fields


def test_each_call_reads_its_answer() -> None:
    report = b'{"code":0,"data":[{"message_id":"1","dest_number":"2","report_status":"DELIVRD"}]}'
    day = b'{"code":0,"data":[{"date":"20210203","submit":1,"delivrd":1,"undeliv":0,"unknown":0}]}'
    inbound = b'{"code":0,"data":[{"dest":"1069","src":"138","content":"hi"}]}'

    assert client(Gateway(report)).report().records[0].message_id == "1"
    assert client(Gateway(inbound)).mo().records[0].text == "hi"
    assert client(Gateway(b'{"code":0,"balance_item":7}')).balance() == 7
    start, end = date(2021, 2, 3), date(2021, 2, 28)
    gateway = Gateway(day)
    assert client(gateway).statistic_app(start, end) == (eums.DayStatistics(start, 1, 1, 0, 0),)
    assert dict(parse_qsl(gateway.requests[0].content.decode()))["end_date"] == "20210228"


def test_the_clock_is_read_once_a_request() -> None:
    readings: list[datetime] = []

    def clock() -> datetime:
        readings.append(NOW)
        return NOW

    http = httpx.Client(transport=httpx.MockTransport(Gateway(b'{"code":0}')))
    Client(ACCOUNT, http=http, clock=clock).report()

    assert readings == [NOW]


def test_what_cannot_be_right_is_not_sent() -> None:
    gateway = Gateway(b"")

    with pytest.raises(eums.InvalidSubmit):
        client(gateway).send(replace(SUBMIT, content=""))
    with pytest.raises(eums.InvalidRequest):
        client(gateway).statistic_app(date(2021, 2, 3), date(2021, 2, 2))
    for call in (Call.SEND, Call.STATISTICS):
        with pytest.raises(eums.InvalidRequest):
            client(gateway).pull(call)
    assert gateway.requests == []


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    "error",
    [
        httpx.ConnectError("[Errno 111] Connection refused: 13812345678"),
        httpx.ConnectTimeout("timed out"),
        httpx.PoolTimeout("busy"),
        httpx.UnsupportedProtocol("x"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_nothing_was_sent(call: Callable[[Client], object], error: Exception) -> None:
    gateway = Gateway(error)

    with pytest.raises(NotSent) as raised:
        call(client(gateway))

    assert raised.value.__cause__ is error
    assert "13812345678" not in str(raised.value)
    assert len(gateway.requests) == 1


@pytest.mark.parametrize("call", CALLS)
@pytest.mark.parametrize(
    "error",
    [
        httpx.ReadTimeout("13812345678"),
        httpx.WriteTimeout("x"),
        httpx.ReadError("x"),
        httpx.WriteError("x"),
        httpx.CloseError("x"),
        httpx.RemoteProtocolError("illegal header line: 13812345678"),
        httpx.LocalProtocolError("x"),
        httpx.ProxyError("x"),
        httpx.DecodingError("x"),
        OSError("x"),
        RuntimeError("Cannot send a request, as the client has been closed."),
    ],
    ids=lambda error: type(error).__name__,
)
def test_nobody_knows_and_nothing_is_sent_again(call: Callable[[Client], object], error: Exception) -> None:
    gateway = Gateway(error)

    with pytest.raises(Ambiguous) as raised:
        call(client(gateway))

    assert not isinstance(raised.value, Malformed)
    assert raised.value.__cause__ is error
    assert "13812345678" not in str(raised.value)
    assert len(gateway.requests) == 1


@pytest.mark.parametrize("status", [201, 302, 400, 404, 429, 500, 502, 503])
@pytest.mark.parametrize("body", [b'{"code":0,"data":[]}', b'{"code":107}', b"<html>", b""])
def test_a_submit_that_is_answered_with_an_http_error_is_open(status: int, body: bytes) -> None:
    with pytest.raises(Ambiguous) as error:
        client(Gateway(httpx.Response(status, content=body, headers={"location": "http://evil.test/"}))).send(SUBMIT)

    assert error.value.http_status == status
    assert error.value.raw == body


@pytest.mark.parametrize("call", CALLS[1:-1])
def test_a_query_that_is_answered_with_an_http_error_is_malformed(call: Callable[[Client], object]) -> None:
    gateway = Gateway(httpx.Response(302, content=b'{"code":0}', headers={"location": "http://evil.test/"}))

    with pytest.raises(Malformed) as error:
        call(client(gateway))

    assert error.value.http_status == 302
    assert error.value.raw == b'{"code":0}'
    assert len(gateway.requests) == 1


def test_a_refusal_is_a_refusal() -> None:
    with pytest.raises(Refused) as error:
        client(Gateway(b'{"code":205}')).send(SUBMIT)

    assert error.value.code.fault is eums.Fault.FUNDS
    assert error.value.call is Call.SEND


def test_a_pull_returns_whatever_came() -> None:
    response = httpx.Response(503, content=b"\x00\xff<html>", headers=[("X-A", "1"), ("x-a", "2")])

    reply = client(Gateway(response)).pull(Call.MO)

    assert reply == Reply(503, (("x-a", "1"), ("x-a", "2"), ("content-length", "8")), b"\x00\xff<html>")
    assert "html" not in repr(reply)


@pytest.mark.parametrize("error", [httpx.ReadError("x"), httpx.ReadTimeout("x"), httpx.RemoteProtocolError("x")])
def test_a_body_that_breaks_off_is_kept_as_far_as_it_came(error: Exception) -> None:
    record = b'{"message_id":"1","dest_number":"2","report_status":"DELIVRD"}'
    stream = Chunks(b'{"code":0,"da', b'ta":[' + record + b',{"mess', error=error)

    reply = client(Gateway(httpx.Response(200, stream=stream))).pull(Call.REPORT)
    assert reply == Reply(200, (), b'{"code":0,"data":[' + record + b',{"mess', cut=True)

    page = client(Gateway(httpx.Response(200, stream=stream))).report()
    assert [report.message_id for report in page.records] == ["1"]
    assert page.cut


def test_a_body_that_is_shorter_than_it_says_is_cut() -> None:
    def pull(length: str) -> Reply:
        response = httpx.Response(200, stream=Chunks(b"12345"), headers={"content-length": length})
        return client(Gateway(response)).pull(Call.REPORT)

    assert pull("6").cut
    assert not pull("5").cut
    assert not pull("five").cut


def test_a_body_without_end_is_cut_at_the_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("eums.client._LARGEST", 10)
    endless = Chunks(b"123456", b"123456", error=AssertionError("read beyond the limit"))

    reply = client(Gateway(httpx.Response(200, stream=endless))).pull(Call.REPORT)

    assert (reply.body, reply.cut) == (b"1234561234", True)


def test_a_submit_whose_answer_is_whole_counts_even_if_the_connection_breaks_behind_it() -> None:
    whole = httpx.Response(200, stream=Chunks(ACCEPTED, error=httpx.ReadError("x")))
    half = httpx.Response(200, stream=Chunks(ACCEPTED[:-9], error=httpx.ReadError("x")))

    assert len(client(Gateway(whole)).send(SUBMIT)) == 1
    with pytest.raises(Malformed) as error:
        client(Gateway(half)).send(SUBMIT)
    assert error.value.raw == ACCEPTED[:-9]


def test_a_query_too_long_for_an_address_is_not_sent() -> None:
    # Allowed by the account's settings, but no address holds it.
    account = replace(ACCOUNT, method="GET", get_recipients=100_000)
    many = replace(SUBMIT, dest=tuple(f"138{number:08}" for number in range(6_000)))

    with pytest.raises(NotSent):
        client(Gateway(b""), account).send(many)


def test_the_time_outs_are_the_accounts_even_on_a_client_that_was_handed_in() -> None:
    gateway = Gateway(b'{"code":0}')

    client(gateway, replace(ACCOUNT, connect_timeout=1, read_timeout=2, write_timeout=3)).report()

    assert gateway.requests[0].extensions["timeout"] == {"connect": 1, "read": 2, "write": 3, "pool": 1}


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_no_log_shows_a_number_a_text_or_a_key(method: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    gateway = Gateway(ACCEPTED)
    account = Account(base_url="http://gateway.test", name="test", password="123456", method=method)  # type: ignore[arg-type]  # of a table

    client(gateway, account).send(SUBMIT)

    lines = [record.getMessage() for record in caplog.records if record.name == "httpx"]
    assert lines == [f'HTTP Request: {method} http://gateway.test/eums/sms/utf8/json/send.do "HTTP/1.1 200 OK"']


def test_the_log_of_others_is_left_alone(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    http = httpx.Client(transport=httpx.MockTransport(Gateway(b"")))
    Client(ACCOUNT, http=http)

    http.get("http://other.test/page?a=1")

    assert "http://other.test/page?a=1" in caplog.text
    filters = logging.getLogger("httpx").filters
    Client(ACCOUNT, http=http)
    assert logging.getLogger("httpx").filters == filters


def test_a_closed_client_sends_nothing_and_a_borrowed_one_stays_open() -> None:
    gateway = Gateway(b'{"code":0}')
    http = httpx.Client(transport=httpx.MockTransport(gateway))
    with Client(ACCOUNT, http=http) as closing:
        closing.report()

    with pytest.raises(NotSent, match="closed"):
        closing.report()
    assert not http.is_closed
    lasting = Client(ACCOUNT, http=http)
    http.close()
    with pytest.raises(NotSent, match="closed"):
        lasting.report()
    assert len(gateway.requests) == 1


def test_the_repr_shows_no_secret() -> None:
    assert "123456" not in repr(client(Gateway(b"")))


def test_cookies_are_neither_kept_nor_sent_and_no_redirect_is_followed(monkeypatch: pytest.MonkeyPatch) -> None:
    headers = {"set-cookie": "session=1", "location": "http://other.test/"}
    gateway = Gateway(httpx.Response(302, content=json.dumps({"code": 0}), headers=headers))
    monkeypatch.setattr("eums.client._transport", lambda _: httpx.MockTransport(gateway))

    with Client(ACCOUNT) as own:
        answers = [own.pull(Call.REPORT) for _ in range(2)]

    assert [answer.status for answer in answers] == [302, 302]
    assert ["cookie" in request.headers for request in gateway.requests] == [False, False]
