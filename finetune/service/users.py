"""Who may sign in to the page, and who is signed in: users and their sessions, in one SQLite file.

Of passwords and sessions only hashes are kept. A session is known by a secret of 256 random bits, so that a plain
SHA-256 of it cannot be guessed back.
"""

from __future__ import annotations

import contextlib
import hashlib
import re
import secrets
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path

from finetune.errors import OptionError
from finetune.service.passwords import NOBODY, checked, hashed, matches
from finetune.service.private_table import opened
from finetune.service.tokens import checked_name

USERS = "users.sqlite"
DAY_S = 86_400
IDLE_S = 14 * DAY_S
"""So long a session lives that nobody uses."""
LONGEST_S = 90 * DAY_S
"""So long a session lives at most."""
SEEN_EVERY_S = 600.0
"""So often at most it is written down that a session was used: an open page asks every second."""
_SESSION = re.compile(r"[A-Za-z0-9_-]{43}", re.ASCII)
_TABLES = (
    """
    create table if not exists users (
        name text primary key collate nocase, password text not null, created real not null, changed real not null
    )
    """,
    """
    create table if not exists sessions (
        hash text primary key, name text not null collate nocase, created real not null, seen real not null
    )
    """,
)


@dataclass(frozen=True)
class User:
    """What is known of a user. Times are seconds since 1970, UTC; ``seen`` is None while nobody is signed in.

    ``changed`` is when the password was; ``sessions`` are those that are alive.
    """

    name: str
    created: float
    changed: float
    sessions: int
    seen: float | None


class UserStore:
    """The users in the database ``path``; any number of processes may hold one.

    A name is one whether in upper or lower case; what belongs to a user has the name as it was added.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def add(self, name: str, password: str) -> None:
        """Add a user; raises OptionError for a name or password that cannot be, or a name in use."""
        row = (checked_name(name), hashed(checked(password, name)), time.time(), time.time())
        with self._opened() as connection:
            try:
                connection.execute("insert into users values (?, ?, ?, ?)", row)
            except sqlite3.IntegrityError:
                raise OptionError(f"there is a user called '{name}' already; choose another name") from None

    def list(self) -> list[User]:
        """Return all users, the oldest first."""
        with self._opened() as connection:
            self._forget_ended(connection)
            rows = connection.execute(
                "select users.name, users.created, changed, count(hash), max(seen) from users "
                "left join sessions on sessions.name = users.name group by users.name order by users.created"
            )
            return [User(*row) for row in rows]

    def set_password(self, name: str, password: str) -> None:
        """Change a user's password and end all sessions; raises OptionError as `add`, and for an unknown name."""
        self._refuse_unknown(name)
        kept = hashed(checked(password, name))
        with self._opened() as connection:
            connection.execute(
                "update users set password = ?, changed = ? where name = ?", (kept, time.time(), name)
            )
            _end_all(connection, name)

    def remove(self, name: str) -> None:
        """Let a user sign in no more, and end all sessions; raises OptionError for an unknown name."""
        self._refuse_unknown(name)
        with self._opened() as connection:
            connection.execute("delete from users where name = ?", (name,))
            _end_all(connection, name)

    def sign_out(self, name: str) -> int:
        """End all sessions of a user and return how many there were; raises OptionError for an unknown name."""
        self._refuse_unknown(name)
        with self._opened() as connection:
            self._forget_ended(connection)
            return _end_all(connection, name)

    def check(self, name: str, password: str) -> str | None:
        """Return the user's name as it was added where the password is right, else None.

        It takes as long for a name that is unknown.
        """
        row = None
        with contextlib.suppress(ValueError):  # a text that is no Unicode cannot be looked up
            name.encode()
            with self._opened() as connection:
                row = connection.execute(
                    "select name, password from users where name = ?", (name,)
                ).fetchone()
        is_right = matches(password, NOBODY if row is None else row[1])
        return str(row[0]) if row is not None and is_right else None

    def begin_session(self, name: str) -> str:
        """Return the secret of a new session of the user ``name``, which is told only now."""
        secret, now = secrets.token_urlsafe(32), time.time()
        with self._opened() as connection:
            self._forget_ended(connection)
            connection.execute("insert into sessions values (?, ?, ?, ?)", (_hash(secret), name, now, now))
        return secret

    def whose(self, secret: str) -> str | None:
        """Return the name of the user whose session this is, None where it is unknown or has ended."""
        if not _SESSION.fullmatch(secret) or not self._path.exists():
            return None
        now = time.time()
        with self._opened() as connection:
            row = connection.execute(
                "select users.name, seen from sessions join users on users.name = sessions.name "
                "where hash = ? and sessions.created > ? and seen > ?",
                (_hash(secret), now - LONGEST_S, now - IDLE_S),
            ).fetchone()
            if row is not None and row[1] < now - SEEN_EVERY_S:
                connection.execute("update sessions set seen = ? where hash = ?", (now, _hash(secret)))
        return None if row is None else str(row[0])

    def end_session(self, secret: str) -> None:
        """End one session, if it is one."""
        with self._opened() as connection:
            connection.execute("delete from sessions where hash = ?", (_hash(secret),))

    @property
    def is_empty(self) -> bool:
        """Whether nobody can sign in."""
        return not self._path.exists() or not self.list()

    def _refuse_unknown(self, name: str) -> None:
        with self._opened() as connection:
            if connection.execute("select 1 from users where name = ?", (name,)).fetchone() is None:
                raise OptionError(f"there is no user called '{name}'; `finetune user list` shows them")

    def _forget_ended(self, connection: sqlite3.Connection) -> None:
        now = time.time()
        connection.execute(
            "delete from sessions where created <= ? or seen <= ?", (now - LONGEST_S, now - IDLE_S)
        )

    def _opened(self) -> contextlib.AbstractContextManager[sqlite3.Connection]:
        return opened(self._path, _TABLES, "users")


def _end_all(connection: sqlite3.Connection, name: str) -> int:
    return connection.execute("delete from sessions where name = ?", (name,)).rowcount


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
