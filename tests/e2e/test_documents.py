"""The documents' own words, against the running stack: each command is run here, or stands below with where it is.

The blocks of a page are run in their order, by one shell, in a folder that looks like a checkout in which `make run`
serves. Where a block names a stack on AWS, it is given the emulated one.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import httpx
import pytest

from local import stack
from local.aws import ACCESS_KEY_ID, REGION, SECRET_ACCESS_KEY
from local.places import PROJECT
from tests.e2e.deployed import Deployed

# What is not run here, by its page and first line: the test that runs it, or where it was run, or why it never was.
ELSEWHERE: Final[dict[str, dict[str, str]]] = {
    "README.md": {
        "make run": "tests/e2e/test_run.py",
        "make test": "what runs this",
        "EUMS_BASE_URL=http://gateway.example:8080 EUMS_NAME=test EUMS_PASSWORD=… make run": "tests/e2e/test_run.py",
        "sam build": "the build by `make build`; the deployment, onto an emulated AWS, by every test here",
    },
    "docs/deploying.md": {
        "make environments": "the build by `make build`; the deployment, onto an emulated AWS, by every test here",
        "eums-bridge --stack eums-bridge --region eu-central-1 accounts set default "
        "--base-url http://gateway.example:8080 --name test": "tests/e2e/test_cli.py",
        "sam deploy --template-file examples/network/template.yaml --stack-name eums-bridge-network "
        "--region eu-central-1 --no-confirm-changeset": "tests/template/test_network.py",
    },
    "docs/getting-started.md": {
        "make run": "tests/e2e/test_run.py",
        ".venv/bin/eums-bridge events tail": "tests/e2e/test_cli.py",
    },
    "examples/python/README.md": {"*": "tests/e2e/test_examples.py"},
    "examples/node/README.md": {"*": "tests/e2e/test_examples.py"},
    "examples/own-queue/README.md": {"*": "tests/e2e/test_examples.py"},
    "examples/webhook/README.md": {"*": "tests/e2e/test_examples.py"},
}
EVERY: Final = "*"  # block of a page
_NAMED: Final = re.compile(r"--stack eums-bridge\b(?: --region [a-z0-9-]+)?")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page."""

    page: str
    language: str
    code: str

    @property
    def first_line(self) -> str:
        return self.code.splitlines()[0]


def pages() -> list[str]:
    folders = ("docs", "examples")
    found = [
        page for folder in folders for page in (PROJECT / folder).rglob("*.md") if "node_modules" not in page.parts
    ]
    return sorted(str(page.relative_to(PROJECT)) for page in [PROJECT / "README.md", *found])


def blocks(page: str) -> Iterator[Block]:
    text = (PROJECT / page).read_text(encoding="utf-8")
    for language, code in re.findall(r"^ *```(\w+)\n(.*?)^ *```$", text, re.DOTALL | re.MULTILINE):
        yield Block(page=page, language=language, code=code)


def is_run_here(block: Block) -> bool:
    elsewhere = ELSEWHERE.get(block.page, {})
    return block.language == "sh" and EVERY not in elsewhere and block.first_line not in elsewhere


def block_with(page: str, language: str, containing: str) -> str:
    [found] = [block.code for block in blocks(page) if block.language == language and containing in block.code]
    return found


@pytest.fixture
def folder(tmp_path: Path, deployed: Deployed, shop: httpx.Client) -> Path:
    """A checkout as far as a reader's shell sees it."""
    for entry in PROJECT.iterdir():
        if entry.name not in {".git", ".local"}:
            (tmp_path / entry.name).symlink_to(entry)
    (tmp_path / ".local").mkdir()
    deployed.write_outputs(tmp_path / ".local" / "outputs.json", shop.headers["Authorization"].removeprefix("Bearer "))
    return tmp_path


def run(script: str, folder: Path, deployed: Deployed) -> "subprocess.CompletedProcess[str]":
    environment = {
        "PATH": f"{PROJECT / '.venv/bin'}:{os.environ['PATH']}",
        "HOME": str(folder / ".local"),
        "LANG": "C.UTF-8",
        "PYTHONUTF8": "1",
        # The command line finds the checkout that it lies in, which serves nothing now.
        "EUMS_BRIDGE_STATE": str(folder / ".local"),
        "EUMS_BRIDGE_API_KEY": json.loads((folder / ".local/outputs.json").read_text(encoding="utf-8"))["api_key"],
        "AWS_ENDPOINT_URL": deployed.aws.endpoint,
        "AWS_ACCESS_KEY_ID": ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": SECRET_ACCESS_KEY,
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    named = _NAMED.sub(f"--stack {stack.STACK_NAME} --region {REGION}", script)
    return subprocess.run(  # noqa: S603 - the documents' own words
        ["/bin/sh", "-euc", named],
        cwd=folder,
        env=environment,
        capture_output=True,
        timeout=180,
        text=True,
        check=False,
    )


def test_what_is_said_to_be_run_elsewhere_is_there() -> None:
    stale = {
        (page, line)
        for page, lines in ELSEWHERE.items()
        for line in lines
        if line not in [EVERY, *(block.first_line for block in blocks(page) if block.language == "sh")]
    }
    missing = {
        where
        for lines in ELSEWHERE.values()
        for where in lines.values()
        if where.startswith("tests/") and not (PROJECT / where).exists()
    }

    assert (stale, missing) == (set(), set())


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on this machine")
@pytest.mark.parametrize("page", [page for page in pages() if any(map(is_run_here, blocks(page)))])
def test_the_commands_of_a_page_do_what_they_say(page: str, folder: Path, deployed: Deployed) -> None:
    script = "\n".join(block.code for block in blocks(page) if is_run_here(block))

    done = run(_with_the_address(script), folder, deployed)

    assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"


def _with_the_address(script: str) -> str:
    """What a reader has set by then: the README's two lines, where a page takes them as done."""
    if "$API" not in script or "API=$(" in script:
        return script
    first = "\n".join(block_with("README.md", "sh", "Idempotency-Key").splitlines()[:2])
    return f"{first}\n{script}"


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on this machine")
def test_sending_later_and_many_with_curl(folder: Path, deployed: Deployed) -> None:
    done = run(_with_the_address(block_with("README.md", "sh", "respond-async")), folder, deployed)

    queued, scheduled, batch, found, estimate = map(json.loads, done.stdout.splitlines())
    assert (queued["status"], scheduled["status"], batch["status"]) == ("accepted", "scheduled", "accepted")
    assert (batch["total"], len(found["items"]), estimate["estimated_total_segments"]) == (2, 3, 2)


def test_sending_and_reading_events_with_python(folder: Path) -> None:
    done = subprocess.run(  # noqa: S603 - likewise
        [sys.executable, "-c", block_with("README.md", "python", "receive_message")],
        cwd=folder,
        env={"PATH": os.defpath, "PYTHONUTF8": "1"},
        capture_output=True,
        check=True,
        timeout=120,
        text=True,
    )

    assert done.stdout.startswith("201 ")
    assert "sms.message.delivered order-42 delivered\n" in done.stdout
