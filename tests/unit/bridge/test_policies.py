import math
from typing import Any

import pytest

from bridge.domain.errors import PolicyError
from bridge.domain.policies import DEFAULT_KEYWORDS, Policy
from bridge.domain.signatures import signature_of, signed, unsigned


def test_an_account_that_says_nothing_has_the_defaults() -> None:
    assert Policy.from_mapping({}) == Policy()
    assert (
        Policy.from_mapping(dict.fromkeys(("rate", "signature", "signature_required", "opt_out_keywords"))) == Policy()
    )
    assert Policy() == Policy(
        rate=100.0, signature="", signature_required=False, opt_out_keywords=("T", "TD", "R", "N", "退订", "拒收")
    )
    assert Policy().opt_out_keywords == DEFAULT_KEYWORDS


def test_every_setting() -> None:
    settings = {"rate": 50, "signature": "京东", "signature_required": True, "opt_out_keywords": ["STOP", " 退 "]}

    assert Policy.from_mapping(settings) == Policy(
        rate=50, signature="京东", signature_required=True, opt_out_keywords=("STOP", "退")
    )
    assert Policy.from_mapping({"opt_out_keywords": []}).opt_out_keywords == ()


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("rate", [0, -1, math.nan, math.inf, True, "fast", "50", []]),
        ("signature", [7, True, "【京东】", "京】东", "字" * 21, " ", " 京东", "京东\n", "a\nb", "\ud800", []]),
        ("signature_required", ["true", 1, 0, []]),
        ("opt_out_keywords", ["TD", 7, [""], ["T", " "], ["T", 7], [None], {"T": 1}]),
    ],
)
def test_a_wrong_setting_is_named_and_not_quoted(name: str, values: list[Any]) -> None:
    for value in values:
        with pytest.raises(PolicyError) as caught:
            Policy.from_mapping({name: value})
        [problem] = caught.value.problems
        assert problem.startswith(f"{name} must be ")
        assert str(caught.value) == problem
        with pytest.raises(PolicyError):
            Policy(**{name: value})


def test_everything_that_is_wrong_is_named_at_once() -> None:
    settings = {
        "rate": 0,
        "signature": "【】",
        "signature_required": 1,
        "opt_out_keywords": "T",
        "rat": 5,
        "Hunter 2": 1,
    }

    with pytest.raises(PolicyError) as caught:
        Policy.from_mapping(settings)

    named = [problem.split(" must ")[0].split(" is no ")[0] for problem in caught.value.problems]
    assert named == ["rat", "one name", "rate", "signature", "signature_required", "opt_out_keywords"]


@pytest.mark.parametrize("settings", [None, 7, "x", [], [["rate", 5]]])
def test_what_is_no_object_is_no_policy(settings: object) -> None:
    with pytest.raises(PolicyError, match="JSON object"):
        Policy.from_mapping(settings)


@pytest.mark.parametrize(
    ("text", "signature"),
    [
        ("【京东】您的验证码是123456", "京东"),
        ("您的验证码是123456【京东】", "京东"),
        ("【京东】您的验证码【中通快递】", "京东"),
        ("【】您的验证码【中通快递】", "中通快递"),
        ("【京东】", "京东"),
        ("【 京东 】x", " 京东 "),
        ("x【a】【b】", "b"),
        ("您的【京东】验证码", None),
        ("您的验证码", None),
        ("【京东 您的验证码", None),
        ("京东】您的验证码", None),
        ("【】", None),
        ("【 \u3000】x", None),
        ("【【京东】x", None),
        ("x【京东】\n", None),
        (" 【京东】x", None),
        ("", None),
        ("[京东]x", None),
    ],
)
def test_the_signature_of_a_text(text: str, signature: str | None) -> None:
    assert signature_of(text) == signature


@pytest.mark.parametrize(
    ("text", "own", "expected"),
    [
        ("您的验证码", "京东", ("【京东】您的验证码", "京东")),
        ("您的验证码", "", ("您的验证码", "")),
        ("【中通】您的验证码", "京东", ("【中通】您的验证码", "")),
        ("您的验证码【中通】", "京东", ("您的验证码【中通】", "")),
        ("【】您的验证码", "京东", ("【京东】【】您的验证码", "京东")),
        (" \n", "京东", (" \n", "")),
        ("", "京东", ("", "")),
    ],
)
def test_a_text_as_it_goes_out(text: str, own: str, expected: tuple[str, str]) -> None:
    assert signed(text, Policy(signature=own)) == expected
    assert unsigned(*expected) == text
