import ast
from pathlib import Path

import pytest

HANDLERS = sorted((Path(__file__).parents[3] / "functions").glob("*/app.py"))
ALLOWED = (
    "bridge.wiring",
    "bridge.handling",
    "bridge.api.",
    "bridge.domain.",
    "aws_lambda_powertools.event_handler",
    "typing",
)


def imported(path: Path) -> set[str]:
    modules: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            modules |= {name.name for name in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module == "bridge":
            modules |= {f"bridge.{name.name}" for name in node.names}
        elif isinstance(node, ast.ImportFrom):
            modules.add(str(node.module))
    return modules


@pytest.mark.parametrize("path", HANDLERS, ids=lambda path: path.parent.name)
def test_a_function_reaches_the_services_through_the_wiring_only(path: Path) -> None:
    assert {module for module in imported(path) if not module.startswith(ALLOWED)} == set()


@pytest.mark.parametrize("path", HANDLERS, ids=lambda path: path.parent.name)
def test_a_function_fits_a_screen(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= 66
