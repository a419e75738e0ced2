"""Correlating: which message a report or an inbound message without a reference belongs to."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from bridge.domain.messages import WAITING, Answered, By, Outbound, Owner, Status
from bridge.ports import Messages

# Reports are looked for longer than the 72 h after which they count as missing: a late one still supersedes that.
_REPORTED_WITHIN: Final = timedelta(days=7)
_ANSWERED_WITHIN: Final = timedelta(hours=72)

_NOT_SENT: Final = {Status.REJECTED, Status.CANCELLED, *WAITING}


class Sighting(NamedTuple):
    """What identifies a report's recipient: one gateway id may cover several numbers (拉取状态报告).

    Attributes:
        to: E.164.
    """

    gateway_message_id: str
    to: str


class Reply(NamedTuple):
    """An inbound message, as far as it tells what it answers.

    Attributes:
        src: the handset, E.164.
        dest: port and extension.
    """

    src: str
    dest: str


def reported_owners(
    messages: Messages, account: str, sightings: Iterable[Sighting], *, at: datetime
) -> Mapping[Sighting, Owner]:
    """Whose messages these reports are about, by the gateway's id and the number; `at` is when they came.

    Those that nobody knows are left out: another system's, or one whose submit is not recorded yet.
    """
    wanted = {sighting for sighting in sightings if sighting.gateway_message_id}
    sent = _sent(messages, account, (sighting.to for sighting in wanted), within=_REPORTED_WITHIN, at=at)
    owners: dict[Sighting, Owner] = {}
    for sighting in wanted:
        for outbound in sent.get(sighting.to, ()):
            if outbound.gateway_message_id == sighting.gateway_message_id:
                owners[sighting] = outbound.owner
                break
    return owners


def answered_messages(
    messages: Messages, account: str, replies: Iterable[Reply], *, at: datetime
) -> Mapping[Reply, Answered]:
    """What these replies answer, by extension or else by being the latest; `at` is when they came."""
    wanted = set(replies)
    sent = _sent(messages, account, (reply.src for reply in wanted), within=_ANSWERED_WITHIN, at=at)
    found = {reply: _answered(reply, sent.get(reply.src, ())) for reply in wanted}
    return {reply: answered for reply, answered in found.items() if answered}


def _sent(
    messages: Messages, account: str, numbers: Iterable[str], *, within: timedelta, at: datetime
) -> Mapping[str, tuple[Outbound, ...]]:
    distinct = set(numbers)
    return messages.sent_to(account, distinct, since=at - within, until=at) if distinct else {}


def _answered(reply: Reply, sent: tuple[Outbound, ...]) -> Answered | None:
    # Nobody answers what was not sent.
    arrived = [outbound for outbound in sent if outbound.status not in _NOT_SENT]
    for outbound in arrived:
        if outbound.extension and reply.dest.endswith(outbound.extension):
            return Answered(owner=outbound.owner, by=By.EXTENSION)
    return Answered(owner=arrived[0].owner, by=By.LATEST) if arrived else None
