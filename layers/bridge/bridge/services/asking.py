"""Asking the gateway something that changes nothing: its errors in the bridge's words."""

from collections.abc import Iterator
from contextlib import contextmanager

from bridge.domain.errors import GatewayRefused, GatewayUnreachable, GatewayUnreadable
from eums import Ambiguous, Malformed, NotSent, Refused


@contextmanager
def asking() -> Iterator[None]:
    """Turn the protocol's errors into the bridge's. For questions only: a submit without an answer is `unknown`."""
    try:
        yield
    except Refused as exc:
        raise GatewayRefused(exc.code) from exc
    except Malformed as exc:
        raise GatewayUnreadable("the gateway's answer cannot be read; its operator must look at it") from exc
    except NotSent as exc:
        raise GatewayUnreachable("the gateway could not be reached") from exc
    except Ambiguous as exc:
        raise GatewayUnreachable("the gateway did not answer in time") from exc
