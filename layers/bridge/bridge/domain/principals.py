"""Who IAM says that calls: a role or a user, as ClientsTable has it.

Sources: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_identifiers.html for the ARNs, and
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_iam-quotas.html for how long their parts are.
"""

import re
from typing import Final

PREFIX: Final = "iam#"
"""How ClientsTable's keys of principals begin. The hash of an API key has no such beginning."""
_NAME: Final = r"[A-Za-z0-9_+=,.@-]{1,64}"
_PATH: Final = r"(?:[\x21-\x2e\x30-\x7e]{1,128}/){0,128}"
_LONGEST: Final = 1024  # a path has up to 512 characters
_OWN: Final = re.compile(rf"(arn:aws(?:-[a-z]+)*):iam::([0-9]{{12}}):(role|user)/{_PATH}({_NAME})")
_SESSION: Final = re.compile(rf"(arn:aws(?:-[a-z]+)*):sts::([0-9]{{12}}):assumed-role/({_NAME})/[^/\s]{{1,128}}")


def principal_of(arn: str) -> str | None:
    """The role or user that an ARN names, without its path; None for everything else, such as an account's root.

    A session of a role is that role. Its ARN does not say the role's path, so that no path may count: names are unique
    in an account without it.
    """
    if len(arn) > _LONGEST:
        return None
    if match := _SESSION.fullmatch(arn):
        partition, account, name = match.groups()
        return f"{partition}:iam::{account}:role/{name}"
    if match := _OWN.fullmatch(arn):
        partition, account, kind, name = match.groups()
        return f"{partition}:iam::{account}:{kind}/{name}"
    return None


def principal_key(principal: str) -> str:
    """Where ClientsTable has the client of a principal."""
    return PREFIX + principal
