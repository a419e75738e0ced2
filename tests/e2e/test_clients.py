"""Clients that generators make of the OpenAPI document: each is built, and sends a message to the deployed stack.

What is generated is nowhere but in a folder of the tests. Each client does the same in its own way: it sends a message,
reads it back, sends to two numbers, lists what it sent, and gets a refusal as a problem with fields.
"""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from local.clients import Client
from local.places import PROJECT
from tests.e2e.deployed import Deployed

DESCRIPTION = PROJECT / "layers" / "bridge" / "bridge" / "api" / "openapi.json"
TSC = PROJECT / ".tools" / "node" / "node_modules" / ".bin" / "tsc"

# The generator says these of itself, whatever the document is.
OF_ITSELF = ("OpenAPI 3.1 support is still in beta", "Failed to get the schema name: null")

BY_OPENAPI_PYTHON_CLIENT = """\
import json, os

from eums_bridge_client import AuthenticatedClient
from eums_bridge_client.api.messages import get_message, list_messages, send_message
from eums_bridge_client.models import MessageResponse, MessagesResponse, MessageStatus, Problem, SendRequest

TEXT = "【京东】您的验证码是123456"
with AuthenticatedClient(base_url=os.environ["API"], token=os.environ["KEY"]) as client:
    first = SendRequest(to="13812345678", text=TEXT, client_reference="generated")
    sent = send_message.sync(client=client, body=first, idempotency_key="one")
    assert isinstance(sent, MessageResponse), sent
    assert sent.status is MessageStatus.SUBMITTED, sent
    again = send_message.sync_detailed(client=client, body=first, idempotency_key="one")
    assert again.parsed == sent and again.headers["Idempotent-Replayed"] == "true"
    two = send_message.sync(client=client, body=SendRequest(to=["13812345678", "13800001234"], text=TEXT))
    assert isinstance(two, MessageResponse) and len(two.recipients) == 2, two
    read = get_message.sync(sent.id, client=client)
    assert isinstance(read, MessageResponse) and read.created_at == sent.created_at, read
    page = list_messages.sync(client=client, client_reference="generated")
    assert isinstance(page, MessagesResponse), page
    refused = send_message.sync(client=client, body=SendRequest(to="19900000205", text=TEXT))
    assert isinstance(refused, Problem), refused
    wrong = send_message.sync(client=client, body=SendRequest(to="123", text=TEXT))
    assert isinstance(wrong, Problem) and wrong.errors, wrong
    print(json.dumps([sent.id, [each.id for each in page.items], refused.gateway_code, wrong.errors[0].field]))
"""

BY_OPENAPI_GENERATOR = """\
import json, os

from openapi_client import ApiClient, ApiException, Configuration, MessagesApi
from openapi_client.models import MessageStatus, Problem, SendRequest, SendRequestTo

TEXT = "【京东】您的验证码是123456"
with ApiClient(Configuration(host=os.environ["API"], access_token=os.environ["KEY"])) as client:
    messages = MessagesApi(client)
    first = SendRequest(to=SendRequestTo("13812345678"), text=TEXT, client_reference="generated")
    sent = messages.send_message(first, idempotency_key="one")
    assert sent.status is MessageStatus.SUBMITTED, sent
    again = messages.send_message_with_http_info(first, idempotency_key="one")
    assert again.data == sent and again.headers["Idempotent-Replayed"] == "true"
    two = messages.send_message(SendRequest(to=SendRequestTo(["13812345678", "13800001234"]), text=TEXT))
    assert len(two.recipients) == 2, two
    assert messages.get_message(sent.id).created_at == sent.created_at
    page = messages.list_messages(client_reference="generated")

    def refusal(to):
        try:
            messages.send_message(SendRequest(to=SendRequestTo(to), text=TEXT))
        except ApiException as error:
            assert isinstance(error.data, Problem), error
            return error.data

    refused, wrong = refusal("19900000205"), refusal("19900000109")
    print(json.dumps([sent.id, [each.id for each in page.items], refused.gateway_code, wrong.gateway_code]))
"""

# Compiled with the client, strictly: what it names has the type that it takes.
BY_TYPESCRIPT_FETCH = """\
import { Configuration, MessagesApi, MessageStatus, Problem, ProblemFromJSON, ResponseError } from "./client";

declare const process: { env: Record<string, string> };

const text = "【京东】您的验证码是123456";
const messages = new MessagesApi(
  new Configuration({ basePath: process.env.API, accessToken: process.env.KEY }),
);

async function refusal(to: string): Promise<Problem> {
  try {
    await messages.sendMessage({ sendRequest: { to, text } });
  } catch (error) {
    if (error instanceof ResponseError) return ProblemFromJSON(await error.response.json());
    throw error;
  }
  throw new Error("it was sent");
}

function check(holds: boolean, what: unknown): void {
  if (!holds) throw new Error(JSON.stringify(what));
}

async function main(): Promise<void> {
  const first = {
    sendRequest: { to: "13812345678", text, clientReference: "generated" },
    idempotencyKey: "one",
  };
  const sent = await messages.sendMessage(first);
  check(sent.status === MessageStatus.Submitted, sent);
  const again = await messages.sendMessageRaw(first);
  check(again.raw.headers.get("Idempotent-Replayed") === "true", again);
  const two = await messages.sendMessage({ sendRequest: { to: ["13812345678", "13800001234"], text } });
  check(two.recipients.length === 2, two);
  const read = await messages.getMessage({ id: sent.id });
  check(read.createdAt.getTime() === sent.createdAt.getTime(), read);
  const page = await messages.listMessages({ clientReference: "generated" });
  const refused = await refusal("19900000205");
  const wrong = await refusal("123");
  const ids = page.items.map((each) => each.id);
  console.log(JSON.stringify([sent.id, ids, refused.gatewayCode, wrong.errors?.[0]?.field]));
}

void main();
"""

COMPILER = {
    "compilerOptions": {
        "target": "es2022",
        "lib": ["es2022", "dom"],
        "module": "commonjs",
        "moduleResolution": "node10",
        "strict": True,
        "outDir": "built",
        "types": [],
    },
    "files": ["use.ts"],
}


def command(*words: str | Path, folder: Path, environment: dict[str, str] | None = None) -> str:
    """What a tool says, all of it; it must not fail."""
    done = subprocess.run(  # noqa: S603 - the generators, and what they made
        [str(word) for word in words],
        cwd=folder,
        env={"PATH": os.environ.get("PATH", os.defpath), "PYTHONUTF8": "1", **(environment or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        timeout=120,
        text=True,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    return done.stdout


@pytest.fixture
def key(deployed: Deployed, request: pytest.FixtureRequest) -> Iterator[httpx.Client]:
    """An application of the test's own, so that its idempotency keys and its list are."""
    name = request.function.__name__.replace("_", "-")
    client = Client(client=name, accounts=("default",), default_account="default", scopes=("send", "read"))
    with deployed.client(client) as caller:
        yield caller


def used(deployed: Deployed, key: httpx.Client, *words: str | Path, folder: Path, **variables: str) -> list[Any]:
    """What a client printed that sent messages."""
    token = key.headers["Authorization"].removeprefix("Bearer ")
    said = command(
        *words,
        folder=folder,
        environment={"API": deployed.api_url, "KEY": token, "NO_PROXY": "127.0.0.1", **variables},
    )
    found: list[Any] = json.loads(said)
    return found


def generate(generator: str, folder: Path) -> None:
    """Have openapi-generator make a client; a warning that is about the document fails."""
    if shutil.which("java") is None:
        pytest.skip("there is no java on this machine, which openapi-generator runs in")
    said = command(
        Path(sys.executable).with_name("openapi-generator-cli"),
        *("generate", "--generator-name", generator, "--input-spec", DESCRIPTION, "--output", folder),
        folder=folder.parent,
    )
    assert "OpenAPI Generator" in said
    warnings = [line for line in said.splitlines() if "WARN" in line or "ERROR" in line]
    assert [line for line in warnings if not any(known in line for known in OF_ITSELF)] == []


def test_openapi_python_client_makes_one_without_a_warning(
    deployed: Deployed, key: httpx.Client, tmp_path: Path
) -> None:
    tools = Path(sys.executable).parent
    said = command(
        tools / "openapi-python-client",
        *("generate", "--path", DESCRIPTION, "--output-path", tmp_path / "client", "--fail-on-warning"),
        folder=tmp_path,
        environment={"PATH": os.pathsep.join([str(tools), os.environ.get("PATH", os.defpath)])},  # it calls ruff
    )
    assert "arning" not in said

    sent, found, code, field = used(
        deployed,
        key,
        sys.executable,
        "-c",
        BY_OPENAPI_PYTHON_CLIENT,
        folder=tmp_path,
        PYTHONPATH=str(tmp_path / "client"),
    )

    assert (found, code, field) == ([sent], 205, "to[0]")


def test_openapi_generator_makes_one_for_python(deployed: Deployed, key: httpx.Client, tmp_path: Path) -> None:
    package = tmp_path / "python"
    generate("python", package)

    sent, found, code, refused = used(
        deployed, key, sys.executable, "-c", BY_OPENAPI_GENERATOR, folder=package, PYTHONPATH=str(package)
    )

    assert (found, code, refused) == ([sent], 205, 109)


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no node on this machine")
@pytest.mark.skipif(not TSC.exists(), reason="tsc is not here: it takes node, npm and `make environments`")
def test_openapi_generator_makes_one_for_typescript(deployed: Deployed, key: httpx.Client, tmp_path: Path) -> None:
    folder = tmp_path
    generate("typescript-fetch", folder / "client")
    (folder / "use.ts").write_text(BY_TYPESCRIPT_FETCH, encoding="utf-8")
    (folder / "tsconfig.json").write_text(json.dumps(COMPILER), encoding="utf-8")
    command(TSC, folder=folder)

    sent, found, code, field = used(deployed, key, "node", folder / "built" / "use.js", folder=folder)

    assert (found, code, field) == ([sent], 205, "to[0]")
