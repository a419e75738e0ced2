"""What status callbacks need of the tables: on the fakes and on the real adapters; and the operator's credentials."""

import base64
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from bridge.adapters.callbacks_table import AuthTokensTable, CallbacksTable
from bridge.adapters.clients_table import ClientsTable
from bridge.adapters.messages_table import MessagesTable
from bridge.adapters.webhooks_table import DeliveriesTable, WebhookEndpointsTable
from bridge.domain.clients import Caller
from bridge.domain.events import suspended
from bridge.domain.messages import Message, Recipient, Status
from bridge.domain.twilio import TwilioSend
from bridge.domain.webhooks import Pointer, delivery_of, happened
from bridge.ports import Callbacks, Deliveries, Messages, WebhookEndpoints
from bridge.services.authorizing import Authorizing
from local.clients import Client, Clients
from local.errors import LocalError
from local.twilio_credentials import TwilioAccounts, TwilioCredentials
from tests.contract.conftest import make_table
from tests.fakes.callbacks import FakeCallbacks
from tests.fakes.clock import FakeClock
from tests.fakes.messages import FakeMessages
from tests.fakes.webhooks import FakeDeliveries, FakeWebhookEndpoints, endpoint
from tests.fakes.world import NOON

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ID = "01JDCKQ3V9T4M3W5Y8Z7N6P2QR"
SEND = TwilioSend(
    account_sid="AC" + "0a" * 16,
    sender="1234",
    service_sid="MG" + "0" * 32,
    callback_url="https://shop.example.com/status",
)
SHOP = Client(
    client="shop",
    accounts=("default", "other"),
    default_account="default",
    scopes=("send", "read"),
    fallback_accounts=("other",),
)


def message(twilio: TwilioSend | None) -> Message:
    return Message(
        id=ID,
        client="shop",
        account="default",
        text="【京东】123456",
        recipients=(Recipient(to="+8613812345678", status=Status.SUBMITTING),),
        created_at=NOON,
        deadline=NOON,
        claim=ID,
        tries=1,
        twilio=twilio,
    )


@dataclass
class Ports:
    messages: Messages
    callbacks: Callbacks
    endpoints: WebhookEndpoints
    deliveries: Deliveries

    def add(self, one: Message) -> None:
        self.messages.add(one)
        if isinstance(self.callbacks, FakeCallbacks) and one.twilio:
            self.callbacks.sends[one.id] = one.twilio


@pytest.fixture(params=["fake", "dynamodb"])
def ports(request: pytest.FixtureRequest) -> Ports:
    if request.param == "fake":
        return Ports(FakeMessages(), FakeCallbacks(), FakeWebhookEndpoints(), FakeDeliveries())
    client: DynamoDBClient = request.getfixturevalue("dynamodb")
    messages = make_table(client, "messages", sort_key=True)
    webhooks = make_table(client, "webhooks", sort_key=True)
    return Ports(
        MessagesTable(client, messages, retention=timedelta(days=30)),
        CallbacksTable(client, messages),
        WebhookEndpointsTable(client, webhooks),
        DeliveriesTable(client, webhooks),
    )


@pytest.mark.parametrize("twilio", [SEND, TwilioSend(account_sid=SEND.account_sid), None], ids=["full", "bare", "none"])
def test_a_message_remembers_the_door_through_every_step(ports: Ports, twilio: TwilioSend | None) -> None:
    first = message(twilio)
    ports.add(first)
    assert ports.messages.find(ID) == first
    after = first.with_recipients(replace(one, status=Status.SUBMITTED) for one in first.recipients)
    assert ports.messages.move(first, after) is None

    assert ports.messages.find(ID) == after
    assert ports.messages.owners([ID])[ID].calls_back is (twilio is SEND)
    assert ports.callbacks.of(ID) == (SEND if twilio is SEND else None)


def test_a_message_that_is_not_there_has_no_callback(ports: Ports) -> None:
    assert ports.callbacks.of(ID) is None


def test_an_endpoint_of_callbacks_is_made_once(ports: Ports) -> None:
    first = endpoint(account_sid=SEND.account_sid, event_types=())
    ports.endpoints.ensure(first)
    ports.endpoints.ensure(replace(first, description="another"))

    assert ports.endpoints.get(first.id) == first


def test_a_delivery_keeps_where_it_goes(ports: Ports) -> None:
    event = happened(suspended("default", NOON).body())
    fresh = delivery_of(endpoint().id, event, NOON, SEND)
    pointer = Pointer(endpoint=fresh.endpoint, delivery=fresh.id, event=event, callback=SEND)

    begun = ports.deliveries.begin(pointer, fresh, now=NOON)
    assert begun.delivery is not None
    assert (begun.yours, begun.delivery.callback) == (True, SEND)
    assert ports.deliveries.end(begun.delivery, replace(begun.delivery, next_at=NOON, leased_until=None))
    again = ports.deliveries.begin(pointer.bare(), None, now=NOON)
    assert again.delivery is not None
    assert (again.yours, again.delivery.callback) == (True, SEND)


@dataclass
class Operator:
    accounts: TwilioAccounts
    authorizing: Authorizing
    tokens: AuthTokensTable
    clients: Clients

    def opens(self, made: TwilioCredentials) -> Caller | None:
        basic = base64.b64encode(f"{made.account_sid}:{made.auth_token}".encode()).decode()
        return self.authorizing.caller(f"Basic {basic}")


@pytest.fixture
def operator(dynamodb: "DynamoDBClient") -> Operator:
    clients, webhooks = make_table(dynamodb, "clients", sort_key=False), make_table(dynamodb, "webhooks", sort_key=True)
    return Operator(
        TwilioAccounts(dynamodb, clients, webhooks),
        Authorizing(clients=ClientsTable(dynamodb, clients), clock=FakeClock()),
        AuthTokensTable(dynamodb, webhooks),
        Clients(dynamodb, clients),
    )


def test_credentials_that_an_operator_made_are_their_clients(operator: Operator) -> None:
    made = operator.accounts.create(SHOP)

    assert operator.opens(made) == Caller(
        client="shop",
        accounts=frozenset({"default", "other"}),
        default_account="default",
        scopes=frozenset({"send", "read"}),
        fallback_accounts=("other",),
        account_sid=made.account_sid,
    )
    assert operator.tokens.primary(made.account_sid) == made.auth_token
    assert made.auth_token not in repr(made)
    (stored,) = operator.clients  # `clients list` shows them among the keys, and `revoke` ends them
    assert (stored.client, stored.key_hash[:7]) == (SHOP, "twilio#")
    assert operator.clients.revoke("shop") == 1
    assert operator.opens(made) is None


def test_two_tokens_open_the_newest_signs_and_the_rest_are_gone(operator: Operator) -> None:
    first = operator.accounts.create(SHOP)
    other = operator.accounts.create(SHOP)
    second = operator.accounts.rotate(first.account_sid)
    assert operator.opens(first) == operator.opens(second) is not None
    assert operator.tokens.primary(first.account_sid) == second.auth_token

    third = operator.accounts.rotate(first.account_sid)
    assert [operator.opens(one) is not None for one in (first, second, third)] == [False, True, True]
    assert operator.tokens.primary(first.account_sid) == third.auth_token

    assert operator.accounts.retire(first.account_sid) == 1
    assert [operator.opens(one) is not None for one in (second, third)] == [False, True]
    assert operator.accounts.retire(first.account_sid) == 0

    assert operator.accounts.revoke(first.account_sid) == 1
    assert operator.opens(third) is None
    assert operator.tokens.primary(first.account_sid) is None
    assert operator.opens(other) is not None
    assert operator.tokens.primary(other.account_sid) == other.auth_token
    for ask in (operator.accounts.rotate, operator.accounts.retire, operator.accounts.revoke):
        with pytest.raises(LocalError, match="no account"):
            ask(first.account_sid)
