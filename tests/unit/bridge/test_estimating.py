import contextlib
import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.api.estimates import EstimateRequest, estimate_response
from bridge.api.requests import parse_body
from bridge.domain.errors import AccountNotConfigured, InvalidRequest, NotAllowed
from bridge.domain.policies import Policy
from bridge.services.estimating import Draft, Estimate
from tests.fakes.world import SHOP, World

TEXT = "【京东】您的验证码是123456"


def estimate(draft: Draft, policy: Policy | None = None) -> Estimate:
    world = World()
    world.accounts.policies["default"] = policy or Policy()
    found = world.estimating().estimate(SHOP, draft)
    assert (world.gateway.submits, world.messages.writes) == ([], 0)
    return found


def codes(found: Estimate) -> list[tuple[str, int | None]]:
    return [(problem.field, problem.gateway_code) for problem in found.problems]


def test_a_text_alone_is_estimated_for_one_recipient() -> None:
    found = estimate(Draft(text=TEXT))

    assert found == Estimate(account="default", text=TEXT, recipients=1, problems=())
    assert (found.length, found.segments, found.total_segments) == (16, 1, 1)


def test_the_accounts_signature_counts() -> None:
    found = estimate(Draft(text="字" * 67), Policy(signature="京东"))

    assert (found.text, found.length, found.segments) == ("【京东】" + "字" * 67, 71, 2)


def test_the_gateway_charges_for_every_number_that_is_one() -> None:
    found = estimate(Draft(text="😀" * 36, to=("13812345678", "+8613812345678", "1", "008613800001234")))

    assert (found.length, found.segments, found.recipients, found.total_segments) == (72, 2, 2, 4)
    assert codes(found) == [("to[1]", None), ("to[2]", 104)]


@pytest.mark.parametrize(
    ("draft", "expected"),
    [
        (Draft(text=""), [("text", 105)]),
        (Draft(text="字" * 501), [("text", 109), ("text", 111)]),
        (Draft(text="您的验证码", extension="x"), [("extension", 108), ("text", 111)]),
        (Draft(text=TEXT, to=()), [("to", 104)]),
        (Draft(text=TEXT, to=("x",)), [("to[0]", 104)]),
        (Draft(text=TEXT, to=tuple(f"138{index:08}" for index in range(1001))), [("to", None)]),
    ],
)
def test_what_would_be_refused_is_part_of_the_estimate(draft: Draft, expected: list[tuple[str, int | None]]) -> None:
    assert codes(estimate(draft, Policy(signature_required=True))) == expected


def test_an_estimate_is_of_the_callers_own_accounts() -> None:
    world = World()
    world.add_account("other")

    with pytest.raises(NotAllowed):
        world.estimating().estimate(SHOP, Draft(text=TEXT, account="other"))
    with pytest.raises(AccountNotConfigured):
        world.estimating().estimate(replace(SHOP, default_account="gone"), Draft(text=TEXT))


@pytest.mark.parametrize(
    ("body", "draft"),
    [
        ({"text": "x"}, Draft(text="x")),
        ({"text": "", "to": None}, Draft(text="")),
        ({"text": "x", "to": "1"}, Draft(text="x", to=("1",))),
        ({"text": "x", "to": []}, Draft(text="x", to=())),
        (
            {"text": "x", "to": ["1", "1"], "extension": "a", "account": "b"},
            Draft(text="x", to=("1", "1"), extension="a", account="b"),
        ),
    ],
)
def test_what_cannot_be_sent_can_be_asked_about(body: dict[str, Any], draft: Draft) -> None:
    assert parse_body(EstimateRequest, json.dumps(body)).draft() == draft


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "text"),
        ({"text": 7}, "text"),
        ({"text": "x" * 10_001}, "text"),
        ({"text": "x", "to": 13812345678}, "to"),
        ({"text": "x", "to": [7]}, "to[0]"),
        ({"text": "x", "to": ["1" * 65]}, "to[0]"),
        ({"text": "x", "to": ["1"] * 10_001}, "to"),
        ({"text": "x", "extension": "1" * 65}, "extension"),
        ({"text": "x", "account": "?"}, "account"),
        ({"text": "x", "client_reference": "y"}, "client_reference"),
    ],
)
def test_what_is_no_message_at_all_is_a_mistake(body: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidRequest) as caught:
        parse_body(EstimateRequest, json.dumps(body))
    assert [problem.field for problem in caught.value.problems] == [field]


@given(
    st.fixed_dictionaries(
        {"text": st.text()}, optional={"to": st.none() | st.text() | st.lists(st.text()), "extension": st.text()}
    )
)
def test_any_message_at_all_has_an_estimate_or_named_problems(body: dict[str, Any]) -> None:
    with contextlib.suppress(InvalidRequest):
        found = estimate(parse_body(EstimateRequest, json.dumps(body)).draft(), Policy(signature="京东"))
        shown = json.loads(estimate_response(found).model_dump_json())
        assert shown["text"].endswith(body["text"])
        assert shown["estimated_total_segments"] == shown["estimated_segments"] * shown["recipients"]
