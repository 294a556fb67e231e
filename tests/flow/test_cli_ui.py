"""``finetune ui`` as a server: who is answered, what can be fetched, and how it starts and stops."""

import http.client
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from page_server import REPOSITORY, Served, serve_page

from finetune.cli import run


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with serve_page(tmp_path_factory.mktemp("page") / "here") as served:
        yield served


def ask(
    served: Served, path: str, method: str = "GET", body: str = "", **headers: str
) -> tuple[int, http.client.HTTPMessage, str]:
    host, _, port = served.url.removeprefix("http://").partition(":")
    connection = http.client.HTTPConnection(host, int(port), timeout=30)
    connection.putrequest(method, path, skip_host="host" in headers)
    sent = {
        "content-length": str(len(body)),
        **{name.replace("_", "-"): text for name, text in headers.items()},
    }
    for name, text in sent.items():
        connection.putheader(name, text)
    connection.endheaders(body.encode())
    answer = connection.getresponse()
    text = answer.read().decode("utf-8", "replace")
    connection.close()
    return answer.status, answer.headers, text


def test_the_page_is_served_with_a_policy_that_lets_nothing_in_from_outside(served: Served) -> None:
    status, headers, text = ask(served, "/")
    assert status == 200
    assert "Fine-tune an image classifier" in text
    assert "default-src 'self'" in headers["content-security-policy"]
    assert "frame-ancestors 'none'" in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"


def test_it_listens_on_this_computer_only(served: Served) -> None:
    port = int(served.url.rpartition(":")[2])
    listening = Path("/proc/net/tcp")
    if not listening.exists():
        pytest.skip("only Linux lists its sockets in /proc")
    rows = [line.split() for line in listening.read_text().splitlines()[1:]]
    own = [row[1] for row in rows if row[1].endswith(f":{port:04X}") and row[3] == "0A"]
    assert own == [f"0100007F:{port:04X}"]


def test_a_foreign_name_and_a_foreign_site_are_refused(served: Served) -> None:
    assert ask(served, "/", host="evil.example")[0] == 400
    assert ask(served, "/gradio_api/run/predict", "POST", "{}", origin="http://evil.example")[0] == 403
    assert ask(served, "/gradio_api/upload", "POST", "", sec_fetch_site="cross-site")[0] == 403
    assert ask(served, "/config", sec_fetch_site="cross-site", sec_fetch_mode="no-cors")[0] == 403


@pytest.mark.parametrize(
    "path",
    [
        "/bundle/00000000000000000000000000000000/1",
        "/bundle/..%2f..%2fetc/1",
        "/bundle/x/1",
        "/gradio_api/file=/etc/passwd",
        "/gradio_api/file=pyproject.toml",
        "/docs",
        "/openapi.json",
    ],
)
def test_nothing_else_on_the_disk_can_be_fetched(served: Served, path: str) -> None:
    status, _, text = ask(served, path)
    assert status in (403, 404)
    assert "root:" not in text


@pytest.mark.parametrize(
    "path", ["/gradio_api/file=http://127.0.0.1:9/x", "/gradio_api/proxy=http://127.0.0.1:9/x"]
)
def test_the_page_hands_on_nothing_of_another_server(served: Served, path: str) -> None:
    status, _, text = ask(served, path)
    assert status == 403
    assert "takes files and no addresses" in text


def test_an_event_with_an_address_in_the_place_of_a_file_is_refused(served: Served) -> None:
    def event(path: str) -> tuple[int, str]:
        file = {"path": path, "meta": {"_type": "gradio.FileData"}}
        body = json.dumps({"fn_index": 2, "data": ["", "", "", file, "auto"], "session_hash": "a"})
        status, _, text = ask(served, "/gradio_api/queue/join", "POST", body, content_type="application/json")
        return status, text

    for address in ("http://127.0.0.1:9/x.zip", "https://example.org/x.zip", "HTTP://example.org/x.zip"):
        status, text = event(address)
        assert status == 403
        assert "takes files and no addresses" in text
    assert event("/somewhere/x.zip")[0] == 200


def test_what_is_more_than_the_page_takes_is_refused_before_it_comes(served: Served) -> None:
    host, _, port = served.url.removeprefix("http://").partition(":")
    form = "Content-Type: multipart/form-data; boundary=x"
    head = f"POST /gradio_api/upload HTTP/1.1\r\nHost: localhost\r\n{form}\r\n"
    with socket.create_connection((host, int(port)), timeout=30) as connection:
        connection.sendall(f"{head}Content-Length: {6 * 10**9}\r\n\r\n".encode())
        assert connection.recv(65536).startswith(b"HTTP/1.1 413")
    field = '--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n' + "x" * 20_000 + "\r\n--x--\r\n"
    for place, told in (("", "large field that is no file"), ("/zh", "很大的非文件字段")):
        status, _, text = ask(
            served,
            f"{place}/gradio_api/upload",
            "POST",
            field,
            content_type="multipart/form-data; boundary=x",
        )
        assert status == 413
        assert told in json.loads(text)["detail"]


def test_what_is_left_of_an_upload_that_broke_off_goes_with_the_next(served: Served) -> None:
    uploads = served.root / ".page" / "uploads"
    old, new = uploads / "tmpold", uploads / "tmpnew"
    kept = uploads / "kept"
    kept.mkdir()
    for path in (old, new, kept / "a.zip"):
        path.write_bytes(b"half of it")
    for path in (old, kept):
        os.utime(path, (1_000_000_000 if path == old else path.stat().st_mtime - 3600,) * 2)
    form = '--x\r\nContent-Disposition: form-data; name="files"; filename="b.png"\r\n\r\nb\r\n--x--\r\n'
    status, _, text = ask(
        served, "/gradio_api/upload", "POST", form, content_type="multipart/form-data; boundary=x"
    )
    assert (status, Path(json.loads(text)[0]).read_bytes()) == (200, b"b")
    assert not old.exists()
    assert new.exists()
    assert (kept / "a.zip").exists()


def test_who_goes_in_the_middle_of_an_upload_makes_no_noise(tmp_path: Path) -> None:
    form = "Content-Type: multipart/form-data; boundary=x\r\nContent-Length: 1000\r\n"
    part = '--x\r\nContent-Disposition: form-data; name="files"; filename="b.png"\r\n\r\nb'
    with serve_page(tmp_path / "here") as served:
        host, _, port = served.url.removeprefix("http://").partition(":")
        with socket.create_connection((host, int(port)), timeout=30) as connection:
            head = f"POST /gradio_api/upload HTTP/1.1\r\nHost: localhost\r\n{form}\r\n"
            connection.sendall(f"{head}{part}".encode())
        assert ask(served, "/")[0] == 200
        served.process.terminate()
        told, _ = served.process.communicate(timeout=30)
    assert "Traceback" not in told


def test_no_other_site_is_allowed_anything(served: Served) -> None:
    status, headers, _ = ask(
        served, "/config", "OPTIONS", origin=served.url, access_control_request_method="POST"
    )
    assert status < 500
    assert not [name for name in headers if name.lower().startswith("access-control-")]


def test_a_second_page_for_the_same_folder_is_told_where_the_first_is(served: Served) -> None:
    command = [sys.executable, "-m", "finetune", "ui", "--port", "0", "--folder", str(served.root)]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 6
    assert done.stderr == (
        f"error: a page for {served.root} is open already at {served.url}; use that one, or another --folder\n"
    )


def test_a_port_in_use_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        assert run(["ui", "--port", str(port), "--folder", str(tmp_path)]) == 5
    assert capsys.readouterr().err == f"error: port {port} is in use or not allowed; choose another --port\n"


@pytest.mark.skipif(os.name != "posix", reason="sends a POSIX signal")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_stops_at_once_and_without_a_traceback(tmp_path: Path, number: signal.Signals) -> None:
    with serve_page(tmp_path / "here") as served:
        assert ask(served, "/")[0] == 200
        served.process.send_signal(number)
        told, _ = served.process.communicate(timeout=30)
    assert "Traceback" not in told
    assert "error:" not in told
    assert served.process.returncode == 0
