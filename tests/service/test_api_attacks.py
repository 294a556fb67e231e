"""What a hostile client does to the connection itself: other names, other sites, slowness, size, odd methods."""

import contextlib
import json
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from api_server import LIMITS, V1, ApiServer, Person, sentence, serve_api

from finetune.service.api.problems import Problem
from finetune.service.api.routes import jobs
from finetune.service.guard import Hosts


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    hosts = Hosts(frozenset({"127.0.0.1", "localhost", "train.example"}))
    with serve_api(tmp_path_factory.mktemp("service"), hosts=hosts) as server:
        yield server


@pytest.fixture(scope="module")
def me(server: ApiServer) -> Iterator[Person]:
    with server.person() as person:
        yield person


@contextlib.contextmanager
def connected(server: ApiServer) -> Iterator[socket.socket]:
    host, _, port = server.url.removeprefix("http://").partition(":")
    with socket.create_connection((host, int(port)), timeout=20) as connection:
        yield connection


def everything(connection: socket.socket) -> bytes:
    """What the server says until it closes the connection."""
    said = b""
    with contextlib.suppress(ConnectionResetError):
        while piece := connection.recv(65536):
            said += piece
    return said


def test_an_evil_origin_is_refused_everywhere(me: Person) -> None:
    for path in ("/healthz", "/metrics", f"{V1}/jobs", "/", f"{V1}/openapi.json"):
        answer = me.http.get(path, headers={"origin": "http://evil.example"})
        assert "another web site" in sentence(answer, 403)
    answer = me.post("/jobs", json={}, headers={"sec-fetch-site": "cross-site"})
    sentence(answer, 403)
    assert "access-control-allow-origin" not in answer.headers


def test_an_evil_host_is_refused_and_a_known_one_is_not(me: Person) -> None:
    for host in ("evil.example", "127.0.0.1.evil.example", "evil.example:80", "localhost@evil.example"):
        assert "Host header" in sentence(me.get("/jobs", headers={"host": host}), 400)
    assert me.get("/jobs", headers={"host": "train.example"}).status_code == 200
    proxied = {"host": "train.example", "origin": "https://train.example"}
    assert me.get("/jobs", headers=proxied).status_code == 200


def test_every_answer_carries_the_policy(me: Person) -> None:
    for path in (f"{V1}/jobs", f"{V1}/nothing", f"{V1}/openapi.json"):
        headers = me.http.get(path).headers
        assert headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["referrer-policy"] == "same-origin"
        assert headers["cache-control"] == "no-store"
    refused = me.http.get("/healthz", headers={"host": "evil.example"})
    assert "frame-ancestors 'none'" in refused.headers["content-security-policy"]


def test_an_unknown_address_and_an_unknown_method_are_problems(me: Person) -> None:
    for path in (
        f"{V1}/nothing",
        "/api",
        "/api/",
        "/api/v2/jobs",
        f"{V1}/../../etc/passwd",
        "/docs",
        "/nothing",
    ):
        assert "openapi.json" in sentence(me.http.get(path), 404)
    answer = me.ask("PUT", "/jobs")
    assert "Allow header" in sentence(answer, 405)
    assert set(answer.headers["allow"].split(", ")) <= {"GET", "POST"}
    sentence(me.ask("BREW", "/jobs"), 405)


def test_a_fault_of_the_server_tells_nothing_of_the_inside(
    me: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> None:
        raise ValueError("secret /etc/passwd")

    monkeypatch.setattr(jobs, "answer", broken)
    monkeypatch.setattr("finetune.service.engine.store.JobStore.list", broken)
    answer = me.get("/jobs")
    assert sentence(answer, 500) == "the server failed at this; its log says why, please report it"
    assert "secret" not in answer.text
    assert answer.headers["content-security-policy"].startswith("default-src 'none'")


def test_a_body_of_a_byte_now_and_then_is_cut_off_and_hinders_nobody(server: ApiServer, me: Person) -> None:
    head = f"POST {V1}/datasets HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n"
    with connected(server) as connection:
        connection.sendall(head.encode())
        started = time.monotonic()
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            while time.monotonic() - started < 10:
                connection.sendall(b"x")
                assert me.http.get("/healthz").status_code == 200
                time.sleep(0.05)
        said = everything(connection)
    assert said.startswith(b"HTTP/1.1 408")
    assert json.loads(said.partition(b"\r\n\r\n")[2])["detail"].startswith(
        "the request's body came too slowly"
    )
    assert time.monotonic() - started < 10
    assert list(server.context.arriving.iterdir()) == []


def test_a_client_that_goes_in_the_middle_of_its_body_is_no_fault_of_the_server_s(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    length = "Host: localhost\r\nContent-Length: 1000\r\n"
    form = "Content-Type: multipart/form-data; boundary=x\r\n"
    with serve_api(tmp_path) as server, server.person() as me:
        for kind in ("", form):
            with connected(server) as connection:
                connection.sendall(f"POST {V1}/datasets HTTP/1.1\r\n{length}{kind}\r\nPK".encode())
        gone, told = 'finetune_http_requests_total{method="POST",route="/datasets",status="499"} 2.0', ""
        deadline = time.monotonic() + 60
        while gone not in told:
            assert time.monotonic() < deadline, told
            told = me.http.get("/metrics").text
            time.sleep(0.02)
        assert 'status="500"' not in told
        assert list(server.context.arriving.iterdir()) == []
    assert caplog.text == ""


def test_a_stream_without_an_end_is_cut_off_soon_after_its_refusal(tmp_path: Path) -> None:
    chunk = b"10000\r\n" + b"x" * 0x10000 + b"\r\n"
    head = f"POST {V1}/datasets HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    limits = replace(LIMITS, archive=100_000, linger_s=60, lingered=100_000)
    with serve_api(tmp_path, limits=limits) as server, connected(server) as connection:
        connection.sendall(head.encode())
        sent = 0
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            while sent < 100_000_000:
                connection.sendall(chunk)
                sent += len(chunk)
        assert sent < 50_000_000
        assert list(server.context.arriving.iterdir()) == []


def test_a_body_that_never_comes_is_cut_off(server: ApiServer) -> None:
    head = f"POST {V1}/jobs HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100\r\n\r\n"
    with connected(server) as connection:
        connection.sendall(head.encode())
        assert everything(connection).startswith(b"HTTP/1.1 408")


@pytest.mark.parametrize("sent", [b"", b"GET / HTT", b"GET / HTTP/1.1\r\nHost: localhost\r\nX: "])
def test_a_header_that_never_ends_is_cut_off(server: ApiServer, sent: bytes) -> None:
    with connected(server) as connection:
        connection.sendall(sent)
        assert everything(connection) == b""


def test_a_second_header_that_never_ends_is_cut_off_too(server: ApiServer) -> None:
    with connected(server) as connection:
        connection.sendall(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert connection.recv(65536).startswith(b"HTTP/1.1 200")
        connection.sendall(b"GET /healthz HT")
        everything(connection)  # comes to an end


def test_a_long_answer_is_not_cut_off_by_the_patience_with_headers(server: ApiServer, me: Person) -> None:
    job = server.context.store.add("fit", {"data": "x", "out": "/nowhere"}, title="x")
    with me.http.stream("GET", f"{V1}/jobs/{job.id}/events", timeout=20) as answer:
        lines = answer.iter_lines()
        next(lines)
        time.sleep(3 * server.context.limits.header_s)
        server.context.store.cancel(job.id)
        assert any(line == "event: end" for line in lines)


@pytest.mark.parametrize(
    "raw",
    [
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\nContent-Length: 4\r\n\r\n0\r\n\r\n",
        b"nonsense\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
    ],
)
def test_a_request_that_is_none_is_answered_400_or_dropped(server: ApiServer, raw: bytes) -> None:
    with connected(server) as connection:
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            connection.sendall(raw)
        said = everything(connection)
    # h11 lets a length beside chunks pass and goes by the chunks, as RFC 9112 allows: nothing is there at "/".
    assert said == b"" or said.startswith((b"HTTP/1.1 400", b"HTTP/1.1 404"))


def test_a_problem_is_a_sentence_that_starlette_s_own_handlers_can_carry() -> None:
    problem = Problem(404, "there is no such job", at="x")
    assert (problem.status_code, problem.detail, problem.more) == (404, "there is no such job", {"at": "x"})
