"""Carry one image over into a copy: read once, compared with what was looked at, written as it is or as a PNG."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from finetune.data.images import rgb_from
from finetune.errors import DataError

_CHUNK_BYTES = 1 << 20


def copy_file(path: Path, target: Path, expected: str | None) -> None:
    """Write the bytes of ``path`` to the new file ``target``.

    ``expected`` is the SHA-256 (hex) of the bytes that were looked at; None where they could not be decoded.

    Raises:
        DataError: ``path`` cannot be read, or holds other bytes.
        OSError: ``target`` cannot be written.
    """
    digest = hashlib.sha256()
    with target.open("xb") as copy:
        for chunk in _chunks(path, expected):
            digest.update(chunk)
            copy.write(chunk)
    _refuse_changed(path, digest.hexdigest(), expected)


def rewrite_file(path: Path, target: Path, expected: str) -> None:
    """Write the pixels that training sees of ``path`` to ``target``, a PNG; the rest is as in `copy_file`."""
    content = b"".join(_chunks(path, expected))
    _refuse_changed(path, hashlib.sha256(content).hexdigest(), expected)
    rgb = rgb_from(content, path)
    with target.open("xb") as file:
        rgb.save(file, "PNG")


def _chunks(path: Path, expected: str | None) -> Iterator[bytes]:
    """Yield what the file holds; that it cannot be read must not be taken for a full disk."""
    try:
        with path.open("rb") as file:
            while chunk := file.read(_CHUNK_BYTES):
                yield chunk
    except OSError as error:
        why = error.strerror or str(error)
        if expected is None:
            raise DataError(
                f"cannot read {path}: {why}; put it aside by leaving out --no-quarantine"
            ) from None
        raise DataError(
            f"cannot read {path} any more: {why}; give the same command again once nothing changes in the set"
        ) from None


def _refuse_changed(path: Path, found: str, expected: str | None) -> None:
    if expected not in (None, found):
        raise DataError(
            f"{path} changed after it was looked at; give the same command again once nothing changes in the set"
        )
