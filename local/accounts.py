"""The accounts of the gateway, in the secret where the bridge reads them."""

import json
from collections.abc import Mapping

from local.aws import Aws
from local.settings import Account

SECRET_NAME = "eums-bridge/accounts"  # noqa: S105 - the name of one


def create(aws: Aws, accounts: Mapping[str, tuple[str, Account]], name: str = SECRET_NAME) -> str:
    """Make the secret, before the stack that reads it: no function ever sees an empty one, and remembers it.

    Args:
        aws: where the secret is to be.
        accounts: for each name, the gateway's address and the account there.
        name: what the secret is called.

    Returns:
        Its ARN, for the parameter AccountsSecretArn.
    """
    secret = aws.secrets.create_secret(Name=name, SecretString=_content(accounts))
    return secret["ARN"]


def replace(aws: Aws, secret: str, accounts: Mapping[str, tuple[str, Account]]) -> None:
    """Replace the secret's content; the functions read it again within five minutes."""
    aws.secrets.put_secret_value(SecretId=secret, SecretString=_content(accounts))


def _content(accounts: Mapping[str, tuple[str, Account]]) -> str:
    content = {name: as_secret(base_url, account) for name, (base_url, account) in accounts.items()}
    return json.dumps(content, ensure_ascii=False)


def as_secret(base_url: str, account: Account) -> dict[str, object]:
    """One account as the bridge reads it; what is not set is left out."""
    values: dict[str, object] = {
        "base_url": base_url,
        "name": account.name,
        "password": account.password,
        "version": account.version,
        "aes_key": account.aes_key,
        "aes_key_format": account.aes_key_format if account.aes_key else None,
        "method": account.method,
        "read_timeout": account.read_timeout,
        "bridge": {"rate": account.rate} if account.rate else None,
    }
    return {name: value for name, value in values.items() if value is not None}
