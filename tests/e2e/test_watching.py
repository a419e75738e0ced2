"""The functions that look after the bridge, with the rights that their roles give them."""

import json
from typing import Any

from local import stack
from local.invoke import deployed as functions_of
from tests.e2e.conftest import bridge_accounts
from tests.e2e.deployed import Deployed


def invoke(deployed: Deployed, logical_id: str) -> dict[str, Any]:
    name = functions_of(deployed.aws, stack.STACK_NAME)[logical_id]
    answer = deployed.aws.functions.invoke(FunctionName=name, Payload=b"{}")
    payload: dict[str, Any] = json.loads(answer["Payload"].read())
    assert not answer.get("FunctionError"), payload
    return payload


def test_every_account_is_looked_at_and_none_of_a_new_stack_is_taken_for_stalled(deployed: Deployed) -> None:
    found = invoke(deployed, "WatchFunction")

    assert set(found) == set(bridge_accounts(deployed.gateway.url))
    assert not [wrong for account in found.values() for wrong in account if wrong.startswith("missed_ticks")]
    assert invoke(deployed, "WatchFunction") == found


def test_accounts_are_compared_with_the_gateway_once_a_day(deployed: Deployed) -> None:
    for account in bridge_accounts(deployed.gateway.url):  # another test may have had them compared
        key = {"pk": {"S": f"reconciled#{account}"}}
        deployed.aws.dynamodb.delete_item(TableName=deployed.outputs["StateTableName"], Key=key)
    compared = invoke(deployed, "ReconcileFunction")

    # Before nine in the morning of the account nothing is compared. Nobody answers for "down", and another test uses up
    # what "counted" may ask in a minute: both are put off, the others done.
    put_off = {name for name, days in compared.items() if days is None}
    assert set(compared) in (set(), set(bridge_accounts(deployed.gateway.url)))
    assert put_off <= {"down", "counted"}
    assert not [name for name, days in compared.items() if days]
    assert set(invoke(deployed, "ReconcileFunction")) == put_off
