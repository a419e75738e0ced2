"""Builds the services over their adapters, once a process: the only place that knows both.

Nothing runs at import, and a function imports only what it uses: each import is paid by every cold start.
"""

# ruff: noqa: PLC0415 - the imports stand inside the functions for the reason above

import os
import secrets
from datetime import timedelta
from functools import cache
from typing import TYPE_CHECKING, Final

from bridge.adapters.clock import SystemClock, new_ulid
from bridge.adapters.metrics import EmfCounters
from bridge.settings import Settings

if TYPE_CHECKING:
    from bridge.adapters.accounts_secret import AccountsSecret
    from bridge.adapters.batch_bodies_bucket import BatchBodiesBucket
    from bridge.adapters.batches_table import BatchesTable
    from bridge.adapters.clients_table import RememberedStandings
    from bridge.adapters.deliver_queue import DeliverQueue
    from bridge.adapters.early_reports_table import EarlyReportsTable
    from bridge.adapters.events_topic import EventsTopic
    from bridge.adapters.gateways import Gateways
    from bridge.adapters.hook_sources_table import HookSourcesTable
    from bridge.adapters.journal_bucket import JournalBucket
    from bridge.adapters.messages_table import MessagesTable
    from bridge.adapters.opt_outs_table import OptOutsTable
    from bridge.adapters.pace_table import PaceTable
    from bridge.adapters.send_queue import SendQueue
    from bridge.adapters.send_schedules import SendSchedules
    from bridge.adapters.webhook_client import PublicWebhookClient
    from bridge.adapters.webhooks_table import DeliveriesTable, WebhookEndpointsTable
    from bridge.services.allowing import Allowing
    from bridge.services.attending import Attending
    from bridge.services.authorizing import Authorizing
    from bridge.services.balancing import Balancing
    from bridge.services.batching import Batching
    from bridge.services.calling_back import CallingBack
    from bridge.services.configuring import Configuring
    from bridge.services.delivering import Delivering
    from bridge.services.dispatching import Dispatching
    from bridge.services.drafting import Drafting
    from bridge.services.estimating import Estimating
    from bridge.services.fanning_out import FanningOut
    from bridge.services.finding import Finding
    from bridge.services.opting_out import OptingOut
    from bridge.services.publishing import Publishing
    from bridge.services.pulling import Pulling
    from bridge.services.queueing import Queueing
    from bridge.services.receiving import Receiving
    from bridge.services.recognizing import Recognizing
    from bridge.services.reconciling import Reconciling
    from bridge.services.replaying import Replaying
    from bridge.services.sending import Sending
    from bridge.services.statistics import Statistics
    from bridge.services.submitting import Submitting
    from bridge.services.subscribing import Subscribing
    from bridge.services.sweeping import Sweeping
    from bridge.services.tracking import Tracking
    from bridge.services.twilio_sending import TwilioSending
    from bridge.services.unfolding import Unfolding
    from bridge.services.watching import Watching

# API Gateway ends a request after 29 s and the functions behind it after 28: a submit that nobody answers must
# still be recorded, and answered `unknown`, within that.
_LONGEST_CALL: Final = 22.0
_SNS_TIMEOUT: Final = 5.0  # seconds for each step of fetching a certificate, once in a process's life


@cache
def settings() -> Settings:
    """The stack's settings. Raises SettingsError, which names all that is missing."""
    return Settings.from_env(os.environ)


def public_url() -> str:
    """The API's address where API Gateway does not know it; empty where it does."""
    return os.environ.get("PUBLIC_URL", "")


def calls_are_signed() -> bool:
    """Whether IAM says who calls, and no authorizer: the parameter ApiAuthorization, and keys where there is none."""
    return os.environ.get("API_AUTHORIZATION") == "AWS_IAM"


@cache
def clock() -> SystemClock:
    """The clock."""
    return SystemClock()


@cache
def counters() -> EmfCounters:
    """The metrics; `bridge.handling` writes them out."""
    return EmfCounters()


@cache
def accounts() -> "AccountsSecret":
    """The gateway accounts."""
    from bridge.adapters.accounts_secret import AccountsSecret
    from bridge.adapters.aws import secretsmanager

    return AccountsSecret(secretsmanager(), settings().accounts_secret_arn, monotonic=clock().monotonic)


@cache
def checks() -> "Gateways":
    """The gateways behind the accounts, for those that only ask what a gateway would refuse."""
    from bridge.adapters.gateways import Gateways

    return Gateways(
        accounts(), clock=clock().now, monotonic=clock().monotonic, longest=_LONGEST_CALL, counters=counters()
    )


@cache
def gateway() -> "Gateways":
    """The gateways behind the accounts, for those that call them."""
    import eums.client  # noqa: F401 - it brings httpx: now, and not within the first call

    return checks()


@cache
def messages() -> "MessagesTable":
    """The messages."""
    from bridge.adapters.aws import dynamodb
    from bridge.adapters.messages_table import MessagesTable

    retention = timedelta(days=settings().message_retention_days)
    return MessagesTable(dynamodb(), settings().messages_table, retention=retention)


@cache
def batches() -> "BatchesTable":
    """The batches."""
    from bridge.adapters.aws import dynamodb
    from bridge.adapters.batches_table import BatchesTable

    retention = timedelta(days=settings().message_retention_days)
    return BatchesTable(dynamodb(), settings().messages_table, retention=retention)


@cache
def batch_bodies() -> "BatchBodiesBucket":
    """What the batches are to send."""
    from bridge.adapters.aws import s3
    from bridge.adapters.batch_bodies_bucket import BatchBodiesBucket

    return BatchBodiesBucket(s3(), settings().journal_bucket)


@cache
def early_reports() -> "EarlyReportsTable":
    """The reports that wait for their message."""
    from bridge.adapters.aws import dynamodb
    from bridge.adapters.early_reports_table import EarlyReportsTable

    retention = timedelta(days=settings().message_retention_days)
    return EarlyReportsTable(dynamodb(), settings().messages_table, retention=retention)


@cache
def opt_outs() -> "OptOutsTable":
    """The numbers that want no more messages."""
    from bridge.adapters.aws import dynamodb
    from bridge.adapters.opt_outs_table import OptOutsTable

    return OptOutsTable(dynamodb(), settings().opt_outs_table)


@cache
def journal() -> "JournalBucket":
    """The journal."""
    from bridge.adapters.aws import s3
    from bridge.adapters.journal_bucket import JournalBucket

    return JournalBucket(s3(), settings().journal_bucket)


@cache
def topic() -> "EventsTopic":
    """The topic of all events."""
    from bridge.adapters.aws import sns
    from bridge.adapters.events_topic import EventsTopic

    return EventsTopic(sns, settings().events_topic_arn)


@cache
def send_queue() -> "SendQueue":
    """The queue of what is to be submitted."""
    from bridge.adapters.aws import sqs
    from bridge.adapters.send_queue import SendQueue

    return SendQueue(sqs, settings().send_queue_url)


@cache
def send_schedules() -> "SendSchedules":
    """The sends that wait for their time."""
    from bridge.adapters.aws import scheduler
    from bridge.adapters.send_schedules import SendSchedules

    return SendSchedules(
        scheduler,
        group=settings().schedule_group,
        queue_arn=settings().send_queue_arn,
        role_arn=settings().schedule_role_arn,
        dead_letters_arn=settings().schedule_dead_letter_queue_arn,
    )


@cache
def pace() -> "PaceTable":
    """The pace of the accounts."""
    from bridge.adapters.aws import dynamodb
    from bridge.adapters.pace_table import PaceTable

    return PaceTable(dynamodb(), settings().state_table)


@cache
def authorizing() -> "Authorizing":
    """For `functions/authorizer`."""
    from bridge.adapters.aws import dynamodb
    from bridge.adapters.clients_table import ClientsTable
    from bridge.services.authorizing import Authorizing

    return Authorizing(clients=ClientsTable(dynamodb(), settings().clients_table), clock=clock())


@cache
def standings() -> "RememberedStandings":
    """What holds for clients, where no authorizer is asked."""
    from bridge.adapters.aws import dynamodb
    from bridge.adapters.clients_table import ClientsTable, RememberedStandings

    return RememberedStandings(ClientsTable(dynamodb(), settings().clients_table), monotonic=clock().monotonic)


@cache
def allowing() -> "Allowing":
    """The clients' limits."""
    from bridge.adapters.aws import dynamodb
    from bridge.adapters.uses_table import UsesTable
    from bridge.services.allowing import Allowing

    return Allowing(uses=UsesTable(dynamodb(), settings().state_table), clock=clock(), counters=counters())


@cache
def recognizing() -> "Recognizing":
    """For the API's functions, where calls are signed."""
    from bridge.adapters.aws import dynamodb
    from bridge.adapters.clients_table import ClientsTable
    from bridge.services.recognizing import Recognizing

    return Recognizing(clients=ClientsTable(dynamodb(), settings().clients_table), clock=clock())


@cache
def sending() -> "Sending":
    """For `functions/messages`."""
    from bridge.services.sending import Sending

    return Sending(
        accounts=accounts(),
        gateway=gateway(),
        messages=messages(),
        submitting=submitting(),
        queue=send_queue(),
        schedules=send_schedules(),
        allowing=allowing(),
        clock=clock(),
        new_id=new_ulid,
        counters=counters(),
    )


@cache
def twilio_sending() -> "TwilioSending":
    """For `functions/twilio`."""
    from bridge.services.twilio_sending import TwilioSending

    return TwilioSending(
        sending=sending(),
        opt_outs=opt_outs(),
        counters=counters(),
        allow_loopback=settings().allow_loopback_webhooks,
    )


@cache
def submitting() -> "Submitting":
    """What sends and queues share."""
    from bridge.services.submitting import Submitting

    return Submitting(
        accounts=accounts(),
        gateway=gateway(),
        messages=messages(),
        opt_outs=opt_outs(),
        topic=topic(),
        clock=clock(),
        new_id=new_ulid,
        counters=counters(),
        longest_call=_LONGEST_CALL,
    )


@cache
def dispatching() -> "Dispatching":
    """Queued messages, one by one."""
    from bridge.services.dispatching import Dispatching

    return Dispatching(
        messages=messages(), submitting=submitting(), clock=clock(), new_id=new_ulid, counters=counters()
    )


@cache
def batching() -> "Batching":
    """For `functions/batches`."""
    from bridge.services.batching import Batching

    return Batching(
        accounts=accounts(),
        gateway=checks(),
        batches=batches(),
        bodies=batch_bodies(),
        queue=send_queue(),
        allowing=allowing(),
        clock=clock(),
        new_id=new_ulid,
        counters=counters(),
    )


@cache
def unfolding() -> "Unfolding":
    """Accepted batches, on their way."""
    from bridge.services.unfolding import Unfolding

    return Unfolding(
        accounts=accounts(),
        batches=batches(),
        bodies=batch_bodies(),
        messages=messages(),
        queue=send_queue(),
        pace=pace(),
        dispatching=dispatching(),
        clock=clock(),
        counters=counters(),
        longest_call=_LONGEST_CALL,
    )


@cache
def queueing() -> "Queueing":
    """For `functions/submit`."""
    from bridge.services.queueing import Queueing

    return Queueing(
        accounts=accounts(),
        messages=messages(),
        dispatching=dispatching(),
        unfolding=unfolding(),
        queue=send_queue(),
        pace=pace(),
        clock=clock(),
        counters=counters(),
        longest_call=_LONGEST_CALL,
    )


@cache
def estimating() -> "Estimating":
    """For `functions/messages`."""
    from bridge.services.estimating import Estimating

    return Estimating(accounts=accounts(), gateway=checks())


@cache
def finding() -> "Finding":
    """For `functions/messages`."""
    from bridge.adapters.aws import dynamodb
    from bridge.adapters.message_lists_table import MessageListsTable
    from bridge.services.finding import Finding

    return Finding(
        accounts=accounts(),
        messages=messages(),
        lists=MessageListsTable(dynamodb(), settings().messages_table, find=messages().find),
        clock=clock(),
    )


@cache
def balancing() -> "Balancing":
    """For `functions/account`."""
    from bridge.services.balancing import Balancing

    return Balancing(accounts=accounts(), gateway=gateway(), clock=clock())


@cache
def statistics() -> "Statistics":
    """For `functions/account`."""
    from bridge.adapters.aws import dynamodb
    from bridge.adapters.state_table import StatisticsCache, StatisticsSlots
    from bridge.services.statistics import Statistics

    table = settings().state_table
    return Statistics(
        accounts=accounts(),
        gateway=gateway(),
        slots=StatisticsSlots(dynamodb(), table),
        cache=StatisticsCache(dynamodb(), table),
        clock=clock(),
        counters=counters(),
    )


@cache
def pulling() -> "Pulling":
    """For `functions/pull`."""
    from bridge.adapters.aws import dynamodb, sqs
    from bridge.adapters.publish_queue import PublishQueue
    from bridge.adapters.state_table import PullLeases
    from bridge.services.pulling import Pulling

    return Pulling(
        accounts=accounts(),
        gateway=gateway(),
        leases=PullLeases(dynamodb(), settings().state_table),
        journal=journal(),
        pointers=PublishQueue(sqs(), settings().publish_queue_url),
        topic=topic(),
        clock=clock(),
        new_id=new_ulid,
        counters=counters(),
        pause=settings().pull_seconds,
    )


@cache
def publishing() -> "Publishing":
    """For `functions/publish`."""
    from bridge.services.publishing import Publishing

    return Publishing(accounts=accounts(), journal=journal(), messages=messages(), topic=topic(), counters=counters())


@cache
def sweeping() -> "Sweeping":
    """For `functions/sweep`."""
    from bridge.adapters.aws import dynamodb, sqs
    from bridge.adapters.publish_queue import PublishQueue
    from bridge.adapters.state_table import JournalSweeps
    from bridge.services.sweeping import Sweeping

    return Sweeping(
        accounts=accounts(),
        journal=journal(),
        pointers=PublishQueue(sqs(), settings().publish_queue_url),
        sweeps=JournalSweeps(dynamodb(), settings().state_table),
        clock=clock(),
        counters=counters(),
    )


@cache
def tracking() -> "Tracking":
    """For `functions/track`."""
    from bridge.services.tracking import Tracking

    return Tracking(accounts=accounts(), messages=messages(), early=early_reports(), clock=clock(), counters=counters())


@cache
def attending() -> "Attending":
    """For `functions/attend`."""
    from bridge.adapters.aws import dynamodb
    from bridge.adapters.state_table import WalkProgress
    from bridge.services.attending import Attending

    return Attending(
        accounts=accounts(),
        messages=messages(),
        early=early_reports(),
        progress=WalkProgress(dynamodb(), settings().state_table),
        topic=topic(),
        queue=send_queue(),
        clock=clock(),
        counters=counters(),
    )


@cache
def watching() -> "Watching":
    """For `functions/watch`."""
    from bridge.adapters.aws import dynamodb
    from bridge.adapters.submit_times import SubmitTimes
    from bridge.adapters.watches_table import WatchesTable
    from bridge.services.watching import Watching

    return Watching(
        accounts=accounts(),
        balancing=balancing(),
        watches=WatchesTable(dynamodb(), settings().state_table),
        submits=SubmitTimes(dynamodb(), settings().messages_table),
        messages=messages(),
        topic=topic(),
        clock=clock(),
        counters=counters(),
        threshold=settings().low_balance_threshold,
        low_hours=settings().low_balance_hours,
        report_gap=timedelta(minutes=settings().report_gap_minutes),
    )


@cache
def reconciling() -> "Reconciling":
    """For `functions/reconcile`."""
    from bridge.adapters.aws import dynamodb
    from bridge.adapters.day_counts_table import DayCountsTable
    from bridge.adapters.state_table import Reconciliations
    from bridge.adapters.watches_table import WatchesTable
    from bridge.services.reconciling import Reconciling

    return Reconciling(
        accounts=accounts(),
        statistics=statistics(),
        counts=DayCountsTable(dynamodb(), settings().messages_table),
        watches=WatchesTable(dynamodb(), settings().state_table),
        reconciliations=Reconciliations(dynamodb(), settings().state_table),
        topic=topic(),
        clock=clock(),
        counters=counters(),
    )


@cache
def opting_out() -> "OptingOut":
    """For `functions/opt_outs` and `functions/track`."""
    from bridge.services.opting_out import OptingOut

    return OptingOut(
        accounts=accounts(),
        keywords=lambda account: accounts().policy(account).opt_out_keywords,
        opt_outs=opt_outs(),
        clock=clock(),
        counters=counters(),
    )


@cache
def hook_sources() -> "HookSourcesTable":
    """The hook sources."""
    from bridge.adapters.aws import dynamodb
    from bridge.adapters.hook_sources_table import HookSourcesTable

    return HookSourcesTable(dynamodb(), settings().webhooks_table)


@cache
def drafting() -> "Drafting":
    """What hook sources make of what comes."""
    from bridge.services.drafting import Drafting

    return Drafting(accounts=accounts(), gateway=checks())


@cache
def configuring() -> "Configuring":
    """For `functions/hook_sources`."""
    from bridge.services.configuring import Configuring

    return Configuring(sources=hook_sources(), accounts=accounts(), drafting=drafting(), clock=clock())


@cache
def receiving() -> "Receiving":
    """For `functions/hooks`."""
    import httpx

    from bridge.adapters.aws import dynamodb
    from bridge.adapters.hook_sources_table import HookUsesTable
    from bridge.adapters.sns_signatures import SnsSignatures
    from bridge.services.receiving import Receiving

    return Receiving(
        sources=hook_sources(),
        uses=HookUsesTable(dynamodb(), settings().webhooks_table),
        clients=standings(),
        signatures=SnsSignatures(httpx.Client(timeout=_SNS_TIMEOUT, follow_redirects=False, trust_env=False)),
        drafting=drafting(),
        sending=sending(),
        clock=clock(),
        counters=counters(),
    )


@cache
def webhook_endpoints() -> "WebhookEndpointsTable":
    """Where events are delivered to."""
    from bridge.adapters.aws import dynamodb
    from bridge.adapters.webhooks_table import WebhookEndpointsTable

    return WebhookEndpointsTable(dynamodb(), settings().webhooks_table)


@cache
def deliveries() -> "DeliveriesTable":
    """What was delivered."""
    from bridge.adapters.aws import dynamodb
    from bridge.adapters.webhooks_table import DeliveriesTable

    return DeliveriesTable(dynamodb(), settings().webhooks_table)


@cache
def deliver_queue() -> "DeliverQueue":
    """The queue of what is to be delivered."""
    from bridge.adapters.aws import sqs
    from bridge.adapters.deliver_queue import DeliverQueue

    return DeliverQueue(sqs(), settings().deliver_queue_url, settings().deliver_dead_letter_queue_url)


@cache
def webhook_client() -> "PublicWebhookClient":
    """What posts the deliveries."""
    from bridge.adapters.webhook_client import PublicWebhookClient

    return PublicWebhookClient(allow_loopback=settings().allow_loopback_webhooks)


@cache
def fanning_out() -> "FanningOut":
    """For `functions/fan_out`."""
    from bridge.services.fanning_out import FanningOut

    return FanningOut(
        endpoints=webhook_endpoints(),
        queue=deliver_queue(),
        calling_back=calling_back(),
        clients=standings(),
        counters=counters(),
    )


@cache
def calling_back() -> "CallingBack":
    """Status callbacks, for `functions/fan_out`."""
    from bridge.adapters.aws import dynamodb
    from bridge.adapters.callbacks_table import CallbacksTable
    from bridge.services.calling_back import CallingBack

    callbacks = CallbacksTable(dynamodb(), settings().messages_table)
    return CallingBack(callbacks=callbacks, endpoints=webhook_endpoints(), clock=clock())


@cache
def delivering() -> "Delivering":
    """For `functions/deliver`."""
    from bridge.adapters.aws import dynamodb
    from bridge.adapters.callbacks_table import AuthTokensTable
    from bridge.services.delivering import Delivering

    return Delivering(
        endpoints=webhook_endpoints(),
        deliveries=deliveries(),
        queue=deliver_queue(),
        client=webhook_client(),
        tokens=AuthTokensTable(dynamodb(), settings().webhooks_table),
        topic=topic(),
        clock=clock(),
        counters=counters(),
        chance=secrets.SystemRandom().random,
    )


@cache
def subscribing() -> "Subscribing":
    """For `functions/webhook_endpoints`."""
    from bridge.services.subscribing import Subscribing

    return Subscribing(
        accounts=accounts(),
        endpoints=webhook_endpoints(),
        client=webhook_client(),
        clock=clock(),
        new_id=new_ulid,
        randomness=secrets.token_bytes,
        allow_loopback=settings().allow_loopback_webhooks,
    )


@cache
def replaying() -> "Replaying":
    """For `functions/webhook_endpoints`."""
    from bridge.services.replaying import Replaying

    return Replaying(subscribing=subscribing(), deliveries=deliveries(), queue=deliver_queue())
