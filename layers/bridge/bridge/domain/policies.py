"""What the bridge itself minds of an account: pace, signature, opt-outs. The gateway knows nothing of it."""

import math
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Final, Self

from bridge.domain.errors import PolicyError

DEFAULT_KEYWORDS: Final = ("T", "TD", "R", "N", "退订", "拒收")
_LONGEST_SIGNATURE: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """How the bridge uses one account of the gateway.

    Attributes:
        rate: at most so many recipients a second are submitted from queues.
        signature: the account's own 签名, without 【】, which goes in front of a text that carries none; "" for none.
        signature_required: whether a text must carry one, so that the gateway would refuse it without (111, 无签名).
        opt_out_keywords: what somebody answers who wants no more messages.

    Raises:
        PolicyError: names everything that is wrong, at once.
    """

    rate: float = 100.0
    signature: str = ""
    signature_required: bool = False
    opt_out_keywords: tuple[str, ...] = DEFAULT_KEYWORDS

    def __post_init__(self) -> None:
        if problems := list(_problems({each.name: getattr(self, each.name) for each in fields(self)})):
            raise PolicyError(problems)

    @classmethod
    def from_mapping(cls, settings: object) -> Self:
        """Build a policy from JSON such as `{"rate": 50, "signature": "京东"}`; null stands for the default.

        Raises:
            PolicyError: names every unknown or wrong setting, at once.
        """
        if not isinstance(settings, Mapping):
            raise PolicyError(["it must be a JSON object"])
        defaults: dict[str, object] = {each.name: each.default for each in fields(cls)}
        given = {name: settings[name] for name in defaults if settings.get(name) is not None}
        # An unknown name may be a secret in the wrong place, so it is named only where it looks like a name.
        unknown = [f"{_shown(name)} is no setting of it" for name in settings if name not in defaults]
        if problems := [*unknown, *_problems(defaults | given)]:
            raise PolicyError(problems)
        keywords = given.get("opt_out_keywords")
        if isinstance(keywords, list | tuple):
            given["opt_out_keywords"] = tuple(keyword.strip() for keyword in keywords)
        return cls(**given)


def _shown(name: object) -> str:
    return name if isinstance(name, str) and re.fullmatch(r"[a-z][a-z_0-9]{0,30}", name, re.ASCII) else "one name"


def _problems(values: Mapping[str, object]) -> Iterator[str]:
    """Name everything that is wrong with the settings; quote none of them."""
    rate, signature, keywords = values["rate"], values["signature"], values["opt_out_keywords"]
    if isinstance(rate, bool) or not isinstance(rate, int | float) or not 0 < rate < math.inf:
        yield "rate must be a positive number of recipients a second"
    if not isinstance(signature, str) or (signature and not _is_signature(signature)):
        yield f"signature must be a text of 1 to {_LONGEST_SIGNATURE} characters without 【】, with no space around it"
    if not isinstance(values["signature_required"], bool):
        yield "signature_required must be true or false"
    # A text is a sequence of texts as well: "TD" would be T and D.
    if not isinstance(keywords, list | tuple) or not all(_is_keyword(keyword) for keyword in keywords):
        yield "opt_out_keywords must be a list of texts, none of them blank"


def _is_signature(text: str) -> bool:
    # Nothing that cannot be seen: a line end, half of a surrogate pair.
    return (
        len(text) <= _LONGEST_SIGNATURE
        and text == text.strip()
        and text.isprintable()
        and not re.search("[【】]", text)
    )


def _is_keyword(keyword: object) -> bool:
    return isinstance(keyword, str) and bool(keyword.strip())
