"""Calls signed with AWS Signature Version 4, for an API that knows its callers by IAM."""

import re
from collections.abc import Generator
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, quote

import httpx
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest

from local.cli.failures import Failure

if TYPE_CHECKING:
    import boto3
    from botocore.credentials import Credentials

SERVICE: Final = "execute-api"
_UNRESERVED: Final = "-_.~"  # RFC 3986, 2.3, beside letters and digits
_HOST: Final = re.compile(r"[a-z0-9]+\.execute-api\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?")


class SigV4(httpx.Auth):
    """Signs each request with whatever the credentials are by then: those of a role change."""

    requires_request_body = True

    def __init__(self, credentials: "Credentials", region: str) -> None:
        """Build it; nothing is asked for."""
        self._credentials = credentials
        self._region = region

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """See `httpx.Auth`."""
        # The signature is over the query as AWS would write it, so that is how it must go out.
        query = "&".join(
            f"{quote(name, safe=_UNRESERVED)}={quote(value, safe=_UNRESERVED)}"
            for name, value in parse_qsl(request.url.query.decode("ascii"), keep_blank_values=True)
        )
        request.url = request.url.copy_with(query=query.encode("ascii") or None)
        # Only what nobody in between changes.
        kept = {"Host": request.headers["Host"]}
        signed = AWSRequest(request.method, str(request.url), data=request.content, headers=kept)
        SigV4Auth(self._credentials.get_frozen_credentials(), SERVICE, self._region).add_auth(signed)
        request.headers.update({name: value for name, value in signed.headers.items() if name not in kept})
        yield request


def signer(session: "boto3.Session", url: str) -> SigV4:
    """What signs for the API at this address.

    Raises:
        Failure: there are no credentials, or nobody says in which region the API is.
    """
    credentials = session.get_credentials()
    if credentials is None:
        raise Failure(
            "There are no AWS credentials to sign with.",
            "Set AWS_PROFILE, or log in: the API knows its callers by IAM.",
            title="Not signed",
        )
    match = _HOST.fullmatch(httpx.URL(url).host)
    region = match[1] if match else session.region_name
    if not region:
        raise Failure(
            "No region is set, and the API's address does not say it.",
            "Set AWS_REGION.",
            title="Not signed",
            exit_code=2,
        )
    return SigV4(credentials, region)
