"""Every built function as Lambda runs it, against the deployed stack: nothing but layers and runtime on its path.

MiniStack's Lambdas see its own packages, so that what works there proves nothing about a layer. Here awslambdaric, the
runtime's own loop, runs the handler under the Runtime Interface Emulator, which `sam local` uses too, and the process
has the interpreter, what Lambda brings (.tools/runtime), the layers and the function's folder. The events are those of
the folder events/.
"""

import json
import os
import platform
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped] # it ships no types

from local import env_file, ports, stack
from local.artifacts import Build, Function
from local.aws import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY
from local.errors import end_of
from local.invoke import plain
from local.places import PROJECT
from local.processes import Process
from tests.e2e.deployed import DEADLINE, Deployed, until

TEMPLATE = yaml_parse((PROJECT / "template.yaml").read_text(encoding="utf-8"))
FUNCTIONS = sorted(
    name for name, resource in TEMPLATE["Resources"].items() if resource["Type"] == "AWS::Serverless::Function"
)
MACHINES = {"x86_64": "x86_64", "amd64": "x86_64", "aarch64": "arm64", "arm64": "arm64"}
TAKEN_BY_THE_EMULATOR = 9001
IMPORTED = """
import json, os, sys
sys.path.insert(0, os.getcwd())
import app
print(json.dumps([module.__file__ for module in list(sys.modules.values()) if getattr(module, "__file__", None)]))
"""
FOLDERS = "import sysconfig; print(sysconfig.get_path('stdlib'), sysconfig.get_path('purelib'), sep='\\n')"

pytestmark = pytest.mark.skipif(platform.system() != "Linux", reason="the Runtime Interface Emulator is for Linux")


def sample(function: str) -> Any:
    """The function's event."""
    found = [path for path in (PROJECT / "events").glob("*.json") if plain(path.stem) == plain(function)]
    assert len(found) == 1, f"{function} needs one event of its name in events/"
    return json.loads(found[0].read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def build(deployed: Deployed) -> dict[str, Function]:
    return {function.name: function for function in Build.read(deployed.places.build).functions}


@pytest.fixture(scope="module")
def variables(deployed: Deployed) -> env_file.Variables:
    """What the deployed functions have, by their logical ids."""
    return env_file.deployed(deployed.aws.cloudformation, deployed.aws.functions, stack.STACK_NAME)


@pytest.fixture(scope="module")
def _journalled(deployed: Deployed, shop: httpx.Client) -> None:
    """A pulled page where the sample event says that one is."""
    sent = shop.post("messages", json={"to": "13812345699", "text": "【京东】您好"}).json()
    deployed.deliveries.about(sent["id"], "sms.message.delivered")
    bucket = deployed.outputs["JournalBucketName"]
    listed = deployed.aws.s3.list_objects_v2(Bucket=bucket, Prefix="raw/default/reports/")["Contents"]
    source = max(listed, key=lambda entry: entry["LastModified"])["Key"]
    (record,) = sample("PublishFunction")["Records"]
    key = json.loads(record["body"])["journal_key"]
    deployed.aws.s3.copy_object(Bucket=bucket, Key=key, CopySource={"Bucket": bucket, "Key": source})


def environment(function: Function, variables: dict[str, str], deployed: Deployed, home: Path) -> dict[str, str]:
    """What Lambda gives, and the template's variables: nothing of whoever runs the tests."""
    return variables | {
        "PATH": "/usr/local/bin:/usr/bin:/bin",
        "LANG": "en_US.UTF-8",
        "TZ": ":UTC",
        "HOME": str(home),
        "TMPDIR": str(home),
        "PYTHONPATH": os.pathsep.join(str(layer / "python") for layer in function.layers),
        "PYTHONDONTWRITEBYTECODE": "1",  # the build stays as it is
        "LAMBDA_TASK_ROOT": str(function.folder),
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": "512",
        "AWS_LAMBDA_FUNCTION_TIMEOUT": "50",  # a pull goes on for as long as it has time
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        "AWS_ENDPOINT_URL": deployed.aws.endpoint,
    }


@contextmanager
def running(deployed: Deployed, function: Function, variables: dict[str, str], folder: Path) -> Iterator[httpx.Client]:
    """A function under the emulator, one process for one call after the other."""
    rie = Path(
        next((PROJECT / ".tools" / "sam" / "lib").glob("python*/site-packages/samcli/local/rapid")),
        f"aws-lambda-rie-{MACHINES[platform.machine().lower()]}",
    )
    calls, runtime = free_ports(2)
    with ExitStack() as started:
        process = started.enter_context(
            Process(
                [
                    *(rie, "--log-level", "error"),
                    *("--runtime-interface-emulator-address", f"{ports.LOOPBACK}:{calls}"),
                    *("--runtime-api-address", f"{ports.LOOPBACK}:{runtime}"),
                    *(deployed.places.tool("runtime", "python"), "-s", "-m", "awslambdaric", function.handler),
                ],
                environment=environment(function, variables, deployed, folder),
                log=folder / "function.log",
                folder=function.folder,
            )
        )

        def listens() -> bool:
            assert process.status() is None, end_of(process.log)
            return ports.is_taken(calls)

        until(listens, f"the emulator on port {calls}")
        yield started.enter_context(
            httpx.Client(base_url=f"http://{ports.LOOPBACK}:{calls}", timeout=DEADLINE, trust_env=False)
        )


def free_ports(count: int) -> list[int]:
    found: set[int] = set()
    while len(found) < count:
        found |= {ports.find_free()} - {TAKEN_BY_THE_EMULATOR}
    return list(found)


def call(client: httpx.Client, event: object) -> Any:
    return client.post("/2015-03-31/functions/function/invocations", json=event).json()


def is_sensible(event: dict[str, Any], answer: Any) -> bool:
    """Whether an answer is what the event's kind wants, whatever function it is."""
    if "Records" in event:  # a queue's
        return bool(answer == {"batchItemFailures": []})
    if event.get("type") == "REQUEST":  # the authorizer's: the sample's key is nobody's
        effects = [statement["Effect"] for statement in answer["policyDocument"]["Statement"]]
        return effects == ["Deny"]
    if "httpMethod" in event:
        # A function that looks at keys itself may know of none that the samples have.
        turned_away = set() if "authorizer" in event["requestContext"] else {401, 403, 404}
        return answer["statusCode"] in range(200, 300) or answer["statusCode"] in turned_away
    return answer is None or (isinstance(answer, dict) and "errorType" not in answer)  # a schedule's


@pytest.mark.usefixtures("_journalled")
@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_built_function_answers_its_sample_event(
    deployed: Deployed, build: dict[str, Function], variables: env_file.Variables, tmp_path: Path, name: str
) -> None:
    event = sample(name)

    with running(deployed, build[name], variables[name], tmp_path) as client:
        answer = call(client, event)

    assert is_sensible(event, answer), f"{answer}\n{end_of(tmp_path / 'function.log')}"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_built_function_imports_from_its_layers_and_the_runtime_only(
    deployed: Deployed, build: dict[str, Function], tmp_path: Path, name: str
) -> None:
    function = build[name]
    python = deployed.places.tool("runtime", "python")
    done = subprocess.run(  # noqa: S603 - the interpreter of this project's runtime
        [python, "-s", "-c", IMPORTED],
        env=environment(function, {}, deployed, tmp_path),
        cwd=function.folder,
        capture_output=True,
        text=True,
        timeout=DEADLINE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    origins = [Path(origin) for origin in json.loads(done.stdout)]

    standard, brought = subprocess.check_output([python, "-I", "-c", FOLDERS], text=True).splitlines()  # noqa: S603 - likewise
    allowed = [Path(standard), Path(brought), function.folder, *(layer / "python" for layer in function.layers)]
    assert [origin for origin in origins if not any(map(origin.is_relative_to, allowed))] == []
    # Another environment's packages would be below the standard library, too.
    assert [o for o in origins if "site-packages" in o.parts and not o.is_relative_to(brought)] == []
    assert any(origin.is_relative_to(function.layers[-1]) for origin in origins)


@pytest.mark.parametrize("missing", [0, 1])
def test_without_a_layer_a_built_function_does_not_even_import(
    deployed: Deployed, build: dict[str, Function], variables: env_file.Variables, tmp_path: Path, missing: int
) -> None:
    """What makes the others worth something: no package comes from anywhere else."""
    whole = build["MessagesFunction"]
    layers = tuple(layer for number, layer in enumerate(whole.layers) if number != missing)
    function = Function(whole.name, whole.handler, whole.folder, layers)

    with running(deployed, function, variables[whole.name], tmp_path) as client:
        answer = call(client, sample(whole.name))

    assert answer["errorType"] == "Runtime.ImportModuleError", answer
