"""Checking: what would be sent, and what the gateway would surely refuse of it, before it costs a call.

Every problem names the code by which the gateway would refuse (响应错误码), where it has one.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from bridge.domain.errors import FieldProblem, InvalidRequest
from bridge.domain.numbers import EXPECTED, national
from bridge.domain.policies import Policy
from bridge.domain.signatures import signature_of, signed
from bridge.ports import Gateway
from eums import InvalidSubmit, Submit

_NO_SIGNATURE: Final = FieldProblem("text", "must carry a signature in 【】 at its beginning or end", 111)  # 无签名

# The names that the caller knows for the gateway's fields.
_FIELDS: Final = {"dest": "to", "content": "text", "ext": "extension"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked:
    """What would be sent, and all that is wrong with it.

    Attributes:
        submit: as the gateway would get it.
        signature: the signature that the bridge put in front of the text; "" where it put none.
        problems: () where it may be sent.
    """

    submit: Submit
    signature: str
    problems: tuple[FieldProblem, ...]

    def sound(self) -> Submit:
        """What is to be sent. Raises InvalidRequest, which names every problem."""
        if self.problems:
            raise InvalidRequest(self.problems)
        return self.submit


def check(gateway: Gateway, account: str, policy: Policy, wanted: Submit) -> Checked:
    """Look at what is wanted of an account, whose own signature goes in front of a text that has none.

    Args:
        gateway: knows the account's limits.
        account: our name for it.
        policy: the account's.
        wanted: numbers in any form that `bridge.domain.numbers` knows, and the text as the caller wrote it.

    Raises:
        AccountNotConfigured: the operator's mistake; nothing can be said.
    """
    content, signature = signed(wanted.content, policy)
    submit = replace(wanted, dest=tuple(national(number) or number for number in wanted.dest), content=content)
    problems: list[FieldProblem] = []
    try:
        gateway.check(account, submit)
    except InvalidSubmit as exc:
        problems.extend(_problem(each, signature) for each in (exc, *exc.further))
    problems.extend(_signature_problems(policy, content))
    return Checked(submit=submit, signature=signature, problems=tuple(problems))


def _signature_problems(policy: Policy, content: str) -> Iterator[FieldProblem]:
    # A blank text is refused as that: no signature would make it better.
    if policy.signature_required and content.strip() and signature_of(content) is None:
        yield _NO_SIGNATURE


def _problem(problem: InvalidSubmit, signature: str) -> FieldProblem:
    field, message = _FIELDS.get(problem.field, problem.field), problem.reason
    if problem.index is not None:
        field = f"{field}[{problem.index}]"
        message = "names a number more than once" if problem.code is None else f"must be {EXPECTED}"
    if problem.field == "content" and signature:
        message += ", with the account's signature in front"
    return FieldProblem(field, message, problem.code)
