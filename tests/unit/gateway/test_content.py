import pytest

from local.gateway import content


@pytest.mark.parametrize(
    ("length", "charge"), [(1, 1), (70, 1), (71, 2), (134, 2), (135, 3), (201, 3), (202, 4), (500, 8)]
)
def test_charge_items(length: int, charge: int) -> None:
    assert content.charge_items("字" * length) == charge
    assert content.charge_items("a" * length) == charge


def test_an_emoji_is_two_characters() -> None:
    assert content.characters("好😀") == 3
    assert content.charge_items("😀" * 35) == 1
    assert content.charge_items("😀" * 36) == 2


@pytest.mark.parametrize(
    ("text", "sign"),
    [
        ("【京东】您好", "京东"),
        ("您好【京东】", "京东"),
        ("【京东】您好【其他】", "京东"),
        ("【京东】", "京东"),
        ("【】您好", ""),
        ("您好", None),
        ("您【京东】好", None),
        ("【京东您好", None),
        ("京东】您好", None),
        ("您好【京东】\n", None),
    ],
)
def test_signatures(text: str, sign: str | None) -> None:
    assert content.signature(text) == sign


@pytest.mark.parametrize(
    ("text", "msg_fmt", "binary"),
    [("好的", 8, "WX12hA=="), ("收到", 8, "ZTZSMA=="), ("收到", 15, "ytW1vQ=="), ("TD", 0, "VEQ=")],
)
def test_binary_content(text: str, msg_fmt: int, binary: str) -> None:
    assert content.binary_content(text, msg_fmt) == binary


@pytest.mark.parametrize(("text", "msg_fmt"), [("好", 0), ("好", 4), ("\ud800", 8)])
def test_what_a_format_cannot_hold(text: str, msg_fmt: int) -> None:
    with pytest.raises(ValueError, match=r".+"):
        content.binary_content(text, msg_fmt)
