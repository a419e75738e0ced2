"""What every handler stands in: a log with the request's context, metrics out at its end, faults in plain words."""

import functools
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from aws_lambda_powertools import Logger

from bridge import wiring
from bridge.domain.errors import AccountNotConfigured
from bridge.settings import SettingsError

Handler = Callable[[dict[str, Any], Any], Any]

logger = Logger()


class FunctionFailed(Exception):
    """An invocation failed: the kind and place of the error, for Lambda prints its text and hands it on."""


def handler(function: Handler) -> Handler:
    """Make a function a Lambda handler: the request's id in each log line, and the metrics written out at its end.

    The event is never logged: it holds numbers and texts. Nor is the text of an error, which may quote them: an error
    of AWS quotes what it was asked. Only those that say what the operator has to mend, and quote nothing, go on.
    """

    @functools.wraps(function)
    def handle(event: dict[str, Any], context: Any) -> Any:
        # API Gateway's id of the request, which problems name; null where something else started the function.
        logger.set_correlation_id((event.get("requestContext") or {}).get("requestId"))
        try:
            return function(event, context)
        except (SettingsError, AccountNotConfigured):
            raise
        except Exception as exc:  # noqa: BLE001 - whatever it is, see above
            raise FunctionFailed(f"{type(exc).__name__} at {place(exc)}") from None
        finally:
            wiring.counters().flush()

    return logger.inject_lambda_context(handle, log_event=False, clear_state=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class Record:
    """A message of a queue.

    Attributes:
        receives: how often it was handed out, this time included. Now and then SQS counts one too many.
        attributes: those of SNS that came along, of type String.
    """

    body: str
    receives: int
    attributes: Mapping[str, str] = field(default_factory=dict)


def each_record(
    event: dict[str, Any], work: Callable[[Record], object], *, at_once: int = 1
) -> dict[str, list[dict[str, str]]]:
    """Do `work` with each SQS record; those that fail go back to the queue, and only those.

    The answer is what `ReportBatchItemFailures` asks for:
    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html

    Args:
        event: of SQS.
        work: what is done.
        at_once: with how many records; from two on, each in a thread of its own.
    """

    def outcomes(records: list[Record]) -> list[object]:
        if at_once == 1:
            return [_outcome(work, record) for record in records]
        with ThreadPoolExecutor(at_once) as pool:
            return list(pool.map(partial(_outcome, work), records))

    return all_records(event, outcomes)


def all_records(
    event: dict[str, Any], work: Callable[[list[Record]], Sequence[object]]
) -> dict[str, list[dict[str, str]]]:
    """Do `work` with all SQS records together; it gives an outcome of each, an exception where that is to come again.

    The answer is that of `each_record`.
    """
    outcomes: dict[str, object] = {}
    records: dict[str, Record] = {}
    for given in event["Records"]:
        try:
            records[given["messageId"]] = _record(given)
        except Exception as exc:  # noqa: BLE001 - whatever is wrong with it, the others are done
            outcomes[given["messageId"]] = exc
    try:
        outcomes |= zip(records, work(list(records.values())), strict=True)
    except Exception as exc:  # noqa: BLE001 - whatever it is, nothing is known to be done
        outcomes |= dict.fromkeys(records, exc)
    failed = {name: outcome for name, outcome in outcomes.items() if isinstance(outcome, Exception)}
    for why in failed.values():
        # Its text may quote a body: only its kind and place are logged.
        logger.error("record failed", extra={"error": type(why).__name__, "at": place(why)})
    return {"batchItemFailures": [{"itemIdentifier": name} for name in failed]}


def _record(record: dict[str, Any]) -> Record:
    return Record(
        body=record["body"],
        receives=int(record["attributes"]["ApproximateReceiveCount"]),
        attributes=_texts(record.get("messageAttributes", {})),
    )


def _outcome(work: Callable[[Record], object], record: Record) -> object:
    try:
        return work(record)
    except Exception as exc:  # noqa: BLE001 - whatever it is, this record goes back and the others do not
        return exc


def _texts(attributes: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {name: value["stringValue"] for name, value in attributes.items() if value.get("stringValue")}


def place(error: BaseException) -> str:
    """Where an error was raised: file and line, without the text that it may quote."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "?"
