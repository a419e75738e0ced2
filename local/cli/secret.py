"""The secret of the gateway accounts: changed so that of two changes at once neither is lost."""

import copy
import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from uuid import uuid4

from local.cli.failures import Failure

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

Fields = dict[str, Any]
NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")
"""As `bridge.adapters.accounts_secret` wants an account's name."""
POLICY: Final = "bridge"
PREVIOUS: Final = "previous"
ROTATED: Final = ("password", "password_md5", "version", "aes_key", "aes_key_format")
"""As `eums` has them: the command line starts without it."""
SECRET: Final = frozenset({"password", "password_md5", "aes_key", PREVIOUS})
_KEPT: Final = 5
_TRIES: Final = 5
_CURRENT: Final = "AWSCURRENT"
# What Secrets Manager answers where the label is on another version by now.
_MOVED: Final = frozenset({"InvalidParameterException", "InvalidRequestException"})


@dataclass(frozen=True)
class Version:
    """The secret as somebody read it."""

    id: str
    accounts: Fields


class AccountsSecret:
    """The secret of one stack."""

    def __init__(self, client: "SecretsManagerClient", arn: str) -> None:
        """Build it; nothing is read."""
        self._client = client
        self._arn = arn

    def read(self) -> Version:
        """The accounts as they are now.

        Raises:
            Failure: the secret holds something else.
        """
        answer = self._client.get_secret_value(SecretId=self._arn)
        try:
            accounts = json.loads(answer["SecretString"])
        except (KeyError, ValueError):
            accounts = None  # without a cause: the parser's error quotes the secret
        if not isinstance(accounts, dict):
            raise Failure(
                "The accounts secret is not a JSON object.",
                "docs/operations.md shows one; `aws secretsmanager put-secret-value` replaces it.",
                title="Secret",
            )
        return Version(answer["VersionId"], accounts)

    def change(self, edit: Callable[[Fields], None]) -> tuple[Fields, Fields]:
        """Let `edit` change the accounts; return them as they were and as they are.

        A new version becomes the current one only in place of the one that was read: AWSCURRENT is moved from that
        one by its id, which Secrets Manager refuses where another is current by now. Then it is all read anew, and
        edited anew.

        Raises:
            Failure: others kept being faster.
        """
        for _ in range(_TRIES):
            before = self.read()
            after = copy.deepcopy(before.accounts)
            edit(after)
            if after == before.accounts or self._put(before.id, after):
                return before.accounts, after
        raise Failure("Others change the accounts at the same time.", "Run it again.", title="Secret")

    def _put(self, expected: str, accounts: Mapping[str, Any]) -> bool:
        from botocore.exceptions import ClientError

        version = str(uuid4())
        label = f"eums-bridge-{version}"  # without one of its own, a new version becomes the current one at once
        self._client.put_secret_value(
            SecretId=self._arn,
            SecretString=json.dumps(accounts, ensure_ascii=False),
            ClientRequestToken=version,
            VersionStages=[label],
        )
        try:
            self._client.update_secret_version_stage(
                SecretId=self._arn, VersionStage=_CURRENT, MoveToVersionId=version, RemoveFromVersionId=expected
            )
        except ClientError as error:
            if error.response.get("Error", {}).get("Code") not in _MOVED or self.read().id == expected:
                raise
            return False
        finally:
            # A version without a label is forgotten.
            with suppress(ClientError):
                self._client.update_secret_version_stage(
                    SecretId=self._arn, VersionStage=label, RemoveFromVersionId=version
                )
        return True


def problems(name: str, fields: object) -> list[str]:
    """What the bridge would not take of an account, by its own rules. No secret is quoted."""
    from bridge.domain.errors import PolicyError
    from bridge.domain.policies import Policy
    from eums import Account, AccountError

    if not NAME.fullmatch(name):
        return ["an account's name is letters, digits, - and _, at most 64, and begins with a letter or digit"]
    if not isinstance(fields, Mapping):
        return ["it is not a JSON object"]
    found: list[str] = []
    try:
        Account.from_mapping({field: value for field, value in fields.items() if field != POLICY})
    except AccountError as error:
        found += error.problems
    try:
        if fields.get(POLICY) is not None:
            Policy.from_mapping(fields[POLICY])
    except PolicyError as error:
        found.append(f"{POLICY}: {error}")
    return found


def rotated(before: object, after: Fields) -> Fields:
    """The account with the credentials that it had before kept in `previous`, the newest first, where they changed.

    While the gateway is changed, at another moment than the secret, the bridge calls it with either; and a page that
    came in the old key can be read for as long as that is there.
    """
    if not isinstance(before, Mapping):
        return after
    former = {"version": 1, "aes_key_format": "text"} | {name: before[name] for name in ROTATED if name in before}
    current = {"version": 1, "aes_key_format": "text"} | {name: after[name] for name in ROTATED if name in after}
    if former == current or not former.keys() & {"password", "password_md5"}:
        return after
    kept = after | {PREVIOUS: [former, *_previous(after)][:_KEPT]}
    # What nobody could call with is not worth keeping, and would make the account unusable.
    return kept if problems("account", kept) == problems("account", after) else after


def forgotten(account: Fields) -> Fields:
    """The account without the passwords that it had before; the AES keys stay, for what came in them."""
    from eums import Account

    whole = Account.from_mapping({name: value for name, value in account.items() if name != POLICY})
    keys = [key.hex() for key in whole.cipher_keys if key != whole.cipher_key]
    kept = {name: value for name, value in account.items() if name != PREVIOUS}
    return kept | ({PREVIOUS: [{"aes_key": key, "aes_key_format": "hex"} for key in keys]} if keys else {})


def _previous(account: Mapping[str, Any]) -> list[Any]:
    previous = account.get(PREVIOUS)
    return previous if isinstance(previous, list) else []


def differences(before: Mapping[str, Any], after: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """What changed of an account, field by field: name, before, after. Secrets are only said to be there."""
    old, new = _flat(before), _flat(after)
    return [
        (name, _shown(name, old.get(name)), _shown(name, new.get(name)) + _again(name, old, new))
        for name in sorted(old.keys() | new.keys())
        if old.get(name) != new.get(name)
    ]


def shown(fields: Mapping[str, Any]) -> dict[str, str]:
    """An account's fields with its secrets covered."""
    return {name: _shown(name, value) for name, value in _flat(fields).items()}


def _flat(fields: Mapping[str, Any]) -> dict[str, Any]:
    policy = fields.get(POLICY)
    flat = {name: value for name, value in fields.items() if name != POLICY}
    return flat | ({f"{POLICY}.{name}": value for name, value in policy.items()} if isinstance(policy, dict) else {})


def _shown(name: str, value: object) -> str:
    if value is None:
        return "—"
    # What is no known setting may be a secret in the wrong place.
    return "(set)" if name in SECRET or name not in _OPEN else str(value)


def _again(name: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> str:
    return ", another" if name in SECRET and old.get(name) is not None and new.get(name) is not None else ""


_OPEN: Final = frozenset(
    {
        *("base_url", "name", "version", "aes_key_format", "method", "zone", "post_recipients", "get_recipients"),
        *("connect_timeout", "read_timeout", "write_timeout"),
        *(f"{POLICY}.{name}" for name in ("rate", "signature", "signature_required", "opt_out_keywords")),
    }
)
