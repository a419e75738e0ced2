"""What the services need of the world, as protocols. The adapters implement them; the tests' fakes do too.

Each is imported when it is first asked for: what all of them speak of is most of the domain, and every cold start would
pay for it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from bridge.ports.accounts import Accounts, Clients, Gateway, Standings, Uses
    from bridge.ports.batches import BatchBodies, Batches
    from bridge.ports.hooks import HookSources, HookUses, SnsSignatures
    from bridge.ports.messages import DayCounts, EarlyReports, MessageLists, Messages, Progress
    from bridge.ports.opt_outs import OptOuts
    from bridge.ports.pulls import Journal, Leases, Pointers, Sweeps, Topic
    from bridge.ports.sends import Pace, Schedules, SendQueue
    from bridge.ports.statistics import Slots, StatisticsCache
    from bridge.ports.surroundings import Clock, Counters, NewId
    from bridge.ports.watching import Reconciliations, SubmitTimes, Watches
    from bridge.ports.webhooks import (
        AuthTokens,
        Callbacks,
        Deliveries,
        DeliverQueue,
        WebhookClient,
        WebhookEndpoints,
    )

__all__ = [
    "Accounts",
    "AuthTokens",
    "BatchBodies",
    "Batches",
    "Callbacks",
    "Clients",
    "Clock",
    "Counters",
    "DayCounts",
    "DeliverQueue",
    "Deliveries",
    "EarlyReports",
    "Gateway",
    "HookSources",
    "HookUses",
    "Journal",
    "Leases",
    "MessageLists",
    "Messages",
    "NewId",
    "OptOuts",
    "Pace",
    "Pointers",
    "Progress",
    "Reconciliations",
    "Schedules",
    "SendQueue",
    "Slots",
    "SnsSignatures",
    "Standings",
    "StatisticsCache",
    "SubmitTimes",
    "Sweeps",
    "Topic",
    "Uses",
    "Watches",
    "WebhookClient",
    "WebhookEndpoints",
]

_MODULES = {
    "accounts": "Accounts Clients Gateway Standings Uses",
    "batches": "BatchBodies Batches",
    "hooks": "HookSources HookUses SnsSignatures",
    "messages": "DayCounts EarlyReports MessageLists Messages Progress",
    "opt_outs": "OptOuts",
    "pulls": "Journal Leases Pointers Sweeps Topic",
    "sends": "Pace Schedules SendQueue",
    "statistics": "Slots StatisticsCache",
    "surroundings": "Clock Counters NewId",
    "watching": "Reconciliations SubmitTimes Watches",
    "webhooks": "AuthTokens Callbacks Deliveries DeliverQueue WebhookClient WebhookEndpoints",
}
_WHERE = {name: module for module, names in _MODULES.items() for name in names.split()}


def __getattr__(name: str) -> Any:
    if name not in _WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    globals()[name] = port = getattr(import_module(f"{__name__}.{_WHERE[name]}"), name)
    return port
