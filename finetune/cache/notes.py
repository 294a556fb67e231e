"""Small JSON values kept in a store of their own, found by all that they depend on, and checked like any row."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from finetune.cache.digests import DIGEST_BYTES
from finetune.cache.store import Store

NOTE_BYTES = 16_384
"""Of each row; a value whose JSON takes more is not kept."""


class Note(NamedTuple):
    """What was kept, and the day that it was kept on, such as ``2026-03-09``."""

    value: dict[str, Any]
    day: str


class Notes:
    """JSON values by the hash of a JSON-ready key; ``what`` is the name that `finetune cache` shows them by.

    As a `Store` does, they go without a disk that fails or is full. Raises OptionError for a $FINETUNE_CACHE_GB that
    is no number.
    """

    def __init__(self, what: str, *, root: Path | None = None) -> None:
        self._store = Store.open({"what": what}, shape=(NOTE_BYTES,), dtype=np.uint8, root=root)

    def find(self, key: Mapping[str, Any]) -> Note | None:
        """Return what was kept under ``key``; None where nothing was, or it is damaged."""
        rows, present = self._store.rows([_digest(key)])
        if not present[0]:
            return None
        try:
            kept = json.loads(rows[0].tobytes().rstrip(b"\0"))
            note = Note(dict(kept["value"]), str(kept["day"]))
        except (ValueError, KeyError, TypeError):
            return None
        self._store.note_hits(1)
        return note

    def keep(self, key: Mapping[str, Any], value: Mapping[str, Any]) -> None:
        """Keep ``value``, which JSON can hold, under ``key``; what is there and sound stays."""
        kept = json.dumps({"day": time.strftime("%Y-%m-%d"), "value": value}).encode()
        if len(kept) <= NOTE_BYTES:
            row = np.frombuffer(kept.ljust(NOTE_BYTES, b"\0"), np.uint8)
            self._store.append([_digest(key)], row[np.newaxis])


def _digest(key: Mapping[str, Any]) -> bytes:
    text = json.dumps(key, sort_keys=True).encode()
    return hashlib.blake2b(text, digest_size=DIGEST_BYTES).digest()
