"""Checks a request's signature as API Gateway does: a reading of the specification of its own, without botocore.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

import hashlib
import hmac
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import quote, unquote

import httpx

SKEW = timedelta(minutes=5)
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=([^/]+)/([0-9]{8})/([^/]+)/([^/]+)/aws4_request, "
    r"SignedHeaders=([a-z0-9;-]+), Signature=([0-9a-f]{64})"
)


@dataclass(frozen=True)
class Verifier:
    """Somebody who knows the secret keys, by their ids."""

    secrets: dict[str, str]
    region: str = "cn-north-1"
    service: str = "execute-api"

    def problem(self, request: httpx.Request, now: datetime | None = None) -> str | None:
        """What is wrong with a signature, in a word; None where nothing is."""
        match = _AUTHORIZATION.fullmatch(request.headers.get("Authorization", ""))
        if match is None:
            return "missing"
        key_id, day, region, service, names, signature = match.groups()
        when = request.headers["X-Amz-Date"]
        if key_id not in self.secrets:
            return "key"
        if (region, service, day) != (self.region, self.service, when[:8]):
            return "scope"
        signed_at = datetime.strptime(when, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
        if abs((now or datetime.now(UTC)) - signed_at) > SKEW:
            return "time"
        if not {"host", "x-amz-date"} <= set(names.split(";")):
            return "headers"
        scope = f"{day}/{region}/{service}/aws4_request"
        text = "\n".join(["AWS4-HMAC-SHA256", when, scope, _sha256(_canonical(request, names).encode())])
        secret = f"AWS4{self.secrets[key_id]}".encode()
        for part in (day, region, service, "aws4_request"):
            secret = hmac.digest(secret, part.encode(), "sha256")
        wanted = hmac.digest(secret, text.encode(), "sha256").hex()
        return None if hmac.compare_digest(wanted, signature) else "signature"


def _canonical(request: httpx.Request, names: str) -> str:
    path, _, query = request.url.raw_path.decode("ascii").partition("?")
    # Parameters are read, and then written as AWS writes them: another form of them is another request.
    pairs = (each.partition("=") for each in filter(None, query.split("&")))
    parameters = sorted((_encoded(name), _encoded(value)) for name, _, value in pairs)
    headers = "".join(f"{name}:{' '.join(request.headers[name].split())}\n" for name in names.split(";"))
    return "\n".join(
        [
            request.method,
            quote(path, safe="/-_.~"),  # a second time, as for every service but S3
            "&".join(f"{name}={value}" for name, value in parameters),
            headers,
            names,
            _sha256(request.content),
        ]
    )


def _encoded(text: str) -> str:
    return quote(unquote(text.replace("+", " ")), safe="-_.~")


def _sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
