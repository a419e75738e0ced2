"""Hook sources: made whole or not at all, every problem named, the secret kept and never shown."""

import base64
from dataclasses import replace
from typing import Any

import pytest

from bridge.domain.clients import Caller
from bridge.domain.errors import InvalidRequest, NameTaken, NotAllowed, NotFound
from bridge.domain.hook_sources import Auth, AuthKind, HookLimits, HookMapping, HookSource, Layout
from bridge.domain.limits import Limits
from bridge.services.configuring import Configuring, SourceOrder
from bridge.services.drafting import Drafting
from tests.fakes.hooks import FakeHookSources
from tests.fakes.world import NOON, SHOP, World

SECRET = "a-secret-of-this-test"
NUMBER = "+8613812345678"
BANK = replace(SHOP, client="bank")
BEARER = Auth(kind=AuthKind.BEARER, secret=SECRET)
ORDER = SourceOrder(auth=BEARER, preset="alertmanager", to=(NUMBER,))
TOPIC = "arn:aws-cn:sns:cn-north-1:123456789012:nights"


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def sources() -> FakeHookSources:
    return FakeHookSources()


@pytest.fixture
def configuring(world: World, sources: FakeHookSources) -> Configuring:
    return Configuring(
        sources=sources,
        accounts=world.accounts,
        drafting=Drafting(accounts=world.accounts, gateway=world.gateway),
        clock=world.clock,
    )


def fields(configuring: Configuring, order: SourceOrder, name: str = "alerts") -> list[str]:
    with pytest.raises(InvalidRequest) as caught:
        configuring.put(SHOP, name, order)
    assert not any(SECRET in problem.message for problem in caught.value.problems)
    return [problem.field for problem in caught.value.problems]


def test_a_source_is_made_changed_found_and_forgotten(configuring: Configuring, world: World) -> None:
    made, is_new = configuring.put(SHOP, "alerts", ORDER)
    assert is_new
    assert (made.name, made.owner, made.auth, made.created_at, made.updated_at) == ("alerts", SHOP, BEARER, NOON, NOON)

    world.clock.advance(60)
    changed, is_new = configuring.put(SHOP, "alerts", replace(ORDER, preset="grafana"))
    assert not is_new
    assert (changed.preset, changed.created_at, changed.updated_at) == ("grafana", NOON, world.clock.now())
    assert configuring.find(SHOP, "alerts") == changed

    configuring.remove(SHOP, "alerts")
    for ask in (configuring.find, configuring.remove):
        with pytest.raises(NotFound):
            ask(SHOP, "alerts")


def test_a_source_keeps_its_secret_until_it_is_given_another(configuring: Configuring) -> None:
    configuring.put(SHOP, "alerts", ORDER)
    silent = replace(ORDER, auth=Auth(kind=AuthKind.BEARER))

    assert configuring.put(SHOP, "alerts", silent)[0].auth.secret == SECRET
    assert fields(configuring, silent, "new") == ["auth.secret"]
    assert fields(configuring, replace(ORDER, auth=Auth(kind=AuthKind.TOKEN, header="x"))) == ["auth.secret"], (
        "that of another kind is no secret for this one"
    )
    other = replace(ORDER, auth=replace(BEARER, secret="another-secret-of-it"))
    assert configuring.put(SHOP, "alerts", other)[0].auth.secret == "another-secret-of-it"


def test_a_secret_is_in_no_repr(configuring: Configuring) -> None:
    made, _ = configuring.put(SHOP, "alerts", ORDER)

    assert SECRET not in repr(made)
    assert SECRET not in repr(ORDER)


def test_a_source_is_its_clients_own(configuring: Configuring) -> None:
    configuring.put(SHOP, "alerts", ORDER)

    with pytest.raises(NameTaken):
        configuring.put(BANK, "alerts", ORDER)
    for ask in (configuring.find, configuring.remove):
        with pytest.raises(NotFound):
            ask(BANK, "alerts")
    with pytest.raises(NotFound):
        configuring.try_out(BANK, "alerts", {}, {})
    assert configuring.listed(BANK, "", 10) == ([], None)


def test_pages(configuring: Configuring) -> None:
    for name in ("c", "a", "b"):
        configuring.put(SHOP, name, ORDER)

    first, after = configuring.listed(SHOP, "", 2)
    assert ([each.name for each in first], after) == (["a", "b"], "b")
    assert [each.name for each in configuring.listed(SHOP, "b", 2)[0]] == ["c"]


def test_two_who_write_at_once_do_not_undo_each_other(
    world: World, sources: FakeHookSources, configuring: Configuring
) -> None:
    class Overtaken(FakeHookSources):
        def put(self, source: HookSource, *, instead_of: HookSource | None) -> bool:
            if len(self.sources) < 2:
                self.sources["other"] = source
                world.clock.advance(1)
                self.sources["alerts"] = replace(
                    source, updated_at=world.clock.now(), auth=replace(source.auth, secret="rotated-meanwhile")
                )
            return super().put(source, instead_of=instead_of)

    configuring.put(SHOP, "alerts", ORDER)
    overtaken = replace(configuring, sources=Overtaken(sources.sources))

    made, _ = overtaken.put(SHOP, "alerts", replace(ORDER, auth=Auth(kind=AuthKind.BEARER), preset="grafana"))

    assert (made.preset, made.auth.secret) == ("grafana", "rotated-meanwhile")


def test_every_problem_is_named(configuring: Configuring) -> None:
    order = SourceOrder(
        auth=Auth(kind=AuthKind.HMAC, secret="short", username="x", header="no header"),
        mapping=HookMapping(each="[", text="{{ x }}", dedup_seconds=1),
        account="other",
    )

    assert sorted(fields(configuring, order, "No Name")) == [
        "account",
        "auth.header",
        "auth.secret",
        "auth.username",
        "mapping.dedup_seconds",
        "mapping.each",
        "mapping.text",
        "source",
        "to",
    ]


@pytest.mark.parametrize(
    ("auth", "wrong"),
    [
        ({"kind": "bearer"}, ["auth.secret"]),
        ({"kind": "bearer", "secret": "x" * 15}, ["auth.secret"]),
        ({"kind": "bearer", "secret": "x" * 257}, ["auth.secret"]),
        ({"kind": "bearer", "secret": "with a space in it, long"}, ["auth.secret"]),
        ({"kind": "bearer", "secret": "密" * 20}, ["auth.secret"]),
        ({"kind": "bearer", "secret": SECRET, "header": "x"}, ["auth.header"]),
        ({"kind": "bearer", "secret": SECRET, "layout": Layout.STRIPE}, ["auth.layout"]),
        ({"kind": "token", "secret": SECRET}, ["auth.header"]),
        ({"kind": "token", "secret": SECRET, "header": "x:y"}, ["auth.header"]),
        ({"kind": "basic", "secret": SECRET}, ["auth.username"]),
        ({"kind": "basic", "secret": SECRET, "username": "a:b"}, ["auth.username"]),
        ({"kind": "hmac", "secret": SECRET}, ["auth.header"]),
        ({"kind": "hmac", "secret": SECRET, "header": "x", "prefix": "a b"}, ["auth.prefix"]),
        ({"kind": "hmac", "secret": SECRET, "header": "x", "timestamp_header": "é"}, ["auth.timestamp_header"]),
        (
            {"kind": "hmac", "secret": SECRET, "header": "x", "layout": Layout.STRIPE, "prefix": "v1="},
            ["auth.prefix"],
        ),
        ({"kind": "standard_webhooks", "secret": SECRET}, ["auth.secret"]),
        ({"kind": "standard_webhooks", "secret": "whsec_" + base64.b64encode(b"x" * 23).decode()}, ["auth.secret"]),
        ({"kind": "standard_webhooks", "secret": "whsec_" + base64.b64encode(b"x" * 65).decode()}, ["auth.secret"]),
        ({"kind": "sns"}, ["auth.topic_arns"]),
        ({"kind": "sns", "topic_arns": (TOPIC, "nights")}, ["auth.topic_arns[1]"]),
        ({"kind": "sns", "topic_arns": (TOPIC,), "secret": SECRET}, ["auth.secret"]),
    ],
)
def test_what_a_kind_needs_and_knows(configuring: Configuring, auth: dict[str, Any], wrong: list[str]) -> None:
    made = Auth(**{**auth, "kind": AuthKind(auth["kind"])})

    assert fields(configuring, replace(ORDER, auth=made)) == wrong


@pytest.mark.parametrize(
    ("more", "wrong"),
    [
        ({"preset": None}, ["mapping.text"]),
        ({"preset": "pagerduty"}, ["preset"]),
        ({"to": ()}, ["to"]),
        ({"account": "other"}, ["account"]),
        ({"mapping": HookMapping(when="nothing(@)")}, ["mapping.when"]),
    ],
)
def test_what_a_source_needs(configuring: Configuring, more: dict[str, Any], wrong: list[str]) -> None:
    assert fields(configuring, replace(ORDER, **more)) == wrong


@pytest.mark.parametrize("name", ["", "A", "a b", "a/b", "a#b", "-a", "a" * 65, "ä", "a\n"])
def test_what_is_no_name(configuring: Configuring, name: str) -> None:
    assert fields(configuring, ORDER, name) == ["source"]


def test_a_dry_run_sends_and_counts_nothing(configuring: Configuring, world: World) -> None:
    owner = Caller(client="shop", accounts=frozenset({"default"}), default_account="default", scopes=frozenset())
    mapping = HookMapping(each="body", text='{{ headers["x-kind"] }} {{ item }} {{ headers.authorization }}')
    order = replace(ORDER, preset=None, mapping=mapping, limits=HookLimits(messages_per_call=2))
    configuring.put(owner, "alerts", order)

    tried = configuring.try_out(owner, "alerts", [1, 2, 3], {"X-Kind": "disk", "Authorization": "Bearer x"})

    assert (tried.texts, tried.accounts, tried.dropped) == (("disk 1", "disk 2"), ("default", "default"), 1)
    assert tried.recipients == 2
    assert world.messages.messages == {}
    assert world.counters.counted == {}


def test_a_dry_run_says_that_a_call_would_not_be_allowed_now(configuring: Configuring, world: World) -> None:
    configuring.put(SHOP, "alerts", replace(ORDER, preset=None, mapping=HookMapping(text="{{ body }}")))
    limited = replace(SHOP, limits=Limits(extensions=("01",), daily_messages=1))
    with pytest.raises(NotAllowed, match="may use 01"):
        configuring.try_out(limited, "alerts", [1], {})

    limited = replace(SHOP, limits=Limits(extensions=("none",), daily_messages=1))
    assert configuring.try_out(limited, "alerts", [1], {}).recipients == 1
    assert world.uses.taken == []
