"""Makes a queue with the events that one wants, or brings it up to date; with --remove, removes it."""

import argparse
import json
import os
import sys
from typing import Any

import boto3

FOURTEEN_DAYS = 14 * 24 * 60 * 60  # seconds, the most
EVENT_TYPES = ["sms.message.delivered", "sms.message.undelivered"]


class OwnQueue:
    """A queue, its dead-letter queue, and the subscription of the queue to the bridge's topic."""

    def __init__(self, name: str, topic_arn: str) -> None:
        """Nothing is asked yet."""
        self._name = name
        self._topic_arn = topic_arn
        self._sqs = boto3.client("sqs")
        self._sns = boto3.client("sns")

    def make(self, filter_policy: dict[str, list[str]]) -> str:
        """Make it, or change it to this; return the queue's URL."""
        _, dead_arn = self._queue(f"{self._name}-dead-letters", {})
        # Received five times and never deleted, a message is put aside there.
        redrive = json.dumps({"deadLetterTargetArn": dead_arn, "maxReceiveCount": 5})
        url, arn = self._queue(self._name, {"VisibilityTimeout": "60", "RedrivePolicy": redrive})
        wanted = {
            "RawMessageDelivery": "true",  # the body is the event itself, not SNS's envelope of it
            "FilterPolicy": json.dumps(filter_policy),
            "RedrivePolicy": json.dumps({"deadLetterTargetArn": dead_arn}),
        }
        standing = self._subscription(arn)
        if standing is None:
            self._sns.subscribe(TopicArn=self._topic_arn, Protocol="sqs", Endpoint=arn, Attributes=wanted)
        else:
            for name, value in wanted.items():
                self._sns.set_subscription_attributes(
                    SubscriptionArn=standing, AttributeName=name, AttributeValue=value
                )
        return url

    def remove(self) -> None:
        """Remove it; what is in its queues is lost. Removing it again does nothing."""
        for name in (self._name, f"{self._name}-dead-letters"):
            try:
                url = self._sqs.get_queue_url(QueueName=name)["QueueUrl"]
            except self._sqs.exceptions.QueueDoesNotExist:
                continue
            standing = self._subscription(self._arn(url))
            if standing is not None:
                self._sns.unsubscribe(SubscriptionArn=standing)
            self._sqs.delete_queue(QueueUrl=url)

    def _queue(self, name: str, attributes: dict[Any, str]) -> tuple[str, str]:
        """A queue to which the topic may send: its URL and ARN."""
        # Without attributes it is no error that there is one already.
        url = self._sqs.create_queue(QueueName=name)["QueueUrl"]
        arn = self._arn(url)
        policy = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": "sns.amazonaws.com"},  # in every partition
                    "Action": "sqs:SendMessage",
                    "Resource": arn,
                    "Condition": {"ArnEquals": {"aws:SourceArn": self._topic_arn}},
                }
            ],
        }
        standard: dict[Any, str] = {
            "SqsManagedSseEnabled": "true",  # SNS cannot send to a queue that is encrypted with alias/aws/sqs
            "MessageRetentionPeriod": str(FOURTEEN_DAYS),
            "Policy": json.dumps(policy),
        }
        self._sqs.set_queue_attributes(QueueUrl=url, Attributes={**standard, **attributes})
        return url, arn

    def _arn(self, url: str) -> str:
        return self._sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]

    def _subscription(self, queue_arn: str) -> str | None:
        pages = self._sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=self._topic_arn)
        found = (each for page in pages for each in page["Subscriptions"] if each["Endpoint"] == queue_arn)
        return next((each["SubscriptionArn"] for each in found), None)


def main() -> int:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("name", help="the queue's name")
    parser.add_argument("--topic-arn", default=os.environ.get("TOPIC_ARN"), help="the bridge's output EventsTopicArn")
    parser.add_argument("--client", action="append", help="only events of this client; may be repeated")
    parser.add_argument("--event-type", action="append", help=f"only these; may be repeated; else {EVENT_TYPES}")
    parser.add_argument("--remove", action="store_true", help="remove the queue and what is in it")
    given = parser.parse_args()
    if not given.topic_arn:
        parser.error("TOPIC_ARN is not set: the bridge's output EventsTopicArn")
    queue = OwnQueue(given.name, given.topic_arn)
    if given.remove:
        queue.remove()
        return 0
    filter_policy = {"event_type": given.event_type or EVENT_TYPES}
    if given.client:
        filter_policy["client"] = given.client
    print(queue.make(filter_policy))
    return 0


if __name__ == "__main__":
    sys.exit(main())
