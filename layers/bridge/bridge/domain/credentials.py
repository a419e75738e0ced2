"""What an account's calls may be made with while its password or AES key is being changed.

The gateway and the secret are changed at different moments, by different people. In between, the gateway takes what the
account had before, or has what this process has not read yet. A call that it refuses for its credentials had no effect,
so that it may be made again with others.
"""

from collections.abc import Sequence
from dataclasses import replace

from eums import Account, Code


def alternatives(account: Account) -> tuple[Account, ...]:
    """The account as it is; as it was before; and where both the password and the cipher changed, one of each.

    Each knows all keys that an answer may be encrypted with. What it was before that only answers are read with.
    """
    if not account.previous:
        return (account,)
    before = replace(account.previous[0], previous=(account, *account.previous[1:]))
    found = [account, before]
    if _password(account) != _password(before) and _cipher(account) != _cipher(before):
        found += [_mixed(account, before), _mixed(before, account)]
    distinct: dict[object, Account] = {}
    for each in found:
        distinct.setdefault(credentials(each), each)
    return tuple(distinct.values())


def next_to_try(account: Account, tried: Sequence[Account], code: Code) -> Account | None:
    """What to make a call with that was refused; None where all was tried.

    Each is tried once, first those that differ in what the code names; and what is new once more at the end,
    for the gateway may have been changed in the middle.

    Args:
        account: as it is known now.
        tried: what the call was made with, in order; not empty.
        code: of the last refusal.
    """
    known = alternatives(account)
    before = [credentials(each) for each in tried]
    left = [each for each in known if credentials(each) not in before]
    named = _password if code.of_password else _cipher
    left.sort(key=lambda each: named(each) == named(tried[-1]))  # keeps the order otherwise
    if left:
        return left[0]
    once_more = len(set(before)) > 1 and len(before) == len(set(before))
    return known[0] if once_more else None


def credentials(account: Account) -> tuple[str, int, bytes | None]:
    """What makes one try different from another."""
    return (_password(account), *_cipher(account))


def _password(account: Account) -> str:
    return account.password_digest


def _cipher(account: Account) -> tuple[int, bytes | None]:
    return account.version, account.cipher_key


def _mixed(password: Account, cipher: Account) -> Account:
    """The password of one and the cipher of the other, whose key may be derived from its own password."""
    key = cipher.cipher_key
    return replace(
        password,
        version=cipher.version,
        aes_key=key.hex() if key else None,
        aes_key_format="hex" if key else "text",
        previous=(password, cipher, *password.previous),
    )
