"""`finetune ui --auth`: nobody, another user with Ann's real ids, other sites, guesses, sessions that have ended."""

from __future__ import annotations

import contextlib
import tempfile
from pathlib import Path

import httpx
from page_server import serve_page

from attacks import web
from attacks.stage import Stage, told
from finetune.service.users import USERS, UserStore

PASSWORD = "squeamish ossifrage"
COOKIE = "set-cookie"


def all_of(stage: Stage) -> None:
    """Try all on a page of its own; the rows are ``stage``'s."""
    with tempfile.TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        users = UserStore(Path(folder) / "here" / "checkpoints" / USERS)
        for name in ("ann", "ben"):
            users.add(name, PASSWORD)
        served = stack.enter_context(serve_page(Path(folder) / "here", "--auth"))
        people = [stack.enter_context(httpx.Client(base_url=served.url, timeout=300)) for _ in range(3)]
        for name, client in zip(("ann", "ben"), people, strict=False):
            client.post("/login", data={"name": name, "password": PASSWORD})
        here = Stage(
            served.url, served.process.pid, served.root, *people, token="", rows=stage.rows, where="--auth: "
        )
        nobody(here)
        another(here)
        other_sites(here)
        sessions(here, users)
        guesses(here)


def nobody(stage: Stage) -> None:
    """Line 2: every event and some addresses without a session."""
    line = "2 auth"
    events = stage.ann.get("/config").json()["dependencies"]
    codes = {web.run_event(stage.nobody, event, [])[0] for event in events}
    stage.note(line, "no session", f"{len(events)} events", f"{sorted(codes)}", held=codes == {401})
    for path in ("/config", "/gradio_api/info", "/gradio_api/heartbeat/a", "/bundle/x/1"):
        stage.answered(line, "no session", f"GET {path}", stage.nobody.get(path), 401)


def another(stage: Stage) -> None:
    """Line 3: Ben knows the id of Ann's project and the path of her file."""
    line = "3 IDOR"
    project = web.take_photos(stage)
    config = stage.ben.get("/config").json()
    kinds = {each["id"]: each for each in config["components"]}
    events = [each for each in config["dependencies"] if len(each["inputs"]) not in web.BEGIN_A_PROJECT]
    answers = [
        web.run_event(stage.ben, each, [web._input(kinds[number], project) for number in each["inputs"]])
        for each in events
    ]
    shows = any("onerror" in text for _, text in answers)
    answered = f"{sorted({code for code, _ in answers})}, {'something' if shows else 'nothing'} of Ann's"
    stage.note(line, "Ben presses Ann's buttons", f"{len(events)} events, her id", answered, held=not shows)
    for kind in ("bundle", "run", "suspects", "clean", "preview"):
        stage.answered(
            line, "Ben downloads", f"GET /{kind}/ANN/1", stage.ben.get(f"/{kind}/{project}/1"), 404
        )
    stage.answered(line, "Ben downloads", "GET /report/ANN", stage.ben.get(f"/report/{project}"), 404)
    path = stage.ann.post("/gradio_api/upload", files={"files": ("a.png", b"hers")}).json()[0]
    answer = stage.ben.get(f"/gradio_api/file={path}")
    stage.answered(line, "Ben asks for Ann's upload", "GET /gradio_api/file=PATH", answer, 403)


def other_sites(stage: Stage) -> None:
    """Line 1: signing somebody in or out from elsewhere."""
    for path in ("/login", "/logout"):
        answer = stage.ann.post(
            path, headers={"origin": web.EVIL}, data={"name": "ben", "password": PASSWORD}
        )
        line = "1 CSRF, DNS rebinding"
        stage.answered(line, "a form of another site", f"POST {path}, Origin: {web.EVIL}", answer, 403)


def sessions(stage: Stage, users: UserStore) -> None:
    """Line 2: a session that was planted, signed out or revoked."""
    line = "2 auth"
    ((name, kept),) = stage.ann.cookies.items()
    answer = httpx.get(f"{stage.url}/config", headers={"cookie": f"{name}={'A' * 43}"})
    stage.answered(line, "a session of one's own making", "Cookie: AAAA…", answer, 401)
    answer = stage.ann.post("/login", data={"name": "ann", "password": PASSWORD})
    is_new = kept not in answer.headers.get(COOKIE, kept)
    stage.note(line, "session fixation", "POST /login with a session", "another session", held=is_new)
    again = httpx.get(f"{stage.url}/config", headers={"cookie": f"{name}={kept}"})
    stage.answered(line, "the session before", "GET /config", again, 401)
    users.sign_out("ann")
    answer = stage.ann.get("/config")
    stage.answered(line, "a session that was revoked", "finetune user sign-out, GET /config", answer, 401)


def guesses(stage: Stage) -> None:
    """Line 2: passwords."""
    line = "2 auth"
    first, other = (
        stage.nobody.post("/login", data={"name": name, "password": "wrong"}) for name in ("ben", "zoe")
    )
    alike = first.text.replace('"ben"', '"zoe"') == other.text and first.status_code == other.status_code
    stage.note(line, "is there such a user", "a wrong password, an unknown name", "alike", held=alike)
    for _ in range(8):
        stage.nobody.post("/login", data={"name": "ben", "password": "wrong"})
    answer = stage.nobody.post("/login", data={"name": "ben", "password": PASSWORD})
    held = answer.status_code == 429 and COOKIE not in answer.headers
    stage.note(line, "guessing", "10 wrong passwords, then the right one", told(answer), held=held)
