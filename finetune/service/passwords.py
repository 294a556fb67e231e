"""Passwords: what may be one, and the slow hash by which alone it is kept."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import unicodedata

from finetune.errors import OptionError

SHORTEST, LONGEST = 10, 500
"""Characters; NIST SP 800-63B asks for 8 at least, and for no rules about their kinds."""
N, R, P = 2**15, 8, 3
"""scrypt's cost: one of the equal choices of OWASP's Password Storage Cheat Sheet, with 32 MiB a guess."""
_MEMORY = 2 * 128 * N * R
_SALT_BYTES = 16


def _text(content: bytes) -> str:
    return base64.b64encode(content).decode("ascii")


NOBODY = f"scrypt${N}${R}${P}${_text(bytes(_SALT_BYTES))}${_text(bytes(32))}"
"""What is kept of a password that there is none of: to compare with it costs as much as with a real one."""


def checked(password: str, name: str) -> str:
    """Return ``password`` where it may be that of the user ``name``, else raise OptionError."""
    if not SHORTEST <= len(password) <= LONGEST:
        raise OptionError(
            f"a password of {len(password)} characters cannot be; take {SHORTEST} to {LONGEST}, "
            "or let --generate make one"
        )
    if password.casefold() == name.casefold():
        raise OptionError("the password is the name; take another, or let --generate make one")
    return password


def generated() -> str:
    """Return a new password of 120 random bits."""
    return secrets.token_urlsafe(15)


def hashed(password: str) -> str:
    """Return what is kept of a password: the costs, a salt of its own, and the hash."""
    salt = secrets.token_bytes(_SALT_BYTES)
    return f"scrypt${N}${R}${P}${_text(salt)}${_text(_scrypt(password, salt, N, R, P))}"


def matches(password: str, kept: str) -> bool:
    """Whether ``kept`` was made of the password; costs as much where it was not."""
    _, n, r, p, salt, digest = kept.split("$")
    made = _scrypt(password, base64.b64decode(salt), int(n), int(r), int(p))
    return hmac.compare_digest(made, base64.b64decode(digest))


def _scrypt(password: str, salt: bytes, n: int, r: int, p: int) -> bytes:
    # Two keyboards may spell one letter in two ways.
    plain = unicodedata.normalize("NFKC", password).encode("utf-8", "surrogatepass")
    return hashlib.scrypt(plain, salt=salt, n=n, r=r, p=p, maxmem=_MEMORY, dklen=32)
