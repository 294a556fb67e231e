"""Too much, too slow and too many at once."""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
from api_server import picture
from page_server import serve_page

from attacks.stage import V1, Stage

LINE = "9 DoS"
PIECE = 65536


def all_of(stage: Stage) -> None:
    """Try all."""
    declared(stage)
    many_predictions(stage)
    slow(stage)
    with tempfile.TemporaryDirectory() as folder:
        streamed(stage, Path(folder))


def connected(url: str) -> socket.socket:
    """Return a connection to the server."""
    host, _, port = url.removeprefix("http://").partition(":")
    return socket.create_connection((host, int(port)), timeout=120)


def said(connection: socket.socket) -> str:
    """Return what the server says until it closes."""
    text = b""
    with contextlib.suppress(OSError):
        while piece := connection.recv(PIECE):
            text += piece
    return text.decode("latin-1")


def short(answer: str) -> str:
    """Return the status and the sentence of a raw answer."""
    detail = re.search(r'"detail": ?"([^"]*)', answer)
    return f"{answer[9:12]} {detail[1] if detail else ''}".strip()


def declared(stage: Stage) -> None:
    """Tell a length of 6 GB and send nothing."""
    for path, size in (
        (f"{V1}/datasets", 6 * 10**9),
        (f"{V1}/jobs", 10**8),
        (f"{V1}/models/{stage.model}/predict", 10**9),
    ):
        head = (
            f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {stage.token}\r\n"
            f"Content-Type: multipart/form-data; boundary=x\r\nContent-Length: {size}\r\n\r\n"
        )
        with connected(stage.url) as connection:
            connection.sendall(head.encode())
            answer = said(connection)
        sent = f"Content-Length: {size:,} to {path.replace(stage.model, 'ID')}, no byte of it"
        stage.note(
            LINE, "a large upload by its length", sent, short(answer), held=answer[9:12] in ("413", "507")
        )


def streamed(stage: Stage, folder: Path) -> None:
    """Stream chunks without an end at a server whose limit is 10 MB."""
    with (
        serve_page(
            folder,
            "--max-upload",
            "0.01",
            command="serve",
        ) as served,
        connected(served.url) as connection,
    ):
        free = shutil.disk_usage(folder).free
        head = f"POST {V1}/datasets HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
        connection.sendall(head.encode())
        chunk = f"{PIECE:x}\r\n".encode() + b"x" * PIECE + b"\r\n"
        sent = 0
        with contextlib.suppress(OSError):
            while sent < 5 * 10**9:
                connection.sendall(chunk)
                sent += PIECE
        answer = said(connection)
        kept = sum(path.stat().st_size for path in (served.root / "arriving").rglob("*") if path.is_file())
        taken = (free - shutil.disk_usage(folder).free) / 1e6
        lives = httpx.get(f"{served.url}/healthz").status_code == 200
    held = sent < 10**8 and kept == 0 and lives and answer[9:12] in ("413", "")
    told = f"{short(answer).strip() or 'cut off'} after {sent / 1e6:.0f} MB; kept: {kept} bytes, disk {taken:.0f} MB"
    stage.note(LINE, "a stream without an end", "5 GB in chunks, limit 10 MB", told, held=held)


def slow(stage: Stage) -> None:
    """Send a byte a second, and a header that never ends."""
    head = (
        f"POST {V1}/datasets HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {stage.token}\r\n"
        "Content-Length: 100000\r\n\r\n"
    )
    for attack, begin, piece, wanted in (
        ("a body of a byte a second", head, b"x", "408"),
        ("a header of a byte a second", "GET / HTTP/1.1\r\nX: ", b"x", ""),
    ):
        started, slowest = time.monotonic(), 0.0
        with connected(stage.url) as connection:
            connection.sendall(begin.encode())
            connection.settimeout(0.01)
            answer = b""
            while time.monotonic() - started < 120:
                time.sleep(1)
                with contextlib.suppress(OSError):
                    connection.sendall(piece)
                asked = time.monotonic()
                stage.lives()
                slowest = max(slowest, time.monotonic() - asked)
                try:
                    answer += connection.recv(PIECE)
                    break
                except TimeoutError:
                    continue
                except OSError:
                    break
        took = time.monotonic() - started
        text = answer.decode("latin-1")
        told = (
            f"{short(text) if text else 'closed'} after {took:.0f} s; others waited {slowest:.1f} s at most"
        )
        stage.note(LINE, attack, "until it is cut off", told, held=text[9:12] == wanted and took < 110)


def many_predictions(stage: Stage) -> None:
    """Ask about 64 images in each of 16 requests at once: more than may wait."""
    files = [("images", (f"{n}.png", picture(number=n))) for n in range(64)]

    def ask(_: int) -> httpx.Response:
        with httpx.Client(headers={"authorization": f"Bearer {stage.token}"}, timeout=300) as client:
            return client.post(f"{stage.url}{V1}/models/{stage.model}/predict", files=files)

    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(ask, range(16)))
    codes = [answer.status_code for answer in answers]
    busy = [answer for answer in answers if answer.status_code == 429]
    held = (
        set(codes) == {200, 429} and all("retry-after" in answer.headers for answer in busy) and stage.lives()
    )
    sentence = busy[0].json()["detail"] if busy else ""
    told = f"{codes.count(200)} × 200, {len(busy)} × 429 with Retry-After: {sentence}"
    stage.note(LINE, "many questions at once", "16 × 64 images", told, held=held)
    files = [("images", (f"{n}.png", picture())) for n in range(65)]
    answer = stage.ann.post(f"{V1}/models/{stage.model}/predict", files=files)
    stage.answered(LINE, "too many images", "65 in one request", answer, 413)
