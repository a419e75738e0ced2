"""A base image for functions, made of what this machine has: no registry is asked.

It stands for `public.ecr.aws/lambda/python`: an interpreter, a shell with the few programs that SAM CLI's own build
step calls, and under /var/runtime what Lambda's runtime brings, awslambdaric and boto3.
"""

import io
import json
import re
import shutil
import subprocess
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO

PROGRAMS = ("sh", "mv", "chmod", "cp", "rm")
FOLDERS = ("tmp", "opt", "proc", "sys", "dev", "etc", "var/task")
# What a wheel may count on everywhere (manylinux2014, PEP 599), whether or not the interpreter needs it.
ANYWHERE = (
    "libm.so.6",
    "libdl.so.2",
    "librt.so.1",
    "libpthread.so.0",
    "libutil.so.1",
    "libgcc_s.so.1",
    "libstdc++.so.6",
)
# What no function imports.
_LEFT_OUT = frozenset(
    {"test", "idlelib", "tkinter", "turtledemo", "ensurepip", "lib2to3", "site-packages", "dist-packages"}
)
_LEFT_OUT_SUFFIXES = (".a", ".pyc")
_LIBRARY = re.compile(r"^\s+(?:\S+ => )?(/\S+) \(0x", re.MULTILINE)
_FIND = (
    "import json, sys, sysconfig; "
    "print(json.dumps([sys._base_executable, sysconfig.get_path('stdlib'), sysconfig.get_path('purelib')]))"
)
# Lambda's order: the layers' packages come before the runtime's, and the function's own before both.
BOOTSTRAP = """#!/bin/sh
export PYTHONPATH=/opt/python:/var/runtime
cd "$LAMBDA_TASK_ROOT" && exec {python} -m awslambdaric "$_HANDLER"
"""


def write(file: IO[bytes], runtime_python: Path) -> None:
    """Write the image's root as a tar archive, for `docker import`.

    Args:
        file: where to.
        runtime_python: an environment's interpreter that has awslambdaric and boto3.
    """
    said = subprocess.run([runtime_python, "-I", "-c", _FIND], capture_output=True, text=True, check=True)  # noqa: S603 - ours
    python, stdlib, runtime = map(Path, json.loads(said.stdout))
    programs = {Path("bin") / name: _program(name) for name in PROGRAMS}
    parts = [path for path in _tree(stdlib) if not _LEFT_OUT & set(path.relative_to(stdlib).parts)]
    brought = list(_tree(runtime))
    binaries = [python, *programs.values(), *(path for path in (*parts, *brought) if path.suffix == ".so")]
    with tarfile.open(fileobj=file, mode="w", dereference=True) as archive:
        for name in FOLDERS:
            _add_folder(archive, name)
        for path in [python, *parts, *_libraries(binaries)]:
            archive.add(path, str(path).lstrip("/"), recursive=False)
        for inside, path in programs.items():
            archive.add(path, str(inside), recursive=False)
        for path in brought:
            archive.add(path, str(Path("var/runtime") / path.relative_to(runtime)), recursive=False)
        _add_script(archive, "var/runtime/bootstrap", BOOTSTRAP.format(python=python))


def _program(name: str) -> Path:
    found = shutil.which(name, path="/bin:/usr/bin")
    assert found, f"no {name} on this machine"
    return Path(found).resolve()


def _tree(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.is_file() and path.suffix not in _LEFT_OUT_SUFFIXES:
            yield path


def _libraries(binaries: Iterable[Path]) -> list[Path]:
    """The shared libraries that binaries load, the loader among them."""
    said = subprocess.run(["/usr/bin/ldd", *binaries], capture_output=True, text=True, check=False)  # noqa: S603 - of this machine
    found = {Path(name) for name in _LIBRARY.findall(said.stdout)}
    beside_libc = [path.with_name(name) for path in found if path.name == "libc.so.6" for name in ANYWHERE]
    return sorted(found.union(path for path in beside_libc if path.exists()))


def _add_folder(archive: tarfile.TarFile, name: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if name == "tmp" else 0o755
    archive.addfile(entry)


def _add_script(archive: tarfile.TarFile, name: str, text: str) -> None:
    entry = tarfile.TarInfo(name)
    entry.size, entry.mode = len(text.encode()), 0o755
    archive.addfile(entry, io.BytesIO(text.encode()))
