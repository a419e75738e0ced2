"""Choosing the gateway account that a request is about, and those that may take its place."""

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


def route(caller: Caller, wanted: str | None, accounts: Accounts) -> tuple[str, ...]:
    """The account to use first, and then the caller's fallbacks in their order, none twice.

    Whoever names an account means that one. A fallback that the caller may not use, or that is not there, is left
    out. The next one is for a code with `of_account_or_channel`: never for an outcome that is not known.

    Raises:
        NotAllowed: as `choose`.
    """
    first = choose(caller, wanted, accounts)
    if wanted is not None or not caller.fallback_accounts:
        return (first,)
    known = accounts.names()
    usable = (name for name in caller.fallback_accounts if caller.may_use(name) and name in known)
    return tuple(dict.fromkeys((first, *usable)))
