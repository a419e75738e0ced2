"""What is kept: encrypted, private, and not deleted by mistake."""

from typing import Any

import pytest

TABLES = {  # → (key attributes, attribute that ends an item)
    "MessagesTable": (["pk", "sk"], "expires_at"),
    "StateTable": (["pk"], "expires_at"),
    "OptOutsTable": (["pk", "sk"], None),
    "WebhooksTable": (["pk", "sk"], "expires_at"),
    "ClientsTable": (["pk"], "forgotten_at"),
}


INDEXED = {
    "MessagesTable": {  # → (partition, order, projection, attributes)
        "ByNumber": ("number_key", "made", "KEYS_ONLY", []),
        "ByHour": ("hour", "made", "INCLUDE", ["account", "event"]),
        "ByClient": ("client_key", "created", "KEYS_ONLY", []),
        "ByReference": ("reference_key", "created", "KEYS_ONLY", []),
        "ByBatch": ("batch_key", "pk", "INCLUDE", ["state", "tally", "status"]),
    }
}


@pytest.mark.parametrize("name", TABLES)
def test_a_table_has_these_indexes(stack: Any, name: str) -> None:
    found = {index["IndexName"]: index for index in stack[name].get("GlobalSecondaryIndexes", [])}
    assert found == {
        index: {
            "IndexName": index,
            "KeySchema": [
                {"AttributeName": key, "KeyType": "HASH"},
                {"AttributeName": order, "KeyType": "RANGE"},
            ],
            "Projection": {"ProjectionType": kind} | ({"NonKeyAttributes": more} if more else {}),
        }
        for index, (key, order, kind, more) in INDEXED.get(name, {}).items()
    }


def test_these_are_all_tables(stack: Any) -> None:
    assert set(stack.of_type("AWS::DynamoDB::Table")) == set(TABLES)


@pytest.mark.parametrize(("name", "expected"), TABLES.items())
def test_a_table_is_on_demand_encrypted_and_recoverable(
    stack: Any, name: str, expected: tuple[list[str], str | None]
) -> None:
    table = stack[name]
    keys, ends = expected
    assert [key["AttributeName"] for key in table["KeySchema"]] == keys
    assert [key["KeyType"] for key in table["KeySchema"]] == ["HASH", "RANGE"][: len(keys)]
    # DynamoDB refuses a definition that no key and no index uses.
    indexed = {key for first, second, _, _ in INDEXED.get(name, {}).values() for key in (first, second)}
    defined = {key["AttributeName"]: key["AttributeType"] for key in table["AttributeDefinitions"]}
    assert defined == dict.fromkeys({*keys, *indexed}, "S")
    assert table["BillingMode"] == "PAY_PER_REQUEST"
    assert table["SSESpecification"] == {"SSEEnabled": True}
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table.get("TimeToLiveSpecification") == ({"AttributeName": ends, "Enabled": True} if ends else None)


@pytest.mark.parametrize("name", [*TABLES, "JournalBucket", "AccountsSecret"])
def test_what_holds_data_outlives_the_stack_and_a_replacement(stack: Any, name: str) -> None:
    assert stack.resources[name]["DeletionPolicy"] == "RetainExceptOnCreate"
    assert stack.resources[name]["UpdateReplacePolicy"] == "Retain"


@pytest.mark.parametrize("name", [*TABLES, "JournalBucket"])
def test_names_are_left_to_cloudformation(stack: Any, name: str) -> None:
    assert not {"TableName", "BucketName"} & set(stack[name])


def test_the_journal_is_private_and_encrypted(stack: Any) -> None:
    bucket = stack["JournalBucket"]
    assert bucket["PublicAccessBlockConfiguration"] == dict.fromkeys(
        ["BlockPublicAcls", "BlockPublicPolicy", "IgnorePublicAcls", "RestrictPublicBuckets"], True
    )
    assert bucket["OwnershipControls"] == {"Rules": [{"ObjectOwnership": "BucketOwnerEnforced"}]}
    (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
    assert rule == {"ServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}}


def test_the_journal_is_reached_over_tls_only(stack: Any) -> None:
    policy = stack["JournalBucketPolicy"]
    assert policy["Bucket"] == "JournalBucket"
    assert policy["PolicyDocument"]["Statement"] == [
        {
            "Sid": "TlsOnly",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:*",
            "Resource": ["JournalBucket.Arn", "JournalBucket.Arn/*"],
            "Condition": {"Bool": {"aws:SecureTransport": "false"}},
        }
    ]


def test_only_what_was_published_expires_and_batches_of_which_nothing_was_made(stack_with: Any) -> None:
    rules = stack_with(JournalRetentionDays=12)["JournalBucket"]["LifecycleConfiguration"]["Rules"]
    expiring = [rule for rule in rules if any(key.startswith(("Expir", "Noncurrent", "Transition")) for key in rule)]
    assert expiring == [
        {
            "Id": "expire-published",
            "Status": "Enabled",
            "Prefix": "raw/",
            "TagFilters": [{"Key": "published", "Value": "true"}],
            "ExpirationInDays": 12,
        },
        {"Id": "expire-batches", "Status": "Enabled", "Prefix": "batches/", "ExpirationInDays": 7},
    ]


def test_uploads_that_never_ended_are_cleared_away(stack: Any) -> None:
    rules = stack["JournalBucket"]["LifecycleConfiguration"]["Rules"]
    assert {"AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1}}.items() <= rules[-1].items()
