"""Who may use the service from afar: tokens, of which only hashes are kept, in one SQLite file.

A token is ``ft_<id>_<secret>``; the secret has 256 random bits, so that a plain SHA-256 of it cannot be guessed back.
"""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import re
import secrets
import sqlite3
import time
from dataclasses import dataclass
from pathlib import Path

from finetune.errors import OptionError
from finetune.service.private_table import opened

TOKENS = "tokens.sqlite"
LONGEST_NAME = 60
_NAME = re.compile(r"[\w.@-]+( [\w.@-]+)*")
_TOKEN = re.compile(r"ft_([0-9a-f]{12})_([A-Za-z0-9_-]{43})", re.ASCII)
_DAY_S = 86_400
_TABLE = """
create table if not exists tokens (
    id text primary key, name text not null unique, owner text not null, hash text not null,
    created real not null, expires real, revoked real
)
"""


@dataclass(frozen=True)
class Token:
    """What is known of a token: not the token. Times are seconds since 1970, UTC.

    Whatever is made with it belongs to ``owner``; tokens of one owner see the same.
    """

    id: str
    name: str
    owner: str
    created: float
    expires: float | None
    revoked: float | None

    def is_good(self, now: float) -> bool:
        """Whether it opens anything at the time ``now``."""
        return self.revoked is None and (self.expires is None or now < self.expires)


class TokenStore:
    """The tokens in the database ``path``; any number of processes may hold one."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def create(self, name: str, *, owner: str = "", days: float | None = None) -> tuple[Token, str]:
        """Make a token called ``name`` for ``owner`` (the name itself where empty); the text is told only now.

        Raises OptionError for a name that cannot be or is in use.
        """
        for text in (name, owner or name):
            checked_name(text)
        if days is not None and not 0 < days < 36_525:
            raise OptionError(f"a token cannot expire in {days:g} days; give more than 0, or leave it out")
        token_id, secret, now = secrets.token_hex(6), secrets.token_urlsafe(32), time.time()
        expires = None if days is None else now + days * _DAY_S
        row = (token_id, name, owner or name, _hash(secret), now, expires)
        with self._opened() as connection:
            try:
                connection.execute("insert into tokens values (?, ?, ?, ?, ?, ?, null)", row)
            except sqlite3.IntegrityError:
                raise OptionError(f"there is a token called '{name}' already; choose another name") from None
        return Token(token_id, name, owner or name, now, expires, None), f"ft_{token_id}_{secret}"

    def list(self) -> list[Token]:
        """Return all tokens there have been, the oldest first."""
        with self._opened() as connection:
            rows = connection.execute(
                "select id, name, owner, created, expires, revoked from tokens order by created"
            )
            return [Token(*row) for row in rows]

    def revoke(self, name: str) -> None:
        """Let a token, by name or id, open nothing any more; raises OptionError where there is no such token."""
        with self._opened() as connection:
            done = connection.execute(
                "update tokens set revoked = coalesce(revoked, ?) where name = ? or id = ?",
                (time.time(), name, name),
            )
            if not done.rowcount:
                raise OptionError(f"there is no token called '{name}'; `finetune token list` shows them")

    def find(self, text: str) -> Token | None:
        """Return the token that ``text`` is, or None: unknown, expired or revoked."""
        found = _TOKEN.fullmatch(text)
        if found is None or not self._path.exists():
            return None
        with self._opened() as connection:
            row = connection.execute(
                "select id, name, owner, created, expires, revoked, hash from tokens where id = ?",
                (found[1],),
            ).fetchone()
        # The same time for a wrong id as for a wrong secret.
        kept = "" if row is None else row[6]
        if not hmac.compare_digest(kept, _hash(found[2])) or row is None:
            return None
        token = Token(*row[:6])
        return token if token.is_good(time.time()) else None

    @property
    def is_empty(self) -> bool:
        """Whether there has never been a token; one that was revoked counts, so that nothing opens by revoking."""
        return not self._path.exists() or not self.list()

    @property
    def has_good(self) -> bool:
        """Whether any token opens anything now."""
        now = time.time()
        return self._path.exists() and any(token.is_good(now) for token in self.list())

    def _opened(self) -> contextlib.AbstractContextManager[sqlite3.Connection]:
        return opened(self._path, (_TABLE,), "tokens")


def checked_name(name: str) -> str:
    """Return ``name`` where a token, a user or an owner may be called so, else raise OptionError."""
    if not _NAME.fullmatch(name) or len(name) > LONGEST_NAME:
        raise OptionError(
            f"'{name[:LONGEST_NAME]}' cannot be a name; use letters, digits, '.', '-', '@' and '_', at most "
            f"{LONGEST_NAME} of them"
        )
    return name


def _hash(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()
