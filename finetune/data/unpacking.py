"""Keep the contents of zips in a cache folder, so that each zip is unpacked once."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import time
from pathlib import Path

import platformdirs

from finetune.data.archives import extract_zip, is_extracted
from finetune.errors import DataError

_STALE_AFTER_S = 24 * 3600
"""A partial folder this old belongs to a process that was killed."""


def cache_folder(cache_dir: Path | None = None) -> Path:
    """Return where things are cached: ``cache_dir``, else $FINETUNE_CACHE, else the user's cache folder."""
    named = cache_dir or os.environ.get("FINETUNE_CACHE")
    return (
        Path(named).expanduser()
        if named
        else platformdirs.user_cache_path("finetune-strategies", appauthor=False)
    )


def unpacked(archive: Path, cache_dir: Path | None = None) -> Path:
    """Return the folder with the contents of ``archive``: ``<cache>/sets/<16 hex digits of its SHA-256>``.

    A folder unpacked earlier is used again if every file is still there at its size.

    Raises:
        DataError: a file that is not named or made like a zip.
        ArchiveError, ResourceError: as `finetune.data.archives.extract_zip`.
    """
    target = cache_folder(cache_dir) / "sets" / _content_name(archive)
    if target.exists() and not is_extracted(archive, target):
        shutil.rmtree(target)  # a cleaner of old files has been here
    if not target.exists():
        _remove_stale(target)
        with contextlib.suppress(FileExistsError):  # another process unpacked it meanwhile
            extract_zip(archive, target)
    return target


def _content_name(archive: Path) -> str:
    try:
        # Asked first: to open a pipe is to wait for ever.
        if not archive.is_file():
            raise DataError(f"{archive} is neither a folder nor a file; give a folder or a zip of one")
        with archive.open("rb") as file:
            if archive.suffix.lower() != ".zip" and file.read(2) != b"PK":
                raise DataError(f"{archive} is a file but not a zip; give a folder or a zip of one")
            file.seek(0)
            return hashlib.file_digest(file, "sha256").hexdigest()[:16]
    except OSError as error:
        raise DataError(f"cannot read {archive}: {error.strerror}; check its permissions") from error


def _remove_stale(target: Path) -> None:
    for partial in target.parent.glob(f".{target.name}-*.tmp"):
        if time.time() - partial.stat().st_mtime > _STALE_AFTER_S:
            shutil.rmtree(partial, ignore_errors=True)
