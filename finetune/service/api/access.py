"""Whose request it is: the owner of its token, or a refusal."""

from __future__ import annotations

import base64
import binascii
import math
from typing import Annotated

from fastapi import Depends, Request, Security
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from finetune.service.api.context import Context, Served
from finetune.service.api.problems import Problem

BEARER = HTTPBearer(
    auto_error=False,
    description="A token of `finetune token create`; not needed on this computer without any.",
)
LOCAL = "local"
"""The token's owner, or user, that what was made while nobody was asked for anything belongs to."""
CHALLENGE = {"WWW-Authenticate": 'Bearer realm="finetune"'}


def owner_of(
    request: Request,
    context: Served,
    given: Annotated[HTTPAuthorizationCredentials | None, Security(BEARER)] = None,
) -> str:
    """Return whose request it is; raises Problem 401 and 429."""
    address = request.client.host if request.client else ""
    return admit(context, address, None if given is None else given.credentials)


Owner = Annotated[str, Depends(owner_of)]


def admit(context: Context, address: str, token: str | None) -> str:
    """Return the owner of ``token``, "" for a computer that uses its own service before there are tokens.

    A good token opens always: its secret has 256 bits, and whoever shares an address with one who guesses must not
    be locked out. Raises Problem 401 for none or a wrong one, 429 for too many wrong ones.
    """
    if token is None:
        if context.is_local and not context.asks_login and context.tokens.is_empty:
            return ""
        raise Problem(401, "this needs a token; send it as 'Authorization: Bearer TOKEN'", headers=CHALLENGE)
    found = context.tokens.find(token)
    if found is not None:
        return owner_called(found.owner)
    wait_s = context.throttle.fail(address)
    if wait_s:
        after = {"Retry-After": str(math.ceil(wait_s))}
        raise Problem(429, "too many wrong tokens came from this address; wait a while", headers=after)
    raise Problem(
        401,
        "this token is unknown, expired or revoked; make one with `finetune token create`",
        headers=CHALLENGE,
    )


def owner_called(name: str) -> str:
    """Return the owner that a token's owner or a user called ``name`` is."""
    return "" if name == LOCAL else name


def token_in(authorization: str) -> str | None:
    """Return the token of an Authorization header: a bearer's, or the password that a browser asked a person for."""
    scheme, _, rest = authorization.partition(" ")
    if scheme.lower() == "bearer":
        return rest.strip()
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(rest, validate=True).decode("utf-8").partition(":")[2]
        except (binascii.Error, UnicodeDecodeError):
            return ""
    return None
