"""The door as API Gateway calls it: what Twilio's SDKs get back, and whom it opens for."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any
from urllib.parse import urlencode

import pytest

from bridge import wiring
from bridge.domain.clients import hash_key
from bridge.domain.twilio import credential_hash
from bridge.services.twilio_sending import TwilioSending
from tests.fakes.clients import FakeClients
from tests.fakes.world import SHOP, World

EVENTS = Path(__file__).parents[3] / "events"
ACCOUNT = "AC" + "0" * 32
TOKEN = "0b" * 16
KEY = "eb_0123456789abcdefghijklmnopqrstuvwxyzABCDEFG"
ARN = "arn:aws:execute-api:us-east-1:000000000000:abcdef1234/v1/POST/messages"
PATH = f"/2010-04-01/Accounts/{ACCOUNT}/Messages.json"
FORM = {"To": "+8613812345678", "Body": "【京东】123456"}

Ask = Callable[..., tuple[int, Any]]


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch) -> World:
    world = World(clients=FakeClients({hash_key(KEY): SHOP, credential_hash(ACCOUNT, TOKEN): SHOP}))
    door = TwilioSending(
        sending=world.sending(), opt_outs=world.opt_outs, counters=world.counters, allow_loopback=False
    )
    for name in ("sending", "finding"):
        monkeypatch.setattr(wiring, name, getattr(world, name))
    monkeypatch.setattr(wiring, "twilio_sending", lambda: door)
    monkeypatch.setattr(wiring, "authorizing", world.authorizing)
    return world


@pytest.fixture
def ask(world: World, load: Callable[[str], ModuleType], rest: Any, context: object) -> Ask:  # noqa: ARG001 - wired before
    function = load("twilio")

    def ask(
        method: str,
        path: str = PATH,
        form: dict[str, str] | None = None,
        *,
        query: dict[str, str] | None = None,
        **authorizer: str | None,
    ) -> tuple[int, Any]:
        event = rest(
            method,
            path,
            path,
            body=urlencode(form) if form else None,
            queryStringParameters=query,
        )
        known = {**event["requestContext"]["authorizer"], "account_sid": ACCOUNT, **authorizer}
        event["requestContext"]["authorizer"] = {name: value for name, value in known.items() if value is not None}
        answer = function.handler(event, context)
        return answer["statusCode"], json.loads(answer["body"])

    return ask


def message_path(sid: str) -> str:
    return f"/2010-04-01/Accounts/{ACCOUNT}/Messages/{sid}.json"


def test_a_message_is_created_found_and_cancelled(ask: Ask, world: World) -> None:
    status, made = ask("POST", form={**FORM, "From": "1234"})
    assert (status, made["status"], made["to"], made["from"]) == (201, "queued", "+8613812345678", "1234")
    (recorded,) = world.messages.messages.values()
    assert recorded.extension == "1234"

    assert ask("GET", message_path(made["sid"])) == (200, made)
    status, cancelled = ask("POST", message_path(made["sid"]), {"Status": "canceled"})
    assert (status, cancelled["status"], cancelled["date_sent"]) == (200, "canceled", None)
    assert ask("POST", message_path(made["sid"]), {"Status": "queued"})[1]["code"] == 20001


def test_a_list_is_paged_as_the_sdk_follows_it(ask: Ask) -> None:
    sids = [ask("POST", form=FORM)[1]["sid"] for _ in range(3)][::-1]

    status, first = ask("GET", query={"PageSize": "2", "To": "+8613812345678"})
    assert status == 200
    assert [one["sid"] for one in first["messages"]] == sids[:2]
    path, _, query = first["next_page_uri"].partition("?")
    assert path == PATH
    following = dict(part.split("=") for part in query.replace("%2B", "+").split("&"))
    assert (following["Page"], following["PageSize"], following["To"]) == ("1", "2", "+8613812345678")
    last = ask("GET", query=following)[1]
    assert [one["sid"] for one in last["messages"]] == sids[2:]
    assert (last["next_page_uri"], last["start"], last["end"]) == (None, 2, 2)
    # `twilio.base.page`: whatever is none of these is the list, and there must be exactly one.
    meta = {"end", "first_page_uri", "next_page_uri", "page", "page_size", "previous_page_uri", "start", "uri"}
    assert set(first) - meta == {"messages"}


@pytest.mark.parametrize("account", [None, "AC" + "1" * 32])
def test_a_key_and_another_account_are_refused_alike(ask: Ask, world: World, account: str | None) -> None:
    refusal = {
        "code": 20003,
        "message": "Authenticate",
        "more_info": "https://www.twilio.com/docs/errors/20003",
        "status": 401,
    }
    one = message_path("SM" + "0" * 32)
    assert ask("POST", form=FORM, account_sid=account) == (401, refusal)
    assert ask("GET", account_sid=account) == (401, refusal)
    assert ask("GET", one, account_sid=account) == (401, refusal)
    assert ask("POST", one, {"Status": "canceled"}, account_sid=account) == (401, refusal)
    assert world.messages.messages == {}


def test_scopes_hold_here_too(ask: Ask) -> None:
    assert [ask("POST", form=FORM, scopes="read")[0], ask("GET", scopes="send")[0]] == [403, 403]


def test_what_fails_is_said_in_twilios_form_and_quotes_nothing(ask: Ask, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken() -> None:
        raise RuntimeError("quotes 13812345678")

    assert ask("GET", f"/2010-04-01/Accounts/{ACCOUNT}/Calls.json")[1]["code"] == 20404
    monkeypatch.setattr(wiring, "twilio_sending", broken)
    status, body = ask("POST", form=FORM)
    assert (status, body["code"]) == (500, 20500)
    assert "138" not in body["message"]


def test_the_sample_request_is_answered(
    world: World,  # noqa: ARG001 - wired before it is loaded
    load: Callable[[str], ModuleType],
    context: object,
) -> None:
    answer = load("twilio").handler(json.loads((EVENTS / "twilio.json").read_text()), context)
    assert (answer["statusCode"], json.loads(answer["body"])["messages"]) == (200, [])


def test_a_token_opens_this_door_and_no_other(
    world: World,  # noqa: ARG001 - likewise
    load: Callable[[str], ModuleType],
    context: object,
) -> None:
    def decided(authorization: str) -> tuple[str, str, Any]:
        event = {"methodArn": ARN, "headers": {"Authorization": authorization}}
        answer = load("authorizer").handler(event, context)
        (statement,) = answer["policyDocument"]["Statement"]
        return statement["Effect"], statement["Resource"], answer.get("context", {}).get("account_sid")

    basic = base64.b64encode(f"{ACCOUNT}:{TOKEN}".encode()).decode()
    stage = "arn:aws:execute-api:us-east-1:000000000000:abcdef1234/v1"
    assert decided(f"Basic {basic}") == ("Allow", f"{stage}/*/2010-04-01/*", ACCOUNT)
    assert decided(f"Bearer {KEY}") == ("Allow", f"{stage}/*", None)
    wrong = base64.b64encode(f"{ACCOUNT}:{TOKEN[:-1]}0".encode()).decode()
    assert decided(f"Basic {wrong}") == ("Deny", f"{stage}/*", None)
