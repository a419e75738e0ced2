"""Opting out: numbers that answer a keyword get no more messages from that account; the API lists, adds and removes."""

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import tzinfo

from bridge.domain import numbers as number_forms
from bridge.domain.clients import Caller
from bridge.domain.errors import NotFound
from bridge.domain.opt_outs import Heard, OptOut, Source, inbound_message, keyword_in
from bridge.ports import Accounts, Clock, Counters, OptOuts
from bridge.services.choosing import choose


@dataclass(frozen=True, slots=True, kw_only=True)
class OptingOut:
    """Keeps the opt-outs; `bridge.ports.OptOuts.among` is what a send asks.

    Attributes:
        keywords: an account's keywords, by its name.
    """

    accounts: Accounts
    keywords: Callable[[str], Collection[str]]
    opt_outs: OptOuts
    clock: Clock
    counters: Counters

    def hear(self, body: str) -> Heard:
        """Opt a number out where it answered a keyword. Hearing an event (its JSON form) again changes nothing.

        Raises:
            ValueError: `body` is no inbound event.
        """
        inbound = inbound_message(body)
        keyword = keyword_in(inbound.text, self.keywords(inbound.account))
        # Nothing but mainland mobile numbers is ever sent to.
        if keyword is None or number_forms.national(inbound.sender) is None:
            return Heard.IGNORED
        opt_out = OptOut(
            account=inbound.account,
            number=inbound.sender,
            since=inbound.received_at,
            source=Source.INBOUND,
            keyword=keyword,
            message=inbound.place,
        )
        if not self.opt_outs.add(opt_out):
            return Heard.STANDING
        self.counters.count("OptOuts", account=inbound.account)
        return Heard.OPTED_OUT

    def listed(self, caller: Caller, wanted: str | None, after: str, limit: int) -> tuple[Sequence[OptOut], str | None]:
        """A page of the account's opt-outs behind a number ("" begins), and the number behind which the next begins.

        Raises NotAllowed and AccountNotConfigured.
        """
        account, zone = self._chosen(caller, wanted)
        found = self.opt_outs.list(account, after, limit + 1)
        page = found[:limit]
        return _told(page, zone), page[-1].number if len(found) > limit else None

    def add(self, caller: Caller, wanted: str | None, numbers: Iterable[str]) -> Sequence[OptOut]:
        """Opt numbers (E.164) out. Returns the opt-out of each, in order: one that stood already is as it was.

        Raises NotAllowed and AccountNotConfigured.
        """
        account, zone = self._chosen(caller, wanted)
        asked = tuple(dict.fromkeys(numbers))
        now = self.clock.now()
        standing = self.opt_outs.find(account, asked)
        missing = [number for number in asked if number not in standing]
        added = [OptOut(account=account, number=number, since=now, source=Source.API) for number in missing]
        self.opt_outs.add_all(added)
        # A handset may have been faster meanwhile: then its opt-out is the one that stands.
        told = {**{one.number: one for one in added}, **standing, **self.opt_outs.find(account, missing)}
        return _told([told[number] for number in asked], zone)

    def remove(self, caller: Caller, wanted: str | None, number: str) -> None:
        """Send to a number (E.164) again. Raises NotFound where it is not opted out, and as `add`."""
        account, _ = self._chosen(caller, wanted)
        if not self.opt_outs.remove(account, number, self.clock.now()):
            raise NotFound("this number is not opted out")

    def _chosen(self, caller: Caller, wanted: str | None) -> tuple[str, tzinfo]:
        account = choose(caller, wanted, self.accounts)
        return account, self.accounts.get(account).tzinfo


def _told(opt_outs: Iterable[OptOut], zone: tzinfo) -> Sequence[OptOut]:
    return [replace(opt_out, since=opt_out.since.astimezone(zone)) for opt_out in opt_outs]
