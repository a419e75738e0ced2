import ast
import subprocess
import sys
from pathlib import Path

import pytest

from bridge import ports


def test_every_port_is_found_where_the_types_say() -> None:
    tree = ast.parse(Path(ports.__file__).read_text(encoding="utf-8"))
    said = {
        name.name: node.module
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("bridge.ports.")
        for name in node.names
    }
    assert sorted(said) == sorted(ports.__all__)
    assert {name: getattr(ports, name).__module__ for name in ports.__all__ if name != "NewId"} == {
        name: module for name, module in said.items() if name != "NewId"
    }
    assert all(hasattr(ports, name) for name in ports.__all__)
    with pytest.raises(AttributeError, match="no attribute 'Anything'"):
        getattr(ports, "Anything")  # noqa: B009 - there is none


def test_one_port_does_not_bring_the_domain_of_the_others() -> None:
    program = (
        "import sys; from bridge.ports import Clock; print(*(n for n in sys.modules if n.startswith('bridge.domain.')))"
    )
    layers = [str(Path(ports.__file__).parents[2]), str(Path(ports.__file__).parents[3] / "eums")]
    done = subprocess.run(  # noqa: S603 - our own program
        [sys.executable, "-c", f"import sys; sys.path[:0] = {layers!r}; {program}"],
        check=True,
        capture_output=True,
        text=True,
    )
    assert done.stdout.split() == []
