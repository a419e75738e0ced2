"""Hook sources and what is used of them: written by several, counted as one, and listed without a secret."""

import json
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bridge.adapters.hook_sources_table import HookSourcesTable, HookUsesTable
from bridge.domain.clients import Caller
from bridge.domain.hook_sources import Auth, AuthKind, HookLimits, HookMapping, HookSource, Layout, ListedSource
from bridge.domain.messages import Category
from bridge.ports import HookSources, HookUses
from tests.contract.conftest import make_table
from tests.fakes.hooks import FakeHookSources, FakeHookUses
from tests.fakes.world import NOON

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

MINUTE = timedelta(minutes=1)
OWNER = Caller(
    client="shop",
    accounts=frozenset({"default", "second"}),
    default_account="default",
    scopes=frozenset({"admin", "send"}),
    fallback_accounts=("second",),
)
SECRET = "a-secret-of-this-test"
SOURCE = HookSource(
    name="alerts",
    owner=OWNER,
    auth=Auth(
        kind=AuthKind.HMAC,
        secret=SECRET,
        header="x-signature",
        algorithm="sha512",
        encoding="base64",
        layout=Layout.STRIPE,
        tolerance=60,
    ),
    preset="alertmanager",
    mapping=HookMapping(text="{{ body }}", dedup_seconds=60),
    to=("+8613812345678",),
    account="second",
    category=Category.TRANSACTIONAL,
    limits=HookLimits(messages_per_call=1, calls_per_minute=2, messages_per_day=3),
    created_at=NOON,
    updated_at=NOON,
)
BARE = replace(
    SOURCE,
    name="bare",
    auth=Auth(kind=AuthKind.SNS, topic_arns=("arn:aws:sns:us-east-1:123456789012:x",)),
    preset=None,
    mapping=HookMapping(),
    to=(),
    account=None,
)


@pytest.fixture
def table(dynamodb: "DynamoDBClient") -> str:
    return make_table(dynamodb, "webhooks", sort_key=True)


@pytest.fixture(params=["fake", "dynamodb"])
def sources(request: pytest.FixtureRequest) -> HookSources:
    if request.param == "fake":
        return FakeHookSources()
    return HookSourcesTable(request.getfixturevalue("dynamodb"), request.getfixturevalue("table"))


@pytest.fixture(params=["fake", "dynamodb"])
def uses(request: pytest.FixtureRequest) -> HookUses:
    if request.param == "fake":
        return FakeHookUses()
    return HookUsesTable(request.getfixturevalue("dynamodb"), request.getfixturevalue("table"))


@pytest.mark.parametrize("source", [SOURCE, BARE], ids=lambda source: source.name)
def test_a_source_is_found_as_it_was_put(sources: HookSources, source: HookSource) -> None:
    assert sources.find(source.name) is None

    assert sources.put(source, instead_of=None)

    found = sources.find(source.name)
    assert found == source
    assert found is not None
    assert found.created_at.utcoffset() is not None


def test_a_source_is_written_over_only_as_it_was_found(sources: HookSources) -> None:
    sources.put(SOURCE, instead_of=None)
    later = replace(SOURCE, preset="grafana", updated_at=NOON + MINUTE)

    assert not sources.put(later, instead_of=None), "somebody has made one meanwhile"
    assert sources.put(later, instead_of=SOURCE)
    assert not sources.put(replace(SOURCE, preset="plain"), instead_of=SOURCE), "somebody has changed it meanwhile"
    assert not sources.put(later, instead_of=replace(later, owner=replace(OWNER, client="bank")))
    assert sources.find("alerts") == later


def test_a_source_is_removed_by_its_owner(sources: HookSources) -> None:
    sources.put(SOURCE, instead_of=None)

    assert not sources.remove(replace(SOURCE, owner=replace(OWNER, client="bank")))
    assert sources.find("alerts") == SOURCE
    assert sources.remove(SOURCE)
    assert not sources.remove(SOURCE)
    assert sources.find("alerts") is None
    assert sources.list("shop", "", 10) == []
    assert sources.put(SOURCE, instead_of=None)


def test_a_client_lists_its_own_by_name(sources: HookSources) -> None:
    for name in ("c", "a", "b"):
        sources.put(replace(SOURCE, name=name), instead_of=None)
    sources.put(replace(SOURCE, name="aa", owner=replace(OWNER, client="bank")), instead_of=None)

    assert sources.list("shop", "", 2) == [
        ListedSource(name=name, kind=AuthKind.HMAC, preset="alertmanager", created_at=NOON, updated_at=NOON)
        for name in ("a", "b")
    ]
    assert [each.name for each in sources.list("shop", "b", 2)] == ["c"]
    assert sources.list("shop", "c", 2) == []
    assert [each.name for each in sources.list("bank", "", 2)] == ["aa"]


def test_a_secret_is_in_one_item_only(dynamodb: "DynamoDBClient", table: str) -> None:
    HookSourcesTable(dynamodb, table).put(SOURCE, instead_of=None)

    items = dynamodb.scan(TableName=table)["Items"]
    assert len(items) == 2
    (holding,) = [item for item in items if SECRET in json.dumps(item)]
    assert (holding["pk"], holding["sk"]) == ({"S": "source#alerts"}, {"S": "source"})


def test_what_was_seen_is_known_of_its_own_source(uses: HookUses) -> None:
    assert not uses.was_seen("alerts", "a" * 64)

    uses.mark_seen("alerts", "a" * 64, until=NOON + MINUTE)
    uses.mark_seen("alerts", "a" * 64, until=NOON + MINUTE)

    assert uses.was_seen("alerts", "a" * 64)
    assert not uses.was_seen("alerts", "b" * 64)
    assert not uses.was_seen("other", "a" * 64)


def test_repeats_have_the_time_of_the_first(uses: HookUses) -> None:
    assert uses.first("alerts", "x", now=NOON, window=60) == NOON
    assert uses.first("alerts", "x", now=NOON + timedelta(seconds=59.9), window=60) == NOON
    assert uses.first("alerts", "y", now=NOON + MINUTE, window=60) == NOON + MINUTE
    assert uses.first("other", "x", now=NOON + MINUTE, window=60) == NOON + MINUTE
    assert uses.first("alerts", "x", now=NOON + MINUTE, window=60) == NOON + MINUTE
    assert uses.first("alerts", "x", now=NOON + 2 * MINUTE, window=3600) == NOON + MINUTE
    assert not uses.was_seen("alerts", "x"), "the one has nothing to do with the other"


def test_no_more_is_taken_than_there_is(uses: HookUses) -> None:
    def take(count: int, span: str = "2026-11-23") -> bool:
        return uses.take("alerts", span, count, limit=5, until=NOON + MINUTE)

    assert not take(6)
    assert take(3)
    assert not take(3)
    assert take(2)
    assert not take(1)
    assert take(5, "2026-11-24")
    uses.give_back("alerts", "2026-11-23", 2)
    assert not take(3)
    assert take(2)
    assert uses.take("alerts", "2026-11-23", 1, limit=6, until=NOON + MINUTE), "the limit was raised"


def test_what_is_of_use_for_a_while_ends(dynamodb: "DynamoDBClient", table: str) -> None:
    uses = HookUsesTable(dynamodb, table)
    uses.mark_seen("alerts", "x", until=NOON + MINUTE)
    uses.first("alerts", "x", now=NOON, window=60)
    uses.take("alerts", "now", 1, limit=1, until=NOON + MINUTE)

    items = dynamodb.scan(TableName=table)["Items"]
    ends = {"N": str(int((NOON + MINUTE).timestamp()))}
    assert sorted((item["sk"]["S"], item["expires_at"]) for item in items) == [
        ("count", ends),
        ("seen", ends),
        ("seen", ends),
    ]
