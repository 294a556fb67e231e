"""The SHA-256 of a file."""

from __future__ import annotations

import hashlib
from pathlib import Path

from finetune.errors import WeightsError


def sha256_of(path: Path) -> str:
    """Return the file's SHA-256 as 64 hex digits; raises WeightsError for one that cannot be read."""
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError as error:
        raise WeightsError(
            f"{path} cannot be read ({error.strerror}); allow it, or give another file"
        ) from None
