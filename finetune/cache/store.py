"""An append-only store of equally shaped arrays on disk, found by digest, checked when read.

A store is a folder named by the hash of its key (weights, layer, transform, precision, versions: whatever the
arrays depend on besides the image). ``rows.bin`` holds the arrays back to back, ``index.bin`` a record for
each (see `finetune.cache.index`), ``about.json`` the key. A row counts once its record is written, and each
read is checked against the record's CRC-32: what a crash left behind or a disk spoiled is missing, and is
computed and appended anew. Processes may share a store: writers wait for each other, readers for nobody.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import uuid
import zlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from finetune.cache.index import RECORD_BYTES, Place, pack, unpack
from finetune.cache.place import ABOUT, HITS, limit_bytes, locked, make_room, stores_folder

FORMAT = 1
Warn = Callable[[str], None]


class Store:
    """Arrays of one ``shape`` and ``dtype`` by 16-byte digest (see `finetune.cache.digests`).

    A store never stands in the way: when the disk is full or cannot be written to, ``warn`` gets one sentence,
    `append` returns False from then on, and what is there is still served. numpy knows no bfloat16: keep such
    a tensor as its bits, ``tensor.view(torch.int16).numpy()``, with dtype int16.
    """

    def __init__(
        self, folder: Path, about: Mapping[str, Any], shape: Sequence[int], dtype: DTypeLike, warn: Warn
    ) -> None:
        self.folder = folder
        self.shape = tuple(shape)
        self.dtype = np.dtype(dtype)
        self.row_bytes = int(np.prod(self.shape)) * self.dtype.itemsize
        own = {**about, "format": FORMAT, "shape": list(self.shape), "dtype": self.dtype.str}
        self._about: dict[str, Any] = json.loads(json.dumps(own))
        self._warn = warn
        self._is_off = False
        self._identity = ""
        self._places: dict[bytes, Place] = {}
        self._n_records = 0
        self._damaged: set[bytes] = set()

    @classmethod
    def open(
        cls,
        key: Mapping[str, Any],
        *,
        shape: Sequence[int],
        dtype: DTypeLike,
        warn: Warn = lambda _sentence: None,
        root: Path | None = None,
    ) -> Store:
        """Open the store of ``key``, JSON-ready values, making it if need be.

        ``root`` is the folder of all stores, by default in the user's cache. Raises OptionError for a
        $FINETUNE_CACHE_GB that is no number.
        """
        root = root or stores_folder()
        store = cls(root / _name(key, shape, dtype), {"key": dict(key)}, shape, dtype, warn)
        with store._or_go_without():
            root.mkdir(parents=True, exist_ok=True)
            limit_bytes(root)
            with locked(root):
                store._refresh()
        return store

    def __len__(self) -> int:
        """Return how many digests have an array."""
        return len(self._places)

    def __contains__(self, digest: object) -> bool:
        """Whether ``digest`` has an array; only reading it tells whether it is sound."""
        return digest in self._places and digest not in self._damaged

    def has_room(self, n_rows: int) -> bool:
        """Whether ``n_rows`` more arrays could be kept within the cache's limit and the free disk."""
        if self._is_off:
            return False
        root = self.folder.parent
        n_bytes = n_rows * (self.row_bytes + RECORD_BYTES)
        own = len(self) * (self.row_bytes + RECORD_BYTES)
        return own + n_bytes <= limit_bytes(root) and n_bytes <= shutil.disk_usage(root).free

    def rows(self, digests: Sequence[bytes]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
        """Return n x shape arrays and which of the n ``digests`` are there and sound; the others are zeros."""
        arrays = np.zeros((len(digests), *self.shape), self.dtype)
        found = [(rank, self._places[digest]) for rank, digest in enumerate(digests) if digest in self]
        present = np.zeros(len(digests), np.bool_)
        mapped = self._mapped()
        for rank, place in found:
            if place.row < len(mapped):
                arrays[rank] = mapped[place.row]
            present[rank] = place.row < len(mapped) and zlib.crc32(arrays[rank]) == place.checksum
            if not present[rank]:
                self._damaged.add(digests[rank])
        arrays[~present] = 0
        return arrays, present

    def append(self, digests: Sequence[bytes], arrays: NDArray[Any]) -> bool:
        """Keep ``arrays``, n x shape, under n ``digests``; digests that have a sound array keep that one.

        Returns False when nothing could be kept; the caller goes on with what it has computed.
        """
        if arrays.shape != (len(digests), *self.shape) or arrays.dtype != self.dtype:
            raise ValueError(
                f"{arrays.dtype} arrays of shape {arrays.shape[1:]} do not fit a store of {self.dtype} {self.shape}"
            )
        if not self._is_off:
            with self._or_go_without(), locked(self.folder.parent):
                self._refresh()
                self._write(digests, arrays)
        return not self._is_off

    def _write(self, digests: Sequence[bytes], arrays: NDArray[Any]) -> None:
        """Write what is new; the rows first, so that a record never promises what is not there."""
        new = {digest: rank for rank, digest in enumerate(digests) if digest not in self}
        if not new:
            return
        content = np.ascontiguousarray(arrays[list(new.values())])
        if not make_room(self.folder.parent, self.folder, len(new) * (self.row_bytes + RECORD_BYTES)):
            self._go_without(
                f"the cache {self.folder.parent} has no room for more; raise FINETUNE_CACHE_GB, or free some disk"
            )
            return
        _write_at(self.folder / "rows.bin", self._n_records * self.row_bytes, content.data)
        records = pack(new, (zlib.crc32(array) for array in content))
        _write_at(self.folder / "index.bin", self._n_records * RECORD_BYTES, records)
        self._damaged -= new.keys()
        self._refresh()

    def _refresh(self) -> None:
        """Take in what others wrote; begin anew where the folder was removed, replaced or damaged."""
        about = _read_about(self.folder)
        if about is None or {**about, "identity": ""} != {**self._about, "identity": ""}:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(parents=True)
            about = {**self._about, "identity": uuid.uuid4().hex}
            for name in ("rows.bin", "index.bin"):
                (self.folder / name).touch()
            (self.folder / ABOUT).write_text(json.dumps(about), encoding="utf-8")
        if about["identity"] != self._identity:
            self._identity, self._n_records = str(about["identity"]), 0
            self._places.clear()
            self._damaged.clear()
        os.utime(self.folder / ABOUT)  # the least recently used goes first
        with (self.folder / "index.bin").open("rb") as stream:
            stream.seek(self._n_records * RECORD_BYTES)
            content = stream.read()
        self._places.update(unpack(content, first_row=self._n_records))
        self._n_records += len(content) // RECORD_BYTES

    def _mapped(self) -> NDArray[Any]:
        """Return all whole rows of the file, n x shape, mapped and not yet read."""
        rows = self.folder / "rows.bin"
        # ValueError: another process has cut a torn row off since its size was asked for.
        with contextlib.suppress(OSError, ValueError):
            n_rows = rows.stat().st_size // self.row_bytes
            if n_rows:
                return np.memmap(rows, self.dtype, "r", shape=(n_rows, *self.shape))
        return np.zeros((0, *self.shape), self.dtype)

    def note_hits(self, n_hits: int) -> None:
        """Add to the count of rows served that `finetune cache` shows; a lost update does no harm."""
        with contextlib.suppress(OSError, ValueError):
            file = self.folder / HITS
            before = int(file.read_text(encoding="ascii")) if file.exists() else 0
            file.write_text(str(before + n_hits), encoding="ascii")

    @contextlib.contextmanager
    def _or_go_without(self) -> Any:
        try:
            yield
        except OSError as error:
            self._go_without(f"the cache {self.folder.parent} cannot be used ({error.strerror or error})")

    def _go_without(self, why: str) -> None:
        self._is_off = True
        self._warn(f"warning: {why}; going on without it")


def _name(key: Mapping[str, Any], shape: Sequence[int], dtype: DTypeLike) -> str:
    """Return 32 hex digits that differ for every key, shape, dtype and format."""
    values = [FORMAT, list(shape), np.dtype(dtype).str, dict(key)]
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:32]


def _read_about(folder: Path) -> dict[str, Any] | None:
    try:
        about = json.loads((folder / ABOUT).read_text(encoding="utf-8"))
        whole = all((folder / name).is_file() for name in ("rows.bin", "index.bin"))
    except (OSError, ValueError):
        return None
    return about if whole and isinstance(about, dict) and about.get("identity") else None


def _write_at(file: Path, start: int, content: Any) -> None:
    """Write ``content`` from byte ``start``, in place of whatever followed; all of it or nothing."""
    with file.open("r+b", buffering=0) as stream:
        stream.truncate(start)
        stream.seek(start)
        rest = memoryview(content).cast("B")
        try:
            while rest:
                rest = rest[stream.write(rest) :]
        except OSError:
            with contextlib.suppress(OSError):
                stream.truncate(start)
            raise
