"""examples/python/send.py: what it repeats, what it does not, and under which key."""

import importlib.util
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from local.places import PROJECT

MESSAGE = {"id": "01JDCKQ3V9T4M3W5Y8Z7N6P2QR", "status": "submitted"}
Answer = httpx.Response | httpx.TransportError


@pytest.fixture
def example() -> Any:
    spec = importlib.util.spec_from_file_location("send", PROJECT / "examples" / "python" / "send.py")
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    slept: list[float] = []
    monkeypatch.setattr(time, "sleep", slept.append)
    return slept


@pytest.fixture
def requests() -> list[httpx.Request]:
    return []


@pytest.fixture
def api(requests: list[httpx.Request]) -> Iterator[Callable[..., httpx.Client]]:
    """A bridge that answers so, one after the other."""
    clients: list[httpx.Client] = []

    def api(*answers: Answer) -> httpx.Client:
        left = iter(answers)

        def answer(request: httpx.Request) -> httpx.Response:
            requests.append(request)
            found = next(left)
            if isinstance(found, httpx.TransportError):
                raise found
            return found

        clients.append(httpx.Client(base_url="https://bridge.test/v1", transport=httpx.MockTransport(answer)))
        return clients[-1]

    yield api
    for client in clients:
        client.close()


def refusal(status: int, **headers: str) -> httpx.Response:
    problem = {"status": status, "title": "Refused", "detail": "It is refused.", "type": "urn:eums-bridge:problem:x"}
    return httpx.Response(status, json=problem, headers={"Content-Type": "application/problem+json", **headers})


def taken(status: int = 201) -> httpx.Response:
    return httpx.Response(status, json=MESSAGE)


@pytest.mark.parametrize("status", [201, 202])
def test_what_was_taken_is_returned_and_sent_once(
    status: int, example: Any, api: Callable[..., httpx.Client], requests: list[httpx.Request]
) -> None:
    assert example.send(api(taken(status)), "13812345678", "text", "order-42") == MESSAGE
    assert [str(request.url) for request in requests] == ["https://bridge.test/v1/messages"]


@pytest.mark.parametrize("status", [409, 429, 500, 503, 504])
def test_what_may_succeed_later_is_repeated_with_the_same_key(
    status: int, example: Any, api: Callable[..., httpx.Client], requests: list[httpx.Request], pauses: list[float]
) -> None:
    answers = refusal(status, **{"Retry-After": "7"}), httpx.ConnectError("away"), taken()

    assert example.send(api(*answers), "13812345678", "text") == MESSAGE
    keys = [request.headers["Idempotency-Key"] for request in requests]
    assert len(keys) == 3
    assert len(set(keys)) == 1
    assert pauses == [7, 4]


@pytest.mark.parametrize("status", [400, 401, 402, 403, 422, 502])
def test_what_will_not_is_not_repeated(
    status: int, example: Any, api: Callable[..., httpx.Client], requests: list[httpx.Request], pauses: list[float]
) -> None:
    with pytest.raises(example.Refused) as caught:
        example.send(api(refusal(status)), "13812345678", "text")

    assert caught.value.problem["status"] == status
    assert (len(requests), pauses) == (1, [])


def test_it_gives_up_in_the_end(example: Any, api: Callable[..., httpx.Client], pauses: list[float]) -> None:
    with pytest.raises(example.Refused):
        example.send(api(*[refusal(503, **{"Retry-After": "3600"})] * 5), "13812345678", "text")
    assert pauses == [30] * 4

    with pytest.raises(httpx.ConnectError):
        example.send(api(*[httpx.ConnectError("away")] * 5), "13812345678", "text")


def test_two_messages_have_two_keys(
    example: Any, api: Callable[..., httpx.Client], requests: list[httpx.Request]
) -> None:
    bridge = api(taken(), taken())
    example.send(bridge, "13812345678", "text")
    example.send(bridge, "13812345678", "text")

    assert len({request.headers["Idempotency-Key"] for request in requests}) == 2
