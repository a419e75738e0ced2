"""Calls of the bridge's API. Only what is safe is repeated: reads, and posts that carry an Idempotency-Key."""

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from local.cli.failures import UNKNOWN, Failure, Refusal

if TYPE_CHECKING:
    import httpx

REPEATS: Final = 3
_TIMEOUT: Final = 35.0  # seconds: API Gateway answers within 29
_REPEATED: Final = frozenset({502, 503, 504})
# What these say stays as it is, however often they are asked.
_SETTLED: Final = frozenset({"gateway-refused", "gateway-unreadable", "account-not-configured"})
_STILL_IN_FLIGHT: Final = "still-in-flight"
_LONGEST_PAUSE: Final = 60.0  # seconds; the gateway's own limit is by the minute
_TITLES: Final[Mapping[int, str]] = {
    401: "No key, or no valid one",
    403: "The key is not known to this stack, or may not do this",
    404: "Not found",
    413: "Too large",
    429: "Too many requests",
    502: "The API failed",
    503: "The API is not available",
    504: "The API did not answer in time",
}


@dataclass(frozen=True)
class Answer:
    """What the API answered.

    Attributes:
        replayed: whether it is the answer to an earlier request with the same Idempotency-Key.
    """

    status: int
    body: Any
    replayed: bool = False


class Unreached(Failure):
    """No connection was made: nothing was asked."""


class Lost(Failure):
    """The connection broke: whether the request was carried out is not known."""


class Api:
    """The API of one stack.

    Args:
        url: with the stage.
        key: the bearer key; None where each call is signed.
        auth: signs them.
        local: whether it is on this machine, where no proxy is asked.
        note: told when something is waited for.
        sleep: waits for seconds.
        transport: for tests.
    """

    def __init__(
        self,
        url: str,
        key: str | None,
        *,
        auth: "httpx.Auth | None" = None,
        local: bool = False,
        note: Callable[[str], None] = lambda _: None,
        sleep: Callable[[float], None] = time.sleep,
        transport: "httpx.BaseTransport | None" = None,
    ) -> None:
        import ssl

        import httpx

        self._url = url
        self._note = note
        self._sleep = sleep
        plain = url.startswith("http:")  # then the authorities need not be loaded, which takes 18 ms
        self._http = httpx.Client(
            base_url=f"{url}/",
            headers={"User-Agent": "eums-bridge-cli", **({"Authorization": f"Bearer {key}"} if key else {})},
            auth=auth,
            timeout=_TIMEOUT,
            trust_env=not local,
            verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if plain else True,
            transport=transport,
        )

    def close(self) -> None:
        """Close the connections."""
        self._http.close()

    def get(self, path: str, params: Mapping[str, object] | None = None, *, patient: bool = False) -> Any:
        """Read something; `patient` also waits where the gateway's limit by the minute is used up.

        Raises:
            Refusal, Unreached, Lost: as they say.
        """
        return self._call("GET", path, params=params, repeat=True, patient=patient).body

    def post(
        self, path: str, body: object = None, *, key: str | None = None, headers: Mapping[str, str] | None = None
    ) -> Answer:
        """Ask for something to be done; repeated only with an Idempotency-Key.

        Raises:
            Refusal, Unreached, Lost: as they say.
        """
        sent = {**(headers or {}), **({"Idempotency-Key": key} if key else {})}
        return self._call("POST", path, body=body, headers=sent, repeat=key is not None)

    def delete(self, path: str, params: Mapping[str, object] | None = None) -> None:
        """Take something away. It is there no more however often that is asked.

        Raises:
            Refusal, Unreached, Lost: as they say.
        """
        self._call("DELETE", path, params=params)

    def pages(self, path: str, params: Mapping[str, object]) -> Iterator[Any]:
        """Every page of a list, one after another."""
        cursor: str | None = None
        while True:
            page = self.get(path, {**params, **({"cursor": cursor} if cursor else {})})
            yield page
            cursor = page.get("next_cursor")
            if not cursor:
                return

    def _call(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, object] | None = None,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        repeat: bool = False,
        patient: bool = False,
    ) -> Answer:
        repeats = 0
        while True:
            failure: Failure
            try:
                return self._once(method, path, params, body, headers)
            except (Unreached, Lost) as error:
                failure, pause, worth = error, 0.5 * 2**repeats, repeat
            except Refusal as error:
                failure, pause = error, error.retry_after or 0.5 * 2**repeats
                worth = repeat and (_worth_repeating(error, repeats) or (patient and error.status == _TOO_MANY))
                if error.status != _TOO_MANY:
                    pause = min(pause, 5.0)
            if not worth or repeats == REPEATS or pause > _LONGEST_PAUSE:
                raise failure
            if pause > 1:
                self._note(f"{failure.sentence} Waiting for {pause:g} s.")
            self._sleep(pause)
            repeats += 1

    def _once(
        self,
        method: str,
        path: str,
        params: Mapping[str, object] | None,
        body: object,
        headers: Mapping[str, str] | None,
    ) -> Answer:
        import httpx

        wanted = {name: str(value) for name, value in (params or {}).items() if value is not None}
        try:
            response = self._http.request(
                method,
                path,
                params=wanted or None,
                json=body,
                headers=dict(headers or {}),
            )
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.UnsupportedProtocol, httpx.ProxyError) as error:
            raise Unreached(
                f"No connection to {self._url}: {error}.", "Is the address right, and the stack running?", title="API"
            ) from error
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise Lost(
                f"The connection to {self._url} broke before an answer came ({type(error).__name__}).",
                title="API",
                exit_code=UNKNOWN if method == "POST" else 1,
            ) from error
        if not response.is_success:
            raise _refusal(response)
        try:
            answer = response.json() if response.content else None
        except ValueError as error:
            raise Failure(
                f"{self._url} answered something that is not JSON.", "Is it the API's address?", title="API"
            ) from error
        return Answer(response.status_code, answer, response.headers.get("idempotent-replayed") == "true")


_TOO_MANY: Final = 429


def _worth_repeating(refusal: Refusal, repeats: int) -> bool:
    if refusal.kind == _STILL_IN_FLIGHT:
        return repeats > 0  # the first try is being carried out; its answer comes with a repeat
    return refusal.status in _REPEATED and refusal.kind not in _SETTLED


def _refusal(response: "httpx.Response") -> Refusal:
    try:
        body = response.json()
    except ValueError:
        body = None
    status = response.status_code
    if not isinstance(body, dict) or "title" not in body:  # API Gateway's own words, or a proxy's
        said = body.get("message") if isinstance(body, dict) else None
        body = {
            "title": _TITLES.get(status, f"HTTP {status}"),
            "status": status,
            "detail": str(said or f"The address answered HTTP {status} and no problem document: is it the API's?"),
        }
    after = response.headers.get("retry-after", "")
    return Refusal(status, body, float(after) if after.isdigit() else None)
