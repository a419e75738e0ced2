"""What the stack tells the functions, read once from the environment."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Final, Self


class SettingsError(Exception):
    """Variables that are missing or bad, all of them."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("the environment is not complete: " + "; ".join(problems))
        self.problems = tuple(problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Names of the stack's resources and its parameters; template.yaml sets them all, for every function."""

    messages_table: str
    state_table: str
    clients_table: str
    opt_outs_table: str
    webhooks_table: str
    journal_bucket: str
    publish_queue_url: str
    send_queue_url: str
    send_queue_arn: str
    schedule_group: str  # of the sends that wait for their time
    schedule_role_arn: str  # with which the scheduler points SendQueue to them
    schedule_dead_letter_queue_arn: str
    deliver_queue_url: str
    deliver_dead_letter_queue_url: str
    allow_loopback_webhooks: bool  # whether webhooks may go to this machine: where all of it is one
    events_topic_arn: str
    accounts_secret_arn: str
    pull_seconds: float  # pause between pulls that bring nothing
    low_balance_threshold: int  # messages
    low_balance_hours: float  # 0: a balance is not judged by how long it lasts
    report_gap_minutes: float  # 0: submits without a report are not looked for
    message_retention_days: int

    @classmethod
    def from_env(cls, environment: Mapping[str, str]) -> Self:
        """Read the upper-case names of the fields. Raises SettingsError, which names every problem at once."""
        problems: list[str] = []
        values: dict[str, Any] = {}
        for field in fields(cls):
            name = field.name.upper()
            raw = environment.get(name, "")
            if not raw:
                problems.append(f"{name} is missing")
                continue
            try:
                values[field.name] = _READ[field.type](raw)
            except ValueError:
                problems.append(f"{name} must be {_WANTED[field.type]}")
        if problems:
            raise SettingsError(problems)
        return cls(**values)


def _positive(read: Callable[[str], float]) -> Callable[[str], float]:
    def positive(raw: str) -> float:
        value = read(raw)
        if not value >= 0:
            raise ValueError
        return value

    return positive


def _true(raw: str) -> bool:
    if raw not in {"true", "false"}:
        raise ValueError
    return raw == "true"


_READ: Final[Mapping[object, Callable[[str], object]]] = {
    str: str,
    float: _positive(float),
    int: _positive(int),
    bool: _true,
}
_WANTED: Final[Mapping[object, str]] = {
    float: "a number that is not negative",
    int: "a whole number, not negative",
    bool: "true or false",
}
