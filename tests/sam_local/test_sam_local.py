"""`sam local` for real: functions in containers, against the stack that runs on this machine."""

import json
import subprocess
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from local.places import PROJECT
from tests.sam_local.conftest import INVOKE_SECONDS, Sam

Submits = Callable[[str], list[dict[str, object]]]
TEXT = "【京东】您的验证码是123456"


def invoke(sam: Sam, function: str, event: str) -> Any:
    """What `sam local invoke` prints."""
    done = subprocess.run(  # noqa: S603 - SAM CLI, as installed by this project
        sam.command("invoke", function, "--event", PROJECT / "events" / f"{event}.json"),
        env=sam.environment(),
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=INVOKE_SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout, done.stderr
    return json.loads(done.stdout)


def test_an_invoked_function_sends_through_the_simulated_gateway(sam: Sam, submits: Submits) -> None:
    answer = invoke(sam, "MessagesFunction", "messages")

    assert answer["statusCode"] == 201
    message = json.loads(answer["body"])
    assert message["status"] == "submitted"
    assert message["id"] in {submit["reference"] for submit in submits("13812345678")}


def test_an_invoked_function_asks_the_gateway(sam: Sam) -> None:
    answer = invoke(sam, "AccountFunction", "account")

    assert (answer["statusCode"], json.loads(answer["body"])["account"]) == (200, "default")


def test_an_invoked_function_of_a_queue_takes_its_records(sam: Sam) -> None:
    assert invoke(sam, "TrackFunction", "track") == {"batchItemFailures": []}


def test_a_message_goes_through_the_local_api(api: httpx.Client, sam: Sam, submits: Submits) -> None:
    answer = api.post("/messages", json={"to": "13812340001", "text": TEXT, "client_reference": "by-sam-local"})

    assert answer.status_code == 201, answer.text
    message = answer.json()
    assert (message["status"], message["client_reference"]) == ("submitted", "by-sam-local")
    assert [submit["reference"] for submit in submits("13812340001")] == [message["id"]]
    # The deployed functions and the one in the container have one store.
    headers = {"Authorization": f"Bearer {sam.outputs.api_key}"}
    url = f"{sam.outputs.api_url}/messages/{message['id']}"
    assert httpx.get(url, headers=headers, timeout=60, trust_env=False).json()["id"] == message["id"]


def test_a_wrong_body_is_a_problem_of_the_local_api(api: httpx.Client) -> None:
    answer = api.post("/messages", json={"to": "1", "text": TEXT})

    assert answer.status_code == 422, answer.text
    assert answer.headers["content-type"].startswith("application/problem+json")
    assert [error["field"] for error in answer.json()["errors"]] == ["to[0]"]


@pytest.mark.parametrize("key", ["Bearer eb_nobody", None])
def test_nobody_comes_in_without_a_key(api: httpx.Client, key: str | None) -> None:
    headers = {"Authorization": key} if key else {"Authorization": ""}

    assert api.get("/balance", headers=headers).status_code in {401, 403}
