"""The accounts in Secrets Manager: `{"<our name>": {"base_url": …, "name": …, "password": …, …}, …}`.

The fields of an account are those of `eums.Account`, and `"bridge"`, which holds those of its `Policy`. Cached for
five minutes, and read again at once when the gateway says that a key or password is wrong: somebody may just have
changed it. What the account had before is in its `previous`, which the command line writes; for those who edit the
secret by hand, the secret's version of before (AWSPREVIOUS) says it as well as it can: any other edit moves it on.
"""

import logging
import re
from collections.abc import Callable
from dataclasses import replace
from threading import Lock
from typing import TYPE_CHECKING, Final

from bridge.domain.errors import AccountNotConfigured, PolicyError
from bridge.domain.json_texts import json_value
from bridge.domain.policies import Policy
from eums import ROTATED, Account, AccountError

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

_FRESH: Final = 300.0  # seconds
_POLICY: Final = "bridge"
_PREVIOUS: Final = "previous"
# The names are in journal keys, event sources and metrics.
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")

_log = logging.getLogger(__name__)


class AccountsSecret:
    """`bridge.ports.Accounts` on Secrets Manager."""

    def __init__(self, client: "SecretsManagerClient", secret_arn: str, *, monotonic: Callable[[], float]) -> None:
        self._client = client
        self._secret_arn = secret_arn
        self._monotonic = monotonic
        self._lock = Lock()
        self._read_at: float | None = None
        self._version = ""
        self._fields: dict[str, object] = {}
        self._former: dict[str, object] | None = None  # the version of before, once it was asked for
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
        """See `bridge.ports.Accounts`. With the version of before, which an ordinary read does not ask for."""
        with self._lock:
            self._read()
            if self._former is None:
                self._former = self._read_former()
                self._accounts = {}

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
        version = answer.get("VersionId", "")
        if not version or version != self._version:
            self._version, self._former = version, None  # the label of before moves with the current one
        self._fields, self._accounts, self._policies, self._read_at = fields, {}, {}, self._monotonic()

    def _read_former(self) -> dict[str, object] | None:
        """The accounts of the version of before; nothing where there is none; None where that cannot be said now."""
        try:
            answer = self._client.get_secret_value(SecretId=self._secret_arn, VersionStage="AWSPREVIOUS")
            former = json_value(answer["SecretString"])
        except self._client.exceptions.ResourceNotFoundException:
            return {}
        except (KeyError, ValueError):
            return {}
        except Exception as exc:  # noqa: BLE001 - what is current was read, and that is what was asked for
            _log.warning("the accounts of before could not be read: %s", type(exc).__name__)
            return None
        return former if isinstance(former, dict) else {}

    def _build(self, name: str) -> Account:
        fields = {field: value for field, value in self._object(name).items() if field != _POLICY}
        try:
            account = Account.from_mapping(fields)
        except AccountError as exc:
            raise AccountNotConfigured(f"the account {name!r} in the accounts secret: {exc}") from exc
        former = self._as_it_was(name, fields)
        return account if former is None else replace(account, previous=(*account.previous, former))

    def _as_it_was(self, name: str, fields: dict[str, object]) -> Account | None:
        """The account with the credentials of the version of before, where those were others."""
        before = (self._former or {}).get(name)
        if not isinstance(before, dict) or all(before.get(field) == fields.get(field) for field in ROTATED):
            return None
        kept = {field: value for field, value in fields.items() if field not in (*ROTATED, _PREVIOUS)}
        try:
            return Account.from_mapping(kept | {field: before[field] for field in ROTATED if field in before})
        except AccountError:
            return None  # it could not be used then either

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
