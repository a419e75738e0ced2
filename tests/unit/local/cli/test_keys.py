"""What the operator says of clients: limits, ends, rotations and revocations."""

from datetime import UTC, datetime, timedelta
from typing import Any

import boto3
import pytest

from local.cli.limits import changed
from local.errors import LocalError
from tests.fakes.commands import Cli

NOTHING: dict[str, Any] = dict.fromkeys(("extensions", "rate", "burst", "daily_messages", "daily_segments"))


@pytest.fixture
def hooked(deployed: dict[str, str]) -> None:
    """The shop has two hook sources."""
    dynamodb = boto3.client("dynamodb", region_name="cn-north-1")
    for name in ("alerts", "backup"):
        item: Any = {"pk": {"S": "sources#shop"}, "sk": {"S": name}}
        dynamodb.put_item(TableName=deployed["WebhooksTableName"], Item=item)


def keys(cli: Cli) -> Any:
    return cli("keys", "list", "--json").document["items"]


@pytest.mark.usefixtures("deployed")
def test_a_client_is_made_with_limits_that_its_next_keys_share(cli: Cli) -> None:
    made = cli(
        "keys", "create", "shop", "--rate", "5", "--burst", "20", "--daily-messages", "1000", "--daily-segments",
        "2000", "--extension", "01,02*", "--extension", "none", "--expires", "+90d", "--json",
    ).document  # fmt: skip
    limits = {
        "extensions": ["01", "02*", "none"],
        "rate": 5.0,
        "burst": 20,
        "daily_messages": 1000,
        "daily_segments": 2000,
    }
    assert made["limits"] == limits
    ends = datetime.fromisoformat(made["expires_at"])
    assert abs(ends - datetime.now(UTC) - timedelta(days=90)) < timedelta(minutes=5)

    assert cli("keys", "create", "shop", "--json").document["limits"] == limits
    assert cli("keys", "create", "bank", "--json").document["limits"] == NOTHING
    assert [(item["client"], item["limits"]) for item in keys(cli)] == [
        ("bank", NOTHING),
        ("shop", limits),
        ("shop", limits),
    ]
    shown = cli("keys", "list").out
    assert "5/s, 20 at once; 1,000 messages a day; 2,000 segments a day; extension 01 02* none" in shown
    assert ends.astimezone().strftime("%Y-%m-%d") in shown
    # The same once more is no contradiction; others would be those of all keys.
    same = ("--rate", "5", "--burst", "20", "--daily-messages", "1000", "--daily-segments", "2000")
    cli("keys", "create", "shop", *same, "--extension", "01,02*,none")
    assert "eums-bridge keys limit shop" in cli("keys", "create", "shop", "--rate", "7", expect=1).err
    assert len(keys(cli)) == 4


@pytest.mark.usefixtures("deployed")
def test_limits_are_changed_one_by_one_and_taken_away(cli: Cli) -> None:
    assert "no client shop" in cli("keys", "limit", "shop", "--rate", "5", expect=1).err
    cli("keys", "create", "shop")
    assert cli("keys", "limit", "shop").out == "no limits\n"

    done = cli("keys", "limit", "shop", "--daily-messages", "10", "--rate", "0.5")
    assert done.out == "0.5/s, 1 at once; 10 messages a day\n"
    assert "within a minute" in done.err
    changed = cli("keys", "limit", "shop", "--burst", "3", "--daily-messages", "off", "--json").document
    assert changed == {"client": "shop", "limits": {**NOTHING, "rate": 0.5, "burst": 3}, "revoked_at": None}
    assert cli("keys", "limit", "shop", "--extension", "01*", "--rate", "off").out == "extension 01*\n"
    assert cli("keys", "limit", "shop", "--extension", "off").out == "no limits\n"
    assert keys(cli)[0]["limits"] == NOTHING


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"rate": "fast"}, "--rate must be a number, or off"),
        ({"rate": "0"}, "rate must be a number of messages a second"),
        ({"burst": "5"}, "burst is nothing without a rate"),
        ({"daily_messages": "1.5"}, "--daily-messages must be a whole number, or off"),
        ({"daily_segments": "0"}, "daily_segments must be a whole number, 1 at least"),
        ({"extensions": ["01", "a1"]}, "extensions must be digits"),
    ],
)
def test_limits_that_make_no_sense_are_named(options: dict[str, Any], problem: str) -> None:
    with pytest.raises(LocalError, match=problem):
        changed(None, **dict.fromkeys(NOTHING) | options)


@pytest.mark.usefixtures("deployed")
def test_limits_that_make_no_sense_change_nothing(cli: Cli) -> None:
    refused = cli("keys", "create", "bank", "--rate", "0", "--burst", "0", "--json", expect=1).document["detail"]
    assert "rate must be" in refused
    assert "burst must be" in refused
    assert keys(cli) == []


@pytest.mark.usefixtures("deployed")
def test_a_key_is_rotated_and_the_one_before_ends(cli: Cli) -> None:
    cli("keys", "create", "shop", "--accounts", "a,b", "--scopes", "send", "--daily-messages", "5")
    old = keys(cli)[0]["key_hash"]

    made = cli("keys", "rotate", "shop", "--json").document

    assert made["key"].startswith("eb_")
    assert (made["accounts"], made["scopes"], made["expires_at"]) == (["a", "b"], ["send"], None)
    assert made["replaces"]["key_hash"] == old
    ends = datetime.fromisoformat(made["replaces"]["expires_at"])
    assert abs(ends - datetime.now(UTC) - timedelta(hours=24)) < timedelta(minutes=5)
    by_hash = {item["key_hash"]: item for item in keys(cli)}
    assert len(by_hash) == 2
    assert datetime.fromisoformat(by_hash[old]["expires_at"]) == ends
    assert not by_hash[old]["expired"]

    second = cli("keys", "rotate", "shop", "--overlap", "0")
    assert second.out.startswith("eb_")
    assert "ends at" in second.err
    assert sum(item["expired"] for item in keys(cli)) == 1
    assert "expired" in cli("keys", "list").out
    assert "no key of shop like" in cli("keys", "rotate", "shop", "--key", "zz", expect=1).err
    assert "no time" in cli("keys", "rotate", "shop", "--overlap", "soon", expect=2).err
    assert "no key of bank" in cli("keys", "rotate", "bank", expect=1).err
    assert "--expires" in cli("keys", "create", "shop", "--expires", "2020-01-01", expect=2).err


@pytest.mark.usefixtures("hooked")
def test_a_client_that_was_revoked_comes_back_only_where_that_is_said(cli: Cli) -> None:
    cli("keys", "create", "shop", "--rate", "5")
    one = cli("keys", "revoke", "shop", "--key", keys(cli)[0]["key_hash"])
    assert "hook sources alerts, backup may still be called: eums-bridge keys revoke shop" in one.err

    done = cli("keys", "revoke", "shop", "--json")  # it has no key, and its hook sources send
    assert done.document == {"client": "shop", "revoked": 0, "hook_sources": ["alerts", "backup"], "principals": []}
    assert cli("keys", "limit", "shop", "--json").document["revoked_at"] is not None
    assert "it was revoked on" in cli("keys", "revoke", "shop", expect=1).err

    for group in ("keys", "twilio"):
        refused = cli(group, "create", "shop", expect=1).err
        assert "With --again" in refused
        assert "hook sources alerts, backup" in refused
    assert keys(cli) == []
    made = cli("keys", "create", "shop", "--again", "--json").document
    assert (made["limits"]["rate"], keys(cli)[0]["revoked_at"]) == (5.0, None)
    assert "Nobody may call its hook sources" in cli("keys", "revoke", "shop").err
    assert "account_sid" in cli("twilio", "create", "shop", "--again", "--json").document


@pytest.mark.usefixtures("deployed")
def test_a_token_of_the_door_ends_after_its_overlap(cli: Cli) -> None:
    sid = cli("twilio", "create", "shop", "--json").document["account_sid"]
    cli("twilio", "rotate", sid)
    assert [item["expires_at"] for item in keys(cli)] == [None, None]
    cli("twilio", "rotate", sid, "--overlap", "0")
    assert [item["expired"] for item in keys(cli)] == [True, False]
    assert "no time" in cli("twilio", "rotate", sid, "--overlap", "x", expect=2).err
