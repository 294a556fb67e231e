"""What was seen of image files before, in one SQLite file: an unchanged file is not read again.

A file is unchanged while its absolute path, size and times of change (mtime and ctime, ns) are the same. Safe
under several processes (SQLite's write-ahead log); a damaged file is begun anew, and one that fails is done without.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from itertools import islice
from pathlib import Path

from finetune.data.health.index_rows import COLUMNS, N_COLUMNS, SEEN_COLUMNS, Seen, Stamp, row_of, seen_in
from finetune.data.unpacking import cache_folder
from finetune.errors import ResourceError

VERSION = 2
"""Of the table and of what the columns mean: a file of another version is begun anew."""

MOST_ROWS = 300_000
"""The images that were seen longest ago go beyond this; a row is about 0.6 kB."""

_FOR_THIS_TIME = ("", ":memory:")
"""SQLite's own names: of a temporary file that goes with the connection, and of what is never on a disk."""

_WAIT_S = 30.0
_TOGETHER = 500
_TABLES = (
    f"CREATE TABLE IF NOT EXISTS images ({COLUMNS}, PRIMARY KEY (path))",
    "CREATE TABLE IF NOT EXISTS crashed (path, size, mtime, ctime, PRIMARY KEY (path))",
)


def index_path() -> Path:
    """Return where the index lies, in $FINETUNE_CACHE or the user's cache folder."""
    return cache_folder() / "health" / "images.sqlite"


def index_bytes() -> int:
    """Return how much the user's index takes on disk."""
    return sum(file.stat().st_size for file in index_path().parent.glob(f"{index_path().name}*"))


def remove_index() -> int:
    """Remove the user's index and return how many bytes it held."""
    freed = index_bytes()
    _remove(index_path())
    return freed


def stamp_of(path: Path) -> Stamp | None:
    """Return the stamp of the file ``path``, None where it cannot be asked for."""
    try:
        status = os.stat(path)  # noqa: PTH116  # a Path's own is a third slower, and this is asked of every file
    except OSError:
        return None
    return Stamp(status.st_size, status.st_mtime_ns, status.st_ctime_ns)


@contextmanager
def open_index(path: Path | None = None) -> Iterator[ImageIndex]:
    """Open the index in ``path`` (default: the user's); where that cannot be used, one for this time only."""
    index = ImageIndex(path or index_path())
    try:
        yield index
    finally:
        index.close()


class ImageIndex:
    """The open index; used from one thread.

    Where its file fails meanwhile (a full disk, a lock that stays, a damaged page), one for this time only takes its
    place: what was in the file is then unknown.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._others = iter(_FOR_THIS_TIME)
        self._connection = _connect(path) or self._another()

    def close(self) -> None:
        """Close the file."""
        _close(self._connection)

    def known(self, stamps: Mapping[str, Stamp]) -> dict[str, Seen]:
        """Return what is known of the files with these ``stamps`` by absolute path, unchanged ones only."""
        found: dict[str, Seen] = {}
        asked = f"SELECT {SEEN_COLUMNS} FROM images WHERE path IN "
        with self._replaced_on_failure():
            for paths in _batches(stamps):
                rows = self._connection.execute(asked + _marks(len(paths)), paths)
                for path, size, mtime, ctime, *values in rows:
                    if stamps.get(path) == (size, mtime, ctime):
                        found[path] = seen_in(values)
        return found

    def crashed(self, stamps: Mapping[str, Stamp]) -> set[str]:
        """Return the absolute paths of unchanged files that have ended the process that looked at them."""
        found: set[str] = set()
        with self._replaced_on_failure():
            rows = self._connection.execute("SELECT path, size, mtime, ctime FROM crashed")
            found.update(path for path, *stamp in rows if stamps.get(path) == tuple(stamp))
        return found

    def note_crash(self, path: str, stamp: Stamp) -> None:
        """Keep that the file ``path`` has ended the process that looked at it."""
        with self._replaced_on_failure(), self._connection:
            self._connection.execute("INSERT OR REPLACE INTO crashed VALUES (?, ?, ?, ?)", (path, *stamp))

    def add(self, rows: Iterable[tuple[str, Stamp, Seen, bytes]]) -> None:
        """Keep what was seen: absolute path, stamp taken *before* reading, what was seen, grey thumbnail."""
        values = [row_of(*row) for row in rows]
        is_kept = False
        while not is_kept:
            with self._replaced_on_failure():
                self._add(values)
                is_kept = True

    def _add(self, values: Sequence[tuple[object, ...]]) -> None:
        with self._connection:
            self._connection.executemany(
                f"INSERT OR REPLACE INTO images ({COLUMNS}) VALUES {_marks(N_COLUMNS)}", values
            )
            self._connection.execute(
                "DELETE FROM images WHERE rowid <= (SELECT max(rowid) FROM images) - ?", (MOST_ROWS,)
            )

    def thumbs(self, paths: Sequence[str]) -> dict[str, bytes]:
        """Return the grey thumbnails of ``paths``, as far as they are there."""
        found: dict[str, bytes] = {}
        asked = "SELECT path, thumb FROM images WHERE path IN "
        with self._replaced_on_failure():
            for some in _batches(dict.fromkeys(paths)):
                found.update(self._connection.execute(asked + _marks(len(some)), some))
        return found

    @contextmanager
    def _replaced_on_failure(self) -> Iterator[None]:
        """Leave the block early when the index fails, with another in its place."""
        try:
            yield
        except sqlite3.Error as error:
            _close(self._connection)
            if _is_damage(error):
                with suppress(OSError):
                    _remove(self._path)
            self._connection = self._another()

    def _another(self) -> sqlite3.Connection:
        for name in self._others:
            with suppress(sqlite3.Error):
                connection = sqlite3.connect(name)
                _make_tables(connection)
                return connection
        raise ResourceError("not even an index in memory can be kept; free some memory or disk space")


def _is_damage(error: sqlite3.Error) -> bool:
    """Whether the file itself is at fault, and not a lock or a disk: its kinds have classes of their own."""
    return type(error) is sqlite3.DatabaseError or "decode" in str(error)


def _connect(path: Path) -> sqlite3.Connection | None:
    """Return a connection to a sound index, made or made anew where needed; None where nothing can be written."""
    for _ in range(2):
        connection = None
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            connection = sqlite3.connect(path, timeout=_WAIT_S)
            if _is_ours(connection):
                return connection
            _close(connection)
            _remove(path)
        except sqlite3.DatabaseError as error:
            _close(connection)
            if not _is_damage(error):
                return None
            with suppress(OSError):
                _remove(path)
        except OSError:
            _close(connection)
            return None
    return None


def _make_tables(connection: sqlite3.Connection) -> None:
    for table in _TABLES:
        connection.execute(table)


def _is_ours(connection: sqlite3.Connection) -> bool:
    """Prepare the file and return True; False where it is of another version."""
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if version not in (0, VERSION):
        return False
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=NORMAL")
    with connection:
        _make_tables(connection)
        connection.execute(f"PRAGMA user_version={VERSION}")
    connection.execute(f"SELECT {COLUMNS} FROM images LIMIT 1").fetchone()
    return True


def _remove(path: Path) -> None:
    for name in (path.name, f"{path.name}-wal", f"{path.name}-shm"):
        (path.parent / name).unlink(missing_ok=True)


def _close(connection: sqlite3.Connection | None) -> None:
    if connection is not None:
        connection.close()


def _batches(paths: Iterable[str]) -> Iterator[tuple[str, ...]]:
    rest = iter(paths)
    while some := tuple(islice(rest, _TOGETHER)):
        yield some


def _marks(n: int) -> str:
    return f"({','.join('?' * n)})"
