"""Unpack a tar that nobody vouches for, packed by gzip, bzip2, xz or not at all."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import lzma
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO, cast

from finetune.data.archive_names import (
    MAX_BYTES,
    MAX_ENTRIES,
    MAX_RATIO,
    RATIO_FREE_TOTAL_BYTES,
    Names,
    check_name,
    refusal,
)
from finetune.errors import ArchiveError

MAX_READ_BYTES = 2**20
"""Bound on one read: tarfile takes a long name or an extended header into memory whole, whatever its size."""
XZ_MEMORY_BYTES = 2**29
"""Bound on xz's own memory: `xz -9` takes 65 MiB, a forged header could ask for 4 GiB."""

_CHUNK_BYTES = 2**18
_MAX_STREAM_BYTES = MAX_BYTES + MAX_ENTRIES * 2048
"""Files with their headers and padding."""
_HEAD_BYTES = 262
_DAMAGE = (zlib.error, lzma.LZMAError, EOFError, ValueError, OSError)
_SUFFIXES = (".tar", ".tgz", ".tbz2", ".txz", ".tar.gz", ".tar.bz2", ".tar.xz")


def is_tar(path: Path) -> bool:
    """Whether the file is named like a tar or begins like one; raises OSError."""
    if path.name.lower().endswith(_SUFFIXES):
        return True
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    return _packing(head) != "" or head[257:262] == b"ustar"


def extract_tar(archive: Path, folder: Path) -> None:
    """Unpack ``archive`` into the empty ``folder``; owners, permissions and times in it are ignored.

    Each member is checked before it is written, and the whole stream is read to its end and its checksums.
    What an error leaves behind is the caller's to remove.

    Raises:
        ArchiveError: not a tar, cut off, damaged, or a member with an unsafe name, a link, a device, a sparse
            file; more entries, bytes or growth than `archive_names` allows.
        OSError: the disk is full or cannot be written to.
    """
    names = Names(archive)
    with _opened(archive) as (stream, opened):
        count = 0
        for member in _members(archive, opened):
            count += 1
            if count > MAX_ENTRIES:
                raise ArchiveError(f"{archive} has more than {MAX_ENTRIES:,} entries; give a folder instead")
            parts = _checked(archive, member)
            if not parts:
                continue
            names.add(parts, is_folder=member.isdir())
            path = folder.joinpath(*parts)
            (path if member.isdir() else path.parent).mkdir(parents=True, exist_ok=True)
            if member.isreg():
                _write_file(archive, opened, member, path)
        stream.finish()


def _checked(archive: Path, member: tarfile.TarInfo) -> tuple[str, ...]:
    name = _text(member.name) + ("/" if member.isdir() else "")
    parts = check_name(archive, name)
    if not (member.isdir() or member.isreg()):
        raise refusal(archive, name, "is a link, a device or another special file")
    if member.issparse():
        raise refusal(archive, name, "is a sparse file")
    return parts


def _text(name: str) -> str:
    """Undo tarfile's surrogates: a name that is no UTF-8 is read as Latin-1."""
    try:
        name.encode()
    except UnicodeEncodeError:
        return name.encode("utf-8", "surrogateescape").decode("latin-1")
    return name


def _members(archive: Path, opened: tarfile.TarFile) -> Iterator[tarfile.TarInfo]:
    try:
        yield from opened
    except tarfile.TarError as error:
        raise _damaged(archive, error) from error


def _write_file(archive: Path, opened: tarfile.TarFile, member: tarfile.TarInfo, path: Path) -> None:
    packed = opened.extractfile(member)
    assert packed is not None
    with path.open("xb") as file:
        while True:
            try:
                chunk = packed.read(_CHUNK_BYTES)
            except tarfile.TarError as error:
                raise _damaged(archive, error) from error
            if not chunk:
                return
            file.write(chunk)


class _Stream:
    """What tarfile reads from: forward only, in small reads, and never more than an honest tar holds."""

    def __init__(self, archive: Path, raw: BinaryIO, n_packed: int) -> None:
        self._archive, self._raw = archive, raw
        self._most = max(RATIO_FREE_TOTAL_BYTES, MAX_RATIO * n_packed)
        self._position = 0
        self._last = b""

    def read(self, size: int) -> bytes:
        if not 0 <= size <= MAX_READ_BYTES:
            raise _damaged(self._archive, f"a header of {size} bytes")
        try:
            data = self._raw.read(size)
        except _DAMAGE as error:
            raise _damaged(self._archive, error) from error
        self._position += len(data)
        self._last = data or self._last
        if self._position > self._most:
            raise ArchiveError(
                f"{self._archive} would grow more than {MAX_RATIO} times, as a bomb does; "
                "give a folder instead"
            )
        if self._position > _MAX_STREAM_BYTES:
            raise ArchiveError(
                f"{self._archive} unpacks to more than {MAX_BYTES / 1e9:.0f} GB; give a folder instead"
            )
        return data

    def tell(self) -> int:
        return self._position

    def seek(self, position: int) -> int:
        if position < self._position:
            raise _damaged(self._archive, "it leads backwards")
        while self._position < position:
            if not self.read(min(_CHUNK_BYTES, position - self._position)):
                break
        return self._position

    def finish(self) -> None:
        """Read to the end, for the checksum comes last; a tar without its closing zeros was cut off."""
        if self._last.strip(b"\0"):
            raise _cut_off(self._archive)
        while self.read(_CHUNK_BYTES):
            pass


class _Xz(io.RawIOBase):
    """An xz file, unpacked with a bound on memory, which lzma's own file object lacks."""

    def __init__(self, file: BinaryIO) -> None:
        self._file, self._left = file, b""
        self._decoder = _xz_decoder()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        while True:
            if self._decoder.eof:
                self._left = (self._decoder.unused_data or self._file.read(_CHUNK_BYTES)).lstrip(b"\0")
                if not self._left:
                    return 0
                self._decoder = _xz_decoder()  # another stream follows
            elif self._decoder.needs_input and not self._left:
                self._left = self._file.read(_CHUNK_BYTES)
                if not self._left:
                    raise EOFError("its end is missing")
            data = self._decoder.decompress(self._left, len(buffer))
            self._left = b""
            if data:
                buffer[: len(data)] = data
                return len(data)


def _xz_decoder() -> lzma.LZMADecompressor:
    return lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=XZ_MEMORY_BYTES)


def _packing(head: bytes) -> str:
    magic = {"gz": b"\x1f\x8b", "bz2": b"BZh", "xz": b"\xfd7zXZ\x00"}
    return next((name for name, start in magic.items() if head.startswith(start)), "")


@contextlib.contextmanager
def _opened(archive: Path) -> Iterator[tuple[_Stream, tarfile.TarFile]]:
    with contextlib.ExitStack() as stack:
        try:
            file = stack.enter_context(archive.open("rb"))
            packing = _packing(file.read(_HEAD_BYTES))
            file.seek(0)
        except OSError as error:
            raise ArchiveError(f"cannot open {archive}: {error.strerror}; check the path") from error
        raw = stack.enter_context(_unpacker(packing, file))
        stream = _Stream(archive, raw, archive.stat().st_size)
        try:
            opened = tarfile.open(  # noqa: SIM115 - closed by the stack
                fileobj=stream, mode="r:", encoding="utf-8"
            )  # type: ignore[call-overload]
        except tarfile.TarError as error:
            raise ArchiveError(f"{archive} is not a tar ({error}); give a folder or a tar of one") from error
        yield stream, stack.enter_context(opened)


def _unpacker(packing: str, file: BinaryIO) -> BinaryIO:
    if packing == "gz":
        return cast(BinaryIO, gzip.GzipFile(fileobj=file))
    if packing == "bz2":
        return cast(BinaryIO, bz2.BZ2File(file))
    return cast(BinaryIO, io.BufferedReader(_Xz(file), _CHUNK_BYTES)) if packing == "xz" else file


def _damaged(archive: Path, error: object) -> ArchiveError:
    ends = ("unexpected end", "empty header", "truncated header")
    if isinstance(error, EOFError) or any(word in str(error) for word in ends):
        return _cut_off(archive)
    return ArchiveError(f"{archive} is a damaged tar ({error}); get the file again")


def _cut_off(archive: Path) -> ArchiveError:
    return ArchiveError(f"{archive} is cut off: the end of the tar is missing; download or copy it again")
