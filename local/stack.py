"""The application on the emulated AWS: `sam build` for this machine, `sam deploy`. `python -m local.stack` builds."""

import hashlib
import json
import os
import platform
import re
import sys
import time
import tomllib
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from botocore.exceptions import ClientError

from local import lock
from local.aws import REGION, Aws
from local.console import Console
from local.errors import LocalError
from local.places import Places
from local.processes import run

STACK_NAME: Final = "eums-bridge-local"  # as in samconfig.toml
STAGE: Final = "v1"
BUILD_SECONDS: Final = 300.0
DEPLOY_SECONDS: Final = 180.0

_OPEN = re.compile(r"(?m)^          (/\S+):\n +\w+:\n +security: \[!If \[SignedCalls, ")
_AUTHORIZER = re.compile(r"(FunctionArn: )!GetAtt (\w+)\.Arn")
# Parameters that SAM itself looks into. AWS hands it their values, emulated AWS does not: there it sees the defaults.
_FOR_SAM = ("ApiAuthorization",)
_SOURCES = ("template.yaml", "layers", "functions")
_NO_SOURCES = frozenset({"__pycache__", ".mypy_cache", ".ruff_cache"})


def build(places: Places, aws: Aws, *, heard: bool = False) -> bool:
    """Build for this machine's interpreter, unless nothing changed since the last time.

    Returns:
        Whether it was built anew.

    Raises:
        CommandFailed: with the end of the log.
    """
    variables = _for_this_machine(places.tool("ministack", "python"))
    return build_with(places, aws, into=places.build, variables=variables, heard=heard)


def build_with(  # noqa: PLR0913 - each by its name
    places: Places,
    aws: Aws,
    *,
    into: Path,
    variables: Mapping[str, str],
    processor: str | None = None,
    heard: bool = False,
) -> bool:
    """Build into a folder, unless nothing changed since the last time.

    Args:
        places: of the run, for its logs.
        aws: nothing is asked of it.
        into: the folder.
        variables: what the layers are built for, see layers/layer.mk.
        processor: for containers: their architecture as Lambda calls it. None: the template is taken as it is.
        heard: whether `sam` is.

    Returns:
        Whether it was built anew.

    Raises:
        CommandFailed: with the end of the log.
    """
    stamp = into.with_suffix(".stamp")
    with lock.wait_for(into.with_suffix(".lock")):
        wanted = _digest(places.project, *variables.values(), processor or "")
        if stamp.is_file() and stamp.read_text(encoding="ascii") == wanted:
            return False
        stamp.unlink(missing_ok=True)
        run(
            [
                *(places.tool("sam", "sam"), "build"),
                *("--template-file", _template(places.project, into, processor)),
                *("--base-dir", places.project),
                *("--build-dir", into),
                *("--config-file", places.project / "samconfig.toml"),
                *("--config-env", "local"),
            ],
            environment=_environment(places, aws) | dict(variables),
            log=places.log(into.name),
            folder=places.project,
            timeout=BUILD_SECONDS,
            heard=heard,
        )
        stamp.write_text(wanted, encoding="ascii")
        return True


def _template(project: Path, into: Path, processor: str | None) -> Path:
    """The template, or a copy beside the build, for containers with a processor of this machine's kind."""
    template = project / "template.yaml"
    if processor is None:
        return template
    text = template.read_text(encoding="utf-8")
    copy = into.with_suffix(".yaml")
    text = text.replace("rchitectures: [arm64]", f"rchitectures: [{processor}]")
    # `sam local start-api` finds no authorizer behind a GetAtt of a function whose name is made by a Sub, and would
    # let everybody in without one. It looks for the logical id at the end of an ARN; no other part of it is read.
    text = _AUTHORIZER.sub(rf"\1arn:aws:lambda:{REGION}:000000000000:function:\2", text)
    # Nor does it look for open routes anywhere but beside their paths.
    for path in _OPEN.findall(text):
        place = f"            Path: {path}\n"
        text = text.replace(place, f"{place}            Auth:\n              Authorizer: NONE\n")
    copy.write_text(text, encoding="utf-8")
    return copy


def deploy(places: Places, aws: Aws, parameters: Mapping[str, object], *, heard: bool = False) -> dict[str, str]:
    """Deploy what was built, with the parameters of samconfig.toml's `local` and these, and return the stack's outputs.

    Raises:
        CommandFailed: with the end of the log.
    """
    values = _configured(places.project) | dict(parameters)
    overrides = [f"{name}={value}" for name, value in values.items()]
    run(
        [
            *(places.tool("sam", "sam"), "deploy"),
            *("--template-file", _seen_by_sam(places.build / "template.yaml", values)),
            *("--config-file", places.project / "samconfig.toml"),
            *("--config-env", "local"),
            *("--stack-name", STACK_NAME),
            *("--region", REGION),
            *("--capabilities", "CAPABILITY_IAM"),
            *("--resolve-s3", "--no-confirm-changeset", "--no-progressbar"),
            *("--parameter-overrides", *overrides),
        ],
        environment=_environment(places, aws),
        log=places.log("deploy"),
        folder=places.project,
        timeout=DEPLOY_SECONDS,
        heard=heard,
    )
    deployed = outputs(aws, STACK_NAME)
    _tell_address(aws, aws.api_url(deployed["ApiId"], STAGE))
    return deployed


def _seen_by_sam(template: Path, values: Mapping[str, object]) -> Path:
    """What was built, or a copy beside it whose defaults are the values that SAM is to see."""
    text = was = template.read_text(encoding="utf-8")
    for name in _FOR_SAM:
        if name in values:
            text = re.sub(rf"(?m)^(  {name}:\n(?:    .*\n)*?    Default: ).*$", rf"\g<1>{values[name]}", text, count=1)
    if text == was:
        return template
    copy = template.with_name(f"template-{hashlib.sha256(text.encode()).hexdigest()[:12]}.yaml")
    copy.write_text(text, encoding="utf-8")
    return copy


def _tell_address(aws: Aws, api_url: str) -> None:
    """Set what the parameter PublicUrl would: the emulated API has no name of its own, and no id before it is there."""
    function = f"{STACK_NAME}-docs"
    variables = aws.functions.get_function_configuration(FunctionName=function)["Environment"]["Variables"]
    aws.functions.update_function_configuration(
        FunctionName=function, Environment={"Variables": {**variables, "PUBLIC_URL": api_url}}
    )


def _configured(project: Path) -> dict[str, object]:
    """The parameters that samconfig.toml has for one machine: SAM CLI drops them where others are given."""
    settings = tomllib.loads((project / "samconfig.toml").read_text(encoding="utf-8"))
    overrides: list[str] = settings["local"]["deploy"]["parameters"].get("parameter_overrides", [])
    return {name: value for name, _, value in (override.partition("=") for override in overrides)}


def outputs(aws: Aws, stack_name: str) -> dict[str, str]:
    """The outputs of a deployed stack.

    Raises:
        LocalError: there is no such stack.
    """
    try:
        stacks = aws.cloudformation.describe_stacks(StackName=stack_name)["Stacks"]
    except ClientError as exc:
        raise LocalError(f"no stack {stack_name}: {exc}") from exc
    return {output["OutputKey"]: output["OutputValue"] for output in stacks[0].get("Outputs", [])}


def _environment(places: Places, aws: Aws) -> dict[str, str]:
    """What SAM CLI runs with: this AWS only, uv for the layers, nothing said to anybody, nothing in the home folder."""
    places.sam_home.mkdir(parents=True, exist_ok=True)
    metadata = places.sam_home / "metadata.json"
    # It asks for newer versions of itself once a week: now is too early.
    metadata.write_text(json.dumps({"lastVersionCheck": datetime.now(UTC).timestamp()}), encoding="ascii")
    environ = {
        name: value for name, value in os.environ.items() if not name.startswith(("EUMS_", "SAM_CLI_", "PYTHON"))
    }
    search = [
        places.tool("sam", "sam").parent,
        places.project / ".tools" / "uv" / "bin",
        environ.get("PATH", os.defpath),
    ]
    return aws.environment(environ) | {
        "PATH": os.pathsep.join(map(str, search)),
        "SAM_CLI_TELEMETRY": "0",
        "SAM_CLI_POLL_DELAY": "0.5",
        "__SAM_CLI_APP_DIR": str(places.sam_home),
        "PYTHONUTF8": "1",
    }


def _for_this_machine(python: Path) -> dict[str, str]:
    """The layers' variables: MiniStack runs the Lambdas in its own interpreter, so the wheels must fit that one."""
    return {"LAYER_PYTHON": _version(python), "LAYER_PLATFORM": ""}


def _version(python: Path) -> str:
    """An environment says in a file which interpreter it was made with."""
    settings = (python.parent.parent / "pyvenv.cfg").read_text(encoding="utf-8")
    values = dict(line.split(" = ", 1) for line in settings.splitlines() if " = " in line)
    return ".".join((values.get("version_info") or values.get("version") or "").split(".")[:2])


def _digest(project: Path, *more: str) -> str:
    """A fingerprint of everything that decides what a build gives."""
    known = hashlib.sha256()
    python = project / ".tools" / "ministack"
    for part in (_version(python / "bin" / "python"), platform.platform(), str(project), *more):
        known.update(part.encode() + b"\0")
    known.update((project / "requirements" / "sam.txt").read_bytes())
    for path in _sources(project):
        known.update(str(path.relative_to(project)).encode() + b"\0")
        known.update(hashlib.sha256(path.read_bytes()).digest())
    return known.hexdigest()


def _sources(project: Path) -> Iterator[Path]:
    for name in _SOURCES:
        top = project / name
        found = [top] if top.is_file() else top.rglob("*")
        yield from (path for path in sorted(found) if path.is_file() and not _NO_SOURCES & set(path.parts))


def main() -> int:
    """Build for this machine."""
    places, console = Places.default(), Console()
    began = time.monotonic()
    try:
        # The endpoint is nobody's: a build asks AWS nothing.
        anew = build(places, Aws(1), heard=os.environ.get("VERBOSE", "") not in {"", "0"})
    except LocalError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    said = f"built in {time.monotonic() - began:.1f} s" if anew else "nothing changed"
    console.say(f"The build for this machine, in {places.build.relative_to(places.project)}: {said}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
