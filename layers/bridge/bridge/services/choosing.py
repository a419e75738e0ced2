"""Choosing the gateway account that a request is about."""

from bridge.domain.clients import Caller
from bridge.domain.errors import NotAllowed
from bridge.ports import Accounts


def choose(caller: Caller, wanted: str | None, accounts: Accounts) -> str:
    """The account that the caller names, or its default.

    Raises:
        NotAllowed: it may not use that account, or there is none: which of the two is not the caller's to know.
            (A default that is not there is the operator's mistake, and shows as AccountNotConfigured.)
    """
    if wanted is None:
        return caller.default_account
    if not caller.may_use(wanted) or wanted not in accounts.names():
        raise NotAllowed(f"there is no account {wanted!r} that this key may use")
    return wanted
