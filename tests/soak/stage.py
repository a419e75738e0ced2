"""The stack of one soak: deployed as it is for the tests, with something between the functions and AWS."""

import json
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Final

import httpx

from local import accounts, ports, stack
from local.aws import Aws
from local.clients import SCOPES, Client, Clients
from local.console import Console
from local.emulator import Emulator
from local.gateway import Call, Gateway, GatewayAccount, GatewaySettings
from local.gateway.calls import write
from local.gateway.exchange import Reply
from local.gateway.journal import Exchange
from local.invoke import start_pulls
from local.places import Places
from local.settings import Account
from tests.soak.between import Between
from tests.soak.evidence import Page, Taken
from tests.soak.ledger import marker_of
from tests.soak.listening import Listener
from tests.soak.load import GATEWAY_ACCOUNTS
from tests.soak.weather import Weather

AES_KEY: Final = "0123456789abcdef"
READ_TIMEOUT: Final = 4.0
"""Seconds that the bridge waits for the gateway here."""
SLOW: Final = READ_TIMEOUT + 1.5
"""Seconds that a gateway takes which is too slow."""

_NAMES: Final = ("sms.pull.lost", "sms.pull.quarantined")
_KINDS: Final = {Call.REPORT: "reports", Call.MO: "inbound"}
_BRIDGE_ACCOUNTS: Final = {gateway: bridge for bridge, gateway in GATEWAY_ACCOUNTS.items()}
_SETTINGS: Final = GatewaySettings(report_delay=1.5, late_report_delay=20.0, report_page_size=20, mo_page_size=20)
# The API's limits are for all callers together; accounts go as fast as they are asked.
_PARAMETERS: Final = {"PullSeconds": 1, "LogLevel": "INFO", "ApiRateLimit": 1000, "ApiBurstLimit": 2000}


@dataclass
class GatewaysBook:
    """What the gateway itself says that it took and handed out, gathered while it happens: it keeps only the last."""

    pages: list[Page] = field(default_factory=list)
    _taken: dict[tuple[str, str, str], Taken] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def hear(self, exchange: Exchange, reply: Reply) -> None:
        """See `Gateway`: a page with records left, or was to."""
        records = exchange.answer.get("data") if exchange.answer is not None else None
        if exchange.call not in _KINDS or not records or exchange.answer is None or exchange.account is None:
            return
        account = _BRIDGE_ACCOUNTS[exchange.account]
        key = AES_KEY.encode() if account == "encrypted" else None
        whole, sent = write(exchange.answer, key).body, None if reply.drop else reply.body
        page = Page(
            account=account,
            kind=_KINDS[exchange.call],
            at=exchange.time,
            records=tuple(records),
            whole=whole,
            sent=sent,
            readable=readable(exchange.answer, whole, sent or b"", encrypted=key is not None),
        )
        with self._lock:
            self.pages.append(page)

    def look(self, gateway: Gateway) -> list[Taken]:
        """Take over what the gateway took since the last look; all that it took so far."""
        for submit in gateway.submits():
            for message in submit.messages:
                place = (submit.reference, message.dest_number, message.message_id)
                if place not in self._taken:
                    self._taken[place] = Taken(
                        account=_BRIDGE_ACCOUNTS[submit.account],
                        reference=submit.reference,
                        number=f"+86{message.dest_number}",
                        marker=marker_of(submit.content),
                        gateway_id=message.message_id,
                    )
        return list(self._taken.values())


def readable(answer: Mapping[str, Any], whole: bytes, sent: bytes, *, encrypted: bool) -> int:
    """How many records of an answer are complete in what was sent of it: of what is no beginning of it, none.

    What is encrypted comes as hexadecimal digits, and can be read in blocks of 16 bytes.
    """
    if not whole.startswith(sent):
        return 0
    plain = write(answer, None).body
    length = len(plain) if sent == whole else len(sent) // 32 * 16 if encrypted else len(sent)
    end, complete = plain.index(b"[") + 1, 0
    for record in answer["data"]:
        end += len(write(record, None).body)
        if end > length:
            break
        complete += 1
        end += len(b",")
    return complete


@dataclass(frozen=True)
class Stage:
    """Everything that runs."""

    aws: Aws
    gateway: Gateway
    book: GatewaysBook
    emulator: Emulator
    outputs: dict[str, str]
    client: httpx.Client
    deliveries: Listener
    replies: Listener
    names: Listener


@contextmanager
def staged(places: Places, weather: Weather, console: Console) -> Iterator[Stage]:
    """Deploy, and take all of it away again."""
    aws, book = Aws(ports.find_free()), GatewaysBook()
    with ExitStack() as life:
        gateway = Gateway(
            [GatewayAccount(name=name, balance=10**9) for name in GATEWAY_ACCOUNTS.values()],
            settings=_SETTINGS,
            port=ports.find_free(),  # the same again when it comes back
            heard=book.hear,
        )
        gateway.start()
        life.callback(gateway.stop)
        between = life.enter_context(Between(aws.port, weather.decide))
        emulator = Emulator(aws, places, functions_see=between.url)
        life.callback(emulator.stop)
        with console.step("Building the application for this machine"):
            stack.build(places, aws)
            emulator.wait()
        with console.step("Deploying it"):
            secret = accounts.create(aws, _accounts(gateway.url))
            outputs = stack.deploy(places, aws, {**_PARAMETERS, "AccountsSecretArn": secret})
        url = aws.api_url(outputs["ApiId"], stack.STAGE)
        soak = Client(client="soak", accounts=("*",), default_account="default", scopes=SCOPES)
        key = Clients(aws.dynamodb, outputs["ClientsTableName"]).create(soak)
        client = life.enter_context(
            httpx.Client(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=60, trust_env=False)
        )
        queues = {"deliveries": outputs["DeliveryQueueUrl"], "replies": outputs["InboundQueueUrl"]}
        queues["names"] = _subscribed(aws, outputs["EventsTopicArn"])
        listeners = {name: Listener(aws, url, name) for name, url in queues.items()}
        for listener in listeners.values():
            life.callback(listener.end)
            listener.start()
        start_pulls(aws, stack.STACK_NAME)
        _require_answer(client)
        yield Stage(aws, gateway, book, emulator, outputs, client, **listeners)


def _accounts(gateway_url: str) -> dict[str, tuple[str, Account]]:
    plain = Account(name="test", password="123456", read_timeout=READ_TIMEOUT)
    encrypted = Account(name="encrypted", password="123456", version=17, aes_key=AES_KEY, read_timeout=READ_TIMEOUT)
    return {"default": (gateway_url, plain), "encrypted": (gateway_url, encrypted)}


def _subscribed(aws: Aws, topic: str) -> str:
    """A queue of our own, for what the bridge says of its pulls."""
    url = aws.sqs.create_queue(QueueName="soak-names")["QueueUrl"]
    arn = aws.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"Service": "sns.amazonaws.com"},
                "Action": "sqs:SendMessage",
                "Resource": arn,
                "Condition": {"ArnEquals": {"aws:SourceArn": topic}},
            }
        ],
    }
    aws.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(policy)})
    aws.sns.subscribe(
        TopicArn=topic,
        Protocol="sqs",
        Endpoint=arn,
        Attributes={"RawMessageDelivery": "true", "FilterPolicy": json.dumps({"event_type": [*_NAMES]})},
    )
    return url


def _require_answer(client: httpx.Client) -> None:
    """The first call, in calm weather: a stack that does not answer is no stack to soak."""
    response = client.get("messages", params={"limit": 1})
    if response.status_code != HTTPStatus.OK:
        raise RuntimeError(f"the stack answers {response.status_code}")
