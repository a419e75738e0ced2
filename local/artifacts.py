"""What `sam build` made: the right wheels for where it runs, and nothing left out of the layers.

`python -m local.artifacts [BUILD DIRECTORY …] [--host]`; without a directory, the build for Lambda and the one for
this machine. Of each it checks every binary, what the layers hold, and their size; of a build for this machine
also that every handler, and every module of our own packages, imports with nothing but the layers and boto3.
"""

import argparse
import json
import platform
import struct
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from samtranslator.yaml_helper import yaml_parse  # type: ignore[import-untyped] # it ships no types

from local.console import Console
from local.errors import LocalError
from local.places import PROJECT, Places

LAMBDA_BUILD: Final = PROJECT / ".aws-sam" / "build"
OWN_PACKAGES: Final = ("eums", "bridge")
LIMIT: Final = 250 * 2**20
"""Bytes of a function and its layers, unzipped: Lambda's quota."""

ZIPPED_LIMIT: Final = 6_000_000
"""Bytes of all layers, zipped, as built for Lambda: what a deployment uploads, and a cold start fetches."""

# The runtime brings these; in a layer they would hide its own, at 15 MB and a tenth of a second.
_RUNTIME_ONLY: Final = ("boto3", "botocore", "s3transfer", "awslambdaric")
# boto3 and what it needs, as the runtime has them.
_SDK: Final = ("boto3", "botocore", "s3transfer", "jmespath", "dateutil", "urllib3", "six")
_IMPORT_SECONDS: Final = 60.0

_ELF: Final = {0x3E: "x86_64", 0xB7: "aarch64"}
_MACH_O: Final = {0x01000007: "x86_64", 0x0100000C: "aarch64"}
_MACHINES: Final = {"arm64": "aarch64", "amd64": "x86_64"}

_FIND: Final = """
import importlib.util, json, sys
print(json.dumps([importlib.util.find_spec(name).origin for name in sys.argv[1:]]))
"""
# Runs in an interpreter that sees its own standard library and the given folders, nothing else.
_IMPORT: Final = """
import importlib, json, pkgutil, sys, time
folders, module, attribute = json.loads(sys.argv[1])
sys.path[:0] = folders
began = time.perf_counter()
try:
    loaded = importlib.import_module(module)
    if attribute:
        getattr(loaded, attribute)
    else:
        for found in pkgutil.walk_packages(loaded.__path__, module + ".", onerror=lambda name: None):
            module = found.name
            importlib.import_module(module)
except ModuleNotFoundError as error:
    sys.exit(f"{module}: no module {error.name}")
except Exception as error:
    sys.exit(f"{module}: {type(error).__name__}: {error}")
print(time.perf_counter() - began)
"""
# Uses what is loaded by name only when it is needed, so that no import above misses it: ciphers, zones, certificates.
_USE: Final = """
import json, sys, zoneinfo
folders, _, _ = json.loads(sys.argv[1])
sys.path[:0] = folders
PUBLIC_KEY = '''-----BEGIN PUBLIC KEY-----
MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDuo7k/nwn8NTIFDxLcZNu9hCSA
SS9Tl+vKswi4LGnEaEZdAQ/nwl2RN4toQCeNOBp0Mc6sLMh89YN5zQP1DyXoTLjR
c7kXaISGsQjyhJggqkWSV2w92Hi9vnC9yXFFajMAI4NCjlwKKWEcRnYl4770frxq
iPe4IdCT7a3Y87QDBQIDAQAB
-----END PUBLIC KEY-----'''
zoneinfo.reset_tzpath(to=[])
def use():
    from Crypto.Hash import SHA1, SHA256
    from Crypto.PublicKey import RSA
    from Crypto.Signature import pkcs1_15
    import eums, httpx
    from bridge.api.pages import swagger_ui
    for length in (16, 24, 32):
        assert eums.decrypt_hex(eums.encrypt_hex("text", bytes(length)), bytes(length)) == b"text"
    account = eums.Account(base_url="https://gateway.test", name="test", password="123456", zone="Asia/Shanghai")
    assert account.tzinfo
    key = RSA.import_key(PUBLIC_KEY)
    for digest in (SHA1, SHA256):
        try:
            pkcs1_15.new(key).verify(digest.new(b"text"), bytes(128))
        except ValueError as refused:
            assert "signature" in str(refused)
    httpx.Client().close()
    httpx.URL("https://\u4f8b\u5b50.test/")
    assert "<script>" in swagger_ui()
try:
    use()
except Exception as error:
    sys.exit(f"{type(error).__name__}: {error}")
"""


class Unfit(LocalError):
    """A build that would not run where it is to run; the message has a line for each reason."""


@dataclass(frozen=True)
class Target:
    """Where a build is to run.

    Attributes:
        machine: as in an ELF header, `aarch64` or `x86_64`.
        version: of Python, as `3.13`.
    """

    machine: str
    version: str

    def __str__(self) -> str:
        """As a person says it."""
        return f"python{self.version} on {self.machine}"


@dataclass(frozen=True)
class Function:
    """A built function: where its code and layers are, and what Lambda calls."""

    name: str
    handler: str
    folder: Path
    layers: tuple[Path, ...]

    @property
    def folders(self) -> list[Path]:
        """What it imports from, in Lambda's order: /var/task, then /opt/python."""
        return [self.folder, *(layer / "python" for layer in self.layers)]


@dataclass(frozen=True)
class Build:
    """What a built template says.

    Attributes:
        declared: what Lambda is told to run it on.
    """

    folder: Path
    declared: Target
    functions: tuple[Function, ...]
    layers: tuple[Path, ...]

    @classmethod
    def read(cls, folder: Path) -> "Build":
        """Read the template that `sam build` leaves beside the artifacts.

        Raises:
            Unfit: there is none.
        """
        try:
            document: dict[str, Any] = yaml_parse((folder / "template.yaml").read_text(encoding="utf-8"))
        except (OSError, yaml.YAMLError) as exc:
            raise Unfit(f"{folder} is no build: {exc}") from exc
        shared = document["Globals"]["Function"]
        resources = document["Resources"]
        layers = {
            name: folder / resource["Properties"]["ContentUri"]
            for name, resource in resources.items()
            if resource["Type"] == "AWS::Serverless::LayerVersion"
        }
        functions = tuple(
            Function(
                name=name,
                handler=resource["Properties"]["Handler"],
                folder=folder / resource["Properties"]["CodeUri"],
                layers=tuple(
                    layers[layer["Ref"]] for layer in [*shared["Layers"], *resource["Properties"].get("Layers", [])]
                ),
            )
            for name, resource in resources.items()
            if resource["Type"] == "AWS::Serverless::Function"
        )
        machine = shared["Architectures"][0]
        declared = Target(_MACHINES.get(machine, machine), shared["Runtime"].removeprefix("python"))
        return cls(folder, declared, functions, tuple(layers.values()))


def here(python: Path) -> Target:
    """This machine, with the interpreter that runs the local Lambdas."""
    version = _run([python, "-I", "-c", "import sys; print('%d.%d' % sys.version_info[:2])"])
    machine = platform.machine().lower()
    return Target(_MACHINES.get(machine, machine), version)


def machines(binary: bytes) -> frozenset[str]:
    """The machines that a shared object runs on, from its first bytes (ELF or Mach-O); empty: it is neither."""
    if binary[:4] == b"\x7fELF":
        (machine,) = struct.unpack_from("<H" if binary[5] == 1 else ">H", binary, 18)
        return frozenset({_ELF.get(machine, f"ELF machine {machine}")})
    if binary[:4] == b"\xcf\xfa\xed\xfe":
        (cpu,) = struct.unpack_from("<I", binary, 4)
        return frozenset({_MACH_O.get(cpu, f"Mach-O machine {cpu}")})
    if binary[:4] == b"\xca\xfe\xba\xbe":
        (count,) = struct.unpack_from(">I", binary, 4)
        cpus = [struct.unpack_from(">I", binary, 8 + 20 * number)[0] for number in range(count)]
        return frozenset(_MACH_O.get(cpu, f"Mach-O machine {cpu}") for cpu in cpus)
    return frozenset()


def wrong_binaries(layer: Path, target: Target) -> Iterator[str]:
    """Binaries that do not load there: of another machine, or of another Python."""
    tag = f"cpython-{target.version.replace('.', '')}"
    for path in sorted(layer.rglob("*.so")):
        with path.open("rb") as file:
            found = machines(file.read(512))
        name = path.relative_to(layer.parent)
        if target.machine not in found:
            yield f"{name} is for {' and '.join(sorted(found)) or 'no machine'}, not for {target.machine}"
        elif ".cpython-" in path.name and f".{tag}-" not in path.name:
            yield f"{name} is for another Python than {target.version}"


def misplaced(layer: Path) -> Iterator[str]:
    """What a layer should hold and does not, or the other way round."""
    site = layer / "python"
    if not site.is_dir():
        yield f"{layer.name} has no python folder: Lambda would not find anything in it"
        return
    if (site / "python").is_dir():
        yield f"{layer.name} has python/python: nothing in there imports"
    yield from (
        f"{layer.name} has {name}, which the runtime brings" for name in _RUNTIME_ONLY if (site / name).exists()
    )


def clashes(layers: Iterable[Path]) -> Iterator[str]:
    """Files that two layers hold with different contents: Lambda unpacks all layers into one folder."""
    seen: dict[Path, Path] = {}
    for layer in layers:
        for path in sorted(layer.rglob("*")):
            name = path.relative_to(layer)
            # A pyc tells where it was compiled, and a dist-info who asked for the package: no code differs by these.
            if not path.is_file() or path.suffix == ".pyc" or ".dist-info" in str(name):
                continue
            other = seen.setdefault(name, path)
            if other is not path and other.read_bytes() != path.read_bytes():
                yield f"{name} is not the same in {layer.name} and in another layer"


def size(folder: Path) -> int:
    """Bytes, unzipped."""
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())


def zipped_size(folder: Path) -> int:
    """Bytes of the zip that `sam deploy` uploads."""
    with tempfile.TemporaryFile() as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in sorted(folder.rglob("*")):
                archive.write(path, path.relative_to(folder))
        return file.tell()


def too_large(function: Function) -> Iterator[str]:
    """Whether Lambda would refuse a function for its size."""
    total = size(function.folder) + sum(map(size, function.layers))
    if total > LIMIT:
        yield f"{function.name} is {total / 2**20:.0f} MB with its layers; Lambda takes {LIMIT / 2**20:.0f}"


def too_large_zipped(layers: Iterable[Path]) -> Iterator[str]:
    """Whether the layers together are larger than they are meant to be."""
    total = sum(map(zipped_size, layers))
    if total > ZIPPED_LIMIT:
        yield (
            f"the layers are {total / 1e6:.1f} MB zipped, and {ZIPPED_LIMIT / 1e6:.1f} is the limit: "
            "what is not imported goes into their unused.txt"
        )


def sdk_only(python: Path, folder: Path) -> Path:
    """Fill a folder with an interpreter's boto3 and what that needs, and with nothing else it has.

    Raises:
        Unfit: it has no boto3.
    """
    for name, origin in zip(_SDK, json.loads(_run([python, "-I", "-c", _FIND, *_SDK])), strict=True):
        found = Path(origin)
        found = found.parent if found.name == "__init__.py" else found
        (folder / (found.name if found.is_file() else name)).symlink_to(found)
    return folder


def import_seconds(python: Path, folders: Iterable[Path], module: str, attribute: str = "") -> float:
    """How long a fresh interpreter takes for a module's attribute, or without one for a whole package.

    Raises:
        Unfit: it does not import; the message names what is missing.
    """
    what = json.dumps([[str(folder) for folder in folders], module, attribute])
    # -I -S: no site-packages, no environment; -B: the build stays as it is.
    return float(_run([python, "-I", "-S", "-B", "-c", _IMPORT, what]))


def use(python: Path, folders: Iterable[Path]) -> None:
    """Use what no import shows to be missing.

    Raises:
        Unfit: something is; the message names it.
    """
    _run([python, "-I", "-S", "-B", "-c", _USE, json.dumps([[str(folder) for folder in folders], "", ""])])


def check(build: Build, target: Target, console: Console) -> list[str]:
    """Print what a build holds, and return what is wrong with it."""
    console.say(f"{_short(build.folder)}, for {target}")
    wrong = [*clashes(build.layers)]
    for layer in build.layers:
        binaries = len(list(layer.rglob("*.so")))
        compiled = "compiled" if next(layer.rglob("*.pyc"), None) else "not compiled: slower cold starts"
        sizes = f"{zipped_size(layer) / 1e6:.1f} MB zipped, {size(layer) / 1e6:.1f} MB unpacked"
        console.say(f"  {layer.name:<24} {sizes}, {binaries} binaries, {compiled}")
        wrong += [*misplaced(layer), *wrong_binaries(layer, target)]
    for function in build.functions:
        wrong += too_large(function)
    return [*wrong, *too_large_zipped(build.layers)] if target == build.declared else wrong


def check_imports(build: Build, python: Path, console: Console) -> list[str]:
    """Import everything that was built, print the times, and return what is missing."""
    wrong: list[str] = []
    with tempfile.TemporaryDirectory() as scratch:
        sdk = sdk_only(python, Path(scratch))
        layers = [layer / "python" for layer in build.layers]
        wanted: list[tuple[str, list[Path], str, str]] = [(f"all of {name}", layers, name, "") for name in OWN_PACKAGES]
        for function in build.functions:
            module, _, attribute = function.handler.rpartition(".")
            wanted.append((function.name, function.folders, module, attribute))
        for name, folders, module, attribute in wanted:
            try:
                seconds = import_seconds(python, [*folders, sdk], module, attribute)
            except Unfit as exc:
                wrong.append(f"{name} does not import: {exc}")
            else:
                console.say(f"  {name:<24} imports in {seconds * 1000:.0f} ms")
        try:
            use(python, [*layers, sdk])
        except Unfit as exc:
            wrong.append(f"what is loaded by name does not work: {exc}")
    return wrong


def _run(command: list[str | Path]) -> str:
    try:
        done = subprocess.run(command, env={}, capture_output=True, text=True, timeout=_IMPORT_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired) as exc:
        raise Unfit(f"{command[0]}: {exc}") from exc
    if done.returncode:
        raise Unfit(done.stderr.strip().rpartition("\n")[2] or f"{command[0]} ended with {done.returncode}")
    return done.stdout.strip()


def _short(path: Path) -> Path:
    path = path.resolve()
    return path.relative_to(PROJECT) if path.is_relative_to(PROJECT) else path


def main(arguments: list[str] | None = None) -> int:
    """Check the builds, and say what is wrong with them."""
    places, console = Places.default(), Console()
    parser = argparse.ArgumentParser(prog="python -m local.artifacts", description=__doc__)
    parser.add_argument("builds", nargs="*", type=Path, help="build directories; without one, both")
    parser.add_argument("--host", action="store_true", help="the given ones are for this machine, not for Lambda")
    parser.add_argument("--python", type=Path, help="runs the local Lambdas; default: that of .tools/ministack")
    options = parser.parse_args(arguments)
    given = [(path, options.host) for path in options.builds]
    try:
        python = options.python or places.tool("ministack", "python")
        wrong: list[str] = []
        for folder, for_host in given or [(LAMBDA_BUILD, False), (places.build, True)]:
            build = Build.read(folder)
            wrong += check(build, here(python) if for_host else build.declared, console)
            if for_host:
                wrong += check_imports(build, python, console)
        if wrong:
            raise Unfit("\n".join(wrong))
    except LocalError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
