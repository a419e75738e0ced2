"""The README's own words, against the running stack."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import httpx
import pytest

from local.places import PROJECT
from tests.e2e.deployed import Deployed

README = (PROJECT / "README.md").read_text(encoding="utf-8")


def block(language: str, containing: str) -> str:
    blocks: list[str] = re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)
    [found] = [code for code in blocks if containing in code]
    return found


@pytest.fixture
def folder(tmp_path: Path, deployed: Deployed, shop: httpx.Client) -> Path:
    """A checkout as far as a script sees it: `.local/outputs.json`."""
    (tmp_path / ".local").mkdir()
    deployed.write_outputs(tmp_path / ".local" / "outputs.json", shop.headers["Authorization"].removeprefix("Bearer "))
    return tmp_path


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on this machine")
def test_sending_with_curl(folder: Path) -> None:
    script = block("sh", "Idempotency-Key").replace("python3", sys.executable)

    done = subprocess.run(  # noqa: S603 - the README's own words
        ["/bin/sh", "-euc", script], cwd=folder, capture_output=True, check=True, timeout=60, text=True
    )

    assert json.loads(done.stdout)["client_reference"] == "order-42"
    assert json.loads(done.stdout)["status"] == "submitted"


@pytest.mark.skipif(shutil.which("curl") is None, reason="there is no curl on this machine")
def test_sending_later_and_many_with_curl(folder: Path) -> None:
    where = "\n".join(block("sh", "Idempotency-Key").replace("python3", sys.executable).splitlines()[:2])

    done = subprocess.run(  # noqa: S603 - likewise
        ["/bin/sh", "-euc", f"{where}\n{block('sh', 'respond-async')}"],
        cwd=folder,
        capture_output=True,
        check=True,
        timeout=120,
        text=True,
    )

    queued, scheduled, batch, found, estimate = map(json.loads, done.stdout.splitlines())
    assert (queued["status"], scheduled["status"], batch["status"]) == ("accepted", "scheduled", "accepted")
    assert (batch["total"], len(found["items"]), estimate["estimated_total_segments"]) == (2, 3, 2)


def test_sending_and_reading_events_with_python(folder: Path) -> None:
    done = subprocess.run(  # noqa: S603 - likewise
        [sys.executable, "-c", block("python", "receive_message")],
        cwd=folder,
        env={"PATH": os.defpath, "PYTHONUTF8": "1"},
        capture_output=True,
        check=True,
        timeout=120,
        text=True,
    )

    assert done.stdout.startswith("201 ")
    assert "sms.message.delivered order-42 delivered\n" in done.stdout
