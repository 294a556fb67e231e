"""The sets that were unpacked or written out into the cache folder: where each came from, its size, its removal."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from finetune.data.images import IMAGE_SUFFIXES
from finetune.data.kept_files import remove_stale

UNKNOWN = "unknown"
_NOTES = "sources"


@dataclass(frozen=True)
class KeptSet:
    """One set on disk: its source as the user named it, its images, its size, and its last use (s since 1970)."""

    folder: Path
    source: str
    n_images: int
    n_bytes: int
    used: float


def note_source(target: Path, where: str) -> None:
    """Note that the set ``target`` holds what is in ``where``, and is used now; a note that fails does no harm."""
    path = Path(where).expanduser()
    with contextlib.suppress(OSError, ValueError):
        note = _note(target)
        note.parent.mkdir(parents=True, exist_ok=True)
        source = str(path.absolute()) if path.exists() else where
        note.write_text(json.dumps({"source": source}), encoding="ascii")


def kept_sets(root: Path) -> list[KeptSet]:
    """Return the sets in the folder ``root``, the one that was unused for longest first."""
    return sorted((_kept(folder) for folder in _folders(root)), key=lambda found: (found.used, found.folder))


def clear_sets(root: Path) -> int:
    """Remove the sets in ``root``, and what killed processes left there, and return how many bytes they held.

    A set that another process is just writing stays.
    """
    freed = 0
    for found in kept_sets(root):
        with contextlib.suppress(OSError):
            remove_set(found.folder)
            freed += found.n_bytes
    remove_stale(root)
    return freed


def remove_set(folder: Path) -> None:
    """Remove one set with the note of its source; raises OSError where there is none."""
    gone = folder.with_name(f".{folder.name}-{uuid.uuid4().hex[:8]}.tmp")
    folder.rename(gone)  # it vanishes at once, so that nobody finds half of it
    shutil.rmtree(gone, ignore_errors=True)
    _note(folder).unlink(missing_ok=True)


def source_of(folder: Path) -> str:
    """Return what the set was unpacked from when it was last used, `UNKNOWN` where nobody has noted it."""
    try:
        return str(json.loads(_note(folder).read_text(encoding="ascii"))["source"])
    except (OSError, ValueError, KeyError, TypeError):
        return UNKNOWN


def _note(target: Path) -> Path:
    return target.parent.parent / _NOTES / f"{target.name}.json"


def _folders(root: Path) -> Iterator[Path]:
    with contextlib.suppress(OSError):
        yield from (path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))


def _kept(folder: Path) -> KeptSet:
    """Return what is known of a set; one that is vanishing counts with what is left of it."""
    n_images = n_bytes = 0
    for around, _, names in os.walk(folder):
        for name in names:
            with contextlib.suppress(OSError):
                n_bytes += os.stat(f"{around}/{name}").st_size  # noqa: PTH116 - a hundred thousand of them
                n_images += _is_image(name)
    used = 0.0
    with contextlib.suppress(OSError):
        used = folder.stat().st_mtime
        used = _note(folder).stat().st_mtime
    return KeptSet(folder, source_of(folder), n_images, n_bytes, used)


def _is_image(name: str) -> bool:
    """Judge by the ending; an image of no known format was written without one."""
    ending = os.path.splitext(name)[1].lower()  # noqa: PTH122
    return ending in IMAGE_SUFFIXES or not ending
