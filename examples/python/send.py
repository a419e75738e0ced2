"""Sends a text message, once.

python send.py +8613812345678 '【京东】您的验证码是123456' [your-reference]
"""

import os
import sys
import time
import uuid
from http import HTTPStatus
from typing import Any

import httpx

ATTEMPTS = 5
LONGEST_PAUSE = 30.0  # seconds
# The same request may well be carried out a little later. Anything else that is refused stays refused.
AGAIN = {
    HTTPStatus.CONFLICT,  # with Retry-After: the first request with this key has not ended
    HTTPStatus.TOO_MANY_REQUESTS,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.SERVICE_UNAVAILABLE,  # the gateway is away, or refuses all messages: nothing was sent
    HTTPStatus.GATEWAY_TIMEOUT,
}


class Refused(Exception):
    """The message was not sent.

    Attributes:
        problem: RFC 9457: decide by `status` and `type`, and by `gateway_code` where the gateway spoke.
    """

    def __init__(self, problem: dict[str, Any]) -> None:
        """Keep the problem and say what is wrong."""
        wrong = "".join(f"\n  {error['field']}: {error['message']}" for error in problem.get("errors") or [])
        super().__init__(f"{problem.get('status')} {problem.get('title')}: {problem.get('detail')}{wrong}")
        self.problem = problem


def send(api: httpx.Client, to: str | list[str], text: str, reference: str | None = None) -> dict[str, Any]:
    """Send a message and return it.

    Its `status` may be `unknown`: nobody knows whether the gateway took it. Do not send it again; an event will tell.

    Raises:
        Refused: nothing was sent: the request is wrong (422), no balance is left (402), the gateway is away (503).
        httpx.TransportError: the bridge did not answer, every time.
    """
    body = {"to": to, "text": text, "client_reference": reference}
    # One key for all attempts: whatever became of an earlier one, the message is sent at most once.
    headers = {"Idempotency-Key": str(uuid.uuid4())}
    for attempt in range(1, ATTEMPTS + 1):
        pause = min(2.0**attempt, LONGEST_PAUSE)
        try:
            answer = api.post("messages", json=body, headers=headers)
        except httpx.TransportError:
            if attempt == ATTEMPTS:
                raise
        else:
            if answer.is_success:  # 201: the gateway took it; 202: it waits, or nobody knows
                message: dict[str, Any] = answer.json()
                return message
            if answer.status_code not in AGAIN or attempt == ATTEMPTS:
                raise Refused(_problem(answer))
            pause = min(float(answer.headers.get("Retry-After", pause)), LONGEST_PAUSE)
        time.sleep(pause)
    raise AssertionError


def _problem(answer: httpx.Response) -> dict[str, Any]:
    if answer.headers.get("Content-Type", "").startswith("application/problem+json"):
        problem: dict[str, Any] = answer.json()
        return problem
    return {"status": answer.status_code, "title": answer.reason_phrase, "detail": answer.text}


def main() -> int:
    """Send what the command line says."""
    to, text, reference = [*sys.argv[1:], None][:3]
    if to is None or text is None:
        sys.exit(__doc__)
    with httpx.Client(
        base_url=os.environ["BRIDGE_API_URL"],
        headers={"Authorization": f"Bearer {os.environ['BRIDGE_API_KEY']}"},
        timeout=35,  # the API itself answers within 29 s
    ) as api:
        try:
            message = send(api, to, text, reference)
        except (Refused, httpx.TransportError) as error:
            print(error, file=sys.stderr)
            return 1
    print(message["id"], message["status"])
    if message["status"] == "unknown":
        print("Nobody knows whether the gateway took it. Do not send it again: an event will tell.", file=sys.stderr)
    return 0


if __name__ == "__main__":
    sys.exit(main())
