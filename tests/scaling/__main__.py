"""Runs the scenarios and writes their tables into `docs/scaling.md`: `make scaling`. It takes some minutes."""

import hashlib
import json
import re
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Final

from tests.scaling.scenarios import SCENARIOS, rows, table
from tests.scaling.settings import HERE, Settings

DOCUMENT: Final = HERE.parents[1] / "docs" / "scaling.md"
MADE_OF: Final = ("engine.py", "way.py", "scenarios.py", "settings.py", "quotas.json", "times.json")


def stamp(settings: Settings) -> str:
    """What the tables were made of: the template's settings, the quotas, the times and the model, in a few digits."""
    made = hashlib.sha256(repr(settings).encode())
    for name in MADE_OF:
        made.update((HERE / name).read_bytes())
    return made.hexdigest()[:16]


def quota_table() -> str:
    """The quotas, as Markdown."""
    known = json.loads((HERE / "quotas.json").read_text(encoding="utf-8"))["quotas"].values()
    lines = [
        f"| {one['service']} | {one['what']} | {one['value']:,} | {'yes' if one['adjustable'] else 'no'} "
        f"| [{one['read'] if one['checked'] else 'not checked'}]({one['source']}) |\n"
        for one in known
    ]
    return "| service | quota | default | can be raised | read |\n|---|---|---|---|---|\n" + "".join(lines)


def written(document: str, name: str, text: str) -> str:
    """The document with a text between the marks of a name.

    Raises:
        ValueError: it has no such marks.
    """
    begin, end = f"<!-- scaling {name} -->\n", f"<!-- /scaling {name} -->"
    marks = re.compile(f"({re.escape(begin)}).*?({re.escape(end)})", re.DOTALL)
    if not marks.search(document):
        raise ValueError(f"the document has no marks for {name}")
    return marks.sub(lambda found: found[1] + text + found[2], document)


def between(document: str, name: str) -> str:
    """What stands between the marks of a name."""
    found = re.search(
        f"<!-- scaling {re.escape(name)} -->\n(.*?)<!-- /scaling {re.escape(name)} -->", document, re.DOTALL
    )
    if found is None:
        raise ValueError(f"the document has no marks for {name}")
    return found[1]


def _table(number: int) -> str:
    return table(rows(SCENARIOS[number], Settings.of_template()))


def main(path: Path = DOCUMENT) -> int:
    settings = Settings.of_template()
    document = path.read_text(encoding="utf-8")
    with ProcessPoolExecutor() as pool:
        for scenario, text in zip(SCENARIOS, pool.map(_table, range(len(SCENARIOS))), strict=True):
            sys.stdout.write(f"{scenario.title}\n{text}\n")
            sys.stdout.flush()
            document = written(document, scenario.name, text)
    document = written(document, "quotas", quota_table())
    document = written(document, "stamp", f"<!-- {stamp(settings)} -->\n")
    path.write_text(document, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
