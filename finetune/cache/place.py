"""Where stores lie, how large they may grow together, and which of them go when there is no room."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from filelock import FileLock

from finetune.data.unpacking import cache_folder
from finetune.errors import OptionError

GIGABYTE = 10**9
MOST_BYTES = 10 * GIGABYTE
SHARE_OF_FREE_DISK = 0.1
KEPT_FREE_BYTES = 200 * 10**6
"""A cache never takes the last of a disk."""

ABOUT = "about.json"
HITS = "hits"
_WAIT_S = 60
_LIMIT_NAME = "FINETUNE_CACHE_GB"


@dataclass(frozen=True)
class StoreUse:
    """One store on disk: what it holds, its size, when it was last opened (s since 1970) and rows served."""

    folder: Path
    about: dict[str, Any]
    n_bytes: int
    used: float
    hits: int


def stores_folder() -> Path:
    """Return the folder of all stores, in $FINETUNE_CACHE or the user's cache folder."""
    return cache_folder() / "arrays"


@contextlib.contextmanager
def locked(root: Path) -> Iterator[None]:
    """Be the only process that changes the stores in ``root``; raises TimeoutError after a minute."""
    with FileLock(root / ".lock", timeout=_WAIT_S):
        yield


def limit_bytes(root: Path) -> int:
    """Return what all stores may hold together: $FINETUNE_CACHE_GB, else 10 GB or a tenth of the free disk.

    Raises OptionError for a $FINETUNE_CACHE_GB that is no number from 0 up.
    """
    named = os.environ.get(_LIMIT_NAME, "")
    if not named:
        return min(MOST_BYTES, int(SHARE_OF_FREE_DISK * (free_bytes(root) + total_bytes(root))))
    try:
        gigabytes = float(named)
        if not gigabytes >= 0:
            raise ValueError
        return int(min(gigabytes, 10**9) * GIGABYTE)
    except ValueError:
        raise OptionError(f"{_LIMIT_NAME} is '{named}'; give a number of gigabytes, 0 for no cache") from None


def free_bytes(root: Path) -> int:
    """Return what is free on the disk where ``root`` is or would be made."""
    there = next(folder for folder in (root, *root.resolve().parents) if folder.is_dir())
    return shutil.disk_usage(there).free


def total_bytes(root: Path) -> int:
    """Return the size of all stores together."""
    return sum(use.n_bytes for use in stores(root))


def stores(root: Path) -> list[StoreUse]:
    """Return the stores in ``root``, the one that was unused for longest first."""
    folders = [folder for folder in root.glob("*") if folder.is_dir()] if root.is_dir() else []
    return sorted((_use(folder) for folder in folders), key=lambda use: use.used)


def make_room(root: Path, keep: Path, n_bytes: int) -> bool:
    """Remove the stores unused for longest until ``keep`` may grow by ``n_bytes``; False if it cannot.

    Call it while `locked`. When it cannot, nothing is removed.
    """
    uses = stores(root)
    limit = limit_bytes(root)
    own = sum(use.n_bytes for use in uses if use.folder == keep)
    others = [use for use in uses if use.folder != keep]
    free = free_bytes(root) - KEPT_FREE_BYTES
    if own + n_bytes > limit or n_bytes > free + sum(use.n_bytes for use in others):
        return False
    total = own + sum(use.n_bytes for use in others)
    for use in others:
        if total + n_bytes <= limit and n_bytes <= free:
            break
        shutil.rmtree(use.folder, ignore_errors=True)
        total, free = total - use.n_bytes, free + use.n_bytes
    return True


def clear(root: Path) -> int:
    """Remove all stores and return how many bytes they held."""
    if not root.is_dir():
        return 0
    with locked(root):
        freed = total_bytes(root)
        for use in stores(root):
            shutil.rmtree(use.folder, ignore_errors=True)
        return freed - total_bytes(root)


def _use(folder: Path) -> StoreUse:
    """Return a store's use; one that is vanishing or damaged counts with what can be read of it."""
    about: dict[str, Any] = {}
    hits, used, n_bytes = 0, 0.0, 0
    with contextlib.suppress(OSError):
        n_bytes = sum(file.stat().st_size for file in folder.iterdir())
    with contextlib.suppress(OSError):
        used = (folder / ABOUT).stat().st_mtime
    with contextlib.suppress(OSError, ValueError):
        about = dict(json.loads((folder / ABOUT).read_text(encoding="utf-8")))
    with contextlib.suppress(OSError, ValueError):
        hits = int((folder / HITS).read_text(encoding="ascii"))
    return StoreUse(folder, about, n_bytes, used, hits)
