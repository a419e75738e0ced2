"""A folder for many small files that end with the run.

The emulated AWS unpacks the layers for every instance of a function: after a while 15,000 files and more. Some disks
take a minute to remove so many, memory takes no time.
"""

import hashlib
import os
import shutil
from pathlib import Path
from typing import Final

_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - where Linux has memory as files; who may use what is in it is looked after
_NEEDED: Final = 6 * 1024**3
"""Bytes that have to be free there; a run of all tests uses less than half of it."""


def make(on_disk: Path, *, memory: Path = _MEMORY, needed: int = _NEEDED) -> Path:
    """Make the folder anew, and say where it is.

    Args:
        on_disk: where it is if memory has no room; it also names the place in memory, so that the next run of the
            same place removes what a killed one left.
        memory: a file system in memory.
        needed: bytes that have to be free there.
    """
    place = memory / f"eums-bridge-{hashlib.sha256(os.fsencode(on_disk)).hexdigest()[:16]}"
    try:
        if shutil.disk_usage(memory).free >= needed:
            # Everybody may write there: a link of somebody else's is not followed, and his folder not taken.
            if not place.is_symlink():
                remove(place)
            place.mkdir(mode=0o700)
            return place
    except OSError:  # there is no such thing here, or it is somebody else's
        pass
    remove(on_disk)
    on_disk.mkdir(parents=True)
    return on_disk


def remove(folder: Path) -> None:
    """Remove the folder, if it is there and ours."""
    shutil.rmtree(folder, ignore_errors=True)
