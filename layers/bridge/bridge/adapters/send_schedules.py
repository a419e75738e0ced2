"""Schedules of EventBridge: one for each message that waits for its time, named by it, gone once it has come."""

import contextlib
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

from bridge.domain.work import MessageWork

if TYPE_CHECKING:
    from collections.abc import Callable

    from mypy_boto3_scheduler import EventBridgeSchedulerClient

_TO_THE_SECOND: Final = timedelta(seconds=1) - timedelta.resolution


class SendSchedules:
    """`bridge.ports.Schedules` on EventBridge Scheduler, whose target is SendQueue.

    The scheduler starts what is due within the minute after it, so a message may be a minute late, and never early.
    """

    def __init__(
        self,
        client: "Callable[[], EventBridgeSchedulerClient]",
        *,
        group: str,
        queue_arn: str,
        role_arn: str,
        dead_letters_arn: str,
    ) -> None:
        """Take the client as something to call: most sends need none.

        Args:
            client: of EventBridge Scheduler.
            group: name of the schedules' group.
            queue_arn: of SendQueue.
            role_arn: of the role with which the scheduler sends there.
            dead_letters_arn: of the queue for what it could not send.
        """
        self._client = client
        self._group = group
        self._queue_arn = queue_arn
        self._role_arn = role_arn
        self._dead_letters_arn = dead_letters_arn

    def create(self, message_id: str, at: datetime) -> None:
        """See `bridge.ports.Schedules`."""
        client = self._client()
        # Such a conflict is with our own, whose answer was lost: nobody else uses this id.
        with contextlib.suppress(client.exceptions.ConflictException):
            client.create_schedule(
                GroupName=self._group,
                Name=message_id,
                ScheduleExpression=f"at({(at.astimezone(UTC) + _TO_THE_SECOND):%Y-%m-%dT%H:%M:%S})",
                ScheduleExpressionTimezone="UTC",
                FlexibleTimeWindow={"Mode": "OFF"},
                ActionAfterCompletion="DELETE",
                Target={
                    "Arn": self._queue_arn,
                    "RoleArn": self._role_arn,
                    "Input": MessageWork(message_id=message_id).body(),
                    "DeadLetterConfig": {"Arn": self._dead_letters_arn},
                },
            )

    def delete(self, message_id: str) -> None:
        """See `bridge.ports.Schedules`."""
        client = self._client()
        # Not there: it has come, or somebody else was faster.
        with contextlib.suppress(client.exceptions.ResourceNotFoundException):
            client.delete_schedule(GroupName=self._group, Name=message_id)
