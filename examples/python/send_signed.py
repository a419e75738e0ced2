"""Sends a text message, once, through a bridge that knows its callers by IAM: each request is signed.

AWS_PROFILE=webshop AWS_REGION=cn-north-1 python send_signed.py +8613812345678 '【京东】验证码123456' [your-reference]
"""

import os
import sys
import uuid
from collections.abc import Generator
from urllib.parse import parse_qsl, quote

import boto3
import httpx
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest


class SigV4(httpx.Auth):
    """AWS Signature Version 4 for API Gateway, with whatever the credentials are by then: those of a role change."""

    requires_request_body = True

    def __init__(self, session: boto3.Session) -> None:
        """Take the session's credentials and region."""
        credentials = session.get_credentials()
        if credentials is None or session.region_name is None:
            sys.exit("Set AWS_PROFILE, or log in, and set AWS_REGION to the bridge's region.")
        self._credentials = credentials
        self._region = session.region_name

    def auth_flow(self, request: httpx.Request) -> Generator[httpx.Request, httpx.Response, None]:
        """Sign a request: its method, address, host and body."""
        # AWS signs a query as it would write it, where a blank is %20 and a colon %3A: send it like that.
        query = "&".join(
            f"{quote(name, safe='-_.~')}={quote(value, safe='-_.~')}"
            for name, value in parse_qsl(request.url.query.decode("ascii"), keep_blank_values=True)
        )
        request.url = request.url.copy_with(query=query.encode("ascii") or None)
        host = {"Host": request.headers["Host"]}
        signed = AWSRequest(request.method, str(request.url), data=request.content, headers=host)
        SigV4Auth(self._credentials.get_frozen_credentials(), "execute-api", self._region).add_auth(signed)
        request.headers.update({name: value for name, value in signed.headers.items() if name != "Host"})
        yield request


def main() -> int:
    """Send what the command line says. What is worth repeating, `send.py` shows."""
    to, text, reference = [*sys.argv[1:], None][:3]
    if to is None or text is None:
        sys.exit(__doc__)
    region = os.environ.get("AWS_REGION")  # of which boto3 itself reads only AWS_DEFAULT_REGION
    auth = SigV4(boto3.Session(region_name=region))
    with httpx.Client(base_url=os.environ["BRIDGE_API_URL"], auth=auth, timeout=35) as api:
        answer = api.post(
            "messages",
            json={"to": to, "text": text, "client_reference": reference},
            headers={"Idempotency-Key": str(uuid.uuid4())},
        )
    if not answer.is_success:
        print(answer.text, file=sys.stderr)
        return 1
    message = answer.json()
    print(message["id"], message["status"])
    return 0


if __name__ == "__main__":
    sys.exit(main())
