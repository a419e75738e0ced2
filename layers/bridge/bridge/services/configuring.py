"""Configuring hook sources: made, changed, shown and tried by the client that they belong to."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final

from bridge.domain.clients import Caller
from bridge.domain.errors import FieldProblem, InvalidRequest, NameTaken, NotAllowed, NotFound
from bridge.domain.hook_mappings import hook_data
from bridge.domain.hook_presets import PRESETS
from bridge.domain.hook_sources import (
    DEFAULT_DEDUP,
    NAME,
    Auth,
    HookLimits,
    HookMapping,
    HookSource,
    ListedSource,
    auth_problems,
)
from bridge.domain.messages import Category
from bridge.ports import Accounts, Clock, HookSources
from bridge.services.choosing import choose
from bridge.services.drafting import Drafted, Drafting, reader, whole

_ROUNDS: Final = 3
_SHORTEST_DEDUP: Final = 60  # seconds


@dataclass(frozen=True, slots=True, kw_only=True)
class SourceOrder:
    """What a caller asks a source to be.

    Attributes:
        auth: with no secret where the source is to keep the one it has.
        to: E.164.
    """

    auth: Auth
    preset: str | None = None
    mapping: HookMapping = field(default_factory=HookMapping)
    to: tuple[str, ...] = ()
    account: str | None = None
    category: Category = Category.MARKETING
    limits: HookLimits = field(default_factory=HookLimits)


@dataclass(frozen=True, slots=True, kw_only=True)
class Configuring:
    """Keeps the hook sources."""

    sources: HookSources
    accounts: Accounts
    drafting: Drafting
    clock: Clock

    def put(self, caller: Caller, name: str, order: SourceOrder) -> tuple[HookSource, bool]:
        """Make a source, or change it; and whether it is new. Without a secret it keeps the one that it has.

        Raises:
            InvalidRequest: names everything that is wrong.
            NameTaken: another client has a source of that name.
        """
        for _ in range(_ROUNDS):
            standing = self.sources.find(name) if NAME.fullmatch(name) else None
            if standing is not None and standing.owner.client != caller.client:
                raise NameTaken("another client has a hook source of this name; choose another")
            source = self._source(caller, name, order, standing)
            if self.sources.put(source, instead_of=standing):
                return source, standing is None
        raise NameTaken("somebody else is writing this hook source just now; look at it, and try again")

    def find(self, caller: Caller, name: str) -> HookSource:
        """A source of the caller's. Raises NotFound."""
        source = self.sources.find(name) if NAME.fullmatch(name) else None
        if source is None or source.owner.client != caller.client:
            raise NotFound("there is no such hook source")
        return source

    def remove(self, caller: Caller, name: str) -> None:
        """Forget a source: from now on its calls are refused. Raises NotFound."""
        if not self.sources.remove(self.find(caller, name)):
            raise NotFound("there is no such hook source")

    def listed(self, caller: Caller, after: str, limit: int) -> tuple[Sequence[ListedSource], str | None]:
        """A page of the caller's sources behind a name ("" begins), and the name behind which the next begins."""
        found = self.sources.list(caller.client, after, limit + 1)
        page = found[:limit]
        return page, page[-1].name if len(found) > limit else None

    def try_out(self, caller: Caller, name: str, body: Any, headers: Mapping[str, str]) -> Drafted:
        """What a sample body would send; nothing is, and nothing is counted.

        Raises:
            NotFound: the caller has no such source.
            InvalidRequest, NotAllowed: as a call would get.
        """
        source = self.find(caller, name)
        hidden = frozenset({source.auth.header, source.auth.timestamp_header})
        lowered = {each.lower(): (value,) for each, value in headers.items()}
        source = replace(source, owner=replace(source.owner, limits=caller.limits))
        return self.drafting.draft(source, hook_data(source.name, body, lowered, hidden))

    def _source(self, caller: Caller, name: str, order: SourceOrder, standing: HookSource | None) -> HookSource:
        auth = order.auth
        if standing is not None and not auth.secret and standing.auth.kind is auth.kind:
            auth = replace(auth, secret=standing.auth.secret)
        if problems := tuple(self._problems(caller, name, replace(order, auth=auth))):
            raise InvalidRequest(problems)
        now = self.clock.now()
        return HookSource(
            name=name,
            owner=caller,
            auth=auth,
            preset=order.preset,
            mapping=order.mapping,
            to=order.to,
            account=order.account,
            category=order.category,
            limits=order.limits,
            created_at=standing.created_at if standing else now,
            updated_at=now,
        )

    def _problems(self, caller: Caller, name: str, order: SourceOrder) -> Iterator[FieldProblem]:
        if not NAME.fullmatch(name):
            yield FieldProblem("source", "must be 1 to 64 of a-z, 0-9, - and _, the first a letter or digit")
        yield from auth_problems(order.auth)
        if order.preset is not None and order.preset not in PRESETS:
            yield FieldProblem("preset", f"must be one of {', '.join(PRESETS)}")
        else:
            yield from _mapping_problems(whole(order.preset, order.mapping), order)
        if order.account is not None:
            try:
                choose(caller, order.account, self.accounts)
            except NotAllowed:
                yield FieldProblem("account", "must be an account that this key may use")


def _mapping_problems(mapping: HookMapping, order: SourceOrder) -> Iterator[FieldProblem]:
    try:
        reader(mapping)
    except InvalidRequest as exc:
        yield from exc.problems
    seconds = mapping.dedup_seconds
    if seconds is not None and not _SHORTEST_DEDUP <= seconds <= DEFAULT_DEDUP:
        yield FieldProblem("mapping.dedup_seconds", f"must be {_SHORTEST_DEDUP} to {DEFAULT_DEDUP}")
    if mapping.to is None and not order.to:
        yield FieldProblem("to", "is missing; neither the mapping nor the preset says to whom")
