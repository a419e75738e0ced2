from dataclasses import replace

import pytest

from bridge.domain.errors import NotAllowed
from bridge.services.choosing import choose, route
from tests.fakes.accounts import FakeAccounts
from tests.fakes.world import SHOP

ALL = ("default", "b", "c", "d")
EVERYWHERE = replace(SHOP, accounts=frozenset({"*"}), fallback_accounts=("c", "b"))


@pytest.fixture
def accounts() -> FakeAccounts:
    fake = FakeAccounts()
    fake.accounts = dict.fromkeys(ALL, fake.accounts["default"])
    return fake


def test_the_default_comes_first_and_then_the_fallbacks_in_their_order(accounts: FakeAccounts) -> None:
    assert route(EVERYWHERE, None, accounts) == ("default", "c", "b")
    assert route(SHOP, None, accounts) == ("default",)


def test_who_names_an_account_means_that_one(accounts: FakeAccounts) -> None:
    assert route(EVERYWHERE, "b", accounts) == ("b",)
    assert route(EVERYWHERE, "default", accounts) == ("default",)
    with pytest.raises(NotAllowed):
        route(SHOP, "b", accounts)


def test_a_fallback_that_the_client_may_not_use_or_that_is_not_there_is_left_out(accounts: FakeAccounts) -> None:
    some = replace(SHOP, accounts=frozenset({"default", "b", "gone"}), fallback_accounts=("gone", "c", "b"))

    assert route(some, None, accounts) == ("default", "b")


def test_no_account_is_tried_twice(accounts: FakeAccounts) -> None:
    repeated = replace(EVERYWHERE, fallback_accounts=("b", "default", "b", "c", "c"))

    assert route(repeated, None, accounts) == ("default", "b", "c")


def test_a_default_that_is_not_there_is_not_passed_over_silently(accounts: FakeAccounts) -> None:
    gone = replace(EVERYWHERE, default_account="gone")

    assert choose(gone, None, accounts) == "gone"
    assert route(gone, None, accounts) == ("gone", "c", "b")
