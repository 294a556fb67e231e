"""Unpack a zip that nobody vouches for: all of it, or nothing."""

from __future__ import annotations

import contextlib
import io
import shutil
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

from finetune.data.archive_checks import Entry, check_archive
from finetune.data.archive_names import MAX_BYTES, MAX_ENTRIES, MAX_RATIO
from finetune.data.kept_files import disk_errors, partial_folder, publish
from finetune.errors import ArchiveError, ResourceError

__all__ = ["MAX_BYTES", "MAX_ENTRIES", "MAX_RATIO", "extract_zip", "is_extracted"]

MAX_DIRECTORY_BYTES = 160 * 2**20
"""Bound on the central directory, which zipfile reads in one go: 335 bytes for each of MAX_ENTRIES."""

_CHUNK_BYTES = 2**18
_DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError)


def extract_zip(archive: Path, target: Path, *, progress: Callable[[int, int], None] | None = None) -> None:
    """Unpack ``archive`` as the new folder ``target``, calling ``progress(files done, files in all)``.

    The files go to a hidden sibling folder ending in ``.tmp``, which is renamed when complete, so ``target``
    is there whole or not at all. Owners, permissions and times in the archive are ignored.

    Raises:
        ArchiveError: not a zip, cut off, damaged, or against a rule of `archive_checks`; names the entry.
        ResourceError: the disk is full or cannot be written to.
        FileExistsError: ``target`` exists.
    """
    if target.exists():
        raise FileExistsError(target)
    with _opened(archive) as (opened, entries), disk_errors(archive, target):
        _check_free_space(archive, target, entries)
        with partial_folder(target) as partial:
            _write_all(archive, opened, entries, partial, progress)
            publish(partial, target)


def is_extracted(archive: Path, target: Path) -> bool:
    """Whether ``target`` still holds each file of ``archive`` at its size.

    Raises:
        ArchiveError: as `extract_zip`.
    """
    with _opened(archive) as (_, entries):
        return target.is_dir() and all(
            entry.is_folder or _size_of(target.joinpath(*entry.parts)) == entry.info.file_size
            for entry in entries
        )


class _CappedReader(io.BufferedReader):
    """A file that refuses giant reads, so that zipfile cannot be made to load a giant directory."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is not None and size > MAX_DIRECTORY_BYTES:
            raise zipfile.BadZipFile(f"its directory is larger than {MAX_DIRECTORY_BYTES / 2**20:.0f} MiB")
        return super().read(size)


@contextlib.contextmanager
def _opened(archive: Path) -> Iterator[tuple[zipfile.ZipFile, tuple[Entry, ...]]]:
    try:
        file = _CappedReader(io.FileIO(archive))
    except OSError as error:
        raise ArchiveError(f"cannot open {archive}: {error.strerror}; check the path") from error
    with file:
        try:
            opened = zipfile.ZipFile(file)
        except _DAMAGE as error:
            raise _not_a_zip(archive, file, error) from error
        with opened:
            yield opened, check_archive(archive, opened, file)


def _not_a_zip(archive: Path, file: io.BufferedReader, error: Exception) -> ArchiveError:
    file.seek(0)
    if file.read(2) != b"PK":
        return ArchiveError(f"{archive} is not a zip; give a folder or a zip of one")
    if zipfile.is_zipfile(file):
        return ArchiveError(f"{archive} is a damaged zip ({error}); get the file again")
    return ArchiveError(f"{archive} is cut off: the end of the zip is missing; download or copy it again")


def _check_free_space(archive: Path, target: Path, entries: tuple[Entry, ...]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    needed = sum(entry.info.file_size for entry in entries)
    free = shutil.disk_usage(target.parent).free
    if needed > free:
        raise ResourceError(
            f"{archive} needs {needed / 1e6:,.0f} MB but {target.parent} has {free / 1e6:,.0f} MB free; "
            "free some space or set FINETUNE_CACHE to a folder on another disk"
        )


def _write_all(
    archive: Path,
    opened: zipfile.ZipFile,
    entries: tuple[Entry, ...],
    folder: Path,
    progress: Callable[[int, int], None] | None,
) -> None:
    for entry in entries:
        path = folder.joinpath(*entry.parts)
        (path if entry.is_folder else path.parent).mkdir(parents=True, exist_ok=True)
    files = [entry for entry in entries if not entry.is_folder]
    for done, entry in enumerate(files, start=1):
        _write_file(archive, opened, entry, folder.joinpath(*entry.parts))
        if progress is not None:
            progress(done, len(files))


def _write_file(archive: Path, opened: zipfile.ZipFile, entry: Entry, path: Path) -> None:
    """Write one member; zipfile stops at the declared size and checks the CRC, so neither can lie."""
    written = 0
    try:
        with opened.open(entry.info) as packed, path.open("xb") as file:
            while chunk := packed.read(_CHUNK_BYTES):
                written += file.write(chunk)
    except _DAMAGE as error:
        raise ArchiveError(f"{entry.name!r} in {archive} is damaged ({error}); get the file again") from error
    if written != entry.info.file_size:
        raise ArchiveError(
            f"{entry.name!r} in {archive} declares {entry.info.file_size} bytes but holds {written}; "
            "get the file again"
        )


def _size_of(path: Path) -> int | None:
    try:
        return path.stat().st_size
    except OSError:
        return None
