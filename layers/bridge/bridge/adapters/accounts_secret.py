"""The accounts in Secrets Manager: `{"<our name>": {"base_url": …, "name": …, "password": …, …}, …}`.

The fields of an account are those of `eums.Account`, and `"bridge"`, which holds those of its `Policy`. Cached for
five minutes, and read again at once when the gateway says that a key or password is wrong: somebody may just have
changed it.
"""

import re
from collections.abc import Callable
from threading import Lock
from typing import TYPE_CHECKING, Final

from bridge.domain.errors import AccountNotConfigured, PolicyError
from bridge.domain.json_texts import json_value
from bridge.domain.policies import Policy
from eums import Account, AccountError

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

_FRESH: Final = 300.0  # seconds
_NOT_BEFORE: Final = 5.0
_POLICY: Final = "bridge"
# The names are in journal keys, event sources and metrics.
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


class AccountsSecret:
    """`bridge.ports.Accounts` on Secrets Manager."""

    def __init__(self, client: "SecretsManagerClient", secret_arn: str, *, monotonic: Callable[[], float]) -> None:
        self._client = client
        self._secret_arn = secret_arn
        self._monotonic = monotonic
        self._lock = Lock()
        self._read_at: float | None = None
        self._fields: dict[str, object] = {}
        self._accounts: dict[str, Account] = {}
        self._policies: dict[str, Policy] = {}

    def names(self) -> tuple[str, ...]:
        """See `bridge.ports.Accounts`."""
        with self._lock:
            self._read_if_stale()
            return tuple(sorted(self._fields))

    def get(self, name: str) -> Account:
        """See `bridge.ports.Accounts`."""
        with self._lock:
            self._read_if_stale()
            if name not in self._accounts:
                self._accounts[name] = self._build(name)
            return self._accounts[name]

    def policy(self, name: str) -> Policy:
        """See `bridge.ports.Accounts`. What is wrong with a policy stops only what asks for it: pulls go on."""
        with self._lock:
            self._read_if_stale()
            if name not in self._policies:
                self._policies[name] = self._build_policy(name)
            return self._policies[name]

    def refresh(self) -> None:
        """See `bridge.ports.Accounts`. A wrong password that stays wrong is not worth a read at every call."""
        with self._lock:
            if self._read_at is None or self._monotonic() - self._read_at > _NOT_BEFORE:
                self._read()

    def _read_if_stale(self) -> None:
        if self._read_at is None or self._monotonic() - self._read_at > _FRESH:
            self._read()

    def _read(self) -> None:
        answer = self._client.get_secret_value(SecretId=self._secret_arn)
        try:
            fields = json_value(answer["SecretString"])
        except (KeyError, ValueError):
            # Without `from`: the parser's error quotes the secret.
            raise AccountNotConfigured(
                "the accounts secret is not a JSON object; docs/operations.md shows one"
            ) from None
        if not isinstance(fields, dict) or not all(_NAME.fullmatch(name) for name in fields):
            raise AccountNotConfigured(
                "the accounts secret must be a JSON object whose names are letters, digits, - and _"
            )
        self._fields, self._accounts, self._policies, self._read_at = fields, {}, {}, self._monotonic()

    def _build(self, name: str) -> Account:
        fields = {field: value for field, value in self._object(name).items() if field != _POLICY}
        try:
            return Account.from_mapping(fields)
        except AccountError as exc:
            raise AccountNotConfigured(f"the account {name!r} in the accounts secret: {exc}") from exc

    def _build_policy(self, name: str) -> Policy:
        settings = self._object(name).get(_POLICY)
        try:
            return Policy() if settings is None else Policy.from_mapping(settings)
        except PolicyError as exc:
            raise AccountNotConfigured(f'the account {name!r} in the accounts secret: "{_POLICY}": {exc}') from exc

    def _object(self, name: str) -> dict[str, object]:
        fields = self._fields.get(name)
        if fields is None:
            raise AccountNotConfigured(f"the accounts secret has no account {name!r}")
        if not isinstance(fields, dict):
            raise AccountNotConfigured(f"the account {name!r} in the accounts secret must be a JSON object")
        return fields
