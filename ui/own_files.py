"""Files in Gradio's cache belong to those who uploaded them or were told of them. Pure ASGI.

Gradio puts each file into a folder called by the SHA-256 of its content, hands it to whoever names its path, and
takes such a path for an upload of whoever sends it.
"""

from __future__ import annotations

import json
import re
import threading
from pathlib import Path
from urllib.parse import unquote

from finetune.service.api.bodies import refuse
from finetune.service.api.problems import Problem
from finetune.service.api.signed_in import OWNER
from finetune.service.guard import App, Message, Receive, Send
from finetune.service.room import size_of
from ui.languages import said_at

WITHIN = "/gradio_api/"
_DIGEST = re.compile(r"[0-9a-f]{64}", re.ASCII)
_FOREIGN = "this file is not one of yours; upload it again"


class OwnFiles:
    """Whose the files below ``folder`` are; what lies there when `open_to_all` is called is everybody's."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._owners: dict[str, set[str]] = {}
        self._of_all: frozenset[str] = frozenset()
        self._lock = threading.Lock()
        place = re.escape(f"{folder}/").encode()
        self._told = re.compile(place + rb"([0-9a-f]{64})/")

    def open_to_all(self) -> None:
        """Let everybody have what the page itself has brought."""
        self._of_all = frozenset(path.name for path in self._folder.iterdir())

    def note(self, owner: str, told: bytes) -> None:
        """Note that all files named in ``told`` are ``owner``'s, too."""
        found = {name.decode() for name in self._told.findall(told)}
        if found:
            with self._lock:
                for name in found:
                    self._owners.setdefault(name, set()).add(owner)

    def names_foreign(self, owner: str, text: str) -> bool:
        """Whether ``text`` names a file that is there and not the owner's."""
        names = set(_DIGEST.findall(text)) - self._of_all
        return any(
            owner not in self._owners.get(name, ()) and (self._folder / name).exists() for name in names
        )

    def held_bytes(self, owner: str) -> int:
        """Return the size of the owner's files that the page has not taken over."""
        with self._lock:
            own = [name for name, owners in self._owners.items() if owner in owners]
            gone = [name for name in own if not (self._folder / name).exists()]
            for name in gone:
                del self._owners[name]
        return sum(size_of(self._folder / name) for name in own if name not in gone)


class OwnFilesOnly:
    """Wraps Gradio's application, within what packs its answers: 403 for a request that names another's file."""

    def __init__(self, app: App, files: OwnFiles) -> None:
        self._app, self._files = app, files

    async def __call__(self, scope: Message, receive: Receive, send: Send) -> None:
        """Pass on what names no file of another's, and note the files that the answer tells of."""
        owner = scope.get("state", {}).get(OWNER)
        if scope["type"] != "http" or owner is None or WITHIN not in scope["path"]:
            await self._app(scope, receive, send)
            return
        asked = unquote(unquote(f"{scope['path']}?{scope['query_string'].decode('latin-1')}"))
        below = scope["path"].partition(WITHIN)[2]
        if scope["method"] == "POST" and not below.startswith("upload"):
            message = await receive()  # whole: whoever looks for addresses has read it
            asked += _plain(message.get("body", b""))
            receive = _again(message, receive)
        if self._files.names_foreign(owner, asked):
            await refuse(Problem(403, said_at(scope, _FOREIGN)), send)
            return

        async def sending(message: Message) -> None:
            if message["type"] == "http.response.body":
                self._files.note(owner, message.get("body", b""))
            await send(message)

        await self._app(scope, receive, send if below.startswith("file") else sending)


def _plain(body: bytes) -> str:
    """Return the texts of a body without JSON's ways to spell a letter."""
    try:
        return json.dumps(json.loads(body), ensure_ascii=False)
    except (ValueError, RecursionError):
        return ""  # Gradio does not read it either


def _again(first: Message, receive: Receive) -> Receive:
    waiting = [first]

    async def receiving() -> Message:
        return waiting.pop() if waiting else await receive()

    return receiving
