"""The check of what was built, on builds made up here."""

import struct
import sys
from hashlib import sha256
from pathlib import Path

import httpx
import pytest

from local import artifacts
from local.artifacts import Build, Target, Unfit
from local.places import PROJECT

LAMBDA = Target("aarch64", "3.13")
TEMPLATE = """
Globals:
  Function:
    Runtime: python3.13
    Architectures: [arm64]
    Layers: [!Ref FirstLayer, !Ref SecondLayer]
Resources:
  OneFunction:
    Type: AWS::Serverless::Function
    Properties: {Handler: app.handler, CodeUri: OneFunction}
  FirstLayer:
    Type: AWS::Serverless::LayerVersion
    Properties: {ContentUri: FirstLayer}
  SecondLayer:
    Type: AWS::Serverless::LayerVersion
    Properties: {ContentUri: SecondLayer}
"""


def elf(machine: int, *, big_endian: bool = False) -> bytes:
    order = ">" if big_endian else "<"
    return b"\x7fELF\x02" + (b"\x02" if big_endian else b"\x01") + bytes(10) + struct.pack(f"{order}HH", 3, machine)


@pytest.fixture
def build(tmp_path: Path) -> Path:
    (tmp_path / "template.yaml").write_text(TEMPLATE, encoding="utf-8")
    for layer in ("FirstLayer", "SecondLayer"):
        (tmp_path / layer / "python").mkdir(parents=True)
    (tmp_path / "OneFunction").mkdir()
    return tmp_path


@pytest.mark.parametrize(
    ("binary", "expected"),
    [
        (elf(0xB7), {"aarch64"}),
        (elf(0x3E), {"x86_64"}),
        (elf(0xB7, big_endian=True), {"aarch64"}),
        (elf(0xF3), {"ELF machine 243"}),
        (b"\xcf\xfa\xed\xfe" + struct.pack("<I", 0x0100000C), {"aarch64"}),
        (
            b"\xca\xfe\xba\xbe" + struct.pack(">I", 2) + struct.pack(">I16xI16x", 0x01000007, 0x0100000C),
            {"x86_64", "aarch64"},
        ),
        (b"#!/bin/sh", set()),
        (b"", set()),
    ],
)
def test_a_binary_names_its_machine(binary: bytes, expected: set[str]) -> None:
    assert artifacts.machines(binary) == expected


def test_the_built_template_says_what_runs_where(build: Path) -> None:
    read = Build.read(build)
    assert read.declared == LAMBDA
    assert read.layers == (build / "FirstLayer", build / "SecondLayer")
    (function,) = read.functions
    assert (function.name, function.handler) == ("OneFunction", "app.handler")
    assert function.folders == [build / name for name in ("OneFunction", "FirstLayer/python", "SecondLayer/python")]


def test_a_folder_without_a_build_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unfit, match="is no build"):
        Build.read(tmp_path)


@pytest.mark.parametrize(
    ("name", "machine", "wrong"),
    [
        ("x.abi3.so", 0xB7, []),
        ("x.cpython-313-aarch64-linux-gnu.so", 0xB7, []),
        ("x.abi3.so", 0x3E, ["FirstLayer/python/x.abi3.so is for x86_64, not for aarch64"]),
        (
            "x.cpython-311-aarch64-linux-gnu.so",
            0xB7,
            ["FirstLayer/python/x.cpython-311-aarch64-linux-gnu.so is for another Python than 3.13"],
        ),
    ],
)
def test_binaries_of_another_machine_or_python_are_found(
    build: Path, name: str, machine: int, wrong: list[str]
) -> None:
    (build / "FirstLayer" / "python" / name).write_bytes(elf(machine))
    assert [*artifacts.wrong_binaries(build / "FirstLayer", LAMBDA)] == wrong


def test_a_layer_with_boto3_or_in_the_wrong_folder_is_found(build: Path) -> None:
    layer = build / "FirstLayer"
    assert not [*artifacts.misplaced(layer)]
    (layer / "python" / "boto3").mkdir()
    (layer / "python" / "python").mkdir()
    double, runtime = artifacts.misplaced(layer)
    assert "python/python" in double
    assert "boto3" in runtime
    assert "no python folder" in next(artifacts.misplaced(build / "OneFunction"))


def test_layers_that_would_overwrite_each_other_are_found(build: Path) -> None:
    first, second = build / "FirstLayer", build / "SecondLayer"
    for layer in (first, second):
        (layer / "python" / "typing_extensions.py").write_text("VERSION = 1\n", encoding="utf-8")
        (layer / "python" / "x.pyc").write_bytes(str(layer).encode())
    assert not [*artifacts.clashes([first, second])]
    (second / "python" / "typing_extensions.py").write_text("VERSION = 2\n", encoding="utf-8")
    (clash,) = artifacts.clashes([first, second])
    assert clash == "python/typing_extensions.py is not the same in SecondLayer and in another layer"


def test_more_than_lambda_takes_is_found(build: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (function,) = Build.read(build).functions
    (build / "SecondLayer" / "python" / "data").write_bytes(bytes(2**20))
    assert not [*artifacts.too_large(function)]
    monkeypatch.setattr(artifacts, "LIMIT", 2**20 - 1)
    (reason,) = artifacts.too_large(function)
    assert reason.startswith("OneFunction is 1 MB")


def test_the_zip_is_measured(build: Path) -> None:
    (build / "FirstLayer" / "python" / "zeros").write_bytes(bytes(10**6))
    assert 100 < artifacts.zipped_size(build / "FirstLayer") < 10_000


def test_layers_that_grew_are_found(build: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    layers = [build / "FirstLayer", build / "SecondLayer"]
    (layers[1] / "python" / "noise").write_bytes(b"".join(sha256(bytes([number])).digest() for number in range(64)))
    assert not [*artifacts.too_large_zipped(layers)]
    monkeypatch.setattr(artifacts, "ZIPPED_LIMIT", 2000)
    (reason,) = artifacts.too_large_zipped(layers)
    assert "unused.txt" in reason


def test_what_is_loaded_by_name_only_is_used(tmp_path: Path) -> None:
    site = Path(httpx.__file__).parents[1]
    folders = [PROJECT / "layers/eums", PROJECT / "layers/bridge", site]
    artifacts.use(Path(sys.executable), folders)

    (tmp_path / "Crypto").mkdir()
    (tmp_path / "Crypto" / "__init__.py").write_text("", encoding="utf-8")
    with pytest.raises(Unfit, match="Crypto"):
        artifacts.use(Path(sys.executable), [tmp_path, *folders])


@pytest.mark.parametrize("layer", ["eums", "bridge"])
def test_what_a_layer_goes_without_is_nothing_of_ours(layer: str) -> None:
    lines = (PROJECT / "layers" / layer / "unused.txt").read_text(encoding="utf-8").splitlines()
    patterns = [line for line in lines if line and not line.startswith("#")]
    assert patterns
    for pattern in patterns:
        assert not pattern.startswith(("/", ".", "eums", "bridge"))
        assert ".." not in pattern
        assert [*Path(httpx.__file__).parents[1].glob(pattern)], f"{pattern} is nothing that is installed"


class TestImporting:
    """In a fresh interpreter that has its standard library and the given folders."""

    python = Path(sys.executable)

    def test_a_handler_that_is_whole_imports(self, tmp_path: Path) -> None:
        (tmp_path / "app.py").write_text("import json\ndef handler(): ...\n", encoding="utf-8")
        assert 0 < artifacts.import_seconds(self.python, [tmp_path], "app", "handler") < 60

    def test_what_only_this_environment_has_is_missing_there(self, tmp_path: Path) -> None:
        (tmp_path / "app.py").write_text("import pytest\n", encoding="utf-8")
        with pytest.raises(Unfit, match=r"^app: no module pytest$"):
            artifacts.import_seconds(self.python, [tmp_path], "app", "handler")

    def test_a_handler_of_another_name_is_missing(self, tmp_path: Path) -> None:
        (tmp_path / "app.py").write_text("", encoding="utf-8")
        with pytest.raises(Unfit, match="has no attribute 'handler'"):
            artifacts.import_seconds(self.python, [tmp_path], "app", "handler")

    def test_every_module_of_a_package_is_imported(self, tmp_path: Path) -> None:
        inner = tmp_path / "package" / "inner"
        inner.mkdir(parents=True)
        (tmp_path / "package" / "__init__.py").write_text("", encoding="utf-8")
        (inner / "__init__.py").write_text("", encoding="utf-8")
        (inner / "lazy.py").write_text("import absent\n", encoding="utf-8")
        with pytest.raises(Unfit, match=r"^package\.inner\.lazy: no module absent$"):
            artifacts.import_seconds(self.python, [tmp_path], "package")

    def test_nothing_of_the_caller_is_seen(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("AWS_DEFAULT_REGION", "cn-north-1")
        (tmp_path / "app.py").write_text(
            "import os\nassert 'AWS_DEFAULT_REGION' not in os.environ\nhandler = 1\n", encoding="utf-8"
        )
        artifacts.import_seconds(self.python, [tmp_path], "app", "handler")

    def test_the_sdk_is_there_and_nothing_beside_it(self, tmp_path: Path) -> None:
        sdk = artifacts.sdk_only(self.python, tmp_path)
        assert artifacts.import_seconds(self.python, [sdk], "boto3", "client") > 0
        with pytest.raises(Unfit, match="no module httpx"):
            artifacts.import_seconds(self.python, [sdk], "httpx", "Client")


def test_the_command_says_what_is_wrong_and_fails(build: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = [str(build), "--python", sys.executable]
    assert artifacts.main(arguments) == 0
    assert "FirstLayer" in capsys.readouterr().out
    (build / "FirstLayer" / "python" / "x.so").write_bytes(elf(0x3E))
    assert artifacts.main(arguments) == 1
    assert "x.so is for x86_64" in capsys.readouterr().err
    assert artifacts.main([str(build / "nowhere"), "--python", sys.executable]) == 1
