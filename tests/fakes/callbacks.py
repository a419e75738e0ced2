"""The ports of status callbacks, in memory."""

from dataclasses import dataclass, field

from bridge.domain.twilio import TwilioSend


@dataclass
class FakeCallbacks:
    """What messages remember of the door, by their id; and which were asked for."""

    sends: dict[str, TwilioSend] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    def of(self, message_id: str) -> TwilioSend | None:
        self.asked.append(message_id)
        send = self.sends.get(message_id)
        return send if send is not None and send.callback_url is not None else None


@dataclass
class FakeAuthTokens:
    """Auth tokens by account."""

    tokens: dict[str, str] = field(default_factory=dict)

    def primary(self, account_sid: str) -> str | None:
        return self.tokens.get(account_sid)
