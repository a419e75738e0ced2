"""Each place where the bridge reads what it did not just write itself: a result, or the one error that it declares.

The pages of the gateway are in `test_eums_properties` and `test_salvage`, what comes to the API in `test_api_bodies`,
hooks in `test_hooks`, forms in `test_twilio`.
"""

import contextlib
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

import pytest
import typer
from hypothesis import example, given
from hypothesis import strategies as st

import eums
from bridge.adapters.accounts_secret import AccountsSecret
from bridge.api.opt_outs import OptOutsQuery, path_number
from bridge.api.requests import StatisticsQuery, idempotency_key, parse_query, responds_async
from bridge.domain.addresses import RefusedAddress, destination, judged
from bridge.domain.errors import AccountNotConfigured, InvalidRequest, PolicyError
from bridge.domain.events import event_type, tracked_report
from bridge.domain.ids import is_ulid, ulid, ulid_time
from bridge.domain.lists import Filters
from bridge.domain.opt_outs import inbound_message
from bridge.domain.policies import Policy
from bridge.domain.pulls import JournalEntry, Kind, Part, PullId, carried, pointer, to_publish
from bridge.domain.sns_messages import sns_message
from bridge.domain.templates import MalformedTemplate, MissingParameters, Template
from bridge.domain.webhooks import Pointer, happened, pointer_of
from bridge.domain.work import BatchWork, MessageWork, PlanWork, work_of
from bridge.settings import Settings, SettingsError
from local.cli import batches
from local.cli.failures import Failure
from local.cli.times import day, moment, moment_or_ahead
from local.gateway import Gateway, GatewayAccount
from local.gateway.exchange import FORM, Request
from tests.fakes import hostile
from tests.fakes.clock import NOON

ID: Final = ulid(NOON, b"a message!")
BATCH: Final = ID[:22] + "0000"
PULL: Final = PullId(account="default", kind=Kind.REPORTS, id=ID, begun_at=NOON)
ENTRY: Final = JournalEntry(
    pull=PULL, received_at=NOON, status=200, headers=(("a", "b"),), version=1, cut=False, body=b"{}"
)
EVENT: Final = {
    "id": "x",
    "type": "sms.message.delivered",
    "time": "2021-01-02T13:45:56+08:00",
    "subject": ID,
    "data": {
        "message_id": ID,
        "account": "default",
        "client": "shop",
        "to": "+8613812345678",
        "from": "+8613812345678",
        "text": "TD",
        "status": "delivered",
        "final": True,
        "gateway_message_id": "1",
        "gateway_status": "DELIVRD",
        "error_class": None,
        "reported_at": "2021-01-02T13:45:56+08:00",
        "submitted_at": "2021-01-02T13:45:56+08:00",
    },
}
SNS: Final = json.loads((Path(__file__).parents[2] / "events/hooks.json").read_text())
ACCOUNT: Final = {
    "base_url": "http://gateway.test",
    "name": "test",
    "password": "x",
    "version": 17,
    "aes_key": "k" * 16,
}
POLICY: Final = {"rate": 50, "signature": "京东", "signature_required": True, "opt_out_keywords": ["TD"]}


@dataclass(frozen=True, slots=True)
class Decoder:
    """A function that reads a text.

    Attributes:
        good: what it reads.
        refuses: its declared error.
    """

    read: Callable[[str], object]
    good: Any
    refuses: type[Exception]


class Secret:
    """A secret with whatever content."""

    def __init__(self, content: str) -> None:
        self.content = content

    def get_secret_value(self, **_: object) -> dict[str, str]:
        return {"SecretString": self.content}


def accounts(text: str) -> object:
    """All of an accounts secret, as far as it goes."""
    secret = AccountsSecret(Secret(text), "arn", monotonic=lambda: 0.0)  # type: ignore[arg-type] # all that it calls
    return [(secret.get(name), secret.policy(name)) for name in secret.names()]


def cli_lines(text: str) -> object:
    """What the command line reads of a file of JSON lines."""
    return list(batches._json_lines(io.StringIO(text), "stdin"))


DECODERS: Final = {
    "work of SendQueue": Decoder(work_of, {"batch": BATCH, "from": 1}, ValueError),
    "pointer of PublishQueue": Decoder(to_publish, {"journal_key": PULL.journal_key}, ValueError),
    "part in PublishQueue": Decoder(to_publish, json.loads(carried(Part(entry=ENTRY, number=0, of=2))), ValueError),
    "pointer of DeliverQueue": Decoder(
        pointer_of, {"endpoint": ID, "delivery": ID, "round": 0, "noted": False}, ValueError
    ),
    "event of WebhookQueue": Decoder(happened, EVENT, ValueError),
    "kind of event of TrackQueue": Decoder(event_type, EVENT, ValueError),
    "report of TrackQueue": Decoder(tracked_report, EVENT, ValueError),
    "inbound message of TrackQueue": Decoder(inbound_message, EVENT, ValueError),
    "what SNS posts": Decoder(lambda text: sns_message(text.encode("utf-8", "surrogatepass")), SNS, AssertionError),
    "accounts secret": Decoder(accounts, {"default": {**ACCOUNT, "bridge": POLICY}}, AccountNotConfigured),
    "file of the command line": Decoder(cli_lines, {"to": "13812345678", "text": "x"}, Failure),
}


@pytest.mark.parametrize("name", DECODERS)
@given(data=st.data())
def test_any_text_is_read_or_refused(name: str, data: st.DataObject) -> None:
    decoder = DECODERS[name]
    text = data.draw(hostile.json_texts(decoder.good) | hostile.texts)

    with contextlib.suppress(decoder.refuses):
        decoder.read(text)


@pytest.mark.parametrize("name", DECODERS)
@pytest.mark.parametrize("opening", ["[", '{"a":', '{"data":', '{"x":['])
def test_no_depth_is_too_deep(name: str, opening: str) -> None:
    with contextlib.suppress(DECODERS[name].refuses):
        DECODERS[name].read(opening * hostile.DEEP)


@pytest.mark.parametrize("name", DECODERS)
def test_each_reads_what_is_good(name: str) -> None:
    DECODERS[name].read(json.dumps(DECODERS[name].good))


ids = st.integers(0, 2**79).map(lambda number: ulid(NOON, number.to_bytes(10, "big")))
works = (
    st.builds(MessageWork, message_id=ids)
    | st.builds(PlanWork, batch_id=ids)
    | st.builds(BatchWork, batch_id=ids, start=st.integers(1, 10_000))
)


@given(works)
def test_work_comes_back_as_it_was_queued(work: MessageWork | PlanWork | BatchWork) -> None:
    assert work_of(work.body()) == work


@given(st.binary(max_size=50), st.integers(0, 9), st.lists(st.tuples(st.text(), st.text()), max_size=3))
def test_parts_and_pointers_come_back_as_they_were_queued(body: bytes, number: int, headers: Any) -> None:
    entry = JournalEntry(
        pull=PULL, received_at=NOON, status=502, headers=tuple(headers), version=17, cut=True, body=body
    )
    part = Part(entry=entry, number=number, of=10)

    assert to_publish(carried(part)) == part
    assert to_publish(pointer(PULL.journal_key)) == PULL.journal_key


pointers = st.builds(
    Pointer,
    endpoint=ids,
    delivery=ids,
    round=st.integers(0, 99),
    noted=st.booleans(),
    event=st.sampled_from([None, happened(json.dumps(EVENT))]),
)


@given(pointers)
def test_deliveries_come_back_as_they_were_queued(one: Pointer) -> None:
    assert pointer_of(one.body()).body() == one.body()


# --- settings, accounts, policies: from their values, of whatever type

odd: Final = st.recursive(
    st.none() | st.booleans() | st.integers() | st.just(10**400) | st.floats() | hostile.texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(hostile.texts, inner, max_size=3),
    max_leaves=6,
)


def changed(good: dict[str, Any]) -> st.SearchStrategy[dict[str, Any]]:
    """A good mapping with odd values, and odd names."""
    names = st.sampled_from(sorted(good)) | hostile.texts
    return st.dictionaries(names, odd, max_size=4).map(lambda more: {**good, **more})


@given(changed({**ACCOUNT, "read_timeout": 1, "zone": "UTC", "method": "GET", "aes_key_format": "text"}))
@example({**ACCOUNT, "read_timeout": 10**400})
@example({**ACCOUNT, "version": "9" * 5001})
@example({**ACCOUNT, "zone": "../../etc/passwd"})
@example({**ACCOUNT, "zone": "\0"})
def test_any_settings_are_an_account_or_refused(values: dict[str, Any]) -> None:
    with contextlib.suppress(eums.AccountError):
        account = eums.Account.from_mapping(values)
        eums.build_request(account, eums.Call.BALANCE, NOON)


@given(changed(POLICY) | odd)
@example({"rate": 10**400})
def test_any_settings_are_a_policy_or_refused(values: Any) -> None:
    with contextlib.suppress(PolicyError):
        Policy.from_mapping(values)


@given(st.dictionaries(st.sampled_from([each.name.upper() for each in fields(Settings)]), hostile.texts))
def test_any_environment_is_complete_or_refused(environment: dict[str, str]) -> None:
    with contextlib.suppress(SettingsError):
        Settings.from_env(environment)


# --- names, places, times and addresses of callers


@given(hostile.texts | ids | st.from_regex(r"[0-9A-Za-z_-]{40,90}", fullmatch=True), hostile.texts)
def test_any_cursor_is_a_place_or_refused(cursor: str, client: str) -> None:
    filters = Filters(client_reference=client)
    with contextlib.suppress(InvalidRequest):
        assert is_ulid(filters.place("shop", cursor))
    assert filters.place("shop", filters.cursor("shop", ID)) == ID


@given(st.dictionaries(st.sampled_from(["cursor", "limit", "account", "x"]), hostile.texts))
def test_any_query_of_opt_outs_is_read_or_refused(query: dict[str, str]) -> None:
    with contextlib.suppress(InvalidRequest):
        parse_query(OptOutsQuery, query).after()


days = st.sampled_from(["0001-01-01", "9999-12-31", "2021-02-29", "2021-W01-1", "２０２１-01-01", "2021-02-03"])


@given(st.dictionaries(st.sampled_from(["start_date", "end_date", "account"]), days | hostile.texts))
def test_any_query_of_statistics_is_read_or_refused(query: dict[str, str]) -> None:
    with contextlib.suppress(InvalidRequest):
        parse_query(StatisticsQuery, query)


@given(hostile.texts)
def test_any_number_in_a_path_is_one_or_refused(text: str) -> None:
    with contextlib.suppress(InvalidRequest):
        assert path_number(text).startswith("+861")


@given(hostile.texts)
def test_any_name_of_a_message_is_one_or_refused(text: str) -> None:
    with contextlib.suppress(ValueError):
        assert ulid_time(text) <= datetime.max.replace(tzinfo=UTC)


@given(st.dictionaries(st.sampled_from(["Idempotency-Key", "idempotency-key", "Prefer"]), hostile.texts))
def test_any_headers_are_read_or_refused(headers: dict[str, str]) -> None:
    responds_async(headers)
    with contextlib.suppress(InvalidRequest):
        key = idempotency_key(headers)
        assert key is None or (key.isascii() and key.isprintable() and 0 < len(key) <= 255)


URLS: Final = (
    "https:// http:// shop.example.com localhost 127.0.0.1 [::1] [ ] @ : 443 99999 / ? # %2e . .. 。 ß xn-- ② \\ a"
)
urls = st.lists(st.sampled_from([*URLS.split(), "a" * 300]), max_size=8).map("".join) | hostile.texts


@given(urls, st.booleans())
def test_any_url_is_a_destination_or_refused(url: str, loopback: bool) -> None:  # noqa: FBT001 - hypothesis draws it
    with contextlib.suppress(RefusedAddress):
        found = destination(url, allow_loopback=loopback)
        assert found.target.isascii()
        assert found.authority.isascii()


@given(st.lists(hostile.texts | st.ip_addresses().map(str), max_size=3), st.booleans())
def test_any_answer_of_a_resolver_is_judged(addresses: list[str], loopback: bool) -> None:  # noqa: FBT001 - likewise
    with contextlib.suppress(RefusedAddress):
        assert all(str(each) for each in judged(addresses, allow_loopback=loopback))


@given(st.lists(st.sampled_from(["{{", "}}", "{", "}", "code", " ", "\n", "1", "好", "\0"]), max_size=20).map("".join))
def test_any_template_is_read_or_refused(source: str) -> None:
    with contextlib.suppress(MalformedTemplate, MissingParameters):
        assert "{{{{" not in Template(source).render({"code": "{{code}}"}) or "{{{{" in source


# --- the command line


@given(hostile.texts | st.from_regex(r"\+[0-9]{1,6}[smhd]", fullmatch=True) | days)
@example("+999999d")
@example("0001-01-01T00:00:00+23:59")
def test_any_time_of_the_command_line_is_read_or_refused(text: str) -> None:
    for read in (day, moment, moment_or_ahead):
        with contextlib.suppress(typer.BadParameter):
            read(text)


@pytest.mark.parametrize("name", ["x.csv", "x.jsonl"])
@given(
    body=st.binary(max_size=100) | st.lists(hostile.texts, max_size=5).map(lambda each: "to,text\n" + ",".join(each))
)
@example(body=b"to,text\n\0,\0")
@example(body=b"[" * hostile.DEEP)
@example(body=b'to,x\n1,"' + b"x" * 200_000)
def test_any_file_of_the_command_line_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, name: str, body: bytes | str
) -> None:
    path = tmp_path_factory.getbasetemp() / name
    path.write_bytes(body if isinstance(body, bytes) else body.encode("utf-8", "replace"))

    with contextlib.suppress(Failure):
        batches.read(str(path))


# --- the simulated gateway


@pytest.fixture(scope="module")
def gateway() -> Gateway:
    """Not started: it is asked without a socket."""
    return Gateway([GatewayAccount(name="test"), GatewayAccount(name="sealed", aes_key=b"k" * 16)])


CALLS: Final = ["send", "report", "mo", "balance", "statistic_app"]
parameters = st.dictionaries(
    st.sampled_from(["name", "seed", "key", "ver", "data", "start_date", "end_date"]),
    hostile.texts | st.sampled_from(["test", "sealed", "1", "17", "20210101000000", "00" * 16, "{}", "[" * 10_000]),
)


@given(
    call=st.sampled_from(CALLS),
    method=st.sampled_from(["GET", "POST", "PUT", ""]),
    body=st.binary(max_size=60) | parameters.map(lambda each: "&".join(f"{k}={v}" for k, v in each.items()).encode()),
    query=st.text(st.characters(max_codepoint=255), max_size=40),
)
def test_the_simulated_gateway_answers_anything(
    gateway: Gateway, call: str, method: str, body: bytes, query: str
) -> None:
    path = f"/eums/sms/utf8/json/{call}.do"

    said = gateway.respond(Request(method, path, query=query, body=body, content_type=FORM))

    assert said.status < 500
    if said.status == 200 and body:
        assert json.loads(said.body)["code"] != 0
