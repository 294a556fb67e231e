"""A real server with two people, what one of them has there, and the rows of what was tried on it."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from api_server import photos
from page_server import serve_page
from small_bundle import small_bundle

from finetune.service.engine.place import DATABASE
from finetune.service.engine.store import JobStore
from finetune.service.tokens import TOKENS, TokenStore

SECRET = "squeamish-ossifrage"
SECRETS = {"AWS_SECRET_ACCESS_KEY": SECRET, "HF_TOKEN": SECRET, "DATABASE_URL": SECRET}
V1 = "/api/v1"
LONGEST = 110


@dataclass
class Stage:
    """The server at ``url``, its process ``pid`` and data folder ``root``; what Ann has there, and three clients.

    ``where`` goes before what is called an attack in the table.
    """

    url: str
    pid: int
    root: Path
    ann: httpx.Client
    ben: httpx.Client
    nobody: httpx.Client
    token: str
    dataset: str = ""
    job: str = ""
    model: str = ""
    rows: list[dict[str, Any]] = field(default_factory=list)
    where: str = ""

    @property
    def is_page_alone(self) -> bool:
        """Whether this is `finetune ui`, without an API and tokens."""
        return not self.token

    @property
    def home(self) -> Path:
        """Return the folder of the page's projects."""
        return self.root / ".page" if self.is_page_alone else self.root / "page" / ".page"

    @property
    def database(self) -> Path:
        """Return the table of jobs."""
        return (self.home if self.is_page_alone else self.root) / DATABASE

    def note(self, line: str, attack: str, sent: str, answered: str, *, held: bool) -> None:
        """Write down one attack; ``line`` is the threat list's."""
        row = {
            "line": line,
            "attack": f"{self.where}{attack}",
            "sent": sent,
            "answered": _short(answered.replace(str(self.root), "DATA")),
            "held": held,
        }
        self.rows.append(row)
        print("held  " if held else "FAILED", line, "|", row["attack"], "|", row["answered"], flush=True)

    def answered(
        self,
        line: str,
        attack: str,
        sent: str,
        answer: httpx.Response,
        *statuses: int,
        also: Callable[[httpx.Response], bool] = lambda _: True,
    ) -> None:
        """Write down an attack that must be answered by one of ``statuses``, and as ``also`` says."""
        held = answer.status_code in statuses and also(answer)
        self.note(line, attack, sent, told(answer), held=held)

    def lives(self) -> bool:
        """Whether the server answers."""
        return self.nobody.get("/healthz").status_code == 200

    def hand_in(self, content: bytes, name: str) -> httpx.Response:
        """Let Ann hand in an archive."""
        return self.ann.post(f"{V1}/datasets", params={"name": name}, content=content)


def told(answer: httpx.Response) -> str:
    """Return the status and the sentence of an answer."""
    try:
        detail = answer.json().get("detail", "")
    except (ValueError, AttributeError):
        detail = ""
    if isinstance(detail, list):  # FastAPI's own, of the page's addresses
        detail = detail[0].get("msg", "") if detail else ""
    return f"{answer.status_code} {detail}".strip()


def _short(text: str) -> str:
    text = " ".join(text.split()).replace("|", "\\|")
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 1]}…"


@contextlib.contextmanager
def opened(folder: Path) -> Iterator[Stage]:
    """Serve from ``folder`` with secrets in the server's environment."""
    os.environ.update(SECRETS)
    root = folder / "service"
    root.mkdir(parents=True)
    tokens = TokenStore(root / TOKENS)
    made = {name: tokens.create(name)[1] for name in ("ann", "ben")}
    with serve_page(folder, command="serve") as served, contextlib.ExitStack() as stack:

        def client(name: str = "") -> httpx.Client:
            headers = {"authorization": f"Bearer {made[name]}"} if name else {}
            return stack.enter_context(httpx.Client(base_url=served.url, headers=headers, timeout=300))

        people = (client("ann"), client("ben"), client())
        stage = Stage(served.url, served.process.pid, root, *people, token=made["ann"])
        answer = stage.ann.post(f"{V1}/datasets", files={"file": ("photos.zip", photos())})
        stage.dataset, stage.job = answer.json()["id"], answer.json()["job"]
        stage.model = put_model(root, "ann")
        yield stage


def put_model(root: Path, owner: str) -> str:
    """Lay down a finished fine-tuning of ``owner``; return its id."""
    run = root / "runs" / secrets.token_hex(16)
    run.mkdir(parents=True)
    small_bundle(run / "bundle")
    (run / "report.json").write_text(json.dumps({"strategy": "freeze-all"}), encoding="utf-8")
    request = {"data": "photos", "out": str(run), "recipe": {}}
    job = JobStore(root / DATABASE).add("fit", request, title="fruit", owner=owner)
    with contextlib.closing(sqlite3.connect(root / DATABASE)) as connection, connection:
        connection.execute("update jobs set state = 'done' where id = ?", (job.id,))
    return job.id
