"""The gateway as a whole: its memory, its faults and its HTTP server, with a method for every admin operation."""

import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

from local.gateway import admin, calls, faults, page, signing, streams
from local.gateway.accounts import AccountStatus, EmptyStyle, GatewayAccount, GatewaySettings
from local.gateway.assets import SHARED, Assets
from local.gateway.board import Board
from local.gateway.browsers import refuse_foreign
from local.gateway.clock import CHINA, Clock, china_now
from local.gateway.crypto import read_aes_key
from local.gateway.exchange import Reply, Request, not_allowed, text_reply
from local.gateway.faults import Fault, FaultKind, FaultQueue, When
from local.gateway.journal import SENT_CHARACTERS, Exchange, Journal
from local.gateway.orders import ReportOrder
from local.gateway.phones import CAPACITIES, Phones
from local.gateway.records import Mo, Submit
from local.gateway.server import GatewayServer, Responder
from local.gateway.specification import Call
from local.gateway.state import GatewayState

LOOPBACK = "127.0.0.1"

_CALLS = {call.path: call for call in Call}


class Gateway:
    """A simulated EUMS V2.1 gateway on this machine's loopback interface.

    Use it as a context manager, or call `start` and `stop`. Where an account is not named, the first one is meant.

    Args:
        accounts: the accounts; None is one account with the defaults of `GatewayAccount`.
        settings: what gateways of this family do differently.
        port: the port; 0 takes a free one.
        clock: the gateway's time.
        mounted: pages of somebody else's that this server answers for, by the path that they begin with.
        heard: is told of every exchange, and of the whole reply as it is about to leave; the journal keeps the last.
    """

    def __init__(  # noqa: PLR0913 - each by its name
        self,
        accounts: Iterable[GatewayAccount] | None = None,
        *,
        settings: GatewaySettings | None = None,
        port: int = 0,
        clock: Clock = china_now,
        mounted: Mapping[str, Responder] | None = None,
        heard: Callable[[Exchange, Reply], None] = lambda _exchange, _reply: None,
    ) -> None:
        self._heard = heard
        self._board = Board(CAPACITIES)
        self._phones = Phones(self._board)
        self._state = GatewayState(
            accounts if accounts is not None else [GatewayAccount()], settings or GatewaySettings(), self._phones
        )
        self._assets = Assets(SHARED)
        self._pages: dict[str, Responder] = {
            "/": lambda request: page.front(request, self._assets, self._mounted),
            page.STREAM: lambda request: streams.stream(request, self._board, self._let_happen),
            page.CHANGES: lambda request: streams.changes(request, self._board, self._let_happen),
        }
        self._mounted = dict(mounted or {})
        self._clock = clock
        self._faults = FaultQueue()
        self._journal = Journal()
        self._port = port
        self._server: GatewayServer | None = None
        self._stopping = threading.Event()

    # Life

    def start(self) -> None:
        """Listen, and serve in a daemon thread.

        Raises:
            OSError: the port is taken.
        """
        if self._server is not None:
            raise RuntimeError("the gateway is running")
        self._stopping.clear()
        self._server = GatewayServer((LOOPBACK, self._port), self.respond)
        self._server.start()

    def stop(self) -> None:
        """Close every connection and end every thread. What the gateway remembers stays readable."""
        if self._server is not None:
            self._stopping.set()  # ends delays
            self._server.stop()
            self._server = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The base URL, such as `http://127.0.0.1:8090`, without a slash at its end."""
        if self._server is None:
            raise RuntimeError("the gateway is not running")
        return f"http://{LOOPBACK}:{self._server.server_port}"

    # Requests

    def respond(self, request: Request) -> Reply:
        """Answer any request."""
        call = _CALLS.get(request.path)
        if call is None:
            return refuse_foreign(request) or self._respond_here(request)
        if request.method not in {"GET", "POST"}:
            return not_allowed("GET", "POST")
        return self._exchange(call, request)

    def _respond_here(self, request: Request) -> Reply:
        """Answer what is no call of the gateway, but for people and scripts on this machine."""
        path = request.path
        for prefix, responder in self._mounted.items():
            if path == prefix or path.startswith(f"{prefix}/"):
                return responder(request)
        if path.startswith(admin.PREFIX):
            return admin.respond(self, request)
        if path.startswith(page.ASSETS):
            return self._assets.respond(path.removeprefix(page.ASSETS), request.method)
        if path not in self._pages:
            return text_reply("not found\n", HTTPStatus.NOT_FOUND)
        return self._pages[path](request) if request.method in {"GET", "HEAD"} else not_allowed("GET", "HEAD")

    def _let_happen(self) -> None:
        self._state.advance(self._now())

    def _exchange(self, call: Call, request: Request) -> Reply:
        fields = request.fields()
        fault = self._faults.take(call)
        before = fault is not None and fault.when is When.BEFORE
        if before and not self._wait(fault):
            return _GONE
        if fault is not None and before and fault.kind is not FaultKind.DELAY:
            now = self._now()
            answer = calls.refuse(fault.code, fields, self._state.account(fields.get("name")))
            known = answer.body if fault.kind is FaultKind.CODE else None
        else:
            now = self._now()
            answer = calls.answer(call, request, fields, self._state, now)
            known = answer.body
        reply = faults.spoil(fault, answer.body, answer.key)
        exchange = self._journal.add(
            Exchange(
                time=now,
                call=call,
                method=request.method,
                client_ip=request.client_ip,
                account=answer.account,
                fields=fields,
                data=answer.data,
                answer=known,
                fault=fault.kind.value if fault else None,
                status=None if reply.drop else reply.status,
                sent=reply.body[:SENT_CHARACTERS].decode("utf-8", "replace"),
                signing=signing.explain(call, fields, self._state.account(fields.get("name")), answer.data),
            )
        )
        self._phones.exchange(exchange)
        self._heard(exchange, reply)
        if not before and not self._wait(fault):
            return _GONE
        return reply

    def _wait(self, fault: Fault | None) -> bool:
        """Sit out a delay. False when the gateway stops meanwhile."""
        if fault is None or fault.kind is not FaultKind.DELAY:
            return True
        return not self._stopping.wait(fault.seconds)

    def _now(self) -> datetime:
        return self._clock().astimezone(CHINA)

    # Administration

    @property
    def settings(self) -> GatewaySettings:
        """The settings in force."""
        return self._state.settings

    def configure(self, **changes: Any) -> GatewaySettings:
        """Change settings by the names of `GatewaySettings`."""
        if "empty" in changes:
            changes["empty"] = EmptyStyle(changes["empty"])
        return self._state.configure(**changes)

    def configure_account(self, account: str | None = None, **changes: Any) -> GatewayAccount:
        """Change an account by the names of `GatewayAccount`; an AES key as bytes, or as text with `aes_key_format`."""
        form = changes.pop("aes_key_format", "text")
        if isinstance(changes.get("aes_key"), str):
            changes["aes_key"] = read_aes_key(changes["aes_key"], form)
        if "status" in changes:
            changes["status"] = AccountStatus(changes["status"])
        for name, kind in (
            ("versions", frozenset),
            ("signatures", frozenset),
            ("allowed_ips", tuple),
            ("blocked_words", tuple),
        ):
            if name in changes:
                changes[name] = kind(changes[name])
        return self._state.configure_account(self._name(account), **changes)

    def overview(self) -> list[dict[str, Any]]:
        """Describe the accounts and what waits for them, without passwords and keys."""
        return self._state.overview(self._now())

    def inject_mo(  # noqa: PLR0913 - the fields of an MO message
        self,
        src: str,
        text: str,
        *,
        account: str | None = None,
        dest: str | None = None,
        ext: str = "",
        reference: str = "",
        sign: str = "",
        msg_fmt: int | None = 8,
    ) -> Mo:
        """Let a handset send an MO message to `dest`, or to the account's port number with `ext`.

        Raises:
            LookupError: no such account.
            ValueError: an unknown msg_fmt, or a text that it cannot hold.
        """
        name = self._name(account)
        found = self._state.account(name)
        if found is None:
            raise LookupError(f"there is no account {name!r}")
        mo = Mo(dest or found.port_number + ext, src, text, reference, sign, msg_fmt)
        self._state.receive(name, mo, self._now())
        return mo

    def reply(self, message_id: str, text: str, *, dest_number: str | None = None, msg_fmt: int | None = 8) -> Mo:
        """Let the handset that got a message answer it. `dest_number` is needed where numbers share a message ID.

        Raises:
            LookupError: no such message.
            ValueError: an unknown msg_fmt, or a text that it cannot hold.
        """
        return self._state.answer(message_id, dest_number, text=text, msg_fmt=msg_fmt, now=self._now())

    def balance(self, account: str | None = None) -> int:
        """Tell the messages left."""
        return self._state.balance(self._name(account))

    def set_balance(self, balance: int, *, account: str | None = None) -> None:
        """Set the messages left."""
        self._state.configure_account(self._name(account), balance=balance)

    def make_reports_due(self) -> int:
        """Let every report be due now. Returns how many were not before."""
        return self._state.make_reports_due(self._now())

    def submits(
        self, *, account: str | None = None, reference: str | None = None, dest: str | None = None
    ) -> list[Submit]:
        """List accepted submits, oldest first, all or those of an account, a reference, a number."""
        return self._state.submits(account, reference, dest)

    def counters(self) -> dict[str, dict[str, Any]]:
        """Tell for each call the requests, the codes answered and the faults that struck."""
        return self._journal.counters()

    def exchanges(self, call: Call | None = None) -> list[Exchange]:
        """List the last exchanges, oldest first."""
        return self._journal.exchanges(call)

    def exchange(self, number: int) -> Exchange:
        """Find an exchange that is still kept by its number.

        Raises:
            LookupError: there is none.
        """
        for exchange in self._journal.exchanges():
            if exchange.number == number:
                return exchange
        raise LookupError(f"exchange {number} is not kept (any more)")

    def exchanges_about(self, message_id: str) -> list[Exchange]:
        """List the exchanges whose answer names a message, oldest first: its submit, the pulls of its reports."""
        return [exchange for exchange in self._journal.exchanges() if exchange.concerns(message_id)]

    def order_report(self, number: str, status: str | None = None) -> None:
        """Decide about the next report of a number, once: it says `status`, or with None it stays away.

        Raises:
            ValueError: that is no number, or no status.
        """
        self._state.order_report(ReportOrder(number, status))

    def ordered_reports(self) -> list[ReportOrder]:
        """List the reports on order that have not come yet."""
        return self._state.ordered_reports()

    def cancel_reports(self, number: str | None = None) -> None:
        """Cancel the report on order of a number, or every one."""
        self._state.cancel_reports(number)

    def add_fault(self, fault: Fault) -> None:
        """Order a fault."""
        self._faults.add(fault)

    def pending_faults(self) -> list[Fault]:
        """List the faults still on order."""
        return self._faults.pending()

    def clear_faults(self) -> None:
        """Cancel the faults on order."""
        self._faults.clear()

    def reset(self) -> None:
        """Forget everything: messages, reports, counters, faults, changed settings and accounts."""
        self._state.reset()
        self._faults.clear()
        self._journal.clear()

    def _name(self, account: str | None) -> str:
        return account if account is not None else self._state.first_account()


_GONE = Reply(drop=True, close=True)
