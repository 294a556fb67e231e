"""The hash of each image's bytes: a changed image has another, wherever it lies and whatever it is called."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from finetune.errors import ImageError

DIGEST_BYTES = 16
_THREADS = 4


def content_digests(paths: Iterable[Path]) -> list[bytes]:
    """Return the 16-byte BLAKE2b of each file of ``paths``; raises ImageError for one that cannot be read."""
    with ThreadPoolExecutor(_THREADS) as pool:  # reading and hashing leave Python's lock
        return list(pool.map(content_digest, paths))


def content_digest(path: Path) -> bytes:
    """Return the 16-byte BLAKE2b of one file; raises ImageError when it cannot be read."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=DIGEST_BYTES)).digest()
    except OSError as error:
        raise ImageError(f"{path} cannot be read ({error.strerror}); check it or leave it out") from None


def with_view(digest: bytes, view: int) -> bytes:
    """Return the digest that stands for the view number ``view`` of an image."""
    return hashlib.blake2b(digest + view.to_bytes(8, "little"), digest_size=DIGEST_BYTES).digest()


def as_number(digest: bytes) -> int:
    """Return a number in [0, 2^63) drawn from ``digest``, to seed what is random about an image."""
    return int.from_bytes(digest[:8], "little") >> 1
