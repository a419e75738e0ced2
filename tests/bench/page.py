"""From the bytes of a ver-17 page of 1,000 reports to the entries that SNS is given, against `json.loads` of its JSON.

Everything that is done for a page is in it: hex, AES, JSON, records, whose each is, events, ids, JSON, attributes, the
sizes of calls; what is not is asking DynamoDB whose they are, since that is answered by a dictionary.
"""

import json
import statistics
import sys
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
    }
    round_of(sides, TIMES)
    rounds = [round_of(sides, TIMES)[1] for _ in range(ROUNDS)]
    return {
        "milliseconds to entries": statistics.median(each["entries"] for each in rounds) * 1000,
        "to entries, times json.loads": statistics.median(each["entries"] / each["json.loads"] for each in rounds),
        "to records, times json.loads": statistics.median(each["records"] / each["json.loads"] for each in rounds),
        "milliseconds to records": statistics.median(each["records"] for each in rounds) * 1000,
        "milliseconds of json.loads": statistics.median(each["json.loads"] for each in rounds) * 1000,
    }


def main() -> int:
    pin(processors()[0])
    return finish(measure(), GOALS)


if __name__ == "__main__":
    sys.exit(main())
