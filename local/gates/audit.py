"""Known vulnerabilities of everything that is installed, by pip-audit.

Where its service is out of reach pip-audit calls every package *skipped*, and then says "No known vulnerabilities
found" with status 0. So its report is read: a package that was not looked up was not audited.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from local.gates.programs import GateFailed, ask
from local.places import Places

REQUIREMENTS: Final = (
    "layers/eums/requirements.txt",
    "layers/bridge/requirements.txt",
    "requirements/runtime.txt",
    "requirements/uv.txt",
    "requirements/sam.txt",
    "requirements/ministack.txt",
    "requirements/gates.txt",
    "requirements/development.txt",
)
PROBE: Final = "requirements/uv.txt"
"""One package. Where nobody knows it, nobody is asked about the other hundreds."""
_TIMEOUT: Final = 10
"""Seconds for one answer of the service."""
_UNREACHABLE: Final = (
    "Max retries exceeded",
    "Could not connect to",
    "connectivity",
    "ConnectionError",
    "ConnectTimeout",
    "timed out",
)


@dataclass(frozen=True)
class Report:
    """What pip-audit made of some requirement files.

    Attributes:
        audited: packages that the service knows.
        skipped: packages that it does not know, or was not asked about.
        vulnerable: what is wrong, a line each.
    """

    audited: tuple[str, ...]
    skipped: tuple[str, ...]
    vulnerable: tuple[str, ...]


@dataclass(frozen=True)
class Verdict:
    """What the audit comes to, in a sentence; with what has to change where it did not go well."""

    said: str
    wrong: tuple[str, ...] = ()


def read(document: Mapping[str, Any]) -> Report:
    """Read pip-audit's JSON."""
    audited, skipped, vulnerable = [], [], []
    for package in document["dependencies"]:
        if "skip_reason" in package:
            skipped.append(package["name"])
            continue
        audited.append(package["name"])
        for known in package["vulns"]:
            repaired = ", ".join(known["fix_versions"]) or "no version yet"
            vulnerable.append(f"{package['name']} {package['version']}: {known['id']}, repaired in {repaired}")
    return Report(tuple(sorted(audited)), tuple(sorted(skipped)), tuple(sorted(vulnerable)))


def judge(report: Report) -> Verdict:
    """Whether a whole audit passes: nothing skipped, nothing found, and not nothing at all."""
    wrong = [*report.vulnerable]
    if report.skipped:
        wrong.append(f"not audited: {', '.join(report.skipped)}")
    if not report.audited:
        wrong.append("no package was audited")
    return Verdict(f"{len(report.audited)} packages audited, {len(report.skipped)} skipped", tuple(wrong))


def audit(places: Places, home: Path) -> Verdict:
    """Audit every requirement file; where there is no service to ask, say so.

    Raises:
        GateFailed: pip-audit failed of something else.
    """
    probed = _report(places, home, [PROBE])
    if probed is None or not probed.audited:
        return Verdict("no service to ask here: NOTHING WAS AUDITED for known vulnerabilities")
    whole = _report(places, home, REQUIREMENTS)
    if whole is None:
        # It was there a moment ago. What it would have said of the rest is not known, and that is no pass.
        return Verdict("the service stopped answering", ("it answered the first question and not the others",))
    return judge(whole)


def _report(places: Places, home: Path, requirements: Iterable[str]) -> Report | None:
    """Ask pip-audit, or None where it could not reach its service."""
    files: Sequence[str | Path] = [word for name in requirements for word in ("-r", places.project / name)]
    answer = ask(
        [
            *(places.tool("gates", "python"), "-m", "pip_audit"),
            *("--disable-pip", "--require-hashes"),  # the files name every package, and pip has nothing to resolve
            *("--format", "json", "--progress-spinner", "off"),
            *("--timeout", str(_TIMEOUT)),
            *("--cache-dir", home / "cache"),
            *files,
        ],
        home=home,
    )
    if not answer.output.strip() and any(words in answer.errors for words in _UNREACHABLE):
        return None
    report = read(answer.json("pip-audit"))
    if bool(answer.status) is not bool(report.vulnerable):
        raise GateFailed(f"pip-audit ended with {answer.status}:\n{answer.errors.strip()}")
    return report
