"""Sends texts by an EUMS gateway, as a developer writes it in an afternoon: sign, post, read the answer.

    python -m tests.bench.comparing.plain_script URL NAME PASSWORD < messages.csv

Each line is a number, a text and a reference. There is no journal and no second try on purpose: this is what the bridge
is compared with, and many a company runs just that.
"""

import csv
import hashlib
import json
import sys
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta, timezone

import requests

CHINA = timezone(timedelta(hours=8))


def md5(text: str) -> str:
    """The hash that the protocol wants."""
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def signed(name: str, password: str, to: str, text: str, reference: str) -> dict[str, str]:
    """The form of a submit."""
    data = json.dumps({"dest": to, "content": text, "ext": "", "reference": reference}, ensure_ascii=False)
    seed = f"{datetime.now(UTC).astimezone(CHINA):%Y%m%d%H%M%S}"
    return {"name": name, "seed": seed, "key": md5(md5(password) + seed + data), "ver": "1", "data": data}


def send(session: requests.Session, url: str, form: dict[str, str]) -> str:
    """Submit a form, and return the gateway's message id."""
    response = session.post(f"{url}/eums/sms/utf8/json/send.do", data=form, timeout=30)
    response.raise_for_status()
    answer = response.json()
    if answer["code"] != 0:
        raise RuntimeError(f"the gateway refused it with {answer['code']}")
    return str(answer["data"][0]["message_id"])


def main(url: str, name: str, password: str, lines: Iterable[str]) -> None:
    """Send what the lines say, and print the gateway's ids."""
    session = requests.Session()
    for to, text, reference in csv.reader(lines):
        message_id = send(session, url, signed(name, password, to, text, reference))
        sys.stdout.write(f"{to} {message_id}\n")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3], sys.stdin)
