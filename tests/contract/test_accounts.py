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


def test_they_are_read_again_at_once_when_a_key_was_wrong(
    client: "SecretsManagerClient", accounts: AccountsSecret
) -> None:
    accounts.get("default")
    put(client, {"default": {**ACCOUNT, "name": "changed"}})
    assert accounts.get("default").name == "test"

    accounts.refresh()

    assert accounts.get("default").name == "changed"
    assert accounts.get("default").previous == ()  # the credentials are the same


def test_what_an_account_had_before_is_what_the_secret_says(
    client: "SecretsManagerClient", accounts: AccountsSecret
) -> None:
    put(client, {"default": {**ACCOUNT, "password": "new", "previous": [{"password": "old"}, {"aes_key": "k" * 16}]}})

    before = accounts.get("default").previous

    assert [each.password for each in before] == ["old", "new"]
    assert [each.aes_key for each in before] == [None, "k" * 16]
    assert {each.name for each in before} == {"test"}


def test_where_the_secret_does_not_say_it_its_version_of_before_does(
    client: "SecretsManagerClient", accounts: AccountsSecret, clock: FakeClock
) -> None:
    put(client, {"default": {**ACCOUNT, "password": "new", "zone": "UTC"}})
    assert accounts.get("default").previous == ()

    accounts.refresh()
    [before] = accounts.get("default").previous
    assert (before.password, before.zone) == ("123456", "UTC")

    clock.advance(301)  # the same version: what was before it is still known
    assert len(accounts.get("default").previous) == 1
    put(client, {"default": {**ACCOUNT, "password": "new", "zone": "UTC"}})  # any edit moves the label
    accounts.refresh()
    assert accounts.get("default").previous == ()


@pytest.mark.parametrize("former", ["no JSON", "[]", '{"default": 7}', '{"default": {"password": 7}}', "{}"])
def test_a_version_of_before_that_cannot_be_used_is_left_alone(
    client: "SecretsManagerClient", accounts: AccountsSecret, former: str
) -> None:
    put(client, former)
    put(client, {"default": ACCOUNT})

    accounts.refresh()

    assert accounts.get("default").previous == ()


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
