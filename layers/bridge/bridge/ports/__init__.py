"""What the services need of the world, as protocols. The adapters implement them; the tests' fakes do too."""

from bridge.ports.accounts import Accounts, Clients, Gateway
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
    "StatisticsCache",
    "SubmitTimes",
    "Sweeps",
    "Topic",
    "Watches",
    "WebhookClient",
    "WebhookEndpoints",
]
