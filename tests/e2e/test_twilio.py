"""The Twilio-shaped door of the deployed stack, tried with Twilio's own SDK and nothing of ours between."""

import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from twilio.base.exceptions import TwilioRestException  # type: ignore[import-untyped] # the package has no types
from twilio.request_validator import RequestValidator  # type: ignore[import-untyped] # likewise
from twilio.rest import Client as Twilio  # type: ignore[import-untyped] # likewise

from local.clients import Client
from local.twilio_credentials import TwilioAccounts, TwilioCredentials
from tests.e2e.deployed import Deployed, until
from tests.e2e.test_privacy import NUMBER as ANY_NUMBER
from tests.e2e.test_privacy import logged

NUMBER = "+8613812345678"
TEXT = "【京东】您的验证码是123456"
SHOP = Client(client="twilio-shop", accounts=("default",), default_account="default", scopes=("send", "read"))


@dataclass(frozen=True)
class Post:
    path: str
    headers: dict[str, str]
    form: dict[str, str]


@dataclass
class Receiver:
    """An application's callbacks: keeps what it gets, and answers what it is told to."""

    base: str
    posts: list[Post] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)  # the first of these, while there are any; else 204

    def about(self, sid: str, status: str) -> list[Post]:
        return [
            post for post in list(self.posts) if (post.form["MessageSid"], post.form["MessageStatus"]) == (sid, status)
        ]


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            headers = {name.lower(): value for name, value in self.headers.items()}
            made.posts.append(Post(self.path, headers, dict(parse_qsl(body, strict_parsing=True))))
            self.send_response(made.answers.pop(0) if made.answers else 204)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        made = Receiver(f"http://127.0.0.1:{server.server_port}")
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1})
        thread.start()
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()


@pytest.fixture(scope="session")
def accounts(deployed: Deployed) -> TwilioAccounts:
    outputs = deployed.outputs
    return TwilioAccounts(deployed.aws.dynamodb, outputs["ClientsTableName"], outputs["WebhooksTableName"])


@pytest.fixture(scope="session")
def credentials(accounts: TwilioAccounts) -> TwilioCredentials:
    return accounts.create(SHOP)


Connect = Callable[[str, str], Twilio]


@pytest.fixture(scope="session")
def connect(deployed: Deployed) -> Iterator[Connect]:
    """What an application that moves changes: the credentials, and one line."""
    made: list[Twilio] = []

    def connect(account_sid: str, auth_token: str) -> Twilio:
        client = Twilio(account_sid, auth_token)
        client.api.base_url = deployed.api_url
        made.append(client)
        return client

    yield connect
    for client in made:
        client.http_client.session.close()


@pytest.fixture(scope="session")
def twilio(connect: Connect, credentials: TwilioCredentials) -> Twilio:
    return connect(credentials.account_sid, credentials.auth_token)


def refused(call: Callable[[], object]) -> tuple[int, int | None]:
    with pytest.raises(TwilioRestException) as caught:
        call()
    return caught.value.status, caught.value.code


def test_a_message_is_created_fetched_and_listed(twilio: Twilio, credentials: TwilioCredentials) -> None:
    before = datetime.now(UTC) - timedelta(seconds=2)
    made = twilio.messages.create(to="13812345678", from_="1234", body=TEXT)

    assert (made.status, made.to, made.from_, made.body) == ("queued", NUMBER, "1234", TEXT)
    assert (made.account_sid, made.direction, made.num_segments) == (credentials.account_sid, "outbound-api", "1")
    assert (made.error_code, made.price, made.date_sent) == (None, None, None)
    assert before <= made.date_created <= datetime.now(UTC)
    sid = str(made.sid)

    def delivered() -> Any:
        found = twilio.messages(sid).fetch()
        return found if found.status == "delivered" else None

    found = until(delivered, "delivered")
    assert (found.sid, found.from_, found.date_created) == (sid, "1234", made.date_created)
    assert found.date_sent is not None

    others = [str(twilio.messages.create(to=NUMBER, body=TEXT).sid) for _ in range(3)]
    wanted = [*reversed(others), sid]
    assert [one.sid for one in twilio.messages.list(limit=4)] == wanted
    assert [one.sid for one in twilio.messages.list(to=NUMBER, limit=4, page_size=2)] == wanted
    assert twilio.messages.list(to="+8613900000000", limit=4) == []


def test_a_scheduled_message_is_cancelled_and_a_sent_one_is_not(twilio: Twilio) -> None:
    later = datetime.now(UTC) + timedelta(hours=2)
    made = twilio.messages.create(to=NUMBER, body=TEXT, send_at=later, schedule_type="fixed")
    assert made.status == "scheduled"

    assert twilio.messages(str(made.sid)).update(status="canceled").status == "canceled"
    assert twilio.messages(str(made.sid)).fetch().status == "canceled"

    sent = str(twilio.messages.create(to=NUMBER, body=TEXT).sid)
    until(lambda: twilio.messages(sent).fetch().status in {"sent", "delivered"}, "sent")
    assert refused(lambda: twilio.messages(sent).update(status="canceled")) == (409, 30409)


def test_what_is_wrong_raises_twilios_own_code(twilio: Twilio, deployed: Deployed) -> None:
    create = twilio.messages.create
    far = datetime.now(UTC) + timedelta(days=36)
    assert refused(lambda: create(to="+15558675310", body=TEXT)) == (400, 21211)
    assert refused(lambda: create(to=NUMBER)) == (400, 21602)
    assert refused(lambda: create(to=NUMBER, body="短" * 501)) == (400, 21617)
    assert refused(lambda: create(to=NUMBER, body=TEXT, media_url=["https://example.com/a.png"])) == (400, 21620)
    assert refused(lambda: create(to=NUMBER, body=TEXT, send_at=far, schedule_type="fixed")) == (400, 35114)
    for url in ("http://example.com/status", "https://169.254.169.254/latest", "https://10.0.0.1/", "nothing"):
        assert refused(partial(create, to=NUMBER, body=TEXT, status_callback=url)) == (400, 21609)
    assert refused(twilio.messages("SM" + "0" * 32).fetch) == (404, 20404)
    assert refused(twilio.messages("nothing").fetch) == (404, 20404)

    keyed = deployed.client(
        Client(client=SHOP.client, accounts=("default",), default_account="default", scopes=SHOP.scopes)
    )
    with keyed:
        assert keyed.post("opt-outs", json={"numbers": ["+8613800001111"]}).status_code == 200
    assert refused(lambda: create(to="+8613800001111", body=TEXT)) == (400, 21610)


def test_whose_account_it_is_not(
    connect: Connect, accounts: TwilioAccounts, credentials: TwilioCredentials, deployed: Deployed
) -> None:
    other = accounts.create(
        Client(client="twilio-other", accounts=("default",), default_account="default", scopes=("send", "read"))
    )
    mine = connect(credentials.account_sid, credentials.auth_token)
    theirs = connect(other.account_sid, other.auth_token)
    sid = str(mine.messages.create(to=NUMBER, body=TEXT).sid)

    # API Gateway itself answers these, as problem+json: the SDK reads the status, and no code of Twilio's.
    for client in (
        connect(credentials.account_sid, other.auth_token),
        connect(credentials.account_sid, "0" * 32),
        connect("AC" + "0" * 32, credentials.auth_token),
        connect("somebody", credentials.auth_token),
    ):
        assert refused(partial(client.messages.create, to=NUMBER, body=TEXT)) == (403, 403)
    # And the door these.
    assert refused(theirs.messages(sid).fetch) == (404, 20404)
    crossed = theirs.api.v2010.accounts(credentials.account_sid)
    assert refused(crossed.messages(sid).fetch) == (401, 20003)
    assert refused(lambda: crossed.messages.create(to=NUMBER, body=TEXT)) == (401, 20003)

    basic = (credentials.account_sid, credentials.auth_token)
    assert httpx.get(f"{deployed.api_url}/messages", auth=basic, trust_env=False).status_code == 403
    bearer = {"Authorization": f"Bearer {credentials.auth_token}"}
    assert httpx.get(f"{deployed.api_url}/messages", headers=bearer, trust_env=False).status_code == 403
    with deployed.client(SHOP) as keyed:
        answer = keyed.get(f"2010-04-01/Accounts/{credentials.account_sid}/Messages.json")
    assert (answer.status_code, answer.json()["code"]) == (401, 20003)
    assert set(answer.json()) == {"code", "message", "more_info", "status"}


def test_status_callbacks_come_signed_and_only_of_their_message(
    twilio: Twilio, credentials: TwilioCredentials, receiver: Receiver
) -> None:
    twilio.messages.create(to=NUMBER, body=TEXT)  # has no callback, and none is made for it
    url = f"{receiver.base}/status?order=4%202&of=shop"
    sid = str(twilio.messages.create(to=NUMBER, from_="1234", body=TEXT, status_callback=url).sid)

    (sent,) = until(lambda: receiver.about(sid, "sent"), "sent")
    (delivered,) = until(lambda: receiver.about(sid, "delivered"), "delivered")

    assert delivered.form == {
        "ApiVersion": "2010-04-01",
        "SmsSid": sid,
        "SmsStatus": "delivered",
        "MessageSid": sid,
        "MessageStatus": "delivered",
        "AccountSid": credentials.account_sid,
        "To": NUMBER,
        "From": "1234",
    }
    validator = RequestValidator(credentials.auth_token)
    for post in (sent, delivered):
        asked, signature = receiver.base + post.path, post.headers["x-twilio-signature"]
        assert asked == url
        assert post.headers["content-type"].startswith("application/x-www-form-urlencoded")
        assert validator.validate(asked, post.form, signature)
        assert not validator.validate(asked, {**post.form, "MessageStatus": "delivereD"}, signature)
        assert not validator.validate(asked.replace("shop", "shoq"), post.form, signature)
        assert not validator.validate(asked, post.form, signature.swapcase())
        assert not RequestValidator("0" * 32).validate(asked, post.form, signature)
    assert {post.form["MessageSid"] for post in receiver.posts} == {sid}


@pytest.mark.parametrize(
    ("number", "status", "code"), [("19900000401", "failed", "30007"), ("19900001003", "undelivered", "30005")]
)
def test_a_failure_is_told_with_its_code(
    twilio: Twilio, receiver: Receiver, number: str, status: str, code: str
) -> None:
    sid = str(twilio.messages.create(to=number, body=TEXT, status_callback=f"{receiver.base}/status").sid)

    (post,) = until(lambda: receiver.about(sid, status), status)
    found = twilio.messages(sid).fetch()

    assert (found.status, str(found.error_code), post.form["ErrorCode"]) == (status, code, code)
    assert found.error_message == post.form["ErrorMessage"]


def test_a_failing_receiver_is_tried_again(twilio: Twilio, credentials: TwilioCredentials, receiver: Receiver) -> None:
    receiver.answers += [500]
    url = f"{receiver.base}/status"
    sid = str(twilio.messages.create(to=NUMBER, body=TEXT, status_callback=url).sid)

    until(lambda: receiver.about(sid, "delivered") and receiver.about(sid, "sent"), "both statuses")
    until(lambda: len(receiver.posts) >= 3, "the attempt that failed, once more")

    again = [
        post for status in ("sent", "delivered") if len(posts := receiver.about(sid, status)) == 2 for post in posts
    ]
    assert len(again) == 2
    assert len({post.headers["i-twilio-idempotency-token"] for post in again}) == 1
    for post in receiver.posts:
        assert RequestValidator(credentials.auth_token).validate(url, post.form, post.headers["x-twilio-signature"])


def test_a_rotated_token_signs_and_both_open_the_door(
    accounts: TwilioAccounts, connect: Connect, receiver: Receiver
) -> None:
    first = accounts.create(SHOP)
    second = accounts.rotate(first.account_sid)
    assert second.account_sid == first.account_sid
    old, new = (connect(made.account_sid, made.auth_token) for made in (first, second))
    url = f"{receiver.base}/status"

    for client in (old, new):
        sid = str(client.messages.create(to=NUMBER, body=TEXT, status_callback=url).sid)
        (post,) = until(partial(receiver.about, sid, "delivered"), "delivered")
        signature = post.headers["x-twilio-signature"]
        assert RequestValidator(second.auth_token).validate(url, post.form, signature)
        assert not RequestValidator(first.auth_token).validate(url, post.form, signature)


def test_the_same_idempotency_token_sends_once(credentials: TwilioCredentials, deployed: Deployed) -> None:
    def post(text: str) -> httpx.Response:
        return httpx.post(
            f"{deployed.api_url}/2010-04-01/Accounts/{credentials.account_sid}/Messages.json",
            data={"To": NUMBER, "Body": text},
            headers={"I-Twilio-Idempotency-Token": "order-42"},
            auth=(credentials.account_sid, credentials.auth_token),
            timeout=40,
            trust_env=False,
        )

    first, second, other = post(TEXT), post(TEXT), post(TEXT + "!")

    assert (first.status_code, second.status_code, other.status_code) == (201, 201, 400)
    assert first.json()["sid"] == second.json()["sid"]
    assert other.json()["code"] == 20001


def test_the_logs_hold_no_number_no_text_no_token_and_no_callback(
    deployed: Deployed, twilio: Twilio, credentials: TwilioCredentials, receiver: Receiver
) -> None:
    url = f"{receiver.base}/status?secret=hidden-in-an-address"
    sid = str(twilio.messages.create(to="13812345673", body="【京东】不得出现", status_callback=url).sid)
    until(lambda: receiver.about(sid, "delivered"), "delivered")
    refused(lambda: twilio.messages.create(to="1381234", body="不得出现"))

    lines = [*logged(deployed), *deployed.places.log("ministack").read_text(encoding="utf-8").splitlines()]

    assert any("eums-bridge" in line for line in lines), "there are no logs to look at"
    for line in lines:
        for secret in ("不得出现", "13812345673", credentials.auth_token, "hidden-in-an-address"):
            assert secret not in line, line
    assert ANY_NUMBER.search("13812345673")
