"""Events in queues: reading them, finding one's own, following all of them."""

import json
from collections.abc import Callable
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final, Protocol
from uuid import uuid4

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient
    from mypy_boto3_sqs import SQSClient

Event = dict[str, Any]
BATCH: Final = 10
WAIT_SECONDS = 2
_HELD_SECONDS = 20


class Messaging(Protocol):
    """An AWS as far as it matters here: `local.aws.Aws`, or the real one."""

    @property
    def sns(self) -> "SNSClient":
        """Topics."""

    @property
    def sqs(self) -> "SQSClient":
        """Queues."""


def take(
    sqs: "SQSClient", queue_url: str, matches: Callable[[Event], bool], *, wait_seconds: int = WAIT_SECONDS
) -> Event | None:
    """Look for an event, and take it, and nothing else, out of an application's queue."""
    found: Event | None = None
    for message in sqs.receive_message(
        QueueUrl=queue_url, MaxNumberOfMessages=BATCH, WaitTimeSeconds=wait_seconds, VisibilityTimeout=_HELD_SECONDS
    ).get("Messages", []):
        event: Event = json.loads(message["Body"])
        if found is None and matches(event):
            found = event
            sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
        else:  # somebody else's: theirs again, at once
            sqs.change_message_visibility(
                QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"], VisibilityTimeout=0
            )
    return found


class Tail:
    """A queue of our own on the topic: whoever looks on takes no event away from an application."""

    def __init__(self, aws: Messaging, topic_arn: str) -> None:
        """Subscribe; from here on every event is seen. What was half made is taken away again."""
        self._sqs = aws.sqs
        self._made = ExitStack()
        name = f"tail-{uuid4().hex[:12]}"
        created = aws.sqs.create_queue(QueueName=name, Attributes={"MessageRetentionPeriod": "3600"})
        self._url = created["QueueUrl"]
        self._made.callback(aws.sqs.delete_queue, QueueUrl=self._url)
        try:
            self._subscribe(aws, topic_arn)
        except BaseException:
            self.close()
            raise

    def _subscribe(self, aws: Messaging, topic_arn: str) -> None:
        asked = aws.sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=["QueueArn"])
        arn = asked["Attributes"]["QueueArn"]
        aws.sqs.set_queue_attributes(QueueUrl=self._url, Attributes={"Policy": _policy(arn, topic_arn)})
        subscription = aws.sns.subscribe(
            TopicArn=topic_arn,
            Protocol="sqs",
            Endpoint=arn,
            Attributes={"RawMessageDelivery": "true"},
            ReturnSubscriptionArn=True,
        )["SubscriptionArn"]
        self._made.callback(aws.sns.unsubscribe, SubscriptionArn=subscription)

    def next(self, wait_seconds: int = WAIT_SECONDS) -> list[Event]:
        """What came; perhaps nothing, after that many seconds."""
        messages = self._sqs.receive_message(
            QueueUrl=self._url, MaxNumberOfMessages=BATCH, WaitTimeSeconds=wait_seconds
        ).get("Messages", [])
        if messages:
            self._sqs.delete_message_batch(
                QueueUrl=self._url,
                Entries=[
                    {"Id": str(number), "ReceiptHandle": message["ReceiptHandle"]}
                    for number, message in enumerate(messages)
                ],
            )
        return [json.loads(message["Body"]) for message in messages]

    def close(self) -> None:
        """Unsubscribe, and delete the queue; the one also where the other fails."""
        self._made.close()


def _policy(queue_arn: str, topic_arn: str) -> str:
    return json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "sns.amazonaws.com"},
                    "Action": "sqs:SendMessage",
                    "Resource": queue_arn,
                    "Condition": {"ArnEquals": {"aws:SourceArn": topic_arn}},
                }
            ],
        }
    )
