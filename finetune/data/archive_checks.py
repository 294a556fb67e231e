"""What makes a zip safe to unpack: rules over its central directory, all checked before a byte is written."""

from __future__ import annotations

import io
import stat
import zipfile
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from finetune.data.archive_names import (
    MAX_BYTES,
    MAX_ENTRIES,
    MAX_RATIO,
    RATIO_FREE_TOTAL_BYTES,
    Names,
    check_name,
    refusal,
)
from finetune.data.zip_names import decoded_names
from finetune.errors import ArchiveError

RATIO_FREE_ENTRY_BYTES = 10**6
"""Below this a ratio is harmless, and blank or drawn BMPs of ordinary size do pass 200."""

_LOCAL_HEADER_BYTES = 30
_ENCRYPTED_FLAGS = 0x1 | 0x40
_ORDINARY_KINDS = (0, stat.S_IFREG, stat.S_IFDIR)  # Python's own zips carry no kind at all: 0


@dataclass(frozen=True)
class Entry:
    """One checked member: ``parts`` is its path below the target, safe to join."""

    info: zipfile.ZipInfo
    parts: tuple[str, ...]
    is_folder: bool

    @property
    def name(self) -> str:
        """The path in posix form, decoded as its maker meant it."""
        return "/".join(self.parts)


_INFO_RULES: tuple[tuple[Callable[[zipfile.ZipInfo], bool], str], ...] = (
    (lambda info: bool(info.flag_bits & _ENCRYPTED_FLAGS), "is encrypted, and no password can be given"),
    # bzip2 and lzma unpack without a bound on memory.
    (
        lambda info: info.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED),
        "is packed by a method other than deflate",
    ),
    (
        lambda info: stat.S_IFMT(info.external_attr >> 16) not in _ORDINARY_KINDS,
        "is a link, a device or another special file",
    ),
    (
        lambda info: info.compress_type == zipfile.ZIP_STORED and info.file_size != info.compress_size,
        "lies about its size",
    ),
    (
        lambda info: info.file_size > max(RATIO_FREE_ENTRY_BYTES, MAX_RATIO * info.compress_size),
        f"would grow more than {MAX_RATIO} times, as a zip bomb does",
    ),
)


def check_archive(archive: Path, opened: zipfile.ZipFile, file: io.BufferedIOBase) -> tuple[Entry, ...]:
    """Return the members of ``opened``, in its order, or raise ArchiveError naming the first bad one.

    ``file`` is what ``opened`` reads from. Nothing is written. Only folders may differ by case alone:
    the health check explains those better than a refusal.
    """
    infos = opened.infolist()
    _check_totals(archive, infos)
    names = decoded_names(infos)
    entries = [_check_entry(archive, info, name) for info, name in zip(infos, names, strict=True)]
    _check_names_differ(archive, entries)
    _check_overlaps(archive, entries, file, end=opened.start_dir)
    return tuple(entry for entry in entries if entry.parts)


def _check_totals(archive: Path, infos: Sequence[zipfile.ZipInfo]) -> None:
    unpacked, packed = sum(info.file_size for info in infos), sum(info.compress_size for info in infos)
    if len(infos) > MAX_ENTRIES:
        raise ArchiveError(
            f"{archive} has {len(infos):,} entries, more than {MAX_ENTRIES:,}; give a folder instead"
        )
    if unpacked > MAX_BYTES:
        raise ArchiveError(
            f"{archive} unpacks to {unpacked / 1e9:.1f} GB, more than {MAX_BYTES / 1e9:.0f} GB; "
            "give a folder instead"
        )
    if unpacked > max(RATIO_FREE_TOTAL_BYTES, MAX_RATIO * packed):
        raise ArchiveError(
            f"{archive} would grow more than {MAX_RATIO} times, as a zip bomb does; give a folder instead"
        )


def _check_entry(archive: Path, info: zipfile.ZipInfo, name: str) -> Entry:
    parts = check_name(archive, name)
    for is_bad, why in _INFO_RULES:
        if is_bad(info):
            raise refusal(archive, name, why)
    return Entry(info, parts, name.endswith("/"))


def _check_names_differ(archive: Path, entries: Iterable[Entry]) -> None:
    names = Names(archive)
    for entry in entries:
        names.add(entry.parts, is_folder=entry.is_folder)


def _check_overlaps(archive: Path, entries: Iterable[Entry], file: io.BufferedIOBase, *, end: int) -> None:
    """Refuse members that share packed bytes: how a small zip holds petabytes (Fifield, WOOT 2019)."""
    free_from = 0
    for entry in sorted(entries, key=lambda entry: entry.info.header_offset):
        start = entry.info.header_offset
        if start < free_from:
            raise refusal(archive, entry.name, "overlaps another entry")
        free_from = start + _local_header_bytes(archive, entry, file) + entry.info.compress_size
    if free_from > end:
        raise ArchiveError(f"{archive} is damaged: an entry runs into its own directory; get the file again")


def _local_header_bytes(archive: Path, entry: Entry, file: io.BufferedIOBase) -> int:
    file.seek(entry.info.header_offset)
    header = file.read(_LOCAL_HEADER_BYTES)
    if len(header) < _LOCAL_HEADER_BYTES or not header.startswith(b"PK\x03\x04"):
        raise ArchiveError(
            f"{archive} is damaged: {entry.name!r} is not where it should be; get the file again"
        )
    name_bytes = int.from_bytes(header[26:28], "little")
    extra_bytes = int.from_bytes(header[28:30], "little")
    return _LOCAL_HEADER_BYTES + name_bytes + extra_bytes
