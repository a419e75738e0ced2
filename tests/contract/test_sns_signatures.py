"""SNS's signatures by certificates made here, over a transport that counts what is fetched."""

import base64
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.x509.oid import NameOID

from bridge.adapters.sns_signatures import SnsSignatures
from bridge.domain.errors import NotVerifiable
from bridge.domain.sns_messages import SnsMessage, sns_message
from tests.fakes.hooks import payload, sns_body
from tests.fakes.world import NOON

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)
OTHER = rsa.generate_private_key(public_exponent=65537, key_size=2048)

Respond = Callable[[httpx.Request], httpx.Response]


def certificate(key: rsa.RSAPrivateKey = KEY) -> bytes:
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "sns.amazonaws.com")])
    now = datetime.now(UTC)
    made = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + timedelta(days=1))
        .sign(key, hashes.SHA256())
    )
    return made.public_bytes(serialization.Encoding.PEM)


def message(body: bytes) -> SnsMessage:
    read = sns_message(body)
    assert read is not None
    return read


def text_to_sign(values: dict[str, Any]) -> bytes:
    """Written down from the documentation by itself: names in the order of their bytes, each with its value."""
    names = (
        ["Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"]
        if values["Type"] == "Notification"
        else ["Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"]
    )
    return "".join(f"{name}\n{values[name]}\n" for name in names if values.get(name) is not None).encode()


def signed(body: bytes, version: str, key: rsa.RSAPrivateKey = KEY) -> bytes:
    values = json.loads(body)
    digest = hashes.SHA1() if version == "1" else hashes.SHA256()  # noqa: S303 - SNS's own version 1
    signature = key.sign(text_to_sign(values), padding.PKCS1v15(), digest)
    return json.dumps(
        {**values, "SignatureVersion": version, "Signature": base64.b64encode(signature).decode()}
    ).encode()


class Sns:
    """The hosts of SNS."""

    def __init__(self, respond: Respond) -> None:
        self.asked: list[str] = []

        def answer(request: httpx.Request) -> httpx.Response:
            self.asked.append(str(request.url))
            return respond(request)

        self.signatures = SnsSignatures(httpx.Client(transport=httpx.MockTransport(answer), follow_redirects=False))


@pytest.fixture
def sns() -> Sns:
    return Sns(lambda _: httpx.Response(200, content=certificate()))


BODIES = {
    "notification": sns_body("好 text\n", NOON),
    "without subject": sns_body("text", NOON, Subject=...),
    "null subject": sns_body("text", NOON, Subject=None),
    "subscription": payload("sns-subscription"),
}


@pytest.mark.parametrize("version", ["1", "2"])
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_what_sns_signed_is_its_own(sns: Sns, body: bytes, version: str) -> None:
    right = message(signed(body, version))

    assert sns.signatures.verifies(right)
    assert sns.signatures.verifies(right)
    assert sns.asked == [right.certificate_url], "fetched once"


@pytest.mark.parametrize("version", ["1", "2"])
def test_whatever_is_changed_in_it_is_not(sns: Sns, version: str) -> None:
    values = json.loads(signed(BODIES["notification"], version))

    for name in ("Message", "MessageId", "Subject"):
        assert not sns.signatures.verifies(message(json.dumps({**values, name: values[name] + "x"}).encode())), name
    assert not sns.signatures.verifies(message(json.dumps({**values, "Subject": None}).encode()))
    other = "2" if version == "1" else "1"
    assert not sns.signatures.verifies(message(json.dumps({**values, "SignatureVersion": other}).encode()))
    assert not sns.signatures.verifies(message(signed(BODIES["notification"], version, OTHER)))
    signature = base64.b64decode(values["Signature"])
    for index in (0, 100, 255):
        flipped = signature[:index] + bytes([signature[index] ^ 1]) + signature[index + 1 :]
        wrong = {**values, "Signature": base64.b64encode(flipped).decode()}
        assert not sns.signatures.verifies(message(json.dumps(wrong).encode()))


@pytest.mark.parametrize(
    "answer",
    [
        httpx.Response(404),
        httpx.Response(302, headers={"Location": "https://example.org/x.pem"}),
        httpx.Response(200, content=b"<html>"),
        httpx.Response(200, content=b""),
        httpx.Response(200, content=certificate()[:200]),
    ],
    ids=lambda answer: f"{answer.status_code}",
)
def test_without_a_certificate_nothing_is_its_own(answer: httpx.Response) -> None:
    sns = Sns(lambda _: httpx.Response(answer.status_code, headers=answer.headers, content=answer.content))

    assert not sns.signatures.verifies(message(signed(BODIES["notification"], "2")))
    assert len(sns.asked) == 1, "no redirect is followed"


def _away(_: httpx.Request) -> httpx.Response:
    raise httpx.ConnectTimeout("away")


@pytest.mark.parametrize("respond", [_away, lambda _: httpx.Response(503)])
def test_a_certificate_that_is_out_of_reach_is_asked_for_again(respond: Respond) -> None:
    sns = Sns(respond)
    for _ in range(2):
        with pytest.raises(NotVerifiable):
            sns.signatures.verifies(message(signed(BODIES["notification"], "2")))
    assert len(sns.asked) == 2


def test_a_subscription_is_confirmed(sns: Sns) -> None:
    asked = message(signed(BODIES["subscription"], "1"))

    sns.signatures.confirm(asked)

    assert sns.asked == [asked.subscribe_url]
    with pytest.raises(NotVerifiable):
        Sns(lambda _: httpx.Response(403)).signatures.confirm(asked)
