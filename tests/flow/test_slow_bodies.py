"""A body that comes a byte at a time to the page's own address: it is cut off, and hinders nobody."""

import contextlib
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator

import httpx
import pytest
from api_server import picture
from page_server import REPOSITORY, Served, address_told
from small_bundle import small_bundle

from finetune.service.projects import new_project

SERVING = """
import sys
from dataclasses import replace
from pathlib import Path
from finetune.service.api.limits import ApiLimits
from finetune.service.service import Service
from ui.app import listening, make_app, run_app
limits = replace(ApiLimits(), pause_s=0.5, grace_s=1.0, linger_s=0.2)
service = Service(Path(sys.argv[1]), offline=True)
with listening(0) as listener:
    address = f"http://127.0.0.1:{listener.getsockname()[1]}"
    run_app(make_app(service, limits=limits, on_start=lambda: print(address, flush=True)), listener)
"""
"""Serves the page with small limits, so that a test meets them soon."""


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    root = tmp_path_factory.mktemp("page")
    process = subprocess.Popen(
        [sys.executable, "-c", SERVING, str(root)],
        cwd=REPOSITORY,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        yield Served(address_told(process), root, process)
    finally:
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def address(served: Served) -> str:
    """The path that a classifier is asked at."""
    project = new_project(served.root / ".page", sample="digits")
    job, run = project.folder / "trainings" / "1", served.root / "digits-freeze-all-1"
    small_bundle(run / "bundle")
    job.mkdir(parents=True)
    request = {"out": str(run), "recipe": {"strategy": "freeze-all"}}
    (job / "request.json").write_text(json.dumps(request), encoding="utf-8")
    return f"/predict/{project.id}/1"


def test_an_image_of_a_byte_now_and_then_is_cut_off_and_hinders_nobody(served: Served, address: str) -> None:
    host, _, port = served.url.removeprefix("http://").partition(":")
    head = (
        f"POST {address} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n"
        'Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\nContent-Disposition: form-data; name="image"; '
        'filename="a.png"\r\n\r\n'
    )
    with (
        httpx.Client(base_url=served.url, timeout=60) as other,
        socket.create_connection((host, int(port)), timeout=20) as connection,
    ):
        connection.sendall(head.encode())
        started = time.monotonic()
        said = b""
        connection.settimeout(0.05)
        while not said.endswith(b"}"):
            assert time.monotonic() - started < 30, "nobody cuts it off"
            with contextlib.suppress(BrokenPipeError, ConnectionResetError):
                connection.sendall(b"x")
            with contextlib.suppress(TimeoutError):
                said += connection.recv(65536)
            assert other.get(f"/report/{0:032}").status_code == 404
    assert said.startswith(b"HTTP/1.1 408")
    assert json.loads(said.partition(b"\r\n\r\n")[2])["detail"].startswith(
        "the request's body came too slowly"
    )
    assert not [path for path in (served.root / ".page" / "uploads").iterdir() if (path / "0").exists()]


def test_an_image_that_comes_in_time_is_classified(served: Served, address: str) -> None:
    answer = httpx.post(served.url + address, files={"image": ("plum.png", picture("plum", 1))}, timeout=240)
    assert answer.status_code == 200, answer.text
