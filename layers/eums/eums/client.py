"""The client: the only file that does input and output, and the only one that needs httpx.

It sends a request at most once. What it raises says whether calling again can do anything twice.
"""

from __future__ import annotations

import contextlib
import logging
import ssl
import threading
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self, cast

import httpx

from eums.calls import Call
from eums.errors import Ambiguous, InvalidRequest, Malformed, NotSent
from eums.records import Reply
from eums.replies import decode_balance, decode_inbound, decode_reports, decode_statistics, decode_submit
from eums.requests import build_request

if TYPE_CHECKING:
    import datetime as dt
    from collections.abc import Callable, Iterable
    from types import TracebackType

    from eums.account import Account
    from eums.records import Accepted, DayStatistics, Inbound, Page, Report, Submit
    from eums.requests import Request

__all__ = ["Client"]

_LARGEST = 64 * 1024 * 1024  # bytes of a body; no page comes near
_OK = 200

# Application servers close a connection that was idle for 20 s or more. Leaving it well before keeps a submit from
# being written into a connection that is just being closed, which would make its outcome ambiguous for nothing.
_KEEPALIVE_SECONDS = 5.0

# identity: a compressed page that is cut short yields less, and a kept page should be readable as it is.
_GET = {"Accept": "*/*", "Accept-Encoding": "identity", "User-Agent": "eums/2.1"}
_HEADERS = {"GET": _GET, "POST": {**_GET, "Content-Type": "application/x-www-form-urlencoded; charset=UTF-8"}}

# Errors of httpx after which no byte of the request can have left. A failed TLS handshake is a ConnectError.
_NOTHING_LEFT = {
    httpx.ConnectTimeout: "the connection was not made in time",
    httpx.ConnectError: "no connection: refused, unreachable, unknown host or failed TLS",
    httpx.PoolTimeout: "every connection was busy for too long",
    httpx.UnsupportedProtocol: "the address has a scheme that cannot be called",
}


class Client:
    """Calls the gateway for one account. Safe to share between threads; meant to be kept.

    Each method is one request, never repeated, whatever happens. The connection is made on the first call and kept
    while it is used.

    Args:
        account: whose requests these are.
        http: a client to send with, for a proxy, a private certificate authority or a test; it stays the caller's to
            close. Time-outs are the account's all the same, and redirects are not followed.
        clock: the time, aware. Read once a request.
    """

    def __init__(
        self,
        account: Account,
        *,
        http: httpx.Client | None = None,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._account = account
        self._clock = clock
        self._given = http
        self._own: httpx.BaseTransport | None = None
        self._lock = threading.Lock()
        self._closed = False
        self._addresses: dict[str, tuple[httpx.URL, httpx.Headers]] = {}
        # Pool: waiting for a free connection is part of connecting.
        self._timeouts = {
            "connect": account.connect_timeout,
            "read": account.read_timeout,
            "write": account.write_timeout,
            "pool": account.connect_timeout,
        }
        _keep_queries_out_of_logs()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self._account!r})"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close the connections. A call after this raises NotSent."""
        with self._lock:
            self._closed = True
            own, self._own = self._own, None
        if own is not None:
            own.close()

    def send(self, submit: Submit) -> tuple[Accepted, ...]:
        """Submit a text (下行协议).

        Returns:
            The numbers that the gateway took; those that it found invalid are missing.

        Raises:
            InvalidSubmit: it could only have been refused; nothing was sent.
            NotSent: nothing was sent.
            Refused: the gateway took nothing.
            Ambiguous: it may have been taken: do not send it again before a report settles it.
            Malformed: likewise, with an answer that cannot be read.
        """
        reply = self._exchange(build_request(self._account, Call.SEND, self._clock(), submit=submit))
        if reply.status != _OK:
            # A proxy may answer 5xx after the gateway took the submit, so no status settles anything.
            raise Ambiguous("the submit was answered with an HTTP error", reply.body, reply.status)
        return decode_submit(reply.body, self._account)

    def report(self) -> Page[Report]:
        """Pull delivery reports (拉取状态报告). The gateway does not hand out again what this returns.

        Raises:
            NotSent: nothing was sent.
            Refused: the gateway gave a code but 0 and 130.
            Ambiguous: reports may have been handed out and lost on the way.
            Malformed: likewise, with an answer that cannot be read.
        """
        return decode_reports(self._answer(self.pull(Call.REPORT)), self._account)

    def mo(self) -> Page[Inbound]:
        """Pull inbound messages (拉取上行). The gateway does not hand out again what this returns.

        Raises:
            NotSent: nothing was sent.
            Refused: the gateway gave a code but 0 and 130.
            Ambiguous: messages may have been handed out and lost on the way.
            Malformed: likewise, with an answer that cannot be read.
        """
        return decode_inbound(self._answer(self.pull(Call.MO)), self._account)

    def balance(self) -> int:
        """Ask how many messages are left (查询余额).

        Raises:
            NotSent, Refused, Ambiguous, Malformed: as they say; asking again does no harm.
        """
        return decode_balance(self._answer(self.pull(Call.BALANCE)), self._account)

    def statistic_app(self, start: dt.date, end: dt.date) -> tuple[DayStatistics, ...]:
        """Ask for the statistics of at most 31 days, both ends counted (查询账户下行统计; 3 calls a minute).

        Raises:
            InvalidRequest: `end` lies before `start`, or too far behind it; nothing was sent.
            NotSent, Refused, Ambiguous, Malformed: as they say; asking again does no harm.
        """
        request = build_request(self._account, Call.STATISTICS, self._clock(), start=start, end=end)
        return decode_statistics(self._answer(self._exchange(request)), self._account)

    def pull(self, call: Call) -> Reply:
        """Make a call that needs no arguments, and return the response as it came, whatever it is.

        For whoever keeps a page before reading it. A body that broke off is returned as far as it came, `cut`.

        Args:
            call: `Call.REPORT`, `Call.MO` or `Call.BALANCE`.

        Raises:
            InvalidRequest: another call; nothing was sent.
            NotSent: nothing was sent.
            Ambiguous: no response came.
        """
        if call not in (Call.REPORT, Call.MO, Call.BALANCE):
            raise InvalidRequest("call", "needs arguments, so it cannot be pulled")
        return self._exchange(build_request(self._account, call, self._clock()))

    def _answer(self, reply: Reply) -> bytes:
        if reply.status != _OK:
            raise Malformed("the answer is an HTTP error", reply.body, reply.status)
        return reply.body

    def _exchange(self, request: Request) -> Reply:
        """Send a request once and read what comes."""
        http = self._http()
        try:
            outgoing = self._outgoing(http, request)
        except httpx.InvalidURL as exc:
            raise NotSent("the address cannot be called, or the query is too long for one") from exc
        try:
            if isinstance(http, httpx.Client):
                # No auth: None would look into the address, the default into the client.
                response = http.send(outgoing, stream=True, follow_redirects=False)
            else:
                response = http.handle_request(outgoing)
        except tuple(_NOTHING_LEFT) as exc:
            raise NotSent(_NOTHING_LEFT.get(type(exc), "no connection")) from exc
        except httpx.TimeoutException as exc:
            raise Ambiguous("no response in time") from exc
        except (httpx.HTTPError, OSError, ValueError, RuntimeError) as exc:
            # Whatever else it was, the request, or a part of it, may have arrived. RuntimeError: closed meanwhile.
            raise Ambiguous(f"the connection broke before a response ({type(exc).__name__})") from exc
        try:
            return _read(response)
        finally:
            with contextlib.suppress(httpx.HTTPError, OSError):
                response.close()

    def _outgoing(self, http: httpx.Client | httpx.BaseTransport, request: Request) -> httpx.Request:
        """Write the request for httpx. Raises httpx.InvalidURL."""
        url, headers = self._address(request)
        if isinstance(http, httpx.Client):  # it may have headers and cookies of its own
            return http.build_request(
                request.method,
                url,
                content=request.body,
                headers=_HEADERS[request.method],
                timeout=httpx.Timeout(**self._timeouts),
            )
        # With a stream, httpx adds no headers: they are all there, and finding that out is half of writing a request.
        outgoing = httpx.Request(
            request.method,
            url,
            headers=headers,
            stream=httpx.ByteStream(request.body),
            extensions={"timeout": self._timeouts},
        )
        if request.body:
            outgoing.headers["Content-Length"] = str(len(request.body))
        return outgoing

    def _address(self, request: Request) -> tuple[httpx.URL, httpx.Headers]:
        """Where a request goes, with the headers of a transport's: kept, for five calls have five addresses."""
        if request.url not in self._addresses:
            url = httpx.URL(request.url)
            always = {"Host": url.netloc.decode("ascii"), "Connection": "keep-alive"}
            self._addresses[request.url] = url, httpx.Headers({**always, **_HEADERS[request.method]})
        url, headers = self._addresses[request.url]
        return (httpx.URL(f"{request.url}?{request.query}") if request.query else url), headers

    def _http(self) -> httpx.Client | httpx.BaseTransport:
        with self._lock:
            if self._closed or (self._given is not None and self._given.is_closed):
                raise NotSent("the client is closed")
            if self._given is not None:
                return self._given
            if self._own is None:
                self._own = _transport(self._account.base_url)
            return self._own


def _transport(base_url: str) -> httpx.BaseTransport:
    """What sends for an account: connections and HTTP, and nothing of what a client of httpx has around them.

    So there are no cookies, which would tie calls to one server behind a balancer, no redirects, nothing from the
    environment, no address in a log; and a call takes a third less time.
    """
    # A TLS context that trusts the usual authorities takes 18 ms to load. An http: account never needs it; should a
    # connection become https: after all, this empty one trusts nobody, so it fails closed.
    verify = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT) if base_url.lower().startswith("http:") else True
    return httpx.HTTPTransport(
        verify=verify,
        # The environment may name a proxy or a certificate file, of which the account says nothing: texts and
        # signatures go to the gateway or nowhere.
        trust_env=False,
        # Not even for connecting: how often to try is decided above, where it is known what may be tried.
        retries=0,
        limits=httpx.Limits(keepalive_expiry=_KEEPALIVE_SECONDS),
    )


def _read(response: httpx.Response) -> Reply:
    body = bytearray()
    cut = False
    # A hook of a client that was handed in may have read the response already, and decompressed it.
    read_before = response.is_stream_consumed
    try:
        # The stream itself: it is what `iter_raw` reads, and goes through in more steps.
        chunks = [response.content] if read_before else cast("Iterable[bytes]", response.stream)
        for chunk in chunks:
            body += chunk
            if len(body) > _LARGEST:
                del body[_LARGEST:]
                cut = True
                break
    except (httpx.HTTPError, OSError, ValueError):
        # The pull has happened, and this is all there will ever be of it: a cut page is worth more than an error.
        cut = True
    if not read_before and len(body) < _announced(response):
        cut = True
    headers = tuple((name.lower(), value) for name, value in response.headers.multi_items())
    return Reply(response.status_code, headers, bytes(body), cut)


def _announced(response: httpx.Response) -> int:
    length = response.headers.get("content-length", "")
    # 18 digits hold every length there is, and no more are worth reading.
    return int(length[:18]) if length.isascii() and length.isdigit() else 0


class _QueryFilter(logging.Filter):
    """Cuts the query off the addresses of gateway calls that httpx logs.

    httpx logs each request's address at INFO, and by GET the query is the number, the text and the signature. The
    filter changes those records alone: raising the logger's level would silence every other user of httpx in the
    process, and would be undone by whoever sets the level after us.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(_without_query(value) for value in record.args)
        return True


_FILES = tuple(f"/{call.value}.do" for call in Call)
_QUERY_FILTER = _QueryFilter()


def _without_query(value: object) -> object:
    return value.copy_with(query=None) if isinstance(value, httpx.URL) and value.path.endswith(_FILES) else value


def _keep_queries_out_of_logs() -> None:
    # Adding the same filter again does nothing.
    logging.getLogger("httpx").addFilter(_QUERY_FILTER)
