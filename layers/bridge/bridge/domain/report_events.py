"""The events of a page of reports: those that `events.reported` makes one by one, written by the thousand.

What many reports of a page share (a status, a second, a client) is written once, and the rest put between. The tests
hold every byte of it against `events.reported`, which says what such an event is.
"""

import json
from datetime import datetime
from json.encoder import encode_basestring as quoted  # what json.dumps writes a text with, if not ensure_ascii
from typing import TYPE_CHECKING, Any, final

from bridge.domain.events import CALLBACK, JSON, LARGEST, REPORTED, Event, EventType
from bridge.domain.ids import measured, stable_id_of
from bridge.domain.numbers import e164
from bridge.domain.times import Rfc3339, rfc3339
from eums import classify

if TYPE_CHECKING:
    from collections.abc import Iterable

    from bridge.domain.messages import Owner
    from eums import Report


@final
class WrittenEvent(Event):
    """An event whose JSON form is there already; what else it is asked for, it reads from that."""

    __slots__ = ("_attributes", "_body")
    _attributes: dict[str, str]
    _body: str

    def body(self) -> str:
        """See `Event`."""
        return self._body

    def attributes(self) -> dict[str, str]:
        """See `Event`. One dictionary for all the events of a page that have the same ones, so not to be changed."""
        return self._attributes

    def fits(self) -> bool:
        """See `Event`."""
        # Four bytes are the most that a character has in UTF-8; and what the attributes say, the body says, too.
        return 8 * len(self._body) < LARGEST or super().fits()

    @property
    def id(self) -> str:
        """See `Event`, as all of these."""
        return str(self._envelope()["id"])

    @property
    def type(self) -> EventType:
        """See `Event`."""
        return EventType(self._envelope()["type"])

    @property
    def account(self) -> str:
        """See `Event`."""
        return str(self._envelope()["data"]["account"])

    @property
    def client(self) -> str | None:
        """See `Event`."""
        client: str | None = self._envelope()["data"]["client"]
        return client

    @property
    def calls_back(self) -> bool:
        """See `Event`."""
        return CALLBACK in self._attributes

    @property
    def subject(self) -> str | None:
        """See `Event`."""
        return self._envelope().get("subject")

    @property
    def time(self) -> datetime:
        """See `Event`."""
        return datetime.fromisoformat(self._envelope()["time"])

    @property
    def data(self) -> dict[str, object]:
        """See `Event`."""
        data: dict[str, object] = self._envelope()["data"]
        return data

    def __reduce__(self) -> tuple[object, ...]:
        """By what it holds, since what it is asked for cannot be set."""
        return _written, (self._body, self._attributes)

    def _envelope(self) -> dict[str, Any]:
        envelope: dict[str, Any] = json.loads(self._body)
        return envelope


_new_event = object.__new__
_set_body = vars(WrittenEvent)["_body"].__set__  # past the __setattr__ of what is frozen
_set_attributes = vars(WrittenEvent)["_attributes"].__set__


def _written(body: str, attributes: dict[str, str]) -> WrittenEvent:
    event: WrittenEvent = _new_event(WrittenEvent)
    _set_body(event, body)
    _set_attributes(event, attributes)
    return event


_NOBODYS = '"message_id":null,"client_reference":null,"client":null,"batch_id":null,"submitted_at":null'


def report_events(account: str, reports: "Iterable[tuple[Report, Owner | None]]", pulled_at: datetime) -> list[Event]:
    """What `events.reported` makes of each of these reports and whose it is."""
    statuses, times, rfc3339_of = _Statuses(account), _Times(pulled_at), Rfc3339()
    known_time = times.known.get
    named = measured("report") + measured(account)
    account_and_to = f',"account":{quoted(account)},"to":'
    events: list[Event] = []
    for (_, gateway_id, number, status, time, raw_time, _), owner in reports:
        said, at = statuses[status], known_time(raw_time)
        if at is None or at.of is not time:  # the same for the whole page, unless someone made the report up
            at = times.add(raw_time, time)
        # `measured`, without asking for it a thousand times.
        gateway_id_measured = f"{len(gateway_id)}:{gateway_id}" if gateway_id.isascii() else measured(gateway_id)
        number_measured = f"{len(number)}:{number}" if number.isascii() else measured(number)
        event_id = stable_id_of(f"{named}{gateway_id_measured}{number_measured}{said.measured}{at.measured}")
        to = e164(number)
        if owner is None:
            client, calls_back, whose, subject = None, False, _NOBODYS, ""
        else:
            client, calls_back, message_id = owner.client, owner.calls_back, quoted(owner.message_id)
            reference = owner.reference_of(to) if owner.references else owner.client_reference
            batch_id = owner.batch_id
            whose = (
                f'"message_id":{message_id},"client_reference":{"null" if reference is None else quoted(reference)},'
                f'"client":{quoted(client)},"batch_id":{"null" if batch_id is None else quoted(batch_id)},'
                f'"submitted_at":"{rfc3339_of(owner.submitted_at)}"'
            )
            subject = f',"subject":{message_id}'
        event: WrittenEvent = _new_event(WrittenEvent)
        _set_body(
            event,
            f'{{"specversion":"1.0","id":"{event_id}",{said.source_and_type},"time":"{at.time}",'
            f'"datacontenttype":"application/json","data":{{{whose}{account_and_to}{quoted(to)},{said.outcome},'
            f'"gateway_message_id":{quoted(gateway_id)},{said.status},"reported_at":{at.reported_at}}}{subject}}}',
        )
        _set_attributes(event, said.attributes[client, calls_back])
        events.append(event)
    return events


class _Status:
    """What the events of all reports with one `report_status` have in common."""

    __slots__ = ("attributes", "measured", "outcome", "source_and_type", "status")

    def __init__(self, account: str, report_status: str) -> None:
        outcome = classify(report_status)
        event_type, status = REPORTED[outcome.state]
        said: dict[str, object] = {"status": status, "final": outcome.final, "error_class": outcome.error_class}
        self.measured = measured(report_status)
        self.source_and_type = f'"source":{quoted(f"urn:eums:{account}")},"type":{quoted(event_type)}'
        self.outcome = JSON.encode(said)[1:-1]
        self.status = f'"gateway_status":{quoted(report_status)}'
        self.attributes = _Attributes(account, event_type, said)


class _Statuses(dict[str, _Status]):
    """By the `report_status`."""

    def __init__(self, account: str) -> None:
        super().__init__()
        self._account = account

    def __missing__(self, report_status: str) -> _Status:
        self[report_status] = status = _Status(self._account, report_status)
        return status


class _Attributes(dict[tuple[str | None, bool], dict[str, str]]):
    """Those of the events of one status, by the client and by whether the message has a status callback."""

    def __init__(self, account: str, event_type: EventType, said: dict[str, object]) -> None:
        super().__init__()
        self._account, self._type, self._said = account, event_type, said

    def __missing__(self, key: tuple[str | None, bool]) -> dict[str, str]:
        client, calls_back = key
        # The time and the subject are in no attribute.
        event = Event(
            id="",
            type=self._type,
            account=self._account,
            subject=None,
            time=datetime.min,  # noqa: DTZ901 - as good as any
            data=self._said,
            client=client,
            calls_back=calls_back,
        )
        self[key] = attributes = event.attributes()
        return attributes


class _Time:
    """What the events of all reports with one `report_time` have in common."""

    __slots__ = ("measured", "of", "reported_at", "time")

    def __init__(self, raw: str, time: datetime | None, pulled_at: datetime) -> None:
        self.of = time
        self.measured = measured(raw)
        self.time = rfc3339(time or pulled_at)
        self.reported_at = f'"{self.time}"' if time else "null"


class _Times:
    """By the `report_time` as received."""

    def __init__(self, pulled_at: datetime) -> None:
        self._pulled_at = pulled_at
        self.known: dict[str, _Time] = {}

    def add(self, raw: str, time: datetime | None) -> _Time:
        """Another text, or another reading of the same one."""
        self.known[raw] = added = _Time(raw, time, self._pulled_at)
        return added
