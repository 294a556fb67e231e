"""Keep the contents of archives in a cache folder, so that each is unpacked once."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
from functools import partial
from pathlib import Path

import platformdirs

from finetune.data.archives import extract_zip, is_extracted
from finetune.data.kept_files import kept_files, remove_stale
from finetune.data.kept_sets import note_source
from finetune.data.tars import extract_tar, is_tar
from finetune.data.tracking import Track, untracked
from finetune.errors import DataError

SETS = "sets"
_DIGITS = 16


def cache_folder(cache_dir: Path | None = None) -> Path:
    """Return where things are cached: ``cache_dir``, else $FINETUNE_CACHE, else the user's cache folder."""
    named = cache_dir or os.environ.get("FINETUNE_CACHE")
    return (
        Path(named).expanduser()
        if named
        else platformdirs.user_cache_path("finetune-strategies", appauthor=False)
    )


def sets_folder(cache_dir: Path | None = None) -> Path:
    """Return ``<cache>/sets``, the folder of all sets that were unpacked or written out."""
    return cache_folder(cache_dir) / SETS


def kept_set(name: str, cache_dir: Path | None = None) -> Path:
    """Return ``<cache>/sets/<name>``, where the files of a set are kept."""
    return sets_folder(cache_dir) / name


def is_archive(path: Path) -> bool:
    """Whether the file is named like a zip or a tar or begins like one; raises OSError."""
    if path.suffix.lower() == ".zip" or is_tar(path):
        return True
    with path.open("rb") as file:
        return file.read(2) == b"PK"


def unpacked(archive: Path, cache_dir: Path | None = None, track: Track = untracked) -> Path:
    """Return the folder with the contents of ``archive``, in ``<cache>/sets/<16 hex digits of its SHA-256>``.

    A folder unpacked earlier is used again if every file is still there at its size. ``track`` follows the files
    of a zip; how many a tar has only its end tells.

    Raises:
        DataError: a file that cannot be read.
        ArchiveError, ResourceError: as `finetune.data.archives.extract_zip` and `finetune.data.tars.extract_tar`.
    """
    target = kept_set(content_name(archive), cache_dir)
    folder = (
        kept_files(target, partial(extract_tar, archive), what=str(archive))
        if is_tar(archive)
        else _unzipped(archive, target, track)
    )
    note_source(target, str(archive))
    return folder


def _unzipped(archive: Path, target: Path, track: Track) -> Path:
    if target.exists() and not is_extracted(archive, target):
        shutil.rmtree(target)  # a cleaner of old files has been here
    if not target.exists():
        remove_stale(target.parent, target.name)
        with track(f"unpacking {archive}") as advance, contextlib.suppress(FileExistsError):
            extract_zip(archive, target, progress=advance)  # unless another process unpacked it meanwhile
    return target


def content_name(path: Path) -> str:
    """Return 16 hex digits of the SHA-256 of the file; raises DataError when it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()[:_DIGITS]
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}; check its permissions") from error
