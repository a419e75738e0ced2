"""A folder for many small files that end with the run.

The emulated AWS unpacks the layers for every instance of a function: after a while 15,000 files and more. Some disks
take a minute to remove so many, memory takes no time.
"""

import fcntl
import hashlib
import os
import shutil
from pathlib import Path
from typing import Final

_MEMORY: Final = Path("/dev/shm")  # noqa: S108 - where Linux has memory as files; who may use what is in it is looked after
_NEEDED: Final = 6 * 1024**3
"""Bytes that have to be free there; a run of all tests uses less than half of it."""
_NAME: Final = "eums-bridge-"

_held: Final[dict[Path, int]] = {}
"""The locks of this process's folders: who finds a folder's lock free knows that its run is over."""


def make(on_disk: Path, *, memory: Path = _MEMORY, needed: int = _NEEDED) -> Path:
    """Make the folder anew, and say where it is. What runs that were killed left in memory is removed.

    Args:
        on_disk: where it is if memory has no room; it also names the place in memory.
        memory: a file system in memory.
        needed: bytes that have to be free there.
    """
    place = memory / f"{_NAME}{hashlib.sha256(os.fsencode(on_disk)).hexdigest()[:16]}"
    try:
        if shutil.disk_usage(memory).free >= needed:
            remove(place)  # of an earlier run of this process
            _sweep(memory)
            _hold(place)
            # Everybody may write there: a link of somebody else's is not followed, and his folder not taken.
            place.mkdir(mode=0o700)
            return place
    except OSError:  # there is no such thing here, or it is somebody else's
        _release(place)
    remove(on_disk)
    on_disk.mkdir(parents=True)
    return on_disk


def remove(folder: Path) -> None:
    """Remove the folder, if it is there and ours."""
    if not folder.is_symlink():
        shutil.rmtree(folder, ignore_errors=True)
    _release(folder)


def _sweep(memory: Path) -> None:
    for left in memory.glob(f"{_NAME}*"):
        if left.is_symlink() or not left.is_dir() or left.stat().st_uid != os.getuid():
            continue
        try:
            _hold(left)
        except OSError:  # its run goes on
            continue
        remove(left)


def _lock_of(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.lock")


def _hold(folder: Path) -> None:
    """Take the folder's lock, before the folder is there. Raises OSError where somebody has it."""
    descriptor = os.open(_lock_of(folder), os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
    if not _is_taken(descriptor):
        os.close(descriptor)
        raise BlockingIOError(f"{folder} is in use")
    _held[folder] = descriptor


def _is_taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    # Whoever had it a moment ago may have removed it: the next would make another, and have that.
    return os.fstat(descriptor).st_nlink > 0


def _release(folder: Path) -> None:
    descriptor = _held.pop(folder, None)
    if descriptor is not None:
        _lock_of(folder).unlink(missing_ok=True)
        os.close(descriptor)
