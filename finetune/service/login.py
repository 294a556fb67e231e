"""Signing in to the page: a name and a password for a session, which a cookie carries. Knows nothing of forms."""

from __future__ import annotations

import hashlib
import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from starlette.requests import cookie_parser

from finetune.service.api.limits import ApiLimits
from finetune.service.api.throttle import Throttle
from finetune.service.users import USERS, UserStore

_USUAL = ApiLimits()


@dataclass(frozen=True)
class Attempt:
    """What came of an attempt: the ``secret`` of a session, else with ``wait_s`` not even a look at the password."""

    secret: str = ""
    wait_s: float = 0.0


class Login:
    """Who signs in to the service in ``folder``, and who has."""

    def __init__(self, folder: Path, limits: ApiLimits = _USUAL) -> None:
        path = (folder / USERS).resolve()
        self.users = UserStore(path)
        # A browser gives all servers of a computer the same cookies, whatever their ports.
        self.cookie = f"finetune-session-{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
        self._addresses = Throttle(limits.failures, limits.failures_within_s)
        self._names = Throttle(limits.failures, limits.name_within_s)

    def sign_in(self, name: str, password: str, address: str, earlier: str = "") -> Attempt:
        """Begin a new session where the password is right, and end the browser's ``earlier`` one.

        Every attempt counts before it is looked at, so that many at a time are no more guesses; the right one is
        taken back. A name counts whether there is such a user or not.
        """
        counted = ((self._addresses, network_of(address)), (self._names, name.casefold()[:100]))
        for throttle, key in counted:
            wait_s = throttle.fail(key)
            if wait_s:
                return Attempt(wait_s=wait_s)
        known = self.users.check(name, password)
        if known is None:
            return Attempt()
        for throttle, key in counted:
            throttle.forgive(key)
        self.sign_out(earlier)
        return Attempt(self.users.begin_session(known))

    def sign_out(self, secret: str) -> None:
        """End a session, if it is one."""
        if secret:
            self.users.end_session(secret)

    def whose(self, headers: Mapping[bytes, bytes]) -> str | None:
        """Return the name of the user who sends these (lower-case) headers, None where nobody is signed in."""
        secret = self.secret_in(headers)
        return self.users.whose(secret) if secret else None

    def secret_in(self, headers: Mapping[bytes, bytes]) -> str:
        """Return what stands in the place of a session's secret, "" where nothing does."""
        return cookie_parser(headers.get(b"cookie", b"").decode("latin-1")).get(self.cookie, "")


def network_of(address: str) -> str:
    """Return what one person can hardly leave: an IPv4 address, of an IPv6 address its network of 64 bits."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if found.version == 4:
        return address
    return str(found.ipv4_mapped or ipaddress.ip_network((int(found) >> 64 << 64, 64)))
