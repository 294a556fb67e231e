"""The index of a store: record i tells which digest row i belongs to, and the checksums of both.

Records have one length, so that a damaged one costs its own row only, and a torn last one is cut off.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from finetune.cache.digests import DIGEST_BYTES

_BODY = struct.Struct(f"<{DIGEST_BYTES}sI")
_CHECKSUM = struct.Struct("<I")
RECORD_BYTES = _BODY.size + _CHECKSUM.size


class Place(NamedTuple):
    """Where an array lies: its row, from 0, and the CRC-32 of its bytes."""

    row: int
    checksum: int


def pack(digests: Iterable[bytes], checksums: Iterable[int]) -> bytes:
    """Return the records of rows with these ``digests`` and CRC-32 ``checksums``."""
    bodies = (_BODY.pack(*pair) for pair in zip(digests, checksums, strict=True))
    return b"".join(body + _CHECKSUM.pack(zlib.crc32(body)) for body in bodies)


def unpack(content: bytes, *, first_row: int = 0) -> Iterator[tuple[bytes, Place]]:
    """Yield (digest, place) for each sound record of ``content``, whose first is of ``first_row``."""
    for rank in range(len(content) // RECORD_BYTES):
        start = rank * RECORD_BYTES
        body = content[start : start + _BODY.size]
        if _CHECKSUM.unpack_from(content, start + _BODY.size)[0] == zlib.crc32(body):
            digest, checksum = _BODY.unpack(body)
            yield digest, Place(first_row + rank, checksum)
