"""npm's lock files: exact, hashed, and of no registry in particular."""

import json
from typing import Any

import pytest

from local.places import PROJECT

LOCKS = ["requirements/node/package-lock.json", "examples/node/package-lock.json"]


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_pins_every_package_and_names_no_registry(name: str) -> None:
    lock: dict[str, Any] = json.loads((PROJECT / name).read_text(encoding="utf-8"))
    packages = {path: package for path, package in lock["packages"].items() if path}

    assert packages
    assert all(package["integrity"].startswith("sha512-") for package in packages.values())
    assert not any("resolved" in package for package in packages.values())


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_is_of_its_package_file(name: str) -> None:
    lock = json.loads((PROJECT / name).read_text(encoding="utf-8"))
    wanted = json.loads((PROJECT / name).with_name("package.json").read_text(encoding="utf-8"))

    assert lock["packages"][""]["dependencies"] == wanted["dependencies"]
