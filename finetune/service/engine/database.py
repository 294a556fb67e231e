"""The engine's database: one SQLite file in write-ahead mode, its tables made and migrated step by step."""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections.abc import Iterator
from pathlib import Path

from finetune.errors import ResourceError, RunError

BUSY_S = 30.0
"""How long a writer waits for another one before it gives up."""

AGAIN_S = 0.01
"""How long the change of a new file to write-ahead mode waits before it is tried again."""

MIGRATIONS = (
    """
    create table jobs (
        sequence integer primary key autoincrement,
        id text not null unique,
        owner text not null,
        kind text not null,
        title text not null,
        lane text not null,
        request text not null,
        priority integer not null,
        state text not null
            check (state in ('queued', 'running', 'done', 'failed', 'cancelled', 'interrupted')),
        attempt integer not null,
        cancel_asked integer not null default 0,
        device text,
        pid integer,
        process_started text,
        created text not null,
        started text,
        ended text,
        error text not null default '',
        exit_code integer,
        idempotency_key text,
        unique (owner, idempotency_key)
    );
    create index jobs_by_state on jobs (state, lane, priority desc, sequence);
    create index jobs_by_owner on jobs (owner, sequence);
    """,
    """
    alter table jobs add column folder text not null default '';
    alter table jobs add column progress integer not null default -1;
    alter table jobs add column cut_off integer not null default 0;
    create index jobs_by_folder on jobs (folder, sequence);
    """,
    """
    alter table jobs add column home text not null default '';
    update jobs set home = here();
    update jobs set folder = substr(folder, length(here()) + 2)
        where substr(folder, 1, length(here()) + 1) = here() || '/';
    """,
)
"""Each is run once, in order; the file's ``user_version`` counts those that were. ``here()`` is the file's folder."""


@contextlib.contextmanager
def opened(path: Path) -> Iterator[sqlite3.Connection]:
    """Give a connection to the database ``path``, migrated to this version; every change is on disk when committed.

    Raises RunError for a file of a newer version or one that is no database, ResourceError where it is locked or
    cannot be written.
    """
    try:
        with contextlib.closing(_connected(path)) as connection:
            yield connection
    except sqlite3.OperationalError as error:
        raise ResourceError(
            f"the job database {path} cannot be used ({error}); close what holds it, or free the disk"
        ) from None
    except sqlite3.DatabaseError as error:
        raise RunError(f"{path} is no sound job database ({error}); restore it from a back-up") from None


@contextlib.contextmanager
def changing(path: Path) -> Iterator[sqlite3.Connection]:
    """Give a connection on which all is done together or not at all, by one writer at a time."""
    with opened(path) as connection:
        connection.execute("begin immediate")
        try:
            yield connection
        except BaseException:
            connection.execute("rollback")
            raise
        connection.execute("commit")


def back_up(path: Path, target: Path) -> None:
    """Copy a database, of jobs or another, to the new file ``target``, as of one moment, while it may be in use.

    Raises ResourceError where one cannot be read or the other not be written.
    """
    try:
        with (
            contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection,
            contextlib.closing(sqlite3.connect(target)) as copy,
        ):
            connection.backup(copy)
    except sqlite3.Error as error:
        raise ResourceError(
            f"{path} cannot be copied to {target} ({error}); check the file and the disk"
        ) from None


def _connected(path: Path) -> sqlite3.Connection:
    """Return a new connection; the change to write-ahead mode does not wait by itself, so it is asked for again."""
    path.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + BUSY_S
    while True:
        try:
            return _connected_now(path)
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > deadline:
                raise
            time.sleep(AGAIN_S)


def _connected_now(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_S, isolation_level=None)
    connection.row_factory = sqlite3.Row
    connection.create_function("here", 0, lambda: str(path.parent.resolve()))
    try:
        # Full: what was answered as queued is still queued after a power loss.
        connection.executescript(
            "pragma journal_mode = wal; pragma synchronous = full; pragma foreign_keys = on"
        )
        _migrate(connection, path)
    except BaseException:
        connection.close()
        raise
    return connection


def _migrate(connection: sqlite3.Connection, path: Path) -> None:
    version = _version(connection)
    if version > len(MIGRATIONS):
        raise RunError(
            f"{path} was made by a newer version of this program (schema {version}, known: {len(MIGRATIONS)}); "
            "update this one"
        )
    while version < len(MIGRATIONS):
        connection.execute("begin immediate")
        # Another process may have been faster.
        version = _version(connection)
        if version < len(MIGRATIONS):
            for statement in MIGRATIONS[version].split(";\n"):
                if statement.strip():
                    connection.execute(statement)
            version += 1
            connection.execute(f"pragma user_version = {version}")
        connection.execute("commit")


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("pragma user_version").fetchone()[0])
