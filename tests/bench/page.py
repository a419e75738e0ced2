"""From the bytes of a ver-17 page of 1,000 reports to the entries that SNS is given, against `json.loads` of its JSON.

Everything that is done for a page is in it: hex, AES, JSON, records, whose each is, events, ids, JSON, attributes, the
sizes of calls; what is not is asking DynamoDB whose they are, since that is answered by a dictionary.

Beside it the floor: what no code in Python could leave out. The page is decrypted and read by the libraries in C, and
for each record there are one hash, its digits, and one text of what is to be said; nothing is looked at, checked or
decided.
"""

import json
import statistics
import sys
from hashlib import blake2b
from typing import Final

from bridge.adapters.events_topic import batches
from bridge.domain.ids import ulid
from bridge.domain.pulls import JournalEntry, Kind, PullId
from eums import decode_reports, decrypt_hex
from tests.bench.frame import finish, pin, processors, round_of
from tests.bench.publishing import AES_KEY, world_with
from tests.fakes.world import NOON

RECORDS: Final = 1000
ROUNDS: Final = 9
TIMES: Final = 15  # in each round
GOALS: Final = {"milliseconds to entries": 3.0, "to entries, times json.loads": 2.5}


def floor_of(body: bytes, account: str) -> int:
    """Make of each record its id and its text, and nothing else; the characters of all."""
    total = 0
    for record in json.loads(decrypt_hex(body, AES_KEY.encode()))["data"]:
        message_id, to, status, at, reference = record.values()
        digits = blake2b(f"{account}|{message_id}|{to}|{status}|{at}".encode(), digest_size=16).hexdigest()
        total += len(
            f'{{"specversion":"1.0","id":"{digits}","source":"urn:eums:{account}","type":"sms.message.delivered",'
            f'"subject":"{reference}","time":"{at}","datacontenttype":"application/json","data":{{'
            f'"message_id":"{reference}","client":"shop","account":"{account}","to":"+86{to}","status":"delivered",'
            f'"final":true,"gateway_message_id":"{message_id}","gateway_status":"{status}","reported_at":"{at}"}}}}'
        )
    return total


def measure() -> dict[str, float]:
    """The figures, of the processor: medians of all rounds."""
    world, reply = world_with(RECORDS)
    account = world.accounts.get("default")
    text = decrypt_hex(reply.body, AES_KEY.encode())
    pull = PullId(account="default", kind=Kind.REPORTS, id=ulid(NOON, b"one pull!!"), begun_at=NOON)
    entry = JournalEntry(pull=pull, received_at=NOON, status=200, headers=(), version=17, cut=False, body=reply.body)
    owners = {message_id: message.owner for message_id, message in world.messages.messages.items()}
    world.messages.owners = lambda message_ids: owners  # type: ignore[method-assign] # noqa: ARG005
    publishing = world.publishing()

    def whole() -> None:
        calls = list(batches(publishing._events(entry, account)))
        if sum(map(len, calls)) != RECORDS:
            raise RuntimeError(f"{RECORDS} records made {sum(map(len, calls))} events")

    sides = {
        "json.loads": lambda: json.loads(text),
        "records": lambda: decode_reports(reply.body, account),
        "entries": whole,
        "floor": lambda: floor_of(reply.body, account.name),
    }
    round_of(sides, TIMES)
    rounds = [round_of(sides, TIMES)[1] for _ in range(ROUNDS)]
    return {
        "milliseconds to entries": statistics.median(each["entries"] for each in rounds) * 1000,
        "to entries, times json.loads": statistics.median(each["entries"] / each["json.loads"] for each in rounds),
        "to records, times json.loads": statistics.median(each["records"] / each["json.loads"] for each in rounds),
        "the floor, times json.loads": statistics.median(each["floor"] / each["json.loads"] for each in rounds),
        "to entries, times the floor": statistics.median(each["entries"] / each["floor"] for each in rounds),
        "milliseconds of the floor": statistics.median(each["floor"] for each in rounds) * 1000,
        "milliseconds to records": statistics.median(each["records"] for each in rounds) * 1000,
        "milliseconds of json.loads": statistics.median(each["json.loads"] for each in rounds) * 1000,
    }


def main() -> int:
    pin(processors()[0])
    return finish(measure(), GOALS)


if __name__ == "__main__":
    sys.exit(main())
