"""Everything the gateway remembers, behind one lock: balances, messages, reports, MO messages, statistics."""

import threading
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any

from local.gateway import clock, magic
from local.gateway.accounts import GatewayAccount, GatewaySettings
from local.gateway.board import Board
from local.gateway.checks import Submission
from local.gateway.orders import ReportOrder, ReportOrders
from local.gateway.outbox import Outbox, Window
from local.gateway.phones import CAPACITIES, Phones
from local.gateway.records import Day, Inbound, Message, Mo, Report, Submit, SubmittedMessage
from local.gateway.specification import STATISTICS_WINDOW, Call, Code, RefusedError

KEPT_SUBMITS = 10_000
"""Accepted submits kept for assertions, and as many message IDs that a handset can still answer."""
KEPT_RECORDS = 100_000
"""Reports, and MO messages, that wait for a pull, an account."""

_SEQUENCE_DIGITS = 8

_NOT_FINAL = frozenset({"ACCEPTD", "UNKNOWN"})


def _column(status: str | None) -> str | None:
    """Name the column of the statistics that a status counts in; None while nothing final is known."""
    if status is None or status in _NOT_FINAL:
        return None
    return "delivrd" if status == "DELIVRD" else "undeliv"


@dataclass
class _Ledger:
    """What belongs to one account."""

    account: GatewayAccount
    balance: int
    phones: Phones
    reports: Outbox[Report]
    inbound: Outbox[Inbound] = field(default_factory=lambda: Outbox(KEPT_RECORDS))
    days: dict[date, Counter[str]] = field(default_factory=lambda: defaultdict(Counter))
    windows: dict[Call, Window] = field(default_factory=lambda: defaultdict(Window))

    def advance(self, now: datetime) -> None:
        """Let happen what is due by `now`."""
        self.settle(self.reports.advance(now))
        for inbound, received in self.inbound.advance(now):
            inbound.received = received
            self.phones.inbound(inbound)

    def settle(self, due: Iterable[tuple[Report, datetime]]) -> None:
        """Move messages between the columns of their day. Of two contradicting reports the later one counts."""
        for report, _ in due:
            counts = self.days[report.message.day]
            before, after = _column(report.message.outcome), _column(report.status)
            report.message.outcome = report.status
            report.message.collected = False
            self.phones.message(report.message)
            if before:
                counts[before] -= 1
            if after:
                counts[after] += 1


class GatewayState:
    """The gateway's memory. Every method is atomic; times come in as arguments."""

    def __init__(
        self, accounts: Iterable[GatewayAccount], settings: GatewaySettings, phones: Phones | None = None
    ) -> None:
        self._lock = threading.Lock()
        self._phones = phones or Phones(Board(CAPACITIES))
        self._orders = ReportOrders()
        self._initial = (tuple(accounts), settings)
        names = [account.name for account in self._initial[0]]
        if not names or len(set(names)) != len(names):
            raise ValueError("a gateway needs accounts of different names")
        self._sequence = 0
        self._inbound_ordinal = 0
        self._start_over()

    def _start_over(self) -> None:
        accounts, self._settings = self._initial
        self._orders.clear()
        self._phones.clear()
        self._ledgers = {
            account.name: _Ledger(account, account.balance, self._phones, Outbox(KEPT_RECORDS, self._as_ordered))
            for account in accounts
        }
        self._submits: deque[Submit] = deque(maxlen=KEPT_SUBMITS)
        self._messages: OrderedDict[str, dict[str, Message]] = OrderedDict()

    def reset(self) -> None:
        """Forget everything and restore accounts and settings. Message IDs go on: one is never given twice."""
        with self._lock:
            self._start_over()

    # Settings and accounts

    @property
    def settings(self) -> GatewaySettings:
        """The settings in force."""
        with self._lock:
            return self._settings

    def configure(self, **changes: Any) -> GatewaySettings:
        """Change settings; ValueError or TypeError when a value or a name is wrong."""
        with self._lock:
            self._settings = replace(self._settings, **changes)
            return self._settings

    def account(self, name: str | None) -> GatewayAccount | None:
        """Look up an account."""
        with self._lock:
            ledger = self._ledgers.get(name) if name is not None else None
            return ledger.account if ledger else None

    def first_account(self) -> str:
        """Name the account that is meant where none is named."""
        with self._lock:
            return next(iter(self._ledgers))

    def configure_account(self, name: str, **changes: Any) -> GatewayAccount:
        """Change an account, except its name; a changed balance is the balance from now on."""
        with self._lock:
            if "name" in changes:
                raise ValueError("an account keeps its name")
            ledger = self._ledger(name)
            ledger.account = replace(ledger.account, **changes)
            ledger.balance = changes.get("balance", ledger.balance)
            return ledger.account

    def overview(self, now: datetime) -> list[dict[str, Any]]:
        """Describe every account and what waits for it. No password, no key."""
        with self._lock:
            return [self._describe(ledger, now) for ledger in self._ledgers.values()]

    def _describe(self, ledger: _Ledger, now: datetime) -> dict[str, Any]:
        ledger.advance(now)
        account = ledger.account
        return {
            "name": account.name,
            "versions": sorted(account.versions),
            "balance": ledger.balance,
            "port_number": account.port_number,
            "ext_allowed": account.ext_allowed,
            "signature_required": account.signature_required,
            "signatures": sorted(account.signatures),
            "status": account.status,
            "http_allowed": account.http_allowed,
            "allowed_ips": list(account.allowed_ips),
            "blocked_words": list(account.blocked_words),
            "reports": {"not_due": ledger.reports.scheduled, "waiting": ledger.reports.waiting},
            "mos": {"not_due": ledger.inbound.scheduled, "waiting": ledger.inbound.waiting},
            "discarded": ledger.reports.discarded + ledger.inbound.discarded,
        }

    def _ledger(self, name: str) -> _Ledger:
        try:
            return self._ledgers[name]
        except KeyError:
            raise LookupError(f"there is no account {name!r}") from None

    # 下行协议

    def submit(
        self, account: str, submission: Submission, *, method: str, version: int, now: datetime
    ) -> list[SubmittedMessage]:
        """Accept a submit: charge it, number its messages, schedule their reports. Returns what the response lists.

        Raises:
            RefusedError: 205, when the balance does not cover all of it; then none of it takes effect.
        """
        with self._lock:
            ledger = self._ledger(account)
            charges = {
                number: submission.charge_item + magic.behaviour(number).extra_charge for number in submission.numbers
            }
            if sum(charges.values()) > ledger.balance:
                raise RefusedError(Code.BALANCE_EMPTY)
            ledger.balance -= sum(charges.values())
            ids = self._message_ids(len(charges), now)
            messages = [
                SubmittedMessage(number, message_id, charge)
                for (number, charge), message_id in zip(charges.items(), ids, strict=True)
            ]
            for message in messages:
                self._schedule(ledger, submission, message, now)
            self._submits.append(
                Submit(
                    account=account,
                    dest=submission.dest,
                    content=submission.content,
                    ext=submission.ext,
                    reference=submission.reference,
                    sign=submission.sign,
                    method=method,
                    version=version,
                    time=now,
                    messages=tuple(messages),
                )
            )
            return [message for message in messages if magic.behaviour(message.dest_number).listed]

    def _message_ids(self, count: int, now: datetime) -> list[str]:
        if self._settings.shared_message_id:
            return [self._message_id(now)] * count
        return [self._message_id(now) for _ in range(count)]

    def _message_id(self, now: datetime) -> str:
        # As in the examples: the month, the day and the time, then a sequence. The 0 in front is what breaks clients
        # that take a message_id for a number.
        self._sequence = (self._sequence + 1) % 10**_SEQUENCE_DIGITS
        return f"0{now.astimezone(clock.CHINA):%m%d%H%M%S}{self._sequence:0{_SEQUENCE_DIGITS}}"

    def _schedule(self, ledger: _Ledger, submission: Submission, sent: SubmittedMessage, now: datetime) -> None:
        message = Message(
            account=ledger.account.name,
            message_id=sent.message_id,
            dest_number=sent.dest_number,
            source=ledger.account.port_number + submission.ext,
            reference=submission.reference,
            sign=submission.sign,
            day=now.astimezone(clock.CHINA).date(),
            content=submission.content,
            charge_item=sent.charge_item,
            time=now,
        )
        ledger.days[message.day]["submit"] += 1
        self._messages.setdefault(message.message_id, {})[message.dest_number] = message
        while len(self._messages) > KEPT_RECORDS:
            self._messages.popitem(last=False)
        behaviour = magic.behaviour(message.dest_number)
        message.withheld = not behaviour.steps
        self._phones.message(message)
        delay = timedelta(seconds=self._settings.report_delay)
        last = now
        for step in behaviour.steps:
            late = timedelta(seconds=self._settings.late_report_delay)
            due = now + (late if step.late else step.delays * delay)
            ledger.reports.schedule(Report(message, step.status, behaviour.report_reference), due)
            last = max(last, due)
        if behaviour.reply:
            answer = _answer(message, behaviour.reply.text, behaviour.reply.msg_fmt)
            ledger.inbound.schedule(self._inbound(ledger, answer), last + delay)

    def _inbound(self, ledger: _Ledger, mo: Mo) -> Inbound:
        self._inbound_ordinal += 1
        return Inbound(self._inbound_ordinal, ledger.account.name, mo)

    def submits(
        self, account: str | None = None, reference: str | None = None, dest: str | None = None
    ) -> list[Submit]:
        """List the accepted submits, oldest first, by account, reference or one of their numbers."""
        with self._lock:
            return [
                submit
                for submit in self._submits
                if account in {None, submit.account}
                and reference in {None, submit.reference}
                and (dest is None or dest in submit.dest.split(","))
            ]

    # The handsets

    def advance(self, now: datetime) -> None:
        """Let happen what is due by `now`, though nobody pulls."""
        with self._lock:
            for ledger in self._ledgers.values():
                ledger.advance(now)

    def order_report(self, order: ReportOrder) -> None:
        """Decide what the next report of a number says that is not due yet."""
        with self._lock:
            self._orders.add(order)
            self._phones.order(order, pending=True)

    def ordered_reports(self) -> list[ReportOrder]:
        """List the orders that no report has met yet."""
        return self._orders.pending()

    def cancel_reports(self, number: str | None = None) -> None:
        """Cancel the order of a number, or every one."""
        with self._lock:
            for order in self._orders.pending():
                if number in {None, order.number} and self._orders.take(order.number):
                    self._phones.order(order, pending=False)

    def _as_ordered(self, report: Report) -> Report | None:
        order = self._orders.take(report.message.dest_number)
        if order is None:
            return report
        self._phones.order(order, pending=False)
        if order.status is not None:
            return replace(report, status=order.status)
        report.message.withheld = report.message.outcome is None
        self._phones.message(report.message)
        return None

    # 拉取状态报告, 拉取上行

    def take_reports(self, account: str, now: datetime) -> list[dict[str, Any]]:
        """Hand out the next page of reports. Whatever becomes of the answer, they are never handed out again.

        Raises:
            RefusedError: 131, where the gateway has a minimum interval.
        """
        with self._lock:
            ledger = self._ledger(account)
            self._check_interval(ledger, Call.REPORT, now)
            ledger.advance(now)
            page = ledger.reports.take(self._settings.report_page_size)
            for report, _ in page:
                report.message.collected = True
                self._phones.message(report.message)
            return [report.record(due) for report, due in page]

    def take_mos(self, account: str, now: datetime) -> list[dict[str, Any]]:
        """Hand out the next page of MO messages, once, as `take_reports` does."""
        with self._lock:
            ledger = self._ledger(account)
            self._check_interval(ledger, Call.MO, now)
            ledger.advance(now)
            page = ledger.inbound.take(self._settings.mo_page_size)
            for inbound, _ in page:
                inbound.collected = True
                self._phones.inbound(inbound)
            return [inbound.mo.record(received) for inbound, received in page]

    def _check_interval(self, ledger: _Ledger, call: Call, now: datetime) -> None:
        interval = timedelta(seconds=self._settings.pull_interval)
        if interval and not ledger.windows[call].admits(now, 1, interval):
            raise RefusedError(Code.TOO_OFTEN)

    def make_reports_due(self, now: datetime) -> int:
        """Let every report that is not due yet be due now, in its order. Returns how many."""
        with self._lock:
            moved = 0
            for ledger in self._ledgers.values():
                ledger.settle(ledger.reports.advance(now))
                due = ledger.reports.make_due(now)
                ledger.settle(due)
                moved += len(due)
            return moved

    def receive(self, account: str, mo: Mo, now: datetime) -> None:
        """Take an MO message from a handset."""
        with self._lock:
            ledger = self._ledger(account)
            ledger.inbound.schedule(self._inbound(ledger, mo), now)
            ledger.advance(now)

    def answer(self, message_id: str, dest_number: str | None, *, text: str, msg_fmt: int | None, now: datetime) -> Mo:
        """Let the handset that got a message answer it.

        Raises:
            LookupError: there is no such message, or it went to several numbers and none of them is named.
        """
        with self._lock:
            numbers = self._messages.get(message_id, {})
            if dest_number is None and len(numbers) == 1:
                (dest_number,) = numbers
            if dest_number is None or dest_number not in numbers:
                raise LookupError(f"there is no message {message_id!r} to {dest_number or 'one number'}")
            message = numbers[dest_number]
            mo = _answer(message, text, msg_fmt)
            ledger = self._ledger(message.account)
            ledger.inbound.schedule(self._inbound(ledger, mo), now)
            ledger.advance(now)
            return mo

    # 查询余额, 查询账户下行统计

    def balance(self, account: str) -> int:
        """Tell the messages left."""
        with self._lock:
            return self._ledger(account).balance

    def check_statistics_interval(self, account: str, now: datetime) -> None:
        """Count a query of the statistics.

        Raises:
            RefusedError: 131, for the fourth within a minute.
        """
        with self._lock:
            window = self._ledger(account).windows[Call.STATISTICS]
            if not window.admits(now, self._settings.statistics_calls, STATISTICS_WINDOW):
                raise RefusedError(Code.TOO_OFTEN)

    def statistics(self, account: str, start: date, end: date, now: datetime) -> list[Day]:
        """List the days from `start` to `end` on which something was submitted."""
        with self._lock:
            ledger = self._ledger(account)
            ledger.settle(ledger.reports.advance(now))
            return [
                Day(day, counts["submit"], counts["delivrd"], counts["undeliv"])
                for day, counts in sorted(ledger.days.items())
                if start <= day <= end
            ]


def _answer(message: Message, text: str, msg_fmt: int | None) -> Mo:
    return Mo(message.source, message.dest_number, text, message.reference, message.sign, msg_fmt)
