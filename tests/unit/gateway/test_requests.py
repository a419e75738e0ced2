"""Key-value pairs from bytes, and any bytes at all against the gateway (its server is not started)."""

import json
from datetime import datetime

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from local.gateway import CHINA, Gateway, ManualClock, crypto
from local.gateway.exchange import FORM, Request, sent_bytes
from local.gateway.specification import BASE_PATH, MEANINGS, Call

# Time never decides a test.
relaxed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])

SEED = "20130806102030"


def fields(query: str = "", body: bytes = b"", content_type: str = FORM, method: str = "POST") -> dict[str, str]:
    return Request(method, "/", query, body, content_type).fields()


def test_percent_signs_and_plus_signs() -> None:
    assert fields("a=%E4%BA%AC+%2B&b=&c&=d&&e=f=g") == {"a": "京 +", "b": "", "c": "", "e": "f=g"}


def test_raw_utf8_in_an_address() -> None:
    assert fields("a=京".encode().decode("latin-1")) == {"a": "京"}


def test_the_first_of_two_counts_and_the_address_comes_first() -> None:
    assert fields("a=1&a=2", b"a=3&b=4&b=5") == {"a": "1", "b": "4"}


def test_bodies_that_are_no_form() -> None:
    assert fields("", b"a=1", "application/json") == {}
    assert fields("", b"a=1", method="GET") == {}
    assert fields("", b"a=1", f"{FORM.upper()}; charset=utf-8") == {"a": "1"}


@relaxed
@given(st.binary())
def test_values_keep_their_bytes(value: bytes) -> None:
    quoted = "".join(f"%{byte:02x}" for byte in value).encode()
    assert sent_bytes(fields("", b"a=" + quoted)["a"]) == value


def answer(request: Request) -> dict[str, object]:
    gateway = Gateway(clock=ManualClock(datetime(2013, 8, 6, 10, 20, 30, tzinfo=CHINA)))
    reply = gateway.respond(request)
    assert reply.status == 200
    parsed = json.loads(reply.body)
    assert isinstance(parsed, dict)
    json.dumps([exchange.as_json() for exchange in gateway.exchanges()])
    return parsed


@relaxed
@given(st.sampled_from(Call), st.binary(), st.sampled_from(["GET", "POST"]))
def test_any_bytes_get_a_code(call: Call, raw: bytes, method: str) -> None:
    assert answer(Request(method, call.path, raw.decode("latin-1"), raw, FORM))["code"] in MEANINGS


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
submits = st.fixed_dictionaries(
    {},
    optional={
        "dest": json_values | st.just("13812345678"),
        "content": json_values | st.just("好"),
        "ext": json_values,
        "reference": json_values,
    },
)


@relaxed
@given(submits.map(json.dumps) | st.text() | st.just("[" * 100_000))
def test_any_signed_data_gets_a_code(data: str) -> None:
    raw = data.encode("utf-8", "surrogatepass")
    body = b"name=test&ver=1&seed=%b&key=%b&data=" % (SEED.encode(), crypto.request_key("123456", SEED, raw).encode())
    body += "".join(f"%{byte:02x}" for byte in raw).encode()
    assert answer(Request("POST", f"{BASE_PATH}send.do", "", body, FORM))["code"] in MEANINGS
