"""What is wrong below the protocol: methods, paths, lengths, and bytes that are no HTTP."""

import contextlib
import socket

import httpx
import pytest

from local.gateway import Gateway
from tests.integration.gateway.plain_client import BASE, PlainClient

FORM = {"Content-Type": "application/x-www-form-urlencoded"}


def talk(gateway: Gateway, request: bytes, *, half_close: bool = True) -> bytes:
    """Send bytes, and read until the gateway closes the connection."""
    url = httpx.URL(gateway.url)
    with socket.create_connection((url.host, url.port or 0), timeout=30) as connection:
        connection.sendall(request)
        if half_close:
            connection.shutdown(socket.SHUT_WR)
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            while chunk := connection.recv(65536):
                answer += chunk
        return answer


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "HEAD", "OPTIONS"])
@pytest.mark.parametrize("call", ["send", "report", "mo", "balance", "statistic_app"])
def test_other_methods(http: httpx.Client, method: str, call: str) -> None:
    response = http.request(method, f"{BASE}{call}.do")
    assert response.status_code == 405
    assert response.headers["Allow"] == "GET, POST"


@pytest.mark.parametrize(
    "path", [f"{BASE}other.do", f"{BASE}send", f"{BASE}send.do/", "/favicon.ico", f"{BASE}SEND.do", "/admin"]
)
def test_unknown_paths(http: httpx.Client, path: str) -> None:
    assert http.get(path).status_code == 404
    assert http.post(path).status_code == 404


def test_a_body_too_large(http: httpx.Client, gateway: Gateway) -> None:
    assert http.post(f"{BASE}send.do", content=b"x" * (1024 * 1024 + 1), headers=FORM).status_code == 413
    assert gateway.counters()["send"]["requests"] == 0


@pytest.mark.parametrize("length", [b"-1", b"x", b"1e3", b"+5", b"5, 5", b"", "５".encode(), b"9" * 30])
def test_a_bad_content_length(gateway: Gateway, length: bytes) -> None:
    request = b"POST /eums/sms/utf8/json/send.do HTTP/1.1\r\nHost: x\r\nContent-Length: " + length + b"\r\n\r\nname=x"
    answer = talk(gateway, request)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert b"Connection: close" in answer
    assert b"Traceback" not in answer


def test_two_content_lengths(gateway: Gateway) -> None:
    lengths = b"Content-Length: 3\r\nContent-Length: 4\r\n"
    answer = talk(gateway, b"POST /eums/sms/utf8/json/send.do HTTP/1.1\r\nHost: x\r\n" + lengths + b"\r\na=bc")
    assert answer.startswith(b"HTTP/1.1 400 ")


def test_chunked_bodies_are_not_taken(http: httpx.Client) -> None:
    assert http.post(f"{BASE}send.do", content=iter([b"name=test"]), headers=FORM).status_code == 411


def test_a_body_that_ends_early(gateway: Gateway) -> None:
    request = b"POST /eums/sms/utf8/json/send.do HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\nname=test"
    assert talk(gateway, request) == b""
    assert gateway.counters()["send"]["requests"] == 0


@pytest.mark.parametrize("request_line", [b"nonsense", b"GET / HTTP/9.9", b"\x00\xff\x16\x03\x01", b"BREW / HTTP/1.1"])
def test_what_is_no_http(gateway: Gateway, http: httpx.Client, request_line: bytes) -> None:
    assert b"Traceback" not in talk(gateway, request_line + b"\r\n\r\n")
    assert http.get("/").status_code == 200


def test_connections_stay_open(gateway: Gateway) -> None:
    request = b"GET /eums/sms/utf8/json/balance.do HTTP/1.1\r\nHost: x\r\n\r\n"
    answer = talk(gateway, request * 3)
    assert answer.count(b"HTTP/1.1 200 OK") == 3
    assert answer.count(b'{"code":101}') == 3


def test_of_a_parameter_given_twice_the_first_counts(client: PlainClient) -> None:
    fields = client.signed()
    query = "&".join(f"{name}={value}" for name, value in fields.items())
    assert client.http.get(f"{BASE}balance.do?{query}&name=nobody").json()["code"] == 0
    assert client.http.get(f"{BASE}balance.do?name=nobody&{query}").json()["code"] == 201


def test_a_post_may_carry_parameters_in_its_address(client: PlainClient) -> None:
    assert client.http.post(f"{BASE}balance.do", params=client.signed()).json()["code"] == 0


@pytest.mark.parametrize("kind", ["application/json", "text/plain", "multipart/form-data; boundary=x", ""])
def test_a_body_that_is_no_form_has_no_parameters(client: PlainClient, kind: str) -> None:
    body = "&".join(f"{name}={value}" for name, value in client.signed().items())
    answer = client.http.post(f"{BASE}balance.do", content=body, headers={"Content-Type": kind})
    assert answer.json() == {"code": 101}


def test_form_parameters_with_a_charset(client: PlainClient) -> None:
    body = "&".join(f"{name}={value}" for name, value in client.signed().items())
    kind = "Application/X-WWW-Form-Urlencoded; charset=UTF-8"
    assert client.http.post(f"{BASE}balance.do", content=body, headers={"Content-Type": kind}).json()["code"] == 0


@pytest.mark.parametrize("text", ["a b", "a+b", "100%", "%41", "a&b=c", "😀", "é中", '"\\', "a\nb"])
def test_any_text_arrives(any_client: PlainClient, gateway: Gateway, text: str) -> None:
    assert any_client.send("13812345678", content=text)["code"] == 0
    assert gateway.submits()[0].content == text


def test_the_front_page(http: httpx.Client) -> None:
    described = http.get("/").json()
    assert {"number": "19900001003", "meaning": "undelivered, reported as MK:0001"} in described["magic_numbers"]
    page = http.get("/", headers={"Accept": "text/html,*/*"})
    assert page.headers["Content-Type"] == "text/html;charset=UTF-8"
    assert 'src="/pages/phones.js"' in page.text
    assert http.post("/").status_code == 405
