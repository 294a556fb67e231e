"""One array in an ``.npz``, read a few items at a time: it may be larger than memory."""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finetune.data.archive_names import MAX_BYTES
from finetune.errors import DataError

CHUNK_BYTES = 2**24


@dataclass(frozen=True)
class StoredArray:
    """An array in the file, read a few items at a time."""

    where: str
    opened: zipfile.ZipFile
    key: str
    shape: tuple[int, ...]
    dtype: np.dtype[Any]

    @classmethod
    def find(cls, where: str, opened: zipfile.ZipFile, key: str) -> StoredArray:
        """Read the header alone; raises DataError for one that cannot be an array of images."""
        with opened.open(f"{key}.npy") as file:
            shape, is_fortran, dtype = header(where, key, file)
        if not shape or (is_fortran and len(shape) > 1):
            raise DataError(f"'{key}' in {where} is stored by columns; save numpy.ascontiguousarray of it")
        return cls(where, opened, key, shape, dtype)

    @property
    def item_bytes(self) -> int:
        """Return the size of one item."""
        return self.dtype.itemsize * int(np.prod(self.shape[1:], dtype=np.int64))

    def chunks(self) -> Iterator[NDArray[Any]]:
        """Yield the items in order, some megabytes of them at a time; raises EOFError where the file ends early."""
        n_items = max(1, CHUNK_BYTES // max(1, self.item_bytes))
        with self.opened.open(f"{self.key}.npy") as file:
            header(self.where, self.key, file)
            for start in range(0, self.shape[0], n_items):
                count = min(n_items, self.shape[0] - start)
                content = file.read(count * self.item_bytes)
                if len(content) != count * self.item_bytes:
                    raise EOFError(f"'{self.key}' is cut off")
                yield np.frombuffer(content, self.dtype).reshape((count, *self.shape[1:]))


def header(where: str, key: str, file: Any) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    """Read the shape, whether it is in Fortran's order, and the dtype; raises DataError for what is not read."""
    try:
        version = np.lib.format.read_magic(file)
        read = {(1, 0): np.lib.format.read_array_header_1_0, (2, 0): np.lib.format.read_array_header_2_0}
        shape, is_fortran, dtype = read[version](file)
    except (ValueError, KeyError) as error:
        raise DataError(f"'{key}' in {where} is no numpy array ({error}); write it again") from error
    if dtype.hasobject:
        raise DataError(
            f"'{key}' in {where} holds pickled objects, which could run code and are not loaded; "
            "give images of one size, or a .parquet with their encoded bytes"
        )
    if dtype.itemsize * int(np.prod(shape, dtype=object) or 0) > MAX_BYTES:
        raise DataError(
            f"'{key}' in {where} is larger than {MAX_BYTES / 1e9:.0f} GB; give a folder of images instead"
        )
    return shape, is_fortran, dtype
