"""``finetune serve`` and ``finetune token``: what is refused, who is let in, how it starts and stops."""

import io
import json
import signal
import socket
import subprocess
import sys
from pathlib import Path

import httpx
import pytest
from api_server import picture
from conftest import Finetune
from page_server import REPOSITORY, Served, serve_page
from signed_in_page import lines_in
from small_bundle import CLASS_NAMES, small_bundle

from finetune.cli import run
from finetune.service.projects import new_project
from finetune.service.tokens import TOKENS, TokenStore
from finetune.service.users import USERS, UserStore
from ui.served import Wanted, _page
from ui.web.lines import lines_html


def test_a_token_is_shown_once_and_then_only_listed(finetune: Finetune, tmp_path: Path) -> None:
    where = ("--data-dir", tmp_path)
    made = finetune("token", "create", "ann", *where)
    assert made.code == 0
    assert made.out.startswith("ft_")
    assert "it is shown only now" in made.err
    other = finetune("token", "create", "laptop", "--owner", "ann", "--days", "30", "--json", *where).json
    assert other["token"].startswith("ft_")
    assert other["expires"] > other["created"]
    rows = finetune("token", "list", "--json", *where).json
    assert [(row["name"], row["owner"], row["good"]) for row in rows] == [
        ("ann", "ann", True),
        ("laptop", "ann", True),
    ]
    assert made.out.strip() not in json.dumps(rows)
    assert finetune("token", "revoke", "ann", *where).code == 0
    table = finetune("token", "list", *where).out
    assert "revoked" in table
    assert "laptop" in table
    unknown = finetune("token", "revoke", "ben", *where)
    assert (unknown.code, unknown.error) == (
        2,
        "error: there is no token called 'ben'; `finetune token list` shows them",
    )


def test_beyond_this_computer_nothing_is_served_without_a_token(finetune: Finetune, tmp_path: Path) -> None:
    for host in ("0.0.0.0", "::", "192.0.2.7", "train.example"):
        answer = finetune("serve", "--host", host, "--data-dir", tmp_path)
        assert answer.code == 2
        assert answer.error == (
            f"error: --host {host} can be reached by others, and there is no token; make one with "
            f"`finetune token create NAME --data-dir {tmp_path}`, or let people sign in to the page with --auth"
        )
    finetune("token", "create", "ann", "--data-dir", tmp_path)
    finetune("token", "revoke", "ann", "--data-dir", tmp_path)
    assert finetune("serve", "--host", "0.0.0.0", "--data-dir", tmp_path).code == 2


def test_the_api_and_the_page_are_one_server_that_stops_at_once(tmp_path: Path) -> None:
    with serve_page(tmp_path / "here", command="serve") as served:
        assert "Fine-tune an image classifier" in httpx.get(served.url).text
        assert "default-src 'self'" in httpx.get(served.url).headers["content-security-policy"]
        assert httpx.get(f"{served.url}/api/v1/jobs").json() == {"jobs": [], "next": None}
        assert httpx.get(f"{served.url}/readyz").json() == {"status": "ready"}
        missing = httpx.get(f"{served.url}/api/v1/nothing")
        assert missing.headers["content-type"] == "application/problem+json"
        assert httpx.get(served.url, headers={"host": "evil.example"}).status_code == 400
        evil = {"origin": "http://evil.example"}
        assert httpx.post(f"{served.url}/gradio_api/run/predict", headers=evil).status_code == 403
        second = second_server(served)
        assert second.returncode == 6
        assert second.stderr == (
            f"error: another server is at work in {served.root}; use that one, or another --data-dir\n"
        )
        served.process.send_signal(signal.SIGTERM)
        told, _ = served.process.communicate(timeout=30)
    assert "Traceback" not in told
    assert "error:" not in told
    assert served.process.returncode == 0


def second_server(served: Served) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "finetune", "serve", "--port", "0", "--data-dir", str(served.root)]
    return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=False)


def test_whoever_comes_from_afar_needs_a_token_for_the_page_too(tmp_path: Path) -> None:
    assert run(["token", "create", "ann", "--data-dir", str(tmp_path / "here" / "service")]) == 0
    with serve_page(tmp_path / "here", "--host", "0.0.0.0", command="serve") as served:
        url = served.url.replace("0.0.0.0", "127.0.0.1")
        for path in ("/", "/config", "/gradio_api/info", "/api/v1/jobs", "/metrics", "/bundle/x/1"):
            assert httpx.get(url + path).status_code == 401, path
        assert httpx.get(f"{url}/healthz").status_code == 200
        rebound = httpx.get(f"{url}/healthz", headers={"host": "evil.example"})
        assert rebound.status_code == 400
        assert httpx.get(f"{url}/healthz", headers={"host": "192.0.2.7:8000"}).status_code == 200


def test_the_page_shows_each_owner_of_a_token_their_own(tmp_path: Path) -> None:
    root = tmp_path / "here" / "service"
    people = {name: TokenStore(root / TOKENS).create(name)[1] for name in ("ann", "ben")}
    (root / "page" / ".page").mkdir(parents=True)
    project = new_project(root / "page" / ".page", sample="fruit", owner="ann")
    sheet = project.folder / "preview" / "1" / "sheet.png"
    sheet.parent.mkdir(parents=True)
    sheet.write_bytes(b"hers")
    with serve_page(tmp_path / "here", command="serve") as served:
        address = f"{served.url}/preview/{project.id}/1"
        assert httpx.get(address, auth=("any", people["ann"])).content == b"hers"
        assert httpx.get(address, auth=("any", people["ben"])).status_code == 404
        assert httpx.get(served.url, auth=("any", people["ben"])).status_code == 200


def test_the_lines_that_a_page_with_tokens_shows_ask_its_classifier(tmp_path: Path) -> None:
    root = tmp_path / "here" / "service"
    token = TokenStore(root / TOKENS).create("ann")[1]
    (root / "page" / ".page").mkdir(parents=True)
    project = new_project(root / "page" / ".page", sample="digits", owner="ann")
    job, made = project.folder / "trainings" / "1", root / "page" / "digits-freeze-all-1"
    small_bundle(made / "bundle")
    job.mkdir(parents=True)
    (job / "request.json").write_text(json.dumps({"out": str(made), "recipe": {"strategy": "freeze-all"}}))
    (tmp_path / "cat.jpg").write_bytes(picture("plum", 5))
    with serve_page(tmp_path / "here", command="serve") as served:
        shown = lines_html(served.url, f"/predict/{project.id}/1", str(made), asks="token")
        variable, curl, python, _ = lines_in(shown)
        (tmp_path / "ask.py").write_text(python, encoding="utf-8")
        lines = f"{variable}\n{curl}\necho\n{sys.executable} ask.py"
        done = subprocess.run(
            ["bash", "-c", lines],
            cwd=tmp_path,
            input=f"{token}\n",
            capture_output=True,
            text=True,
            timeout=240,
            check=True,
        )
    answer = json.loads(done.stdout.splitlines()[0])
    assert answer["label"] in CLASS_NAMES
    assert done.stdout.splitlines()[1] == f"{answer['label']} {answer['probability']}"


def test_the_page_knows_what_it_asks_for_right_now(tmp_path: Path) -> None:
    with _page(tmp_path, Wanted()) as service:
        assert service.asks() == "nothing"
        TokenStore(tmp_path / TOKENS).create("ann")
        assert service.asks() == "token"
    with _page(tmp_path, Wanted(auth=True)) as service:
        assert service.asks() == "login"
    with _page(tmp_path / "other", Wanted(host="192.0.2.7")) as service:
        assert service.asks() == "token"


def test_a_login_that_nobody_could_pass_is_refused(finetune: Finetune, tmp_path: Path) -> None:
    told = "error: nobody could sign in: there is no user; make one with `finetune user add NAME --data-dir "
    for words in (("serve", "--auth", "--data-dir", tmp_path), ("ui", "--auth", "--folder", tmp_path)):
        answer = finetune(*words)
        assert (answer.code, answer.error) == (2, f"{told}{tmp_path}`")
    answer = finetune("serve", "--auth", "--no-page", "--data-dir", tmp_path)
    assert (answer.code, answer.error[:29]) == (2, "error: --auth asks people on ")


def test_with_a_login_the_page_is_for_users_and_the_api_for_tokens(tmp_path: Path) -> None:
    root = tmp_path / "here" / "service"
    UserStore(root / USERS).add("ann", "correct horse")
    with serve_page(tmp_path / "here", "--auth", "--host", "0.0.0.0", command="serve") as served:
        url = served.url.replace("0.0.0.0", "127.0.0.1")
        with httpx.Client(base_url=url) as ann:
            for path in ("/config", "/api/v1/jobs", "/metrics"):
                assert ann.get(path).status_code == 401, path
            assert ann.get("/", headers={"accept": "text/html"}).headers["location"] == "/login"
            assert ann.get("/healthz").status_code == 200
            assert ann.get("/login", headers={"host": "evil.example"}).status_code == 400
            ann.post("/login", data={"name": "ann", "password": "correct horse"})
            assert "Fine-tune an image classifier" in ann.get("/").text
            # A cookie alone opens no address that programs use.
            assert ann.get("/api/v1/jobs").status_code == 401
            token = {"authorization": f"Bearer {TokenStore(root / TOKENS).create('ann')[1]}"}
            assert ann.get("/api/v1/jobs", headers=token).status_code == 200
            assert httpx.get(f"{url}/config", headers=token).status_code == 200
            assert httpx.get(f"{url}/config", headers={"authorization": "x"}).status_code == 401


def test_users_are_added_listed_and_removed(
    finetune: Finetune, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = ("--data-dir", tmp_path)
    monkeypatch.setattr(sys, "stdin", io.StringIO("correct horse\n"))
    assert finetune("user", "add", "ann", "--password-stdin", *where).code == 0
    made = finetune("user", "add", "ben", "--generate", *where)
    store = UserStore(tmp_path / USERS)
    assert store.check("ann", "correct horse") == "ann"
    assert store.check("ben", made.out.strip()) == "ben"
    assert "the password is shown only now" in made.err
    store.begin_session("ann")
    rows = finetune("user", "list", "--json", *where).json
    assert [(row["name"], row["sessions"]) for row in rows] == [("ann", 1), ("ben", 0)]
    assert "signed out" in finetune("user", "list", *where).out
    assert "1 session" in finetune("user", "sign-out", "ann", *where).err
    new = finetune("user", "password", "ann", "--generate", *where).out.strip()
    assert store.check("ann", new) == "ann"
    assert finetune("user", "remove", "ann", *where).code == 0
    assert store.check("ann", new) is None
    unknown = finetune("user", "remove", "ann", *where)
    assert (unknown.code, unknown.error) == (
        2,
        "error: there is no user called 'ann'; `finetune user list` shows them",
    )
    assert finetune("user", "add", "carl", *where).error.startswith("error: there is no terminal to ask")


def test_a_port_that_cannot_be_had_is_told(finetune: Finetune, tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        answer = finetune("serve", "--port", port, "--data-dir", tmp_path)
    assert (answer.code, answer.error) == (
        5,
        f"error: port {port} is in use or not allowed; choose another --port",
    )
