"""Files out of a request's body, piece by piece to the disk under names of the server's own."""

from __future__ import annotations

import contextlib
import secrets
import shutil
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from fastapi import Request
from fastapi.concurrency import run_in_threadpool
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header

from finetune.service.api.bodies import too_large
from finetune.service.api.part_headers import PartHeaders
from finetune.service.api.problems import Problem
from finetune.service.projects import safe_name

if TYPE_CHECKING:
    from python_multipart.multipart import MultipartCallbacks

MULTIPART = "multipart/form-data"
MOST_FIELD_BYTES = 1000
MOST_FIELDS = 20


@dataclass(frozen=True)
class Upload:
    """A file that has come: the client's own ``name`` for it, and the ``path`` where it lies."""

    name: str
    path: Path


@dataclass
class Form:
    """A multipart body: its files in order, and its fields by name."""

    files: list[Upload] = field(default_factory=list)
    fields: dict[str, str] = field(default_factory=dict)


@contextlib.contextmanager
def place_in(folder: Path) -> Iterator[Path]:
    """Give a new folder below ``folder`` that goes, with all in it, at the end."""
    place = folder / secrets.token_hex(16)
    place.mkdir()
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


async def take_raw(request: Request, place: Path, name: str, *, most: int) -> Upload:
    """Write the whole body as one file; raises Problem 413 beyond ``most`` bytes, 422 for nothing."""
    path = place / "0"
    size = 0
    with path.open("wb") as file:
        async for piece in _pieces(request, most):
            size += len(piece)
            await run_in_threadpool(file.write, piece)
    if not size:
        raise Problem(422, "the body is empty; send a zip or a tar")
    return Upload(name, path)


async def take_bytes(request: Request, *, most: int) -> bytes:
    """Return the whole body; raises Problem 413 beyond ``most`` bytes."""
    return b"".join([piece async for piece in _pieces(request, most)])


async def take_form(
    request: Request, place: Path, *, most: int, most_files: int, most_each: int | None = None
) -> Form:
    """Write the files of a multipart body to ``place``.

    Raises Problem 413 beyond ``most`` bytes in all, ``most_each`` a file or ``most_files`` files, 422 for one that is
    damaged or cut off.
    """
    kind, options = parse_options_header(request.headers.get("content-type", ""))
    if kind.decode("latin-1") != MULTIPART or b"boundary" not in options:
        raise Problem(422, f"the body is not {MULTIPART}; send files as `curl -F` does")
    reading = _Reading(place, most_files, most if most_each is None else most_each)
    try:
        parser = MultipartParser(options[b"boundary"], reading.callbacks)
        async for piece in _pieces(request, most):
            await run_in_threadpool(parser.write, piece)
    except FormParserError:
        raise Problem(422, "the multipart body is damaged; send it again") from None
    finally:
        reading.close()
    if not reading.is_whole:
        raise Problem(422, "the multipart body is cut off before its end; send it again")
    return reading.form


class _Reading:
    """What the parser tells: a file's bytes go to the disk as they come, a field's are few."""

    def __init__(self, place: Path, most_files: int, most_each: int) -> None:
        self.form = Form()
        self.is_whole = False
        self._place, self._most_files, self._most_each = place, most_files, most_each
        self._file: BinaryIO | None = None
        self._headers = PartHeaders()
        self._field, self._size = b"", 0

    @property
    def callbacks(self) -> MultipartCallbacks:
        return {
            **self._headers.callbacks,
            "on_headers_finished": self._begin_data,
            "on_part_data": self._take_data,
            "on_part_end": self._end_part,
            "on_end": self._end,
        }

    def close(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _begin_data(self) -> None:
        self._field, self._size = b"", 0
        if not self._headers.is_file:
            if len(self.form.fields) >= MOST_FIELDS:
                raise Problem(413, f"there are more than {MOST_FIELDS} fields in one form; send fewer")
            return
        if len(self.form.files) >= self._most_files:
            raise Problem(413, f"there are more than {self._most_files} files in one request; send fewer")
        path = self._place / str(len(self.form.files))
        self._file = path.open("xb")
        self.form.files.append(Upload(_text(self._headers.disposition[b"filename"]), path))

    def _take_data(self, data: bytes, start: int, end: int) -> None:
        self._size += end - start
        if self._size > (MOST_FIELD_BYTES if self._file is None else self._most_each):
            what = "a field" if self._file is None else f"the file {safe_name(self.form.files[-1].name)}"
            raise Problem(413, f"{what} is too large; send a smaller one")
        if self._file is None:
            self._field += data[start:end]
        else:
            self._file.write(data[start:end])

    def _end_part(self) -> None:
        if self._file is None:
            self.form.fields[_text(self._headers.disposition.get(b"name", b""))] = _text(self._field)
        self.close()

    def _end(self) -> None:
        self.is_whole = True


def _text(content: bytes) -> str:
    return content.decode("utf-8", "replace")


async def _pieces(request: Request, most: int) -> AsyncIterator[bytes]:
    """Yield the body in pieces; raises Problem 413 as soon as it has, or tells, more than ``most`` bytes."""
    told = request.headers.get("content-length", "0")
    if told.isdigit() and int(told) > most:
        raise too_large(most)
    size = 0
    async for piece in request.stream():
        size += len(piece)
        if size > most:
            raise too_large(most)
        if piece:
            yield piece
