"""A small server in the model hub's shape, with the ways in which a network fails.

As on the true hub, the address of a file answers with its commit, tag and size and sends on to another host
(`localhost` instead of `127.0.0.1`), which gives the bytes, or those from a given one on.
"""

import json
import struct
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np

from finetune.model.file_hash import sha256_of

COMMIT = "0123456789abcdef0123456789abcdef01234567"
PIECE = 1 << 16
ERROR_CODES = {404: "RepoNotFound", 401: "RepoNotFound", 403: "GatedRepo"}


@dataclass
class Fault:
    """What goes wrong with the next ``times`` requests of a method; ``after`` counts bytes of the answer's body."""

    status: int = 200
    breaks_after: int | None = None
    stalls_after: int | None = None
    wrong_bytes: bool = False
    ignores_range: bool = False
    code: str = ""
    times: int = 1_000_000


@dataclass
class Seen:
    """One request as the server saw it, and how many bytes it has sent for it."""

    method: str
    path: str
    headers: Mapping[str, str]
    sent: int = 0


@dataclass
class Hub:
    """What is offered (a file by repository), what goes wrong, and what was asked."""

    offered: dict[str, Path]
    url: str = ""
    faults: dict[str, list[Fault]] = field(default_factory=lambda: {"HEAD": [], "GET": []})
    seen: list[Seen] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)
    closing: threading.Event = field(default_factory=threading.Event)
    close: Callable[[], None] = lambda: None

    def fail(self, method: str, **what: Any) -> None:
        """Let requests of ``method`` fail: HEAD asks for a file, GET fetches its bytes."""
        self.faults[method].append(Fault(**what))

    def heal(self) -> None:
        for faults in self.faults.values():
            faults.clear()

    def next_fault(self, method: str) -> Fault:
        for fault in self.faults[method]:
            if fault.times > 0:
                fault.times -= 1
                return fault
        return Fault()

    def tag(self, repository: str) -> str:
        if repository not in self.tags:
            self.tags[repository] = sha256_of(self.offered[repository])
        return self.tags[repository]

    def downloads(self) -> list[Seen]:
        """The requests for bytes."""
        return [request for request in self.seen if request.path.startswith("/cdn/")]


class Handler(BaseHTTPRequestHandler):
    hub: Hub

    def do_HEAD(self) -> None:
        self.note()
        self.send_on(self.hub.next_fault("HEAD"))

    def do_GET(self) -> None:
        self.note()
        if self.path.startswith("/cdn/"):
            self.send_bytes(self.hub.next_fault("GET"))
        else:
            self.send_on(Fault())

    def note(self) -> None:
        self.seen = Seen(self.command, self.path, dict(self.headers))
        self.hub.seen.append(self.seen)

    def send_on(self, fault: Fault) -> None:
        """Answer for the file's address: commit, tag, size, and where its bytes are."""
        if fault.stalls_after is not None:
            self.hub.closing.wait(20)
            return
        repository, _, file = self.path.lstrip("/").partition("/resolve/")
        if fault.status != 200 or repository not in self.hub.offered:
            self.refuse(fault.status if fault.status != 200 else 404, fault.code)
            return
        if file.partition("/")[2] != "model.safetensors":
            self.refuse(404, "EntryNotFound")
            return
        host = f"http://localhost:{self.server.server_port}"  # type: ignore[attr-defined]
        self.send_response(302)
        self.send_header("Location", f"{host}/cdn/{repository}")
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("X-Linked-Etag", f'"{self.hub.tag(repository)}"')
        self.send_header("X-Linked-Size", str(self.hub.offered[repository].stat().st_size))
        self.end_headers()

    def refuse(self, status: int, code: str = "") -> None:
        self.send_response(status)
        code = code or ERROR_CODES.get(status, "")
        if code:
            self.send_header("X-Error-Code", code)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def send_bytes(self, fault: Fault) -> None:
        if fault.status != 200:
            self.refuse(fault.status, fault.code)
            return
        path = self.hub.offered[self.path.removeprefix("/cdn/")]
        size = path.stat().st_size
        given = "" if fault.ignores_range else self.headers.get("Range", "")
        start = int(given.removeprefix("bytes=").rstrip("-")) if given else 0
        self.send_response(206 if given else 200)
        self.send_header("Content-Length", str(size - start))
        if given:
            self.send_header("Content-Range", f"bytes {start}-{size - 1}/{size}")
        self.end_headers()
        self.send_file(path, start, fault)

    def send_file(self, path: Path, start: int, fault: Fault) -> None:
        ends = [n for n in (fault.breaks_after, fault.stalls_after) if n is not None]
        left = ends[0] if ends else path.stat().st_size
        with path.open("rb") as file:
            file.seek(start)
            while left > 0 and (piece := file.read(min(PIECE, left))):
                self.wfile.write(bytes(len(piece)) if fault.wrong_bytes else piece)
                self.seen.sent += len(piece)
                left -= len(piece)
        if fault.stalls_after is not None:
            self.hub.closing.wait(20)

    def log_message(self, *_: object) -> None:
        pass


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        """A client that went away is no fault of the server."""


@contextmanager
def hub_server(offered: Mapping[str, Path]) -> Iterator[Hub]:
    """Serve the files of ``offered``, by repository, on this machine until the context ends."""
    hub = Hub(dict(offered))
    server = Server(("127.0.0.1", 0), type("HandlerOfThisHub", (Handler,), {"hub": hub}))
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()

    def close() -> None:
        hub.closing.set()
        server.shutdown()
        thread.join()
        server.server_close()

    hub.close = close
    try:
        yield hub
    finally:
        close()


def write_weights(path: Path, shapes: Mapping[str, tuple[int, ...]], *, seed: int = 0) -> Path:
    """Write a .safetensors file with one block of noise over and over: any size in little time and memory."""
    block = np.random.default_rng(seed).normal(0, 0.02, 1 << 20).astype("<f4").tobytes()
    header, end = {}, 0
    for name, shape in shapes.items():
        start, end = end, end + 4 * int(np.prod(shape, dtype=np.int64))
        header[name] = {"dtype": "F32", "shape": list(shape), "data_offsets": [start, end]}
    text = json.dumps(header).encode()
    with path.open("wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for start in range(0, end, len(block)):
            file.write(block[: end - start])
    return path
