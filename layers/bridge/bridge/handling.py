"""What every handler stands in: a log with the request's context, metrics out at its end, faults in plain words."""

import functools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
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


def each_record(event: dict[str, Any], work: Callable[[Record], object]) -> dict[str, list[dict[str, str]]]:
    """Do `work` with each SQS record; those that fail go back to the queue, and only those.

    The answer is what `ReportBatchItemFailures` asks for:
    https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-errorhandling.html
    """
    return {"batchItemFailures": [{"itemIdentifier": name} for name in _failures(event["Records"], work)]}


def _failures(records: Iterable[dict[str, Any]], work: Callable[[Record], object]) -> Iterable[str]:
    for record in records:
        try:
            work(
                Record(
                    body=record["body"],
                    receives=int(record["attributes"]["ApproximateReceiveCount"]),
                    attributes=_texts(record.get("messageAttributes", {})),
                )
            )
        except Exception as exc:  # noqa: BLE001 - whatever it is, this record goes back and the others do not
            # Its text may quote a body: only its kind and place are logged.
            logger.error("record failed", extra={"error": type(exc).__name__, "at": place(exc)})  # noqa: TRY400
            yield record["messageId"]


def _texts(attributes: dict[str, dict[str, Any]]) -> dict[str, str]:
    return {name: value["stringValue"] for name, value in attributes.items() if value.get("stringValue")}


def place(error: BaseException) -> str:
    """Where an error was raised: file and line, without the text that it may quote."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    return f"{trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else "?"
