"""What Amazon SNS posts to an HTTPS endpoint: its envelope, what of it is signed, and where the signature's key may be.

https://docs.aws.amazon.com/sns/latest/dg/sns-verify-signature-of-message.html
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import parse_qs, urlsplit

NOTIFICATION: Final = "Notification"
SUBSCRIPTION: Final = "SubscriptionConfirmation"
UNSUBSCRIPTION: Final = "UnsubscribeConfirmation"

_TOPIC: Final = re.compile(r"arn:(aws[a-z-]*):sns:([a-z]{2}[a-z0-9-]{3,30}):[0-9]{12}:[A-Za-z0-9_-]{1,256}(\.fifo)?")
_CERTIFICATE: Final = re.compile(r"/SimpleNotificationService-[0-9a-zA-Z]{1,64}\.pem")
_SIGNED: Final[Mapping[str, tuple[str, ...]]] = {
    NOTIFICATION: ("Message", "MessageId", "Subject", "Timestamp", "TopicArn", "Type"),
    SUBSCRIPTION: ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
    UNSUBSCRIPTION: ("Message", "MessageId", "SubscribeURL", "Timestamp", "Token", "TopicArn", "Type"),
}
_OPTIONAL: Final = frozenset({"Subject"})
_DIGESTS: Final = {"1": "sha1", "2": "sha256"}  # by SignatureVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class SnsMessage:
    """A message as it came; nothing of it is true before its signature was checked.

    Attributes:
        digest: of the signature: sha1 or sha256.
        signed: the text that the signature is over.
        certificate_url: where the certificate of the key is; on a host of SNS in the topic's own region.
        subscribe_url: what confirms a subscription, on such a host too; "" where there is none.
    """

    kind: str
    topic_arn: str
    timestamp: datetime
    digest: str
    signature: bytes
    signed: bytes
    certificate_url: str
    subscribe_url: str


def _object(body: bytes) -> dict[str, Any]:
    try:
        values = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return values if isinstance(values, dict) else {}


def is_topic_arn(text: str) -> bool:
    """Whether `text` is the ARN of a topic."""
    return _TOPIC.fullmatch(text) is not None


def sns_message(body: bytes) -> SnsMessage | None:
    """What SNS posted; None where it did not, or where a URL in it points anywhere but to SNS."""
    values = _object(body)
    texts = {name: value for name, value in values.items() if isinstance(value, str)}
    names = _SIGNED.get(texts.get("Type", ""), ())
    host = _host(texts.get("TopicArn", ""))
    digest = _DIGESTS.get(texts.get("SignatureVersion", ""))
    signature = _decoded(texts.get("Signature", ""))
    timestamp = _time(texts.get("Timestamp", ""))
    if not names or host is None or digest is None or not signature or timestamp is None:
        return None
    # A subject of null is none, and not signed. What else is missing was never signed by SNS.
    if any(name not in texts and (name not in _OPTIONAL or values.get(name) is not None) for name in names):
        return None
    certificate_url, subscribe_url = texts.get("SigningCertURL", ""), texts.get("SubscribeURL", "")
    subscribes = texts["Type"] == SUBSCRIPTION
    if not _is_certificate(certificate_url, host) or (
        subscribes and not _confirms(subscribe_url, host, texts["TopicArn"])
    ):
        return None
    signed = "".join(f"{name}\n{texts[name]}\n" for name in names if name in texts)
    return SnsMessage(
        kind=texts["Type"],
        topic_arn=texts["TopicArn"],
        timestamp=timestamp,
        digest=digest,
        signature=signature,
        signed=signed.encode("utf-8", "surrogatepass"),
        certificate_url=certificate_url,
        subscribe_url=subscribe_url if subscribes else "",
    )


def _host(topic_arn: str) -> str | None:
    """SNS's own host in the topic's region."""
    match = _TOPIC.fullmatch(topic_arn)
    if match is None:
        return None
    # The only two suffixes that SNS signs under; what comes from elsewhere is not taken for SNS.
    suffix = "amazonaws.com.cn" if match[1] == "aws-cn" else "amazonaws.com"
    return f"sns.{match[2]}.{suffix}"


def _is_certificate(url: str, host: str) -> bool:
    # The URL itself, whole: a parser and an HTTP client may differ over anything else.
    prefix = f"https://{host}"
    return url.startswith(prefix) and _CERTIFICATE.fullmatch(url.removeprefix(prefix)) is not None


def _confirms(url: str, host: str, topic_arn: str) -> bool:
    if not url.isascii() or not url.isprintable() or not url.startswith(f"https://{host}/?"):
        return False
    query = parse_qs(urlsplit(url).query)
    return query.get("Action") == ["ConfirmSubscription"] and query.get("TopicArn") == [topic_arn]


def _decoded(signature: str) -> bytes:
    # One signature has one form: base64 would forgive what stands in the bits that its end does not use.
    try:
        decoded = base64.b64decode(signature, validate=True)
    except (binascii.Error, ValueError):
        return b""
    return decoded if base64.b64encode(decoded).decode() == signature else b""


def _time(text: str) -> datetime | None:
    try:
        time = datetime.fromisoformat(text)
    except ValueError:
        return None
    return time if time.tzinfo is not None else None
