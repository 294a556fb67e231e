"""Fill a folder whole or not at all, keep it, and see later whether all of it is still there."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from finetune.errors import ResourceError

FILES = "files"
SIZES = "sizes.json"

_STALE_AFTER_S = 24 * 3600
"""A partial folder this old belongs to a process that was killed."""
_DISK_IS_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


def kept_files(target: Path, fill: Callable[[Path], None], *, what: str) -> Path:
    """Return the folder ``target/files`` as ``fill(folder)`` once filled it.

    It is filled as a hidden sibling ending in ``.tmp`` and renamed when complete. One that has lost a file,
    or a file's end, since then is filled anew. ``what`` names the set in errors.

    Raises:
        ResourceError: the disk is full or cannot be written to; else what ``fill`` raises.
    """
    if target.exists() and not _is_whole(target):
        shutil.rmtree(target)  # a cleaner of old files has been here
    if target.exists():
        return target / FILES
    with disk_errors(what, target):
        target.parent.mkdir(parents=True, exist_ok=True)
        remove_stale(target.parent, target.name)
        with contextlib.suppress(FileExistsError), partial_folder(target) as partial:
            (partial / FILES).mkdir()
            fill(partial / FILES)
            sizes = dict(_sizes(partial / FILES))
            (partial / SIZES).write_text(json.dumps(sizes), encoding="utf-8")
            publish(partial, target)
    return target / FILES


@contextlib.contextmanager
def partial_folder(target: Path) -> Iterator[Path]:
    """Give a new hidden folder beside ``target`` that is removed on any error."""
    partial = Path(tempfile.mkdtemp(prefix=f".{target.name}-", suffix=".tmp", dir=target.parent))
    try:
        yield partial
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


def publish(partial: Path, target: Path) -> None:
    """Rename ``partial`` to ``target``; raises FileExistsError when another process was faster."""
    try:
        partial.replace(target)
    except OSError as error:
        if target.exists():
            raise FileExistsError(target) from error
        raise


@contextlib.contextmanager
def disk_errors(what: object, target: Path) -> Iterator[None]:
    """Turn an OSError while ``what`` is written into ``target`` into a ResourceError."""
    try:
        yield
    except FileExistsError:
        raise
    except OSError as error:
        why = "the disk is full" if error.errno in _DISK_IS_FULL else error.strerror or str(error)
        raise ResourceError(
            f"cannot unpack {what} into {target.parent}: {why}; "
            "free some space or set FINETUNE_CACHE to another folder"
        ) from error


def remove_stale(folder: Path, name: str = "*") -> None:
    """Remove what killed processes left in ``folder`` of the set ``name``, or of any, a day or longer ago."""
    for partial in folder.glob(f".{name}-*.tmp"):
        with contextlib.suppress(OSError):
            if time.time() - partial.stat().st_mtime > _STALE_AFTER_S:
                shutil.rmtree(partial, ignore_errors=True)


def _is_whole(target: Path) -> bool:
    try:
        expected = json.loads((target / SIZES).read_text(encoding="utf-8"))
        return bool(expected == dict(_sizes(target / FILES)))
    except (OSError, ValueError):
        return False


def _sizes(folder: Path) -> Iterator[tuple[str, int]]:
    start = len(str(folder)) + 1
    for around, _, names in os.walk(folder):
        for name in names:
            path = f"{around}/{name}"
            yield path[start:], os.stat(path).st_size  # noqa: PTH116 - a hundred thousand of them
