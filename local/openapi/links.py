"""Which answers name what other operations ask for: OpenAPI's links, for people, generators and tests."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final


@dataclass(frozen=True, slots=True, kw_only=True)
class _Link:
    """What an answer names.

    Attributes:
        of: the operation whose answer it is.
        statuses: of the answer.
        names: parameter → where its value is, as OpenAPI's runtime expressions say it.
        leads_to: the operations that take these parameters.
    """

    of: str
    statuses: tuple[str, ...]
    names: Mapping[str, str]
    leads_to: tuple[str, ...]


_ID: Final = "$response.body#/id"
_SAME: Final = "$request.path.id"
_CURSOR: Final = {"cursor": "$response.body#/next_cursor"}

_LINKS: Final = (
    _Link(of="send_message", statuses=("201", "202"), names={"id": _ID}, leads_to=("get_message", "cancel_message")),
    _Link(of="list_messages", statuses=("200",), names=_CURSOR, leads_to=("list_messages",)),
    _Link(of="accept_batch", statuses=("202",), names={"id": _ID}, leads_to=("get_batch",)),
    _Link(of="accept_batch", statuses=("202",), names={"batch_id": _ID}, leads_to=("list_messages",)),
    _Link(
        of="add_opt_outs",
        statuses=("200",),
        names={"number": "$response.body#/items/0/number"},
        leads_to=("remove_opt_out",),
    ),
    _Link(of="list_opt_outs", statuses=("200",), names=_CURSOR, leads_to=("list_opt_outs",)),
    _Link(
        of="put_hook_source",
        statuses=("200", "201"),
        names={"source": "$response.body#/name"},
        leads_to=("get_hook_source", "try_hook_source", "receive_hook", "delete_hook_source"),
    ),
    _Link(of="list_hook_sources", statuses=("200",), names=_CURSOR, leads_to=("list_hook_sources",)),
    _Link(
        of="list_hook_sources",
        statuses=("200",),
        names={"source": "$response.body#/items/0/name"},
        leads_to=("put_hook_source", "get_hook_source", "try_hook_source", "receive_hook", "delete_hook_source"),
    ),
    _Link(
        of="create_webhook_endpoint",
        statuses=("201",),
        names={"id": _ID},
        leads_to=(
            "get_webhook_endpoint",
            "change_webhook_endpoint",
            "rotate_webhook_secret",
            "test_webhook_endpoint",
            "list_webhook_deliveries",
            "replay_webhook_deliveries",
            "delete_webhook_endpoint",
        ),
    ),
    _Link(
        of="list_webhook_deliveries",
        statuses=("200",),
        names={"id": _SAME, "delivery": "$response.body#/items/0/id"},
        leads_to=("replay_webhook_delivery",),
    ),
    _Link(
        of="list_webhook_deliveries",
        statuses=("200",),
        names={"id": _SAME, **_CURSOR},
        leads_to=("list_webhook_deliveries",),
    ),
)


def linked(paths: dict[str, Any]) -> dict[str, Any]:
    """The operations, their answers with the links that they have. An operation that is not there is a KeyError."""
    operations = {each["operationId"]: each for verbs in paths.values() for each in verbs.values()}
    for link in _LINKS:
        for status in link.statuses:
            links = operations[link.of]["responses"][status].setdefault("links", {})
            for name in link.leads_to:
                links[name] = {
                    "operationId": operations[name]["operationId"],
                    "parameters": dict(link.names),
                    "description": operations[name]["summary"],
                }
    return paths
