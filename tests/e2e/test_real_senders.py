"""Programs that others wrote, pointed at the deployed stack: a real Alertmanager, and Apprise as its users call it."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode, urlsplit

import httpx
import pytest

from local import ports
from local.errors import end_of
from local.gateway import Gateway
from local.processes import Process
from tests.e2e.deployed import Deployed, until
from tests.fakes.deaf import Deaf, deaf

SECRET = "a-secret-of-this-test"

# Debian's name, and that of the project's own builds.
ALERTMANAGER = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")

needs_alertmanager = pytest.mark.skipif(
    ALERTMANAGER is None,
    reason="there is no Alertmanager on this machine (on Debian and Ubuntu: apt install prometheus-alertmanager)",
)

# A group's first call waits until both of its alerts are there; what changes later is sent within seconds.
CONFIG = """\
route:
  receiver: sms
  group_by: [alertname]
  group_wait: 500ms
  group_interval: 1s
  repeat_interval: 4h
receivers:
  - name: sms
    webhook_configs:
      - url: "{url}"
        send_resolved: true
        http_config:
          authorization:
            credentials: "{secret}"
"""

Make = Callable[..., str]


@pytest.fixture
def make(deployed: Deployed, shop: httpx.Client) -> Iterator[Make]:
    """Makes hook sources of this test's own; gives their addresses."""
    made: list[str] = []

    def make(name: str, **source: Any) -> str:
        answer = shop.put(f"hook-sources/{name}", json=source)
        assert answer.status_code == 201, answer.text
        made.append(name)
        return f"{deployed.api_url}/hooks/{name}"

    yield make
    for name in made:
        assert shop.delete(f"hook-sources/{name}").status_code == 204


@dataclass(frozen=True)
class Alertmanager:
    """A running one, by its API (v2)."""

    url: str

    def post(self, *alerts: dict[str, Any]) -> None:
        """What Prometheus posts: alerts that stand, and with `endsAt` those that do not any more."""
        answer = httpx.post(f"{self.url}/api/v2/alerts", json=alerts, timeout=10, trust_env=False)
        assert answer.status_code == 200, answer.text


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[[str], Alertmanager]]:
    """Starts Alertmanagers that call an address. They are gone with the test, however it ends."""
    running: list[Process] = []

    def start(url: str) -> Alertmanager:
        assert ALERTMANAGER is not None
        folder = tmp_path / f"alertmanager-{len(running)}"
        folder.mkdir()
        config = folder / "alertmanager.yml"
        config.write_text(CONFIG.format(url=url, secret=SECRET), encoding="utf-8")
        address = f"{ports.LOOPBACK}:{ports.find_free()}"
        process = Process(
            [
                ALERTMANAGER,
                f"--config.file={config}",
                f"--storage.path={folder}",
                f"--web.listen-address={address}",
                "--cluster.listen-address=",
            ],
            environment={"PATH": os.environ["PATH"], "HOME": str(folder)},
            log=folder / "log",
            folder=folder,
        )
        running.append(process)

        def answers() -> bool:
            assert process.status() is None, end_of(process.log)
            try:
                return httpx.get(f"http://{address}/-/ready", timeout=2, trust_env=False).is_success
            except httpx.TransportError:
                return False

        until(answers, "Alertmanager's own readiness")
        return Alertmanager(f"http://{address}")

    yield start
    for process in running:
        process.stop()


def alert(disk: str, began: datetime, ended: datetime | None = None) -> dict[str, Any]:
    return {
        "labels": {"alertname": "DiskFull", "severity": "critical", "instance": f"{disk}.example.org:9100"},
        "annotations": {"summary": f"磁盘 {disk} 已满 🙂"},
        "startsAt": began.isoformat(),
        **({"endsAt": ended.isoformat()} if ended else {}),
        "generatorURL": "http://prometheus.example.org:9090/graph",
    }


def texts(gateway: Gateway, number: str) -> list[str]:
    """What the gateway took for a number."""
    return [submit.content for submit in gateway.submits(dest=number)]


def references(gateway: Gateway, number: str) -> list[str | None]:
    """Which of our messages they are."""
    return [submit.reference for submit in gateway.submits(dest=number)]


def accepted(way: Deaf, about: str = "") -> list[str]:
    """The messages that the bridge said it had accepted, whether or not that was heard."""
    assert {each.status for each in way.asked} == {202}, way.asked
    asked = [each for each in way.asked if not about or json.loads(each.body)["status"] == about]
    return [message for each in asked for message in each.answer["messages"]]


@needs_alertmanager
def test_alertmanagers_alerts_arrive_and_its_retries_send_nothing(
    gateway: Gateway, make: Make, start: Callable[[str], Alertmanager]
) -> None:
    number = "13812345721"
    hook = make("e2e-real-alerts", preset="alertmanager", auth={"kind": "bearer", "secret": SECRET}, to=number)
    began = datetime.now(UTC)
    with deaf(hook, lost=2) as way:
        alertmanager = start(way.url(hook))

        alertmanager.post(alert("db-1", began), alert("db-2", began))
        until(way.heard, "an answer that Alertmanager hears")
        until(lambda: texts(gateway, number), "the alerts at the gateway")
        assert len(accepted(way)) >= 3, "two answers were lost, so that it asked again"

        ended = datetime.now(UTC)
        alertmanager.post(alert("db-1", began, ended), alert("db-2", began, ended))
        until(lambda: len(texts(gateway, number)) > 1, "the end of the alerts at the gateway")

    assert way.asked[0].headers["User-Agent"].startswith("Alertmanager/"), way.asked[0].headers
    (firing,), (resolved,) = set(accepted(way, "firing")), set(accepted(way, "resolved"))
    assert references(gateway, number) == [firing, resolved]
    assert texts(gateway, number) == [
        (
            "[FIRING:2] DiskFull (critical)\n"
            "磁盘 db-1 已满 🙂 (db-1.example.org:9100)\n"
            "磁盘 db-2 已满 🙂 (db-2.example.org:9100)"
        ),
        (
            "[RESOLVED] DiskFull (critical)\n"
            "磁盘 db-1 已满 🙂 (db-1.example.org:9100)\n"
            "磁盘 db-2 已满 🙂 (db-2.example.org:9100)"
        ),
    ]


@needs_alertmanager
def test_two_alertmanagers_that_do_not_know_each_other_send_one(
    gateway: Gateway, make: Make, start: Callable[[str], Alertmanager]
) -> None:
    number = "13812345722"
    hook = make("e2e-real-pair", preset="alertmanager", auth={"kind": "bearer", "secret": SECRET}, to=number)
    with deaf(hook, lost=0) as way:
        pair = [start(way.url(hook)), start(way.url(hook))]

        standing = alert("db-3", datetime.now(UTC))
        for each in pair:
            each.post(standing)
        until(lambda: len({_external_url(each.body) for each in way.heard() if each.status == 202}) == 2, "both calls")

        until(lambda: texts(gateway, number), "the alert at the gateway")
        ended = alert("db-3", datetime.fromisoformat(standing["startsAt"]), datetime.now(UTC))
        pair[0].post(ended)
        until(lambda: len(texts(gateway, number)) > 1, "the end of the alert at the gateway")

    assert texts(gateway, number) == [
        "[FIRING:1] DiskFull (critical)\n磁盘 db-3 已满 🙂",
        "[RESOLVED] DiskFull (critical)\n磁盘 db-3 已满 🙂",
    ]


def _external_url(body: bytes) -> str:
    return str(json.loads(body)["externalURL"])


@pytest.fixture
def notify(tmp_path: Path) -> Callable[..., int]:
    """Apprise's command, in a process of its own with nobody's configuration."""

    def notify(url: str, title: str, body: str, *more: str) -> int:
        done = subprocess.run(  # noqa: S603 - the tests' own interpreter
            [sys.executable, "-c", "from apprise.cli import main; main()", "-t", title, "-b", body, *more, url],
            env={"PATH": os.environ["PATH"], "HOME": str(tmp_path), "LANG": "C.UTF-8"},
            cwd=tmp_path,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=120,
            check=False,
        )
        assert SECRET.encode() not in done.stdout + done.stderr
        return done.returncode

    return notify


def apprise_url(hook: str, *, basic: bool = False, **parameters: Any) -> str:
    """The hook as Apprise writes it: a space is %20, and a function's first call may take longer than its 4 s."""
    parts = urlsplit(hook)
    user = f"apprise:{quote(SECRET, safe='')}@" if basic else ""
    asked = {"rto": 30, **({} if basic else {"+Authorization": f"Bearer {SECRET}"}), **parameters}
    return f"json://{user}{parts.netloc}{parts.path}?{urlencode(asked, quote_via=quote)}"


@pytest.mark.parametrize("basic", [False, True], ids=["bearer", "basic"])
def test_apprises_notification_arrives(
    gateway: Gateway, make: Make, notify: Callable[..., int], *, basic: bool
) -> None:
    number = "13812345723" if basic else "13812345724"
    auth = {"kind": "basic", "username": "apprise", "secret": SECRET} if basic else {"kind": "bearer", "secret": SECRET}
    url = apprise_url(make("e2e-real-apprise", preset="apprise", auth=auth, to=number), basic=basic)

    assert notify(url, "备份失败", "20 个卷里的 3 个 🙂\n磁盘已满", "-n", "failure") == 0
    until(lambda: texts(gateway, number), "the notification at the gateway")
    assert notify(url, "", "备份完成") == 0
    until(lambda: len(texts(gateway, number)) > 1, "the second notification at the gateway")

    assert texts(gateway, number) == ["[FAILURE] 备份失败\n20 个卷里的 3 个 🙂\n磁盘已满", "备份完成"]
    assert notify(url.replace(SECRET, SECRET[::-1]), "", "of somebody else") == 1


def test_apprises_retry_sends_nothing_and_nor_does_its_callers(
    gateway: Gateway, make: Make, notify: Callable[..., int]
) -> None:
    """Nothing in what Apprise sends tells one notification from another but its words.

    The same words within the preset's few minutes are taken for a retry: Apprise's own (`retry`), or its caller's, whom
    it told that it failed. Later they are another notification (tests/unit/bridge/test_receiving.py).
    """
    number = "13812345725"
    hook = make(
        "e2e-real-retry", preset="apprise", auth={"kind": "basic", "username": "apprise", "secret": SECRET}, to=number
    )
    with deaf(hook, lost=3) as way:
        url = way.url(hook)
        assert notify(apprise_url(url, basic=True), "Backup", "failed") == 1, "it does not hear, and does not retry"
        assert notify(apprise_url(url, basic=True, retry=2, wait=0.1), "Backup", "failed") == 0
        assert [each.lost for each in way.asked] == [True, True, True, False]
        assert len(set(accepted(way))) == 1

        assert notify(apprise_url(url, basic=True), "Backup", "failed again") == 0
        until(lambda: len(texts(gateway, number)) > 1, "the other notification at the gateway")

    assert sorted(texts(gateway, number)) == ["Backup\nfailed", "Backup\nfailed again"]
