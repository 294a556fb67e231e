"""A real server of the API in a thread, people with tokens, and a model that nobody had to train."""

import contextlib
import io
import json
import os
import sqlite3
import threading
import time
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import uvicorn
from PIL import Image

from finetune.bundle.bundle import write_bundle
from finetune.data.transforms import Preprocessing
from finetune.model.backbones import find_backbone
from finetune.model.build import build
from finetune.model.weights import NO_WEIGHTS
from finetune.service.api.app import make_app
from finetune.service.api.connection import impatient
from finetune.service.api.context import Context, make_context
from finetune.service.api.engine import at_work, database
from finetune.service.api.limits import ApiLimits
from ui.app import listening

V1 = "/api/v1"
SIDE_PX = 32
COLOURS = {"apple": (200, 60, 60), "lime": (60, 180, 70), "plum": (60, 80, 200)}
LIMITS = replace(
    ApiLimits(),
    archive=2_000_000,
    plain_body=20_000,
    question=1_000_000,
    image=200_000,
    reserve=0,
    pause_s=0.5,
    grace_s=1.0,
    linger_s=0.2,
    header_s=0.7,
)
"""Small ones, so that a test meets them soon."""
PREPROCESSING = Preprocessing(SIDE_PX, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "bicubic", 1.0)


@dataclass(frozen=True)
class Person:
    """Somebody who talks to the server, with a token or without."""

    http: httpx.Client
    token: str

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        return self.http.request(method, f"{V1}{path}", **options)

    def get(self, path: str, **options: Any) -> httpx.Response:
        return self.ask("GET", path, **options)

    def post(self, path: str, **options: Any) -> httpx.Response:
        return self.ask("POST", path, **options)


@dataclass(frozen=True)
class ApiServer:
    """A server that answers at ``url``; ``context`` is what it works with."""

    url: str
    context: Context

    @contextlib.contextmanager
    def person(self, name: str = "", **options: Any) -> Iterator[Person]:
        """Somebody with a token of their own, or with none where there is no name."""
        token = self.context.tokens.create(name, **options)[1] if name else ""
        headers = {"authorization": f"Bearer {token}"} if token else {}
        with httpx.Client(base_url=self.url, headers=headers, timeout=120) as http:
            yield Person(http, token)


@contextlib.contextmanager
def serve_api(
    data_dir: Path, *, limits: ApiLimits = LIMITS, working: bool = False, **options: Any
) -> Iterator[ApiServer]:
    """Serve the API over ``data_dir``; only when ``working`` are jobs done."""
    with contextlib.ExitStack() as stack:
        is_at_work = stack.enter_context(at_work(data_dir)) if working else lambda: True
        context = make_context(data_dir, limits=limits, is_at_work=is_at_work, offline=True, **options)
        listener = stack.enter_context(listening(0))
        config = uvicorn.Config(
            make_app(context),
            log_level="critical",
            lifespan="on",
            http=impatient(limits.header_s),
            ws="none",
            timeout_graceful_shutdown=1,
        )
        server = uvicorn.Server(config)
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            while not server.started:
                time.sleep(0.01)
            yield ApiServer(f"http://127.0.0.1:{listener.getsockname()[1]}", context)
        finally:
            server.should_exit = True
            thread.join()


def picture(kind: str = "apple", number: int = 0, side_px: int = 48) -> bytes:
    """A PNG of noise around a class's colour."""
    noise = np.random.default_rng((number, *COLOURS[kind])).normal(0, 50, (side_px, side_px, 3))
    stream = io.BytesIO()
    Image.fromarray(np.clip(noise + COLOURS[kind], 0, 255).astype(np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def packed(**files: bytes) -> bytes:
    """A zip of these files; ``__`` in a name stands for a slash."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "/"), content)
    return stream.getvalue()


def photos(each: int = 2) -> bytes:
    """A zip of three classes."""
    return packed(**{f"{kind}__{n}.png": picture(kind, n) for kind in COLOURS for n in range(each)})


def put_model(context: Context, owner: str, *, dataset: str = "", title: str = "fruit") -> str:
    """Lay down a finished fine-tuning of ``owner`` with a network of random weights; return its id."""
    run = context.runs / os.urandom(16).hex()
    run.mkdir()
    backbone = find_backbone("test_resnet")
    model = build(backbone, n_classes=3, weights=NO_WEIGHTS, seed=len(owner), image_size=SIDE_PX).eval()
    names = tuple(COLOURS)
    write_bundle(run / "bundle", model, backbone=backbone, class_names=names, preprocessing=PREPROCESSING)
    report = {"strategy": "freeze-all", "accuracy": 0.9, "classes": names, "weights": {"source": "/secret"}}
    (run / "report.json").write_text(json.dumps(report), encoding="utf-8")
    data = str(context.data_dir / "datasets" / dataset / "photos") if dataset else "photos"
    return put_job(context, owner, "done", {"data": data, "out": str(run), "recipe": {}}, title=title)


def put_job(
    context: Context, owner: str, state: str, request: dict[str, Any], *, kind: str = "fit", title: str = "a"
) -> str:
    """Write a job in any state into the table; return its id."""
    job = context.store.add(kind, request, title=title, owner=owner)
    with contextlib.closing(sqlite3.connect(database(context.data_dir))) as connection, connection:
        connection.execute("update jobs set state = ? where id = ?", (state, job.id))
    return job.id


def sentence(answer: httpx.Response, status: int) -> str:
    """The one sentence of a problem, which is as RFC 9457 has it."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem = answer.json()
    assert problem["status"] == status
    assert problem["type"] == "about:blank"
    assert problem["title"]
    detail = str(problem["detail"])
    assert detail
    assert "\n" not in detail
    assert "Traceback" not in answer.text
    return detail
