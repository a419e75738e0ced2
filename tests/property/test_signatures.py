"""What holds for every text: it goes out whole, and nothing in it makes the bridge stumble."""

from hypothesis import given
from hypothesis import strategies as st

from bridge.domain.policies import Policy
from bridge.domain.signatures import signature_of, signed, unsigned

# Half of a surrogate pair and unpaired brackets among them.
texts = st.text() | st.text(st.sampled_from("【】a京 \n\ud800😀"))
policies = st.builds(Policy, signature=st.sampled_from(["", "京东", "a" * 20]), signature_required=st.booleans())


@given(texts, policies)
def test_a_signature_goes_in_front_and_the_text_is_not_touched(text: str, policy: Policy) -> None:
    sent, signature = signed(text, policy)

    assert sent.endswith(text)
    assert sent == (f"【{signature}】{text}" if signature else text)
    assert unsigned(sent, signature) == text


@given(texts, policies)
def test_signing_twice_is_signing_once(text: str, policy: Policy) -> None:
    sent, _ = signed(text, policy)

    assert signed(sent, policy) == (sent, "")


@given(texts, policies)
def test_with_a_signature_of_its_own_an_account_sends_no_text_without_one(text: str, policy: Policy) -> None:
    sent, _ = signed(text, policy)

    assert not policy.signature or not text.strip() or signature_of(sent) is not None


@given(texts)
def test_a_signature_is_never_blank_and_stands_in_the_text(text: str) -> None:
    signature = signature_of(text)

    assert signature is None or (signature.strip() and f"【{signature}】" in text)
