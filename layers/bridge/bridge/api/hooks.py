"""The calls of hooks as they come from API Gateway, and what their senders get."""

import base64
import binascii
from collections.abc import Mapping
from typing import Annotated, Any, Final

from pydantic import Field

from bridge.api.models import Model
from bridge.domain.hook_auth import HookCall
from bridge.services.receiving import Received

_NOTHING: Final[Mapping[str, Any]] = {}


class HookResponse(Model):
    """What became of a call of a hook."""

    messages: Annotated[
        list[str],
        Field(
            description="The ids of its messages, which are sent without the sender: those of an earlier call where "
            "this one says the same. None where the mapping's `when` wants none.",
            examples=[["01JDCKQ3V9T4M3W5Y8Z7N6P2QR"]],
        ),
    ]
    dropped: Annotated[int, Field(ge=0, description="How many more there would have been, beyond the source's limit.")]


def hook_call(source: str, event: Mapping[str, Any]) -> HookCall:
    """A call from API Gateway's event, its body to the byte and every value of its headers."""
    several: Mapping[str, list[str]] = event.get("multiValueHeaders") or {
        name: [value] for name, value in (event.get("headers") or _NOTHING).items()
    }
    headers: dict[str, tuple[str, ...]] = {}
    for name, values in several.items():
        headers[name.lower()] = (*headers.get(name.lower(), ()), *values)
    return HookCall(source=source, headers=headers, body=_bytes(event))


def hook_response(received: Received) -> HookResponse:
    """What became of a call, as its sender is told."""
    return HookResponse(messages=list(received.messages), dropped=received.dropped)


def _bytes(event: Mapping[str, Any]) -> bytes:
    body = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        return str(body).encode("utf-8", "surrogatepass")
    try:
        return base64.b64decode(body)
    except binascii.Error:
        return b""
