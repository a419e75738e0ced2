"""All gates side by side: `python -m local.gates`. Status 1 where one finds something, or does not do its work."""

import logging
import sys
import tempfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final

from local.console import Console
from local.errors import LocalError
from local.gates import audit, findings, rules, template
from local.gates.audit import Verdict
from local.gates.findings import Finding, Suppression
from local.places import Places

SUPPRESSIONS: Final = Path(__file__).with_name("suppressions.toml")
_READING: Final[dict[str, Callable[[Places, Path], list[Finding]]]] = {
    "cfn-lint": template.cfn_lint,
    "checkov": template.checkov,
    rules.GATE: lambda places, _: rules.rules(places),
}
GATES: Final = (*_READING, "pip-audit")


def verdict(gate: str, places: Places, home: Path, suppressions: list[Suppression]) -> Verdict:
    """Let one gate do its work.

    Raises:
        LocalError: it could not.
    """
    if gate == "pip-audit":
        return audit.audit(places, home)
    left = findings.sort_out(gate, _READING[gate](places, home), suppressions)
    unused = [f"{name}: set aside and not found any more; take it out of suppressions.toml" for name in left.unused]
    said = f"{len(left.open)} findings, {left.covered} more set aside with a reason"
    return Verdict(said, (*map(str, left.open), *unused))


def main() -> int:
    """Run every gate and say what each found."""
    places, console = Places.default(), Console()
    failed = False
    # It warns of a feature of its own that is not configured, which nobody can do anything about.
    logging.getLogger("samtranslator").setLevel(logging.ERROR)

    def run(gate: str) -> Verdict:
        try:
            with tempfile.TemporaryDirectory(prefix=f"{gate}-") as home:
                return verdict(gate, places, Path(home), suppressions)
        except LocalError as error:
            return Verdict("it failed", (str(error),))

    try:
        suppressions = findings.read(SUPPRESSIONS)
    except LocalError as error:
        sys.stderr.write(f"{SUPPRESSIONS.name}: {error}\n")
        return 1
    strange = sorted({found.gate for found in suppressions} - set(_READING))
    if strange:
        sys.stderr.write(f"{SUPPRESSIONS.name}: there is no gate {', '.join(strange)}\n")
        return 1
    with ThreadPoolExecutor(len(GATES)) as pool:
        for gate, found in zip(GATES, pool.map(run, GATES), strict=True):
            console.say(f"{gate}: {found.said}")
            for line in found.wrong:
                sys.stderr.write(f"  {line}\n")
            failed = failed or bool(found.wrong)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
