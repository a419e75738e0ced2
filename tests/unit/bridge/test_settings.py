import pytest

from bridge.settings import Settings, SettingsError

COMPLETE = {
    "MESSAGES_TABLE": "messages",
    "STATE_TABLE": "state",
    "CLIENTS_TABLE": "clients",
    "OPT_OUTS_TABLE": "opt-outs",
    "WEBHOOKS_TABLE": "webhooks",
    "JOURNAL_BUCKET": "journal",
    "PUBLISH_QUEUE_URL": "https://queue",
    "SEND_QUEUE_URL": "https://send",
    "SEND_QUEUE_ARN": "arn:send",
    "SCHEDULE_GROUP": "sends",
    "SCHEDULE_ROLE_ARN": "arn:role",
    "SCHEDULE_DEAD_LETTER_QUEUE_ARN": "arn:dead",
    "DELIVER_QUEUE_URL": "https://deliver",
    "DELIVER_DEAD_LETTER_QUEUE_URL": "https://deliver-dead",
    "ALLOW_LOOPBACK_WEBHOOKS": "false",
    "EVENTS_TOPIC_ARN": "arn:topic",
    "ACCOUNTS_SECRET_ARN": "arn:secret",
    "PULL_SECONDS": "2",
    "LOW_BALANCE_THRESHOLD": "1000",
    "LOW_BALANCE_HOURS": "24",
    "REPORT_GAP_MINUTES": "30",
    "MESSAGE_RETENTION_DAYS": "30",
}


def test_complete() -> None:
    settings = Settings.from_env({**COMPLETE, "OTHER": "x"})

    assert (settings.messages_table, settings.pull_seconds, settings.message_retention_days) == ("messages", 2.0, 30)


def test_every_problem_is_named_at_once() -> None:
    environment = {**COMPLETE, "PULL_SECONDS": "soon", "LOW_BALANCE_THRESHOLD": "-1", "MESSAGES_TABLE": ""}
    del environment["STATE_TABLE"]

    with pytest.raises(SettingsError) as caught:
        Settings.from_env(environment)

    assert [problem.split()[0] for problem in caught.value.problems] == [
        "MESSAGES_TABLE",
        "STATE_TABLE",
        "PULL_SECONDS",
        "LOW_BALANCE_THRESHOLD",
    ]


@pytest.mark.parametrize("raw", ["True", "yes", "1", "no", " false"])
def test_loopback_is_allowed_by_one_word_only(raw: str) -> None:
    assert Settings.from_env({**COMPLETE, "ALLOW_LOOPBACK_WEBHOOKS": "true"}).allow_loopback_webhooks is True
    assert Settings.from_env(COMPLETE).allow_loopback_webhooks is False
    with pytest.raises(SettingsError):
        Settings.from_env({**COMPLETE, "ALLOW_LOOPBACK_WEBHOOKS": raw})


def test_nan_is_no_pause() -> None:
    with pytest.raises(SettingsError):
        Settings.from_env({**COMPLETE, "PULL_SECONDS": "nan"})
