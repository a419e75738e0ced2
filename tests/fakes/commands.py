"""The command line called from a test, and an API that says what the test wants."""

import json
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import httpx


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """Stdout, which must be one JSON document and nothing else."""
        return json.loads(self.out)


@dataclass(frozen=True)
class Cli:
    """Calls a command; `expect` is the exit code it must have."""

    call: Callable[..., tuple[int, str, str]]

    def __call__(self, *arguments: str, expect: int = 0, stdin: str = "") -> Done:
        done = Done(*self.call(*arguments, stdin=stdin))
        assert done.code == expect, f"{arguments} ended with {done.code}:\n{done.out}\n{done.err}"
        assert "Traceback" not in done.err
        return done


@dataclass
class StubApi:
    """Gives the answers of `answers`, the last one again and again; an exception is raised."""

    answers: list[httpx.Response | BaseException] = field(default_factory=list)
    requests: list[httpx.Request] = field(default_factory=list)
    pauses: list[float] = field(default_factory=list)

    def will(self, *answers: httpx.Response | BaseException) -> None:
        self.answers = list(answers)

    def respond(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, BaseException):
            raise answer
        # A response is read once: whoever gets it again gets another.
        return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

    @property
    def bodies(self) -> list[Any]:
        return [json.loads(request.content) for request in self.requests]


def problem(status: int, kind: str, **members: Any) -> httpx.Response:
    body = {"type": f"urn:eums-bridge:problem:{kind}", "title": kind.title(), "status": status, "detail": "Because."}
    return httpx.Response(status, json=body | members, headers={"content-type": "application/problem+json"})


def message(*statuses: str, **members: Any) -> dict[str, Any]:
    """A message as the API shows it, with a recipient a status."""
    recipients = [{"to": f"+8613812345{number:03d}", "status": status} for number, status in enumerate(statuses)]
    return {
        "id": "01JDCKQ3V9T4M3W5Y8Z7N6P2QR",
        "status": statuses[0],
        "account": "default",
        "client_reference": None,
        "text": "【京东】您的验证码是123456",
        "estimated_segments": 1,
        "created_at": "2026-11-23T13:09:00+08:00",
        "recipients": recipients,
    } | members
