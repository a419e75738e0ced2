"""Nothing of a user's AWS or gateway settings reaches what is started here."""

from pathlib import Path

import pytest

from local import emulator, stack
from local.aws import Aws, forget
from local.places import Places

USER = {
    "PATH": "/usr/bin",
    "HOME": "/home/somebody",
    "LANG": "C.UTF-8",
    "AWS_PROFILE": "production",
    "AWS_ACCESS_KEY_ID": "AKIAREAL",
    "AWS_SECRET_ACCESS_KEY": "real",
    "AWS_SESSION_TOKEN": "real",
    "AWS_REGION": "cn-north-1",
    "AWS_ENDPOINT_URL_SQS": "https://elsewhere.example",
    "AWS_PORT": "4600",
    "EUMS_PASSWORD": "real",
    "DATABASE_URL": "postgres://real",
    "no_proxy": "intranet",
}
REAL = ("real", "AKIA", "production", "cn-north-1", "elsewhere")


@pytest.fixture
def places(tmp_path: Path) -> Places:
    for tool in ("sam/bin/sam", "ministack/bin/python"):
        path = tmp_path / ".tools" / tool
        path.parent.mkdir(parents=True)
        path.touch()
    return Places(tmp_path / ".local", tmp_path)


def test_the_emulator_sees_made_up_credentials_and_this_machine_only(places: Places) -> None:
    environ = emulator._environment(USER, Aws(4600), places)

    assert not [value for value in environ.values() if any(real in value for real in REAL)]
    assert environ["BIND_HOST"] == "127.0.0.1"
    assert environ["AUTH"] == "true"
    assert environ["GATEWAY_PORT"] == "4600"
    assert environ["HOME"] != USER["HOME"]
    assert environ["no_proxy"] == "intranet,127.0.0.1,localhost"
    assert "DATABASE_URL" not in environ


def test_sam_finds_the_emulated_aws_and_no_other(places: Places, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in USER.items():
        monkeypatch.setenv(name, value)

    environ = stack._environment(places, Aws(4600))

    mine = {name: value for name, value in environ.items() if name.startswith(("AWS_", "EUMS_"))}
    assert not [value for value in mine.values() if any(real in value for real in REAL)]
    assert environ["AWS_ENDPOINT_URL"] == "http://127.0.0.1:4600"
    assert environ["SAM_CLI_TELEMETRY"] == "0"
    assert environ["PATH"].startswith(str(places.project / ".tools" / "sam" / "bin"))


def test_forgetting_leaves_our_own_port() -> None:
    environ = dict(USER)
    forget(environ)

    assert environ["AWS_PORT"] == "4600"
    assert "AWS_PROFILE" not in environ


def test_a_build_is_fresh_until_a_source_changes(places: Places) -> None:
    (places.project / "requirements").mkdir()
    (places.project / "requirements" / "sam.txt").touch()
    (places.project / ".tools" / "ministack" / "pyvenv.cfg").write_text("home = /usr/bin\nversion_info = 3.11.7\n")
    (places.project / "template.yaml").write_text("Resources: {}\n")
    source = places.project / "functions" / "messages" / "app.py"
    source.parent.mkdir(parents=True)
    source.write_text("one")
    (places.project / "layers").mkdir()
    first = stack._digest(places.project)

    (source.parent / "__pycache__").mkdir()
    (source.parent / "__pycache__" / "app.pyc").touch()
    assert stack._digest(places.project) == first

    source.write_text("two")
    assert stack._digest(places.project) != first
