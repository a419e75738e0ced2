import hashlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.stub import ANY, Stubber

from local.clients import SCOPES, Client, Clients
from local.errors import LocalError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

SHOP = Client(client="shop", accounts=("default", "marketing"), default_account="default", scopes=("send", "read"))


@pytest.fixture
def dynamodb() -> "DynamoDBClient":
    return boto3.Session(aws_access_key_id="x", aws_secret_access_key="x", region_name="us-east-1").client("dynamodb")


@pytest.fixture
def stub(dynamodb: "DynamoDBClient") -> Iterator[Stubber]:
    with Stubber(dynamodb) as stub:
        yield stub
        stub.assert_no_pending_responses()


def item(name: str, key_hash: str) -> dict[str, Any]:
    return {
        "pk": {"S": key_hash},
        "client": {"S": name},
        "accounts": {"L": [{"S": "default"}]},
        "default_account": {"S": "default"},
        "scopes": {"L": [{"S": "send"}]},
        "created_at": {"S": "2026-11-23T13:09:00+00:00"},
    }


def test_a_key_is_returned_and_only_its_hash_is_stored(dynamodb: "DynamoDBClient") -> None:
    stored: dict[str, Any] = {}
    dynamodb.meta.events.register(
        "provide-client-params.dynamodb.PutItem", lambda params, **_: stored.update(params["Item"])
    )
    with Stubber(dynamodb) as stub:
        stub.add_response(
            "put_item", {}, {"TableName": "clients", "Item": ANY, "ConditionExpression": "attribute_not_exists(pk)"}
        )

        key = Clients(dynamodb, "clients").create(SHOP)

    assert key.startswith("eb_")
    assert len(key) >= 3 + 32
    assert stored["pk"] == {"S": hashlib.sha256(key.encode()).hexdigest()}
    assert key not in str(stored)
    assert stored["client"] == {"S": "shop"}
    assert stored["accounts"] == {"L": [{"S": "default"}, {"S": "marketing"}]}
    assert stored["default_account"] == {"S": "default"}
    assert stored["scopes"] == {"L": [{"S": "send"}, {"S": "read"}]}
    assert "created_at" in stored


def test_clients_are_listed_over_all_pages(dynamodb: "DynamoDBClient", stub: Stubber) -> None:
    first = {"TableName": "clients", "ConsistentRead": True}
    stub.add_response("scan", {"Items": [item("shop", "aa")], "LastEvaluatedKey": {"pk": {"S": "aa"}}}, first)
    stub.add_response("scan", {"Items": [item("bank", "bb")]}, first | {"ExclusiveStartKey": {"pk": {"S": "aa"}}})

    assert [stored.client.client for stored in Clients(dynamodb, "clients")] == ["shop", "bank"]


def test_revoking_deletes_every_key_of_the_client_and_no_other(dynamodb: "DynamoDBClient", stub: Stubber) -> None:
    found = [item("shop", "aa"), item("bank", "bb"), item("shop", "cc")]
    stub.add_response("scan", {"Items": found}, {"TableName": "clients", "ConsistentRead": True})
    for key_hash in ("aa", "cc"):
        stub.add_response("delete_item", {}, {"TableName": "clients", "Key": {"pk": {"S": key_hash}}})

    assert Clients(dynamodb, "clients").revoke("shop") == 2


def test_one_key_of_several_is_revoked_by_how_its_hash_begins(dynamodb: "DynamoDBClient", stub: Stubber) -> None:
    found = [item("shop", "aa1"), item("bank", "ab"), item("shop", "cc"), item("shop", "aa2")]
    for _ in range(3):
        stub.add_response("scan", {"Items": found}, {"TableName": "clients", "ConsistentRead": True})
    stub.add_response("delete_item", {}, {"TableName": "clients", "Key": {"pk": {"S": "cc"}}})
    with pytest.raises(LocalError, match="several keys"):
        Clients(dynamodb, "clients").revoke("shop", "aa")
    with pytest.raises(LocalError, match="no key of shop like"):
        Clients(dynamodb, "clients").revoke("shop", "")

    assert Clients(dynamodb, "clients").revoke("shop", "c") == 1


def test_revoking_an_unknown_client_is_an_error(dynamodb: "DynamoDBClient", stub: Stubber) -> None:
    stub.add_response("scan", {"Items": []}, {"TableName": "clients", "ConsistentRead": True})

    with pytest.raises(LocalError, match="no client shop"):
        Clients(dynamodb, "clients").revoke("shop")


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"client": "No spaces"}, "no name"),
        ({"accounts": ()}, "an account"),
        ({"scopes": ("send", "everything")}, "everything"),
        ({"scopes": ()}, "a scope"),
        ({"default_account": "other"}, "other"),
        ({"fallback_accounts": ("b", "other")}, "fallback account other is not one of the client's accounts"),
        ({"fallback_accounts": ("a",)}, "twice"),
        ({"fallback_accounts": ("b", "b")}, "twice"),
        ({"fallback_accounts": ("*",)}, r"no account \*"),
        ({"accounts": ("*",), "fallback_accounts": ("*",)}, r"no account \*"),
    ],
)
def test_a_client_that_makes_no_sense_is_refused(changes: dict[str, Any], problem: str) -> None:
    values: dict[str, Any] = {"client": "shop", "accounts": ("a", "b"), "default_account": "a", "scopes": SCOPES}

    with pytest.raises(LocalError, match=problem):
        Client(**(values | changes))


def test_all_accounts_take_any_default() -> None:
    assert (
        Client(client="local", accounts=("*",), default_account="default", scopes=SCOPES).default_account == "default"
    )


def test_fallbacks_are_some_of_the_clients_accounts_in_order() -> None:
    values: dict[str, Any] = {"client": "shop", "default_account": "a", "scopes": SCOPES}

    assert Client(**values, accounts=("a", "b", "c"), fallback_accounts=("c", "b")).fallback_accounts == ("c", "b")
    assert Client(**values, accounts=("*",), fallback_accounts=("b",)).fallback_accounts == ("b",)
    assert Client(**values, accounts=("a",)).fallback_accounts == ()
