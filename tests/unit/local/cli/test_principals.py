"""`principals`: which roles and users call the API, for whom, as the functions read it."""

import boto3
import pytest

from bridge.adapters.clients_table import ClientsTable
from bridge.domain.clients import Caller
from bridge.domain.principals import PREFIX
from bridge.services.recognizing import Recognizing
from local.clients import PRINCIPAL
from tests.fakes.clock import FakeClock
from tests.fakes.commands import Cli

ROLE = "arn:aws-cn:iam::123456789012:role/apps/webshop"
BARE = "arn:aws-cn:iam::123456789012:role/webshop"
SESSION = "arn:aws-cn:sts::123456789012:assumed-role/webshop/i-0abc"
USER = "arn:aws-cn:iam::123456789012:user/bob"


@pytest.fixture
def recognizing(deployed: dict[str, str]) -> Recognizing:
    table = ClientsTable(boto3.client("dynamodb", region_name="cn-north-1"), deployed["ClientsTableName"])
    return Recognizing(clients=table, clock=FakeClock())


def test_its_keys_in_the_table_are_those_that_the_bridge_looks_for() -> None:
    assert PREFIX == PRINCIPAL


def test_a_role_that_is_added_calls_for_its_client(cli: Cli, recognizing: Recognizing) -> None:
    added = cli("principals", "add", ROLE, "shop", "--accounts", "a,b", "--fallback-accounts", "b", "--json").document

    assert added["principal"] == BARE
    assert recognizing.caller(SESSION) == Caller(
        client="shop",
        accounts=frozenset({"a", "b"}),
        default_account="a",
        scopes=frozenset({"send", "read"}),
        fallback_accounts=("b",),
    )


def test_principals_are_listed_and_removed(cli: Cli, recognizing: Recognizing) -> None:
    cli("principals", "add", ROLE, "shop")
    cli("principals", "add", USER, "bank", "--scopes", "read")

    listed = cli("principals", "list")
    assert [line.split()[:2] for line in listed.out.splitlines()[-2:]] == [["bank", USER], ["shop", BARE]]
    items = cli("principals", "list", "--json").document["items"]
    assert [(item["principal"], item["client"], item["scopes"]) for item in items] == [
        (USER, "bank", ["read"]),
        (BARE, "shop", ["send", "read"]),
    ]

    assert cli("principals", "remove", SESSION).out == f"Removed {BARE}\n"
    assert recognizing.caller(SESSION) is None
    assert "nobody named" in cli("principals", "remove", ROLE, expect=1).err
    assert len(cli("principals", "list", "--json").document["items"]) == 1


def test_a_principal_calls_for_one_client(cli: Cli, recognizing: Recognizing) -> None:
    cli("principals", "add", ROLE, "shop")

    assert "calls for a client already" in cli("principals", "add", SESSION, "bank", expect=1).err

    found = recognizing.caller(SESSION)
    assert found is not None
    assert found.client == "shop"


@pytest.mark.parametrize("arn", ["webshop", "arn:aws-cn:iam::123456789012:root", "arn:aws-cn:iam::123456789012:role/*"])
@pytest.mark.usefixtures("deployed")
def test_what_is_no_role_and_no_user_is_refused(cli: Cli, arn: str) -> None:
    assert "the ARN of no role and of no user" in cli("principals", "add", arn, "shop", expect=1).err
    assert "the ARN of no role and of no user" in cli("principals", "remove", arn, expect=1).err


@pytest.mark.usefixtures("deployed")
def test_keys_and_principals_are_two_lists(cli: Cli) -> None:
    cli("principals", "add", ROLE, "shop")
    cli("keys", "create", "shop")

    assert len(cli("keys", "list", "--json").document["items"]) == 1
    assert len(cli("principals", "list", "--json").document["items"]) == 1
    assert cli("keys", "revoke", "shop", "--json").document["revoked"] == 1
    assert len(cli("principals", "list", "--json").document["items"]) == 1


@pytest.mark.parametrize(("authorization", "noted"), [("KeyAuthorizer", True), ("AWS_IAM", False)])
def test_where_keys_count_it_says_so(
    cli: Cli, deployed: dict[str, str], monkeypatch: pytest.MonkeyPatch, authorization: str, *, noted: bool
) -> None:
    monkeypatch.setattr("local.cli.stacks.AwsStack.outputs", {**deployed, "ApiAuthorization": authorization})
    for command in (("add", ROLE, "shop"), ("list",)):
        assert ("goes by keys" in cli("principals", *command).err) is noted


def test_a_client_that_is_revoked_is_no_principals_until_it_is_wanted_again(cli: Cli, recognizing: Recognizing) -> None:
    cli("principals", "add", ROLE, "shop")
    cli("keys", "limit", "shop", "--daily-messages", "7")

    revoked = cli("keys", "revoke", "shop")
    assert revoked.out == "Revoked 0 keys of shop\n"
    assert BARE in revoked.err
    assert recognizing.caller(SESSION) is None

    assert "was revoked on" in cli("principals", "add", USER, "shop", expect=1).err
    assert recognizing.caller(USER) is None
    cli("principals", "add", USER, "shop", "--again")
    found = recognizing.caller(USER)
    assert found is not None
    assert found.limits.daily_messages == 7


@pytest.mark.usefixtures("deployed")
def test_nobodys_client_is_not_revoked(cli: Cli) -> None:
    cli("principals", "add", ROLE, "shop")

    assert cli("keys", "revoke", "bank", expect=1).err.strip().endswith("no client bank")
    cli("keys", "revoke", "shop")
