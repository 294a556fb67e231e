"""A small SQLite file that its owner alone reads: tokens, users and their sessions."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from pathlib import Path

from finetune.errors import ResourceError

_BUSY_S = 30.0


@contextlib.contextmanager
def opened(path: Path, tables: tuple[str, ...], what: str) -> Iterator[sqlite3.Connection]:
    """Open the file in one transaction; it and the ``tables``, statements that make them, are made where missing.

    Raises ResourceError, which calls the content ``what``, for a file that cannot be used.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.touch(mode=0o600)
        with contextlib.closing(sqlite3.connect(path, timeout=_BUSY_S)) as connection:
            for table in tables:
                connection.execute(table)
            with connection:
                yield connection
    except (sqlite3.DatabaseError, OSError) as error:
        raise ResourceError(
            f"the {what} in {path} cannot be used ({error}); check the file and the disk"
        ) from None
