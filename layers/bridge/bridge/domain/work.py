"""What waits in SendQueue: small pointers to what is to be submitted. What they point to is in MessagesTable."""

import json
from dataclasses import dataclass
from typing import Final

from bridge.domain.ids import is_ulid
from bridge.domain.json_texts import json_value

RECEIVES: Final = 5
"""How often a pointer is handed out before it is a dead letter: `maxReceiveCount` of SendQueue in template.yaml."""


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageWork:
    """A message that is to be submitted."""

    message_id: str

    def body(self) -> str:
        """As the body of a message of the queue."""
        return json.dumps({"message": self.message_id})


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanWork:
    """A batch that is to be made into messages."""

    batch_id: str

    def body(self) -> str:
        """As the body of a message of the queue."""
        return json.dumps({"plan": self.batch_id})


@dataclass(frozen=True, slots=True, kw_only=True)
class BatchWork:
    """A batch whose messages are to be submitted, one after the other.

    Attributes:
        start: the ordinal of the first of them, from 1.
    """

    batch_id: str
    start: int

    def body(self) -> str:
        """As the body of a message of the queue."""
        return json.dumps({"batch": self.batch_id, "from": self.start})


Work = MessageWork | PlanWork | BatchWork


def work_of(body: str) -> Work:
    """What a message of the queue asks for. Raises ValueError where it is nothing that the bridge wrote."""
    match json_value(body):
        case {"message": str(name), **others} if is_ulid(name) and not others:
            return MessageWork(message_id=name)
        case {"plan": str(name), **others} if is_ulid(name) and not others:
            return PlanWork(batch_id=name)
        # A bool is an int to Python.
        case {"batch": str(name), "from": int(start), **others} if (
            is_ulid(name) and start >= 1 and not isinstance(start, bool) and not others
        ):
            return BatchWork(batch_id=name, start=start)
    raise ValueError("no pointer to a message or a batch")
