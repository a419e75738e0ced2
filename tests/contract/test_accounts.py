import json
from typing import TYPE_CHECKING, Any

import boto3
import pytest

from bridge.adapters.accounts_secret import AccountsSecret
from bridge.domain.errors import AccountNotConfigured
from tests.fakes.clock import FakeClock

if TYPE_CHECKING:
    from mypy_boto3_secretsmanager import SecretsManagerClient

ACCOUNT = {"base_url": "http://127.0.0.1:8090", "name": "test", "password": "123456"}


@pytest.fixture
def client(aws: None) -> "SecretsManagerClient":  # noqa: ARG001 - the client is made inside it
    made = boto3.client("secretsmanager")
    made.create_secret(Name="accounts", SecretString=json.dumps({"default": ACCOUNT}))
    return made


@pytest.fixture
def clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def accounts(client: "SecretsManagerClient", clock: FakeClock) -> AccountsSecret:
    return AccountsSecret(client, "accounts", monotonic=clock.monotonic)


def put(client: "SecretsManagerClient", value: Any) -> None:
    client.put_secret_value(SecretId="accounts", SecretString=value if isinstance(value, str) else json.dumps(value))


def test_accounts_by_name(client: "SecretsManagerClient", accounts: AccountsSecret) -> None:
    put(client, {"b": ACCOUNT, "a": {**ACCOUNT, "version": 17, "aes_key": "0123456789abcdef"}})

    assert accounts.names() == ("a", "b")
    assert accounts.get("a").version == 17
    assert accounts.get("b").name == "test"


def test_they_are_read_again_after_five_minutes(
    client: "SecretsManagerClient", accounts: AccountsSecret, clock: FakeClock
) -> None:
    assert accounts.get("default").name == "test"
    put(client, {"default": {**ACCOUNT, "name": "changed"}})

    clock.advance(299)
    assert accounts.get("default").name == "test"
    clock.advance(2)
    assert accounts.get("default").name == "changed"


def test_they_are_read_again_when_a_key_was_wrong_but_not_at_every_call(
    client: "SecretsManagerClient", accounts: AccountsSecret, clock: FakeClock
) -> None:
    accounts.get("default")
    put(client, {"default": {**ACCOUNT, "name": "changed"}})

    accounts.refresh()
    assert accounts.get("default").name == "test"
    clock.advance(6)
    accounts.refresh()
    assert accounts.get("default").name == "changed"


@pytest.mark.parametrize(
    "value",
    [
        "",
        "not json",
        "[]",
        '{"a b": {}}',
        '{"../x": {}}',
        '{"default": 7}',
        '{"default": {"name": "secret-name"}}',
        "{}",
    ],
)
def test_a_secret_that_cannot_be_used_says_so_without_quoting_it(
    client: "SecretsManagerClient", accounts: AccountsSecret, value: str
) -> None:
    if value:
        put(client, value)
    else:
        put(client, " ")

    with pytest.raises(AccountNotConfigured) as caught:
        accounts.get("default")

    assert "secret-name" not in str(caught.value)


def test_no_password_is_in_the_error(client: "SecretsManagerClient", accounts: AccountsSecret) -> None:
    put(client, {"default": {**ACCOUNT, "password": "hunter2", "version": 3, "zone": "Nowhere"}})

    with pytest.raises(AccountNotConfigured) as caught:
        accounts.get("default")

    assert "hunter2" not in str(caught.value) + repr(caught.value.__cause__)
    assert "version" in str(caught.value)
