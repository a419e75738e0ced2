"""The gates that read template and requirements: what they let pass, and that silence is no pass."""

import json
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from local.gates import __main__ as gates
from local.gates import audit, template
from local.gates.findings import BadSuppressions, Finding, Suppression, read, sort_out
from local.gates.programs import GateFailed
from local.places import PROJECT, Places

REASON = "Because it is right here, for a reason that fills a line."
OPEN_QUEUE = Finding("checkov", "CKV_1", "OpenQueue", "encrypt it")
ENTRY = f'[[suppression]]\ngate = "checkov"\ncheck = "CKV_1"\nresources = ["OpenQueue"]\nreason = "{REASON}"\n'
TEMPLATE = """
AWSTemplateFormatVersion: "2010-09-09"
Transform: AWS::Serverless-2016-10-31
Resources:
  FirstQueue:
    Type: AWS::SQS::Queue
  SecondQueue:
    Type: AWS::SQS::Queue
"""
# As pip-audit writes them.
AUDITED = {"name": "httpx", "version": "0.28.1", "vulns": []}
SKIPPED = {"name": "uv", "skip_reason": "Dependency not found on PyPI and could not be audited: uv (0.9.0)"}
VULNERABLE = {
    "name": "jinja2",
    "version": "2.4.1",
    "vulns": [{"id": "PYSEC-2019-217", "fix_versions": ["2.10.1"], "aliases": ["CVE-2019-10906"], "description": "…"}],
}
NO_CONNECTION = "ERROR:pip_audit._cli:Could not connect to PyPI's vulnerability feed"

Program = Callable[[str], Places]


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """A project whose gates are a shell script."""

    def make(script: str) -> Places:
        tools = tmp_path / ".tools" / "gates" / "bin"
        tools.mkdir(parents=True)
        for name in ("python", "cfn-lint"):
            (tools / name).write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
            (tools / name).chmod(0o755)
        (tmp_path / "template.yaml").write_text(TEMPLATE, encoding="utf-8")
        return Places(tmp_path / ".local", tmp_path)

    return make


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    return tmp_path / "home"


def saying(document: Any, status: int = 0) -> str:
    return f"cat <<'END'\n{json.dumps(document)}\nEND\nexit {status}"


def suppression(*resources: str, gate: str = "checkov", check: str = "CKV_1") -> Suppression:
    return Suppression(gate, check, resources, REASON)


# --- what is set aside


def test_a_finding_without_a_reason_stands() -> None:
    assert sort_out("checkov", [OPEN_QUEUE], []).open == (OPEN_QUEUE,)


@pytest.mark.parametrize("pattern", ["OpenQueue", "*Queue", "*"])
def test_a_finding_with_a_reason_is_set_aside(pattern: str) -> None:
    left = sort_out("checkov", [OPEN_QUEUE], [suppression(pattern)])
    assert (left.open, left.covered, left.unused) == ((), 1, ())


@pytest.mark.parametrize(
    "other",
    [
        suppression("OtherQueue"),
        suppression("OpenQueue", check="CKV_2"),
        suppression("openqueue"),
        suppression("Queue"),
    ],
)
def test_a_reason_for_something_else_sets_nothing_aside_and_is_itself_in_the_way(other: Suppression) -> None:
    left = sort_out("checkov", [OPEN_QUEUE], [other])
    assert left.open == (OPEN_QUEUE,)
    assert left.unused == (f"checkov {other.check} {other.resources[0]}",)


def test_one_of_several_resources_that_is_not_found_any_more_is_noticed() -> None:
    left = sort_out("checkov", [OPEN_QUEUE], [suppression("OpenQueue", "GoneQueue")])
    assert (left.open, left.unused) == ((), ("checkov CKV_1 GoneQueue",))


def test_what_another_gate_has_set_aside_is_not_this_ones() -> None:
    left = sort_out("checkov", [OPEN_QUEUE], [suppression("OpenQueue", gate="cfn-lint")])
    assert (left.open, left.unused) == ((OPEN_QUEUE,), ())


@pytest.mark.parametrize(
    "text",
    [
        ENTRY.replace(REASON, "because"),
        ENTRY.replace(REASON, " " * 40),
        ENTRY.replace('"OpenQueue"', ""),
        ENTRY.replace("reason", "why"),
        ENTRY + 'severity = "low"\n',
        ENTRY + ENTRY,
    ],
)
def test_what_is_set_aside_without_a_reason_or_a_resource_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "suppressions.toml").write_text(text, encoding="utf-8")
    with pytest.raises(BadSuppressions):
        read(tmp_path / "suppressions.toml")


def test_the_projects_own_are_for_gates_that_there_are() -> None:
    assert {found.gate for found in read(gates.SUPPRESSIONS)} <= set(gates.GATES) - {"pip-audit"}


# --- cfn-lint


def test_what_cfn_lint_says_is_a_finding_of_its_resource(program: Program, home: Path) -> None:
    said = {
        "Rule": {"Id": "E3002"},
        "Message": "no such property",
        "Location": {"Path": ["Resources", "FirstQueue", "Properties", 0], "Start": {"LineNumber": 5}},
    }
    found = template.cfn_lint(program(saying([said], status=2)), home)
    assert found == [Finding("cfn-lint", "E3002", "FirstQueue", "no such property (template.yaml:5)")]


@pytest.mark.parametrize(
    "script",
    ["exit 0", "echo broken >&2; exit 1", saying([], status=1), saying([], status=2), saying([{"Rule": {}}])],
)
def test_a_cfn_lint_that_did_not_do_its_work_is_no_pass(program: Program, home: Path, script: str) -> None:
    with pytest.raises(GateFailed):
        template.cfn_lint(program(script), home)


# --- checkov


def report(failed: list[Any], /, **summary: int) -> Any:
    counts = {"passed": 3, "failed": len(failed), "skipped": 0, "parsing_errors": 0, "resource_count": 2}
    return {"results": {"failed_checks": failed}, "summary": counts | summary}


def test_what_checkov_says_is_a_finding_of_its_resource(program: Program, home: Path) -> None:
    failed = {"check_id": "CKV_1", "check_name": "encrypt it", "resource": "AWS::SQS::Queue.FirstQueue"}
    found = template.checkov(program(saying(report([failed]), status=1)), home)
    assert found == [Finding("checkov", "CKV_1", "FirstQueue", "encrypt it")]


@pytest.mark.parametrize(
    "script",
    [
        "exit 0",
        saying({"passed": 0, "failed": 0, "resource_count": 0}),  # what it writes of a file that it could not read
        saying(report([], resource_count=1)),
        saying(report([], parsing_errors=1)),
        saying(report([], passed=0)),
        saying(report([], skipped=1)),
        saying(report([], failed=1)),
    ],
)
def test_a_checkov_that_did_not_look_at_everything_is_no_pass(program: Program, home: Path, script: str) -> None:
    with pytest.raises(GateFailed):
        template.checkov(program(script), home)


def test_the_template_is_translated_for_either_partition_without_settings_of_aws(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    for region in template.REGIONS:
        resources = template.translate(PROJECT / "template.yaml", region)["Resources"]
        assert not [name for name, made in resources.items() if made["Type"].startswith("AWS::Serverless")]


def test_gates_side_by_side_translate_it_each_for_its_own_region(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    regions = template.REGIONS * 4

    def translate(region: str) -> Any:
        return template.translate(PROJECT / "template.yaml", region)["Resources"]

    alone = {region: translate(region) for region in template.REGIONS}
    with ThreadPoolExecutor(len(regions)) as pool:
        assert list(pool.map(translate, regions)) == [alone[region] for region in regions]
    assert "AWS_DEFAULT_REGION" not in os.environ


# --- pip-audit


@pytest.mark.parametrize(
    ("packages", "wrong"),
    [
        ([AUDITED], []),
        ([AUDITED, SKIPPED], ["not audited: uv"]),
        ([SKIPPED], ["not audited: uv", "no package was audited"]),
        ([], ["no package was audited"]),
        ([AUDITED, VULNERABLE], ["jinja2 2.4.1: PYSEC-2019-217, repaired in 2.10.1"]),
    ],
)
def test_an_audit_passes_when_everything_was_looked_up_and_nothing_found(packages: list[Any], wrong: list[str]) -> None:
    verdict = audit.judge(audit.read({"dependencies": packages}))
    assert list(verdict.wrong) == wrong
    assert (
        verdict.said == f"{len(packages) - packages.count(SKIPPED)} packages audited, {packages.count(SKIPPED)} skipped"
    )


@pytest.mark.parametrize("script", [saying({"dependencies": [SKIPPED]}), f'echo "{NO_CONNECTION}" >&2; exit 1'])
def test_where_there_is_no_service_to_ask_it_says_that_nothing_was_audited(
    program: Program, home: Path, script: str
) -> None:
    verdict = audit.audit(program(script), home)
    assert verdict.wrong == ()
    assert "NOTHING WAS AUDITED" in verdict.said


@pytest.mark.parametrize("packages", [[AUDITED, SKIPPED], [AUDITED, VULNERABLE]])
def test_where_there_is_one_what_it_skips_or_finds_fails(program: Program, home: Path, packages: list[Any]) -> None:
    whole = saying({"dependencies": packages}, status=int(VULNERABLE in packages))
    probe = saying({"dependencies": [AUDITED]})
    places = program(f'case "$*" in *bridge*) {whole};; esac\n{probe}')
    assert audit.audit(places, home).wrong


def test_a_service_that_leaves_in_the_middle_is_no_pass(program: Program, home: Path) -> None:
    probe = saying({"dependencies": [AUDITED]})
    places = program(f'case "$*" in *bridge*) echo "{NO_CONNECTION}" >&2; exit 1\n;; esac\n{probe}')
    assert audit.audit(places, home).wrong


@pytest.mark.parametrize(
    "script", ["exit 0", "echo 'no such file' >&2; exit 1", saying({"dependencies": [AUDITED]}, 1)]
)
def test_a_pip_audit_that_fails_of_itself_is_no_pass(program: Program, home: Path, script: str) -> None:
    with pytest.raises(GateFailed):
        audit.audit(program(script), home)


def test_every_requirement_file_is_audited() -> None:
    there = {path.relative_to(PROJECT).as_posix() for path in PROJECT.glob("layers/*/requirements.txt")}
    there |= {path.relative_to(PROJECT).as_posix() for path in PROJECT.glob("requirements/*.txt")}
    assert set(audit.REQUIREMENTS) == there
    assert audit.PROBE in there
