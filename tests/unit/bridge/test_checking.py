import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bridge.api.requests import SendRequest, parse_body
from bridge.domain.errors import AccountNotConfigured, InvalidRequest
from bridge.domain.policies import Policy
from bridge.services.checking import Checked, check
from eums import CODES, Submit
from tests.fakes.world import World

NUMBER = "13812345678"
TEXT = "【京东】您的验证码是123456"
PLAIN = Policy()
OWN = Policy(signature="京东")
REQUIRED = Policy(signature_required=True)


def checked(
    policy: Policy = PLAIN, *, to: tuple[str, ...] = (NUMBER,), text: str = TEXT, extension: str = ""
) -> Checked:
    return check(World().gateway, "default", policy, Submit(to, text, extension))


def codes(found: Checked) -> list[tuple[str, int | None]]:
    return [(problem.field, problem.gateway_code) for problem in found.problems]


@pytest.mark.parametrize("policy", [PLAIN, OWN, REQUIRED, Policy(signature="京东", signature_required=True)])
def test_what_is_right_goes_out_as_it_is(policy: Policy) -> None:
    found = checked(policy, to=("+8613812345678", "008613800001234"), extension="12")

    assert found == Checked(submit=Submit((NUMBER, "13800001234"), TEXT, "12"), signature="", problems=())
    assert found.sound() == found.submit


def test_the_accounts_own_signature_goes_in_front_where_there_is_none() -> None:
    found = checked(Policy(signature="京东", signature_required=True), text="您的验证码是123456")

    assert (found.submit.content, found.signature, found.problems) == (TEXT, "京东", ())


@pytest.mark.parametrize(
    ("policy", "changes", "expected"),
    [
        (REQUIRED, {"text": "您的验证码"}, [("text", 111)]),
        (REQUIRED, {"text": "【】您的验证码"}, [("text", 111)]),
        (PLAIN, {"text": "您的验证码"}, []),
        (PLAIN, {"text": "字" * 500}, []),
        (PLAIN, {"text": "字" * 501}, [("text", 109)]),
        (OWN, {"text": "字" * 496}, []),
        (OWN, {"text": "字" * 497}, [("text", 109)]),
        (OWN, {"text": "😀" * 249}, [("text", 109)]),
        (REQUIRED, {"text": "字" * 501}, [("text", 109), ("text", 111)]),
        (PLAIN, {"text": ""}, [("text", 105)]),
        (OWN, {"text": " \u3000\n"}, [("text", 105)]),
        (REQUIRED, {"text": " "}, [("text", 105)]),
        (OWN, {"text": "half \ud83d"}, [("text", None)]),
        (PLAIN, {"to": ()}, [("to", 104)]),
        (PLAIN, {"to": ("x", NUMBER, "12812345678")}, [("to[0]", 104), ("to[2]", 104)]),
        (PLAIN, {"to": (NUMBER, "+86" + NUMBER)}, [("to[1]", None)]),
        (PLAIN, {"to": tuple(f"138{index:08}" for index in range(1001))}, [("to", None)]),
        (PLAIN, {"extension": "12a"}, [("extension", 108)]),
        (PLAIN, {"extension": "1" * 21}, [("extension", 108)]),
        (
            REQUIRED,
            {"to": ("x",), "text": "字" * 501, "extension": "a"},
            [("to[0]", 104), ("text", 109), ("extension", 108), ("text", 111)],
        ),
    ],
)
def test_every_problem_is_named_with_the_gateways_code(
    policy: Policy, changes: Mapping[str, Any], expected: list[tuple[str, int | None]]
) -> None:
    found = checked(policy, **changes)

    assert codes(found) == expected
    assert {code for _, code in expected if code} <= set(CODES)
    if expected:
        with pytest.raises(InvalidRequest) as caught:
            found.sound()
        assert caught.value.problems == found.problems


def test_who_is_refused_for_a_signature_that_was_put_in_front_is_told() -> None:
    [problem] = checked(OWN, text="字" * 497).problems

    assert problem.message == "has 501 characters, more than 500, with the account's signature in front"


def test_an_account_that_is_not_there_is_the_operators_mistake() -> None:
    with pytest.raises(AccountNotConfigured):
        check(World().gateway, "gone", PLAIN, Submit((NUMBER,), TEXT))


@given(
    st.lists(st.text() | st.just(NUMBER)).map(tuple),
    st.text() | st.text(st.sampled_from("【】字 \ud800😀")),
    st.text() | st.text("0123456789"),
    st.sampled_from([PLAIN, OWN, REQUIRED]),
)
def test_anything_at_all_is_sound_or_has_named_problems(
    to: tuple[str, ...], text: str, extension: str, policy: Policy
) -> None:
    found = checked(policy, to=to, text=text, extension=extension)

    assert found.submit.content.endswith(text)
    assert all(problem.field and problem.message for problem in found.problems)
    assert not any(secret in str(found.problems) for secret in (text, *to) if len(secret) > 8 and secret != NUMBER)


@pytest.mark.parametrize(
    "body",
    [
        '{"to": [], "text": "x"}',
        '{"to": ["1"], "text": "x"}',
        '{"to": ["13812345678", "1"], "text": "x"}',
        '{"to": ["13812345678", "13812345678"], "text": "x"}',
        '{"to": "13812345678", "text": ""}',
        '{"to": "13812345678", "text": " "}',
        '{"to": "13812345678", "text": "%s"}' % ("字" * 501),
        '{"to": "13812345678", "text": "%s"}' % ("😀" * 251),
        '{"to": "13812345678", "text": "x", "extension": "a"}',
        '{"to": "13812345678", "text": "x", "extension": "111111111111111111111"}',
    ],
)
def test_whichever_check_fires_the_caller_reads_the_same_code(body: str) -> None:
    values = {"extension": "", **json.loads(body)}
    to = (values["to"],) if isinstance(values["to"], str) else tuple(values["to"])

    with pytest.raises(InvalidRequest) as caught:
        parse_body(SendRequest, body)

    found = checked(to=to, text=values["text"], extension=values["extension"])
    assert {problem.gateway_code for problem in caught.value.problems} == {code for _, code in codes(found)}
