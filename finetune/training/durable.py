"""Files that are whole or not there at all, whenever the power goes, and that prove it by their hash."""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from finetune.errors import ResourceError

if TYPE_CHECKING:
    from torch import Tensor

UNFINISHED = ".tmp"


def write_text(path: Path, text: str) -> None:
    """Write ``text`` to ``path`` at once: a reader sees the old file or the new one. Raises OSError."""
    unfinished = path.with_name(path.name + UNFINISHED)
    try:
        with unfinished.open("w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        unfinished.replace(path)
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)
    _sync_folder(path.parent)


def write_tensors(path: Path, tensors: Mapping[str, Tensor], *, metadata: Mapping[str, str]) -> None:
    """Write a .safetensors file at once, and its SHA-256 beside it as ``<name>.sha256``.

    Raises ResourceError when there is no room or no folder; what was there before stays then.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    unfinished = path.with_name(path.name + UNFINISHED)
    try:
        save_file(dict(tensors), unfinished, metadata=dict(metadata))
        digest = _synced_digest(unfinished)
        unfinished.replace(path)
        write_text(hash_file(path), digest + "\n")
    except (SafetensorError, OSError) as error:
        raise ResourceError(
            f"cannot write {path} ({error}); free some space or choose another folder"
        ) from None
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)


def is_sound(path: Path) -> bool:
    """Return whether ``path`` is there and has the hash that was written beside it."""
    try:
        with path.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()
        return hash_file(path).read_text(encoding="utf-8") == digest + "\n"
    except (OSError, UnicodeDecodeError):
        return False


def hash_file(path: Path) -> Path:
    """Return where the SHA-256 of ``path`` is written."""
    return path.with_name(path.name + ".sha256")


def _synced_digest(path: Path) -> str:
    with path.open("rb+") as stream:
        digest = hashlib.file_digest(stream, "sha256").hexdigest()
        os.fsync(stream.fileno())
    return digest


def _sync_folder(folder: Path) -> None:
    """Make a renaming last; not every system can open a folder for it."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
