"""`finetune ui` by itself: the page without an API and without tokens, which this computer alone can reach."""

from __future__ import annotations

import contextlib
import socket
import subprocess
import sys
import tempfile
from pathlib import Path

import httpx
from page_server import serve_page

from attacks import web
from attacks.load import connected, said, short
from attacks.stage import Stage

UPLOAD = "/gradio_api/upload"
LIMIT_GB = 0.01


def all_of(stage: Stage) -> None:
    """Try all that means something there on a page of its own; the rows are ``stage``'s."""
    with (
        tempfile.TemporaryDirectory() as folder,
        serve_page(Path(folder) / "here", "--max-upload", str(LIMIT_GB)) as served,
        httpx.Client(base_url=served.url, timeout=300) as client,
    ):
        alone = Stage(
            served.url,
            served.process.pid,
            served.root,
            *(client, client, client),
            token="",
            rows=stage.rows,
            where="finetune ui: ",
        )
        reach(alone)
        web.other_sites(alone)
        web.page_events(alone)
        web.markup_in_report(alone)
        web.paths(alone)
        web.addresses(alone)
        uploads(alone)


def reach(stage: Stage) -> None:
    """Line 2: nobody else can ask it to listen, or reach it."""
    line = "2 auth"
    words = [sys.executable, "-m", "finetune", "ui", "--host", "0.0.0.0"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
    refused = done.returncode == 2 and "--host" in done.stderr
    stage.note(line, "a page for all", "--host 0.0.0.0", f"exit {done.returncode}", held=refused)
    port = int(stage.url.rpartition(":")[2])
    with contextlib.suppress(OSError):
        own = socket.gethostbyname(socket.gethostname())
        if not own.startswith("127."):
            try:
                socket.create_connection((own, port), timeout=5).close()
                answered = "connected"
            except OSError as error:
                answered = str(error)
            stage.note(line, "the computer's own address", "connect", answered, held=answered != "connected")


def uploads(stage: Stage) -> None:
    """Line 9: more than the page takes, by its length and in chunks."""
    line = "9 DoS"
    head = f"POST {UPLOAD} HTTP/1.1\r\nHost: localhost\r\nContent-Type: multipart/form-data; boundary=x\r\n"
    with connected(stage.url) as connection:
        connection.sendall(f"{head}Content-Length: {6 * 10**9}\r\n\r\n".encode())
        answer = said(connection)
    stage.note(
        line,
        "a large upload by its length",
        "6 GB told, limit 10 MB",
        short(answer),
        held=answer[9:12] == "413",
    )
    field = b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + b"x" * 2 * 10**6 + b"\r\n--x--\r\n"
    answer_to_field = stage.ann.post(
        UPLOAD, content=field, headers={"content-type": "multipart/form-data; boundary=x"}
    )
    stage.answered(line, "a field that is no file", "2 MB to hold in memory", answer_to_field, 413)
    part = b'--x\r\nContent-Disposition: form-data; name="files"; filename="a.zip"\r\n\r\n'
    piece, sent = b"x" * 65536, 0
    with connected(stage.url) as connection:
        connection.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode())
        with contextlib.suppress(OSError):
            connection.sendall(f"{len(part):x}\r\n".encode() + part + b"\r\n")
            while sent < 5 * 10**9:
                connection.sendall(f"{len(piece):x}\r\n".encode() + piece + b"\r\n")
                sent += len(piece)
        answer = said(connection)
    kept = sum(path.stat().st_size for path in stage.home.joinpath("uploads").rglob("*") if path.is_file())
    told = f"{short(answer) or 'cut off'} after {sent / 1e6:.0f} MB; kept: {kept:,} bytes"
    held = sent < 10**8 and kept < 2 * 10**7
    stage.note(line, "a stream without an end", "5 GB in chunks, limit 10 MB", told, held=held)
