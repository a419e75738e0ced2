"""Marked numbers, texts and secrets go through every function and a thousand ways in which they fail.

Nothing of them may be in what is logged, counted or printed, nor where events and queues are open to others. What AWS
X-Ray is told needs no test: the functions add nothing to what active tracing records by itself, which are the names of
functions and services.
"""

import base64
import json
import re
from collections.abc import Iterator
from typing import Any, Final
from urllib.parse import quote

import httpx
from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped]  # it ships no types

from tests.canary import acts as plays
from tests.canary import faults, marks
from tests.canary.acts import Act, acts, learn_secret, prepare
from tests.canary.marks import Marks, Sort
from tests.canary.stage import FAULTS, ROOT, Answer, Stage, stage, taken

TEMPLATE: Final = (ROOT / "template.yaml").read_text(encoding="utf-8")
LEAST: Final = 1000
_MOST_CALLS: Final = 12  # of one act that fail, one after the other
EVERYTHING: Final = (Sort.NUMBER, Sort.TEXT, Sort.SECRET)
# Where an event says whom it is about, and what was answered.
_NUMBERS_IN_DATA: Final = {"to", "from"}
_TEXTS_IN_DATA: Final = {"text", "content_base64"}


def leaks(there: Stage, answer: Any) -> Iterator[str]:
    """What came out of the last path that must not."""
    search = there.marks.found
    said = there.said.getvalue()
    for mark in search(said, *EVERYTHING):
        yield f"said: {mark}: {said[:2000]}"
    for entry in there.published:
        event = json.loads(entry["Message"])
        data = event.pop("data")
        open_to_all = json.dumps([entry.get("MessageAttributes"), event], ensure_ascii=False)
        yield from (f"envelope: {mark}" for mark in search(open_to_all, *EVERYTHING))
        secret = json.dumps(
            {name: value for name, value in data.items() if name not in _NUMBERS_IN_DATA | _TEXTS_IN_DATA},
            ensure_ascii=False,
        )
        yield from (f"data of {event['type']}: {mark}" for mark in search(secret, *EVERYTHING))
        yield from (f"data of {event['type']}: {mark}" for mark in search(entry["Message"], Sort.SECRET))
    for where, body in there.queued:
        # A delivery takes its event with it; what a pull brought goes through the queue where the journal refuses.
        open_to_all = body.partition("\n")[0] if where.endswith("/deliver") else body
        if '"body_base64"' not in open_to_all:
            yield from (f"{where}: {mark}" for mark in search(open_to_all, *EVERYTHING))
        yield from (f"{where}: {mark}" for mark in search(body, Sort.SECRET))
    if isinstance(answer, dict) and "statusCode" in answer:
        shown = json.dumps([answer["body"], answer.get("headers"), answer.get("multiValueHeaders")], ensure_ascii=False)
        hidden = (Sort.SECRET,) if answer["statusCode"] < 400 else EVERYTHING
        yield from (f"answer {answer['statusCode']}: {mark}: {shown[:300]}" for mark in search(shown, *hidden))


class Paths:
    """Counts the ways that were gone, and what leaked on them."""

    def __init__(self, there: Stage) -> None:
        self.there = there
        self.gone: set[str] = set()
        self.leaked: list[str] = []

    def go(self, name: str, function: str, event: Any, entry: str = "handler") -> Any:
        """One of them."""
        answer = self.there.invoke(function, event, entry=entry)
        self.look(name, answer)
        return answer

    def look(self, name: str, answer: Any) -> None:
        self.gone.add(name)
        if isinstance(answer, dict) and answer.get("statusCode") in (200, 201) and '"secret"' in answer["body"]:
            shown = json.loads(answer["body"])
            learn_secret(self.there, shown)
            answer = {**answer, "body": ""}
        self.leaked += [f"{name}: {leak}" for leak in leaks(self.there, answer)]


def calls_that_fail(paths: Paths, there: Stage, act: Act) -> None:
    """An act with each of the calls of AWS that it makes failing, in each way."""
    there.begin_path()
    paths.look(f"{act.name} as it should be", act.play(there))
    for how in FAULTS:
        for number in range(_MOST_CALLS):
            there.begin_path()
            there.fail_at = number, how
            answer = act.play(there)
            if not there.failed:
                break
            paths.look(f"{act.name}: {there.failed}", answer)


def gateways_that_fail(paths: Paths, there: Stage, by_name: dict[str, Act]) -> None:
    for name in ("send", "submit", "twilio send", "balance", "statistics", "pull reports", "pull inbound", "watch"):
        act = by_name[name]
        for fault, answer in faults.gateway_faults():
            there.begin_path()
            there.gateway = answer if "pull" not in name else _for_one_pull(answer)
            made = there.invoke(act.function, act.event(), entry=act.entry)
            paths.look(f"{name}: {fault}", made)
            for body in there.queue_of("publish"):
                there.begin_path()
                paths.go(f"{name}: {fault}: published", "publish", plays.records(body))


def _for_one_pull(answer: Answer) -> Answer:
    answers = [answer]

    def first(called: str, asked: dict[str, str]) -> httpx.Response:
        return (answers.pop() if answers else taken)(called, asked)

    return first


def requests_that_are_wrong(paths: Paths, there: Stage) -> None:
    for function, method, path in faults.ROUTES:
        for name, body in faults.BODIES.items():
            there.begin_path()
            paths.go(f"{method} {path}: {name}", function, plays.call(method, path, body))
    for name, body in faults.BODIES.items():
        there.begin_path()
        paths.go(f"hook: {name}", "hooks", plays.hook(body=body))


def messages_that_are_wrong(paths: Paths, there: Stage) -> None:
    for function in faults.QUEUES:
        for name, body in faults.LINES.items():
            for receives in (1, 9):
                there.begin_path()
                paths.go(f"{function}: {name} {receives}", function, plays.records(body, receives=receives))


def webhooks_that_fail(paths: Paths, there: Stage, made: dict[str, str]) -> None:
    for name, answer in faults.WEBHOOK_ANSWERS.items():
        for function, event in (
            ("deliver", plays.records(made["delivery"])),
            ("webhook_endpoints", plays.call("POST", f"/webhook-endpoints/{made['endpoint']}/test")),
        ):
            there.begin_path()
            there.webhook_answer = answer
            paths.go(f"{function}: {name}", function, event)


def test_a_thousand_errors_say_nothing() -> None:
    with stage() as there:
        made = prepare(there)
        paths = Paths(there)
        every = acts(made)
        for act in every:
            calls_that_fail(paths, there, act)
        gateways_that_fail(paths, there, {act.name: act for act in every})
        requests_that_are_wrong(paths, there)
        messages_that_are_wrong(paths, there)
        webhooks_that_fail(paths, there, made)

    assert paths.leaked == []
    assert len(paths.gone) >= LEAST


def test_at_any_level_the_libraries_are_heard_from_warnings_on_alone() -> None:
    # Lambda sets the root logger's level, and with it that of botocore and httpx, which log bodies and addresses, only
    # where a function logs as JSON by its own setting. LogLevel is that of our own logger.
    assert "LogFormat" not in TEMPLATE
    assert "ApplicationLogLevel" not in TEMPLATE


def test_no_secret_is_in_the_environment() -> None:
    whole = yaml_parse(TEMPLATE)
    functions = [
        resource for resource in whole["Resources"].values() if resource["Type"] == "AWS::Serverless::Function"
    ]
    each = [
        place.get("Environment", {}) for place in (whole["Globals"]["Function"], *(f["Properties"] for f in functions))
    ]
    variables = [name for environment in each for name in environment.get("Variables", {})]

    assert len(variables) > 20
    assert not [name for name in variables if re.search("PASSWORD|TOKEN|AES|CREDENTIAL|_KEY|SECRET(?!_ARN)", name)]


def test_marks_are_found_in_whatever_form() -> None:
    there = Marks()
    for mark in (marks.TO, marks.TEXT, marks.PASSWORD, marks.AES_KEY):
        wide = mark.encode("utf-16-be")
        for said in (
            f"x{mark}y",
            repr({"a": mark.encode()}),
            json.dumps({"a": mark}),
            quote(f"a b{mark}"),
            mark.encode().hex().upper(),
            wide.hex(),
            *(
                base64.b64encode(b"." * before + each + b"..").decode()
                for before in range(3)
                for each in (mark.encode(), wide)
            ),
        ):
            assert any(there.found(said, *Sort)), said
    assert not any(there.found("13912345678 nothing of the kind", *Sort))
