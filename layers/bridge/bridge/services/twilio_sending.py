"""Sending by the Twilio-shaped door: what Twilio refuses at once is refused at once, and the rest is queued."""

from dataclasses import dataclass

from bridge.domain.addresses import RefusedAddress, destination
from bridge.domain.clients import Caller
from bridge.domain.errors import FieldProblem, InvalidRequest, NotStored, OptedOut
from bridge.domain.messages import Category
from bridge.domain.numbers import e164
from bridge.ports import Counters, OptOuts
from bridge.services.sending import Order, Sending, Sent


@dataclass(frozen=True, slots=True, kw_only=True)
class TwilioSending:
    """Queues messages whose callers learn the outcome by a status callback, or by asking.

    Attributes:
        allow_loopback: whether callbacks may go to this machine.
    """

    sending: Sending
    opt_outs: OptOuts
    counters: Counters
    allow_loopback: bool

    def send(self, caller: Caller, order: Order, idempotency_key: str | None) -> Sent:
        """Write a message down, to be sent at once or at its time; with a key as `Sending.send`.

        Raises:
            InvalidRequest: its callback leads where the bridge does not go (`status_callback`), or as `Sending.send`.
            OptedOut: its number has, and it is not for later: then that is looked at when its time has come.
            StillInFlight, NotAllowed, NotStored: as `Sending.send`.
        """
        if order.twilio is not None and order.twilio.callback_url is not None:
            try:
                destination(order.twilio.callback_url, allow_loopback=self.allow_loopback)
            except RefusedAddress as exc:
                raise InvalidRequest((FieldProblem("status_callback", str(exc)),)) from exc
        if order.send_at is None and order.category is not Category.TRANSACTIONAL:
            self._look(caller.default_account, [e164(number) for number in order.to])
        sent = self.sending.send(caller, order, idempotency_key)
        self.counters.count("TwilioSends")
        return sent

    def _look(self, account: str, numbers: list[str]) -> None:
        try:
            opted_out = self.opt_outs.among(account, numbers)
        except Exception as exc:
            raise NotStored("the bridge's own store did not answer; nothing was sent, so it is safe to retry") from exc
        if opted_out:
            raise OptedOut(message_id="")
