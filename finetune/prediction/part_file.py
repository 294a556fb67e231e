"""A file that grows row by row beside its place, and can be gone on with after a break.

``FILE.part`` holds the rows, ``FILE.part.json`` how many of them are whole and what they answer. When all rows are
there, ``FILE.part`` becomes ``FILE``.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO

from filelock import FileLock, Timeout

from finetune.errors import ResourceError, RunError

NOTED_EVERY_S = 1.0


@dataclass(frozen=True)
class _Mark:
    """How far the file is whole: ``digest`` is of the rows' items. One value, so that no break leaves half of it."""

    n_rows: int = 0
    n_bytes: int = 0
    n_errors: int = 0
    digest: str = ""

    def after(self, items: Sequence[Path], *, n_bytes: int, n_errors: int) -> _Mark:
        """Return the mark after rows for ``items``, up to the byte ``n_bytes``."""
        digest = self.digest
        for path in items:
            digest = hashlib.blake2b(digest.encode() + _identity(path), digest_size=16).hexdigest()
        return _Mark(self.n_rows + len(items), n_bytes, self.n_errors + n_errors, digest)


def _identity(path: Path) -> bytes:
    """Return what tells a file from another one, also of the same name."""
    try:
        found = path.stat()
    except OSError:
        return os.fsencode(path)
    return os.fsencode(path) + f"\0{found.st_size}\0{found.st_mtime_ns}".encode()


def rows_kept(target: Path) -> int:
    """Return how many rows of ``target`` an earlier try has left beside it, to be gone on with; 0 for none."""
    try:
        return int(json.loads(_notes_of(_part_of(target)).read_text(encoding="utf-8"))["n_rows"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def _part_of(target: Path) -> Path:
    return target.with_name(target.name + ".part")


def _notes_of(part: Path) -> Path:
    return part.with_name(part.name + ".json")


def is_ordinary(target: Path) -> bool:
    """Whether ``target`` is, or may become, a file on disk: no pipe, no device, none of this process's streams."""
    if str(target).startswith(("/dev/std", "/dev/fd/", "/proc/")):
        return False  # redirected, they look like ordinary files
    return not target.exists() or target.is_file()


class PartFile:
    """The rows on the way to ``target``: a context in which they are added, one for each of ``items`` in order.

    ``question`` holds, JSON-ready, all that the rows depend on besides the items. Rows that an earlier try has left
    for the same question and the same first items are kept: `n_kept` of them. Where ``target`` is no ordinary file
    (a pipe, say), rows go straight to it.
    """

    def __init__(self, target: Path, *, question: dict[str, Any], items: Sequence[Path]) -> None:
        self.target = target
        self.part = _part_of(target)
        self.n_kept = 0
        self.had_other_rows = False
        self.kept: dict[str, Any] = {}
        self._question = question
        self._items = items
        self.is_ordinary = is_ordinary(target)
        self._notes = _notes_of(self.part)
        self._lock = FileLock(self.part.with_name(self.part.name + ".lock"), timeout=0)
        self._mark = _Mark()
        self._noted = 0.0

    def __enter__(self) -> PartFile:
        """Open the file, at the end of the rows that are kept.

        Raises RunError where another process is writing it, OSError where it cannot be written.
        """
        if not self.is_ordinary:
            self._stream: BinaryIO = self.target.open("wb")
            return self
        try:
            self._lock.acquire()
        except Timeout:
            raise RunError(
                f"another process is writing {self.target}; wait for it, or choose another --out"
            ) from None
        try:
            self._find_kept()
            if not self.n_kept:
                self._notes.unlink(missing_ok=True)  # it must not stand beside other rows
            self._stream = self.part.open("r+b" if self.n_kept else "wb")
            # What stands after the last note may be half a row.
            self._stream.truncate(self._mark.n_bytes)
            self._stream.seek(self._mark.n_bytes)
        except BaseException:
            self._release()
            raise
        return self

    def add(self, text: str, *, n_rows: int, n_errors: int = 0) -> None:
        """Write ``text``, which holds ``n_rows`` whole rows; what is not UTF-8 is escaped."""
        self._stream.write(text.encode("utf-8", errors="backslashreplace"))
        if not self.is_ordinary:
            self._stream.flush()
        items = self._items[self.n_rows : self.n_rows + n_rows]
        n_bytes = self._stream.tell() if self.is_ordinary else 0
        self._mark = self._mark.after(items, n_bytes=n_bytes, n_errors=n_errors)
        if self.is_ordinary and time.monotonic() - self._noted >= NOTED_EVERY_S:
            self._note()

    @property
    def n_rows(self) -> int:
        """Return how many rows there are, those kept included."""
        return self._mark.n_rows

    @property
    def n_errors(self) -> int:
        """Return how many of the rows are errors."""
        return self._mark.n_errors

    def keep(self, **values: Any) -> None:
        """Keep JSON-ready ``values`` beside the rows, found in `kept` when they are gone on with."""
        self.kept.update(values)

    def __exit__(
        self, kind: type[BaseException] | None, _error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Put the file in its place when all went well; else leave it to be gone on with."""
        if not self.is_ordinary:
            self._stream.close()
            return
        try:
            if kind is None:
                self._finish()
            else:
                with contextlib.suppress(OSError):
                    self._leave()
        finally:
            with contextlib.suppress(OSError):
                self._stream.close()
            self._release()

    def _finish(self) -> None:
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._stream.close()
        self.part.replace(self.target)
        self._notes.unlink(missing_ok=True)

    def _leave(self) -> None:
        """Leave the rows for the next try; a file without any goes."""
        if self.n_rows:
            self._note()
        else:
            self.part.unlink(missing_ok=True)
            self._notes.unlink(missing_ok=True)

    def _note(self) -> None:
        """Write down how far the rows are on disk: they first, then the note."""
        self._stream.flush()
        notes = {"question": self._question, "kept": self.kept, **asdict(self._mark)}
        unfinished = self._notes.with_name(self._notes.name + ".tmp")
        unfinished.write_text(json.dumps(notes), encoding="utf-8")
        unfinished.replace(self._notes)
        self._noted = time.monotonic()

    def _find_kept(self) -> None:
        """Take over the rows of an earlier try, if they answer the same question for the same first items."""
        try:
            notes = json.loads(self._notes.read_text(encoding="utf-8"))
            question, kept = notes.pop("question"), dict(notes.pop("kept"))
            mark = _Mark(**notes)
            is_there = self.part.stat().st_size >= mark.n_bytes
            same_items = _Mark().after(
                self._items[: mark.n_rows], n_bytes=mark.n_bytes, n_errors=mark.n_errors
            )
        except FileNotFoundError:
            return
        except (OSError, ValueError, KeyError, TypeError):
            self.had_other_rows = True
            return
        if is_there and question == self._question and same_items == mark:
            self._mark, self.kept, self.n_kept = mark, kept, mark.n_rows
        else:
            self.had_other_rows = True

    def _release(self) -> None:
        self._lock.release()
        with contextlib.suppress(OSError):
            Path(self._lock.lock_file).unlink(missing_ok=True)


def refuse_unwritable(path: Path) -> None:
    """Raise ResourceError when ``path`` cannot become a file, before any work is done for it."""
    if path.is_dir():
        raise ResourceError(f"--out {path} is a folder; name a CSV file in it")
    if not path.parent.is_dir():
        raise ResourceError(f"no folder {path.parent} for --out {path}; make it first")
