"""`Accounts.policy`: on the accounts that the unit tests use, and on the secret."""

import json
from collections.abc import Mapping
from typing import Any

import boto3
import pytest

from bridge.adapters.accounts_secret import AccountsSecret
from bridge.domain.errors import AccountNotConfigured
from bridge.domain.policies import Policy
from bridge.ports import Accounts
from tests.fakes.accounts import FakeAccounts
from tests.fakes.clock import FakeClock

ACCOUNT = {"base_url": "http://127.0.0.1:8090", "name": "test", "password": "hunter2"}
STRICT = {"rate": 20, "signature": "京东", "signature_required": True, "opt_out_keywords": ["T"]}


def secret(content: Mapping[str, object], clock: FakeClock | None = None) -> AccountsSecret:
    client = boto3.client("secretsmanager")
    client.create_secret(Name="accounts", SecretString=json.dumps(content))
    return AccountsSecret(client, "accounts", monotonic=(clock or FakeClock()).monotonic)


@pytest.fixture(params=["fake", "secret"])
def accounts(request: pytest.FixtureRequest, aws: None) -> Accounts:  # noqa: ARG001 - the secret is made inside it
    if request.param == "fake":
        fake = FakeAccounts(policies={"strict": Policy.from_mapping(STRICT)})
        fake.accounts["strict"] = fake.accounts["default"]
        return fake
    return secret({"default": ACCOUNT, "strict": {**ACCOUNT, "bridge": STRICT}})


def test_an_account_has_the_policy_that_it_names_or_the_defaults(accounts: Accounts) -> None:
    assert accounts.policy("default") == Policy()
    assert accounts.policy("strict") == Policy(
        rate=20, signature="京东", signature_required=True, opt_out_keywords=("T",)
    )
    assert accounts.get("strict").name == accounts.get("default").name == "test"


def test_there_is_no_policy_without_an_account(accounts: Accounts) -> None:
    with pytest.raises(AccountNotConfigured, match="other"):
        accounts.policy("other")


@pytest.mark.usefixtures("aws")
def test_a_policy_is_read_again_with_its_account() -> None:
    clock = FakeClock()
    accounts = secret({"default": ACCOUNT}, clock)
    assert accounts.policy("default").rate == 100

    changed = {"default": {**ACCOUNT, "bridge": {"rate": 5}}}
    boto3.client("secretsmanager").put_secret_value(SecretId="accounts", SecretString=json.dumps(changed))
    assert accounts.policy("default").rate == 100
    clock.advance(301)
    assert accounts.policy("default").rate == 5


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("bridge", ["hunter2", [], 7, {"rate": 0, "signature": "【hunter2】", "hunter2!": 1}])
def test_a_wrong_policy_is_named_and_its_account_still_works(bridge: Any) -> None:
    accounts = secret({"default": {**ACCOUNT, "bridge": bridge}})

    with pytest.raises(AccountNotConfigured, match=r"'default'.*\"bridge\"") as caught:
        accounts.policy("default")

    assert "hunter2" not in str(caught.value) + repr(caught.value.__cause__)
    assert accounts.get("default").name == "test"  # what it has pulled is not to wait for a signature


@pytest.mark.usefixtures("aws")
def test_everything_that_is_wrong_with_a_policy_is_named() -> None:
    accounts = secret({"default": {**ACCOUNT, "bridge": {"rate": 0, "rat": 5, "signature": ""}}, "text": 7})

    with pytest.raises(AccountNotConfigured, match=r"rat is no setting.*rate must be"):
        accounts.policy("default")
    with pytest.raises(AccountNotConfigured, match=r"'text'.*JSON object"):
        accounts.policy("text")
