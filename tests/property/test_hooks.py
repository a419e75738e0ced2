"""What holds for whatever comes to a hook: a text that fits, one of our refusals, or nobody let in."""

import json
from datetime import timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from bridge.domain import segments
from bridge.domain.errors import InvalidRequest
from bridge.domain.hook_auth import HookCall, authenticate
from bridge.domain.hook_expressions import Expression, FailedExpression, MalformedExpression
from bridge.domain.hook_mappings import Draft, Reader, parsed
from bridge.domain.hook_presets import PRESETS
from bridge.domain.hook_sources import Auth, AuthKind, Layout
from bridge.domain.hook_templates import FailedText, MalformedText, Text, fitted
from bridge.domain.policies import Policy
from bridge.domain.signatures import signed
from bridge.services.drafting import within_a_message
from tests.fakes.world import NOON

# Half of a surrogate pair, brackets of a signature, and what a template or an expression is made of among them.
texts = st.text() | st.text(st.sampled_from("【】a京 \n\ud800😀{}%|.()[]`'\"_"))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | texts,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner, max_size=4),
    max_leaves=12,
)
alerts = st.fixed_dictionaries(
    {},
    optional=dict.fromkeys(
        ("status", "alerts", "commonLabels", "groupKey", "Message", "to", "text", "type", "data", "message"), values
    ),
)
FRAGMENTS = "{{|}}|{%|%}| for | in | if | endfor | endif | body|.x|upper|(|)|'|x|1|[0]|+|~|set |=|loop|.__class__|{#|#}"
fragments = st.lists(st.sampled_from([*FRAGMENTS.split("|"), "|"]), max_size=20).map("".join)


@given(st.sampled_from(sorted(PRESETS)), values | alerts)
def test_a_preset_makes_texts_of_whatever_comes_or_says_why_not(preset: str, body: Any) -> None:
    problems: list[str] = []
    drafts: list[Draft] = []
    try:
        drafts, _ = Reader(PRESETS[preset]).drafts({"body": body, "headers": {}, "source": "x"}, 20)
    except InvalidRequest as exc:
        problems = [problem.field for problem in exc.problems]
    assert all(problem.startswith("mapping.") for problem in problems)
    for draft in drafts:
        assert draft.text == draft.text.strip() != ""
        draft.text.encode()  # no half of a surrogate pair is left


@given(st.binary(max_size=200) | values.map(lambda value: json.dumps(value).encode()))
def test_any_bytes_are_json_or_refused(body: bytes) -> None:
    try:
        value = parsed(body)
    except InvalidRequest:
        return
    assert value == json.loads(body)


@given(fragments, values)
def test_any_template_is_refused_or_gives_a_text(source: str, body: Any) -> None:
    try:
        text = Text(source).render({"body": body, "headers": {}, "source": "x", "item": None})
    except (MalformedText, FailedText):
        return
    assert "<class" not in text
    assert " object at 0x" not in text
    assert len(text) <= 4000


@given(texts | st.text(st.sampled_from("ab.[]*?@|&'`(){},:=<>!0 "), max_size=30), values)
def test_any_expression_is_refused_or_gives_a_value(source: str, body: Any) -> None:
    try:
        Expression(source)({"body": body})
    except (MalformedExpression, FailedExpression):
        return


@given(texts, st.integers(1, 60))
def test_a_text_that_is_cut_fits_and_begins_as_it_did(text: str, limit: int) -> None:
    cut = fitted(text, limit)

    assert segments.length(cut) <= limit or cut == text == ""
    assert cut == text or (cut.endswith("…") and text.startswith(cut[:-1]))


@given(texts.map(lambda text: text * 40), st.sampled_from(["", "京东", "a" * 20]))
def test_a_text_fits_a_message_whatever_goes_in_front_of_it(text: str, signature: str) -> None:
    sent, _ = signed(within_a_message(text, Policy(signature=signature)), Policy(signature=signature))

    assert segments.length(sent) <= segments.MAX_LENGTH


auths = st.sampled_from(
    [
        Auth(kind=AuthKind.BEARER, secret="a-secret-of-this-test"),
        Auth(kind=AuthKind.TOKEN, secret="a-secret-of-this-test", header="x-signature"),
        Auth(kind=AuthKind.BASIC, secret="a-secret-of-this-test", username="ada"),
        Auth(kind=AuthKind.HMAC, secret="a-secret-of-this-test", header="x-signature"),
        Auth(kind=AuthKind.HMAC, secret="a-secret-of-this-test", header="x-signature", timestamp_header="x-time"),
        Auth(kind=AuthKind.HMAC, secret="a-secret-of-this-test", header="x-signature", layout=Layout.STRIPE),
        Auth(kind=AuthKind.STANDARD_WEBHOOKS, secret="whsec_" + "A" * 32),
        Auth(kind=AuthKind.SNS, topic_arns=("arn:aws:sns:us-east-1:123456789012:x",)),
    ]
)
names = st.sampled_from(
    ["authorization", "x-signature", "x-time", "webhook-id", "webhook-timestamp", "webhook-signature"]
)
header_texts = texts | st.sampled_from(["Bearer ", "Basic ", "t=1,v1=", "v1,", "1795406400"])


@given(auths, st.dictionaries(names, st.lists(header_texts, max_size=2).map(tuple)), st.binary(max_size=100) | alerts)
def test_whoever_does_not_know_the_secret_is_refused(auth: Auth, headers: Any, body: Any) -> None:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    call = HookCall(source="x", headers=headers, body=raw)

    assert authenticate(auth, call, NOON + timedelta(seconds=1), lambda _: False) is None
