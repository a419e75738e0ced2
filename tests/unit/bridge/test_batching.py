from dataclasses import replace
from typing import Any

import pytest

from bridge.domain.batches import Batch, BatchEntry, BatchStatus, is_batch_id
from bridge.domain.clients import Caller
from bridge.domain.errors import FieldProblem, InvalidRequest, NotAllowed, NotFound
from bridge.domain.messages import Category, OnAmbiguous, Status
from bridge.domain.policies import Policy
from bridge.domain.work import PlanWork
from bridge.services.composing import BatchOrder, EntryOrder
from eums import Account
from tests.fakes.world import NOON, SHOP, World

TEXT = "【京东】您的包裹已到"


@pytest.fixture
def world() -> World:
    return World()


def order(**changes: Any) -> BatchOrder:
    entries = (
        EntryOrder(to="13800000001", text=TEXT, client_reference="r1"),
        EntryOrder(to="13800000002", template="【京东】{{code}}", params={"code": 7}),
    )
    return replace(BatchOrder(entries=entries), **changes)


def test_a_batch_is_kept_and_its_plan_asked_for(world: World) -> None:
    accepted = world.batching().accept(
        SHOP, order(extension="12", category=Category.TRANSACTIONAL, on_ambiguous=OnAmbiguous.RESEND)
    )

    batch = accepted.batch
    assert not accepted.replayed
    assert is_batch_id(batch.id)
    assert world.batches.get(batch.id) == batch
    assert batch == Batch(
        id=batch.id,
        client="shop",
        account="default",
        size=2,
        most=1000,
        created_at=NOON,
        extension="12",
        category=Category.TRANSACTIONAL,
        on_ambiguous=OnAmbiguous.RESEND,
    )
    assert str(batch.created_at) == "2026-11-23 12:00:00+08:00"
    assert world.bodies.read(batch) == (
        BatchEntry(to="13800000001", text=TEXT, client_reference="r1"),
        BatchEntry(to="13800000002", text="【京东】7"),
    )
    assert world.queue.sent == [(PlanWork(batch_id=batch.id), 0)]


def test_the_accounts_own_signature_goes_in_front_and_its_limit_is_kept(world: World) -> None:
    world.add_account("default", Account(base_url="http://127.0.0.1:9", name="t", password="p", post_recipients=7))
    world.accounts.policies["default"] = Policy(signature="京东")

    batch = world.batching().accept(SHOP, order(entries=(EntryOrder(to="13800000001", text="hi"),))).batch

    assert batch.most == 7
    assert world.bodies.read(batch) == (BatchEntry(to="13800000001", text="【京东】hi", signature="京东"),)


def test_what_the_gateway_would_surely_refuse_is_not_accepted(world: World) -> None:
    world.accounts.policies["default"] = Policy(signature_required=True)
    entries = (
        EntryOrder(to="13800000001", text=TEXT),
        EntryOrder(to="13800000001", text="unsigned"),
        EntryOrder(to="13800000001", text="【京东】" + "字" * 500),
        EntryOrder(to="13800000001", text=" "),
    )

    with pytest.raises(InvalidRequest) as caught:
        world.batching().accept(SHOP, order(entries=entries))

    assert [(problem.field, problem.gateway_code) for problem in caught.value.problems] == [
        ("messages[1].text", 111),
        ("messages[2].text", 109),
        ("messages[3].text", 105),
    ]
    assert (world.bodies.kept, world.batches.batches, world.queue.sent) == ({}, {}, [])


def test_the_account_is_one_that_the_client_may_use(world: World) -> None:
    world.add_account("other")
    with pytest.raises(NotAllowed):
        world.batching().accept(SHOP, order(account="other"))

    both = Caller(
        client="shop",
        accounts=frozenset({"default", "other"}),
        default_account="default",
        scopes=frozenset({"send"}),
        fallback_accounts=("other",),
    )
    assert world.batching().accept(both, order(account="other")).batch.fallback_accounts == ()
    assert world.batching().accept(both, order()).batch.fallback_accounts == ("other",)


def test_a_repeat_with_the_same_key_gets_the_same_batch(world: World) -> None:
    first = world.batching().accept(SHOP, order(), "key")
    world.queue.take()
    world.batches.planned(first.batch, 2, at=NOON)

    again = world.batching().accept(SHOP, order(), "key")

    assert again.replayed
    assert again.batch.id == first.batch.id
    assert world.queue.sent == []
    assert len(world.batches.batches) == 1


def test_a_repeat_sends_the_pointer_that_may_have_been_lost(world: World) -> None:
    first = world.batching().accept(SHOP, order(), "key")
    world.queue.take()  # whoever accepted it died before

    assert world.batching().accept(SHOP, order(), "key").replayed
    assert world.queue.take() == [PlanWork(batch_id=first.batch.id)]


@pytest.mark.parametrize(
    "other",
    [
        order(extension="1"),
        order(category=Category.TRANSACTIONAL),
        order(on_ambiguous=OnAmbiguous.RESEND),
        order(text="unused"),
        order(entries=order().entries[::-1]),
        order(entries=(order().entries[0], replace(order().entries[1], params={"code": "7"}))),
        order(entries=(replace(order().entries[0], client_reference=None), order().entries[1])),
    ],
)
def test_a_key_is_for_one_request(world: World, other: BatchOrder) -> None:
    world.batching().accept(SHOP, order(), "key")
    with pytest.raises(InvalidRequest) as caught:
        world.batching().accept(SHOP, other, "key")
    assert caught.value.problems == (
        FieldProblem("Idempotency-Key", "was used for another request within 24 hours; use a new one"),
    )


def test_a_batch_is_accepted_though_its_pointer_cannot_be_sent(world: World) -> None:
    world.queue.failing = 1

    accepted = world.batching().accept(SHOP, order())

    assert world.batches.get(accepted.batch.id)
    assert world.counters.counted["BatchesNotQueued"] == 1
    assert world.queue.sent == []


def test_a_client_finds_its_own_batches(world: World) -> None:
    batch = world.batching().accept(SHOP, order()).batch

    found = world.batching().find(SHOP, batch.id)

    assert (found.batch.status, found.counts) == (BatchStatus.ACCEPTED, {Status.ACCEPTED: 2})
    for caller, wanted in ((replace(SHOP, client="bank"), batch.id), (SHOP, batch.id[:-4] + "0001"), (SHOP, "x")):
        with pytest.raises(NotFound):
            world.batching().find(caller, wanted)
