"""Other web sites, other names, no token, another's token, markup, paths and addresses."""

from __future__ import annotations

import contextlib
import json
import re
import socket
import subprocess
import sys
import tempfile
import time
from typing import Any

import httpx
from api_server import packed, picture

from attacks.stage import V1, Stage, told
from finetune.service.tokens import TOKENS

EVIL = "http://evil.example"
NOBODY = "0" * 32
BEGIN_A_PROJECT = (4, 5)
"""How many values the events have that bring a sample set or an upload: they look at no project."""
MARKUP = "<img src=x onerror=alert(1)>"


def all_of(stage: Stage) -> None:
    """Try all."""
    other_sites(stage)
    tokens(stage)
    others_things(stage)
    page_events(stage)
    markup(stage)
    paths(stage)
    addresses(stage)


def other_sites(stage: Stage) -> None:
    """Line 1: CSRF and DNS rebinding."""
    line = "1 CSRF, DNS rebinding"
    pages = ("/", "/config", "/gradio_api/queue/join", "/gradio_api/upload")
    for path in pages if stage.is_page_alone else (*pages, f"{V1}/jobs", "/metrics"):
        answer = stage.ann.post(path, headers={"origin": EVIL}, content=b"{}")
        stage.answered(line, "a form of another site", f"POST {path}, Origin: {EVIL}", answer, 403)
    answer = stage.ann.get("/config", headers={"sec-fetch-site": "cross-site", "sec-fetch-mode": "cors"})
    stage.answered(line, "a script of another site", "GET /config, Sec-Fetch-Site: cross-site", answer, 403)
    read = "/config" if stage.is_page_alone else f"{V1}/jobs"
    for host in ("evil.example", "127.0.0.1.evil.example", "localhost@evil.example"):
        answer = stage.ann.get(read, headers={"host": host})
        stage.answered(line, "DNS rebinding", f"Host: {host}", answer, 400)
    answer = stage.ann.options(read, headers={"origin": stage.url, "access-control-request-method": "POST"})
    no_cors = "access-control-allow-origin" not in answer.headers
    stage.note(line, "CORS preflight", "OPTIONS", f"{told(answer)}; no Access-Control header", held=no_cors)
    answer = stage.ann.get("/")
    policy = answer.headers.get("content-security-policy", "")
    held = "frame-ancestors 'none'" in policy and "default-src 'self'" in policy
    stage.note(
        line, "the page in a frame", "GET /", f"{answer.status_code}, frame-ancestors 'none'", held=held
    )


def operations(stage: Stage) -> list[tuple[str, str]]:
    """Return method and path of every address in the OpenAPI document, with Ann's ids."""
    ids = {"dataset_id": stage.dataset, "job_id": stage.job, "model_id": stage.model}
    document = stage.ann.get(f"{V1}/openapi.json").json()
    return [
        (method.upper(), "/api" + path.format(**ids))
        for path, methods in document["paths"].items()
        for method in methods
    ]


def tokens(stage: Stage) -> None:
    """Line 2: no token, guessed ones, and a server beyond this computer."""
    line = "2 auth"
    found = operations(stage)
    codes = {stage.nobody.request(method, path).status_code for method, path in found}
    sent = f"all {len(found)} addresses of the OpenAPI document"
    stage.note(line, "no token", sent, f"{sorted(codes)}", held=codes == {401})
    pages = (
        "/",
        "/config",
        "/gradio_api/info",
        "/gradio_api/queue/data?session_hash=a",
        "/metrics",
        "/theme.css",
    )
    codes = {stage.nobody.get(path).status_code for path in pages}
    codes.add(stage.nobody.post("/gradio_api/queue/join", json={"fn_index": 0, "data": []}).status_code)
    stage.note(
        line, "no token", f"{len(pages) + 1} addresses of the page", f"{sorted(codes)}", held=codes == {401}
    )
    with tempfile.TemporaryDirectory() as empty:
        words = [
            sys.executable,
            "-m",
            "finetune",
            "serve",
            "--host",
            "0.0.0.0",
            "--port",
            "0",
            "--data-dir",
            empty,
        ]
        done = subprocess.run(words, capture_output=True, text=True, timeout=300, check=False)
    refused = done.returncode == 2 and "there is no token" in done.stderr
    stage.note(
        line, "a server for all without a token", "--host 0.0.0.0", f"exit {done.returncode}", held=refused
    )
    guesses = [f"Bearer ft_{number:012x}_{'A' * 43}" for number in range(12)]
    answers = [stage.nobody.get(f"{V1}/jobs", headers={"authorization": guess}) for guess in guesses]
    codes_in_order = [answer.status_code for answer in answers]
    held = codes_in_order == [401] * 10 + [429] * 2 and "retry-after" in answers[-1].headers
    stage.note(line, "guessing", "12 wrong tokens", f"10 × 401, then {told(answers[-1])}", held=held)
    codes_again = [
        stage.ann.get(f"{V1}/jobs").status_code,
        stage.nobody.get("/", auth=("x", "y")).status_code,
    ]
    sent = "a good token, then a wrong password at the page"
    stage.note(line, "guessing, afterwards", sent, f"{codes_again}", held=codes_again == [200, 429])
    kept = b"".join(path.read_bytes() for path in stage.root.glob(f"{TOKENS}*"))
    stage.note(line, "reading the file of tokens", "", "only hashes", held=stage.token.encode() not in kept)


def others_things(stage: Stage) -> None:
    """Line 3: Ben at every address of Ann's."""
    line = "3 IDOR"
    for method, path in operations(stage):
        if stage.dataset in path or stage.job in path or stage.model in path:
            body = {"files": {"images": picture()}} if path.endswith("predict") else {}
            answer = stage.ben.request(method, path, **body)  # type: ignore[arg-type]
            shown = re.sub("[0-9a-f]{32}", "ID", path)
            stage.answered(line, "Ben asks for Ann's", f"{method} {shown}", answer, 404)
    for kind in ("datasets", "jobs", "models"):
        answer = stage.ben.get(f"{V1}/{kind}")
        empty = answer.json()[kind] == []
        stage.note(line, "Ben lists", f"GET {V1}/{kind}", f"{told(answer)}, none of Ann's", held=empty)
    answer = stage.ben.post(f"{V1}/jobs", json={"dataset": stage.dataset})
    stage.answered(line, "Ben trains on Ann's images", f"POST {V1}/jobs", answer, 404)


def page_events(stage: Stage) -> None:
    """Line 3: every event of the page, private ones by their number, for projects that are not one's own."""
    line = "3 IDOR"
    project = take_photos(stage)
    config = stage.ben.get("/config").json()
    kinds = {each["id"]: each for each in config["components"]}
    events = [event for event in config["dependencies"] if len(event["inputs"]) not in BEGIN_A_PROJECT]
    tries = {"ANN": project, NOBODY: NOBODY, "../ANN": f"../{project}", "one letter off": f"{project[:-1]}x"}
    for name, asked in tries.items():
        client = stage.ann if name == "ANN" else stage.ben
        answers = [
            run_event(client, event, [_input(kinds[number], asked) for number in event["inputs"]])
            for event in (events[:2] if name == "ANN" else events)
        ]
        shows = any("onerror" in text for _, text in answers)
        sent = f"{len(answers)} events by fn_index, project {name}"
        codes = sorted({code for code, _ in answers})
        if name == "ANN":
            stage.note(line, "none: Ann looks at her own", sent, f"{codes}, her images", held=shows)
        else:
            told_of = "something" if shows else "nothing"
            stage.note(
                line, "Ben presses Ann's buttons", sent, f"{codes}, {told_of} of Ann's", held=not shows
            )
    body = {"session_hash": "guess", "fn_index": 0, "event_id": "guess"}
    for path in ("/gradio_api/cancel", "/gradio_api/run/cancel"):
        answer = stage.ben.post(path, json=body)
        running = (stage.home / project / "project.json").is_file()
        sent = f"POST {path} with a guessed session"
        stage.note(
            line, "Ben cancels Ann's event", sent, f"{told(answer)}; her project goes on", held=running
        )
    for path in ("bundle", "run", "suspects", "clean", "preview"):
        answer = stage.ben.get(f"/{path}/{NOBODY}/1")
        stage.answered(line, "Ben downloads", f"GET /{path}/GUESS/1", answer, 404)


def _input(component: dict[str, Any], project: str) -> Any:
    if component["type"] == "browserstate":
        return project
    value = component.get("props", {}).get("value")
    return value if not isinstance(value, dict) else None


def run_event(client: httpx.Client, event: dict[str, Any], data: list[Any]) -> tuple[int, str]:
    """Let an event of the page happen; return the status of asking for it and all that it answered."""
    session = f"s{event['id']}x{time.monotonic_ns()}"
    body = {"fn_index": event["id"], "data": data, "session_hash": session}
    if event.get("queue") is False:
        answer = client.post("/gradio_api/run/predict", json=body)
        return answer.status_code, answer.text
    answer = client.post("/gradio_api/queue/join", json=body)
    text = ""
    if answer.status_code == 200:
        address = f"/gradio_api/queue/data?session_hash={session}"
        with contextlib.suppress(httpx.ReadTimeout), client.stream("GET", address, timeout=60) as stream:
            for line in stream.iter_lines():
                text += line
                if '"process_completed"' in line or '"close_stream"' in line:
                    break
    return answer.status_code, text


def take_photos(stage: Stage) -> str:
    """Let Ann bring a zip with markup in all names to the page; return her project's id."""
    home = stage.home
    photos = packed(**{f"{kind}__{n}.png": picture(number=n) for kind in (MARKUP, "b") for n in range(3)})
    answer = stage.ann.post("/gradio_api/upload", files={"files": (f"{MARKUP}.zip", photos)})
    file = {"path": answer.json()[0], "meta": {"_type": "gradio.FileData"}, "orig_name": "x.zip"}
    config = stage.ann.get("/config").json()
    kinds = {each["id"]: each for each in config["components"]}
    takes = next(
        event
        for event in config["dependencies"]
        if len(event["inputs"]) == 5
        and any("file" in kinds[each]["type"] or "upload" in kinds[each]["type"] for each in event["inputs"])
    )
    data = [
        file
        if ("file" in kinds[each]["type"] or "upload" in kinds[each]["type"])
        else _input(kinds[each], "")
        for each in takes["inputs"]
    ]
    before = {path.parent for path in home.glob("*/project.json")}
    run_event(stage.ann, takes, data)
    return next(path.parent.name for path in home.glob("*/project.json") if path.parent not in before)


def markup(stage: Stage) -> None:
    """Line 10: names and labels that are markup."""
    line = "10 XSS"
    photos = packed(**{f"{kind}__{n}.png": picture(number=n) for kind in (MARKUP, "b") for n in range(3)})
    answer = stage.hand_in(photos, f"{MARKUP}.zip")
    plain = (
        answer.headers["content-type"] == "application/json"
        and "'none'" in answer.headers["content-security-policy"]
    )
    stage.answered(line, "markup as a name", f"{MARKUP}.zip", answer, 201, also=lambda _: plain)
    answer = stage.ann.post(
        f"{V1}/models/{stage.model}/predict", files={"images": (f"{MARKUP}.png", picture())}
    )
    stage.answered(
        line, "markup as an image's name", f"{MARKUP}.png", answer, 200, also=lambda a: MARKUP not in a.text
    )
    markup_in_report(stage)


def markup_in_report(stage: Stage) -> None:
    """Line 10: the report that the page gives of images whose classes are markup."""
    line = "10 XSS"
    for path in stage.home.glob("*/project.json"):
        deadline = time.monotonic() + 240
        while time.monotonic() < deadline:
            answer = stage.ann.get(f"/report/{path.parent.name}")
            if answer.status_code == 200:
                break
            time.sleep(1)
        attached = answer.headers.get("content-disposition", "").startswith("attachment")
        stage.answered(
            line,
            "markup as a class, in the report",
            f"a folder {MARKUP}",
            answer,
            200,
            also=lambda a: MARKUP not in a.text and "onerror=alert(1)&gt;" in a.text and attached,  # noqa: B023
        )


def paths(stage: Stage) -> None:
    """Line 7: paths in ids and in the page's files."""
    line = "7 files"
    below_api = (
        f"{V1}/jobs/..%2f..%2f..%2fetc%2fpasswd",
        f"{V1}/models/%2e%2e/download",
        f"{V1}/datasets/..%2f{stage.dataset}/health",
        f"{V1}/jobs/{stage.job}%00",
    )
    for path in (
        *(() if stage.is_page_alone else below_api),
        "/bundle/..%2f..%2fetc/1",
        "/gradio_api/file=/etc/passwd",
        f"/gradio_api/file={stage.database}",
        "/gradio_api/file=../../../etc/passwd",
        "/static/..%2f..%2f..%2fetc%2fpasswd",
        "/assets/..%2f..%2f..%2fetc%2fpasswd",
    ):
        answer = stage.ann.get(path)
        shown = re.sub("[0-9a-f]{32}", "ID", path.replace(str(stage.root), "DATA"))
        stage.answered(line, "a path as an id", f"GET {shown}", answer, 400, 403, 404, 422, also=_is_clean)


def _is_clean(answer: httpx.Response) -> bool:
    return "root:" not in answer.text and b"SQLite" not in answer.content


def _addresses_to_api(stage: Stage, url: str) -> dict[str, httpx.Response]:
    recipe = {"dataset": stage.dataset, "recipe": {"weights": url}}
    return {
        "recipe weights=URL": stage.ann.post(f"{V1}/jobs", json=recipe),
        "?backbone=hf-hub:evil/x": stage.ann.post(f"{V1}/datasets", params={"backbone": "hf-hub:evil/x"}),
    }


def addresses(stage: Stage) -> None:
    """Line 8: addresses in the place of files, with somebody who listens."""
    line = "8 SSRF"
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(0.2)
        url = f"http://127.0.0.1:{listener.getsockname()[1]}/x.zip"
        tries = {} if stage.is_page_alone else _addresses_to_api(stage, url)
        tries |= {
            "GET /gradio_api/file=URL": stage.ann.get(f"/gradio_api/file={url}"),
            "GET /gradio_api/proxy=URL": stage.ann.get(f"/gradio_api/proxy={url}"),
            "an event with a file's path=URL": stage.ann.post(
                "/gradio_api/queue/join",
                content=json.dumps(
                    {
                        "fn_index": 2,
                        "data": [{"path": url, "meta": {"_type": "gradio.FileData"}}],
                        "session_hash": "s",
                    }
                ),
                headers={"content-type": "application/json"},
            ),
        }
        try:
            listener.accept()
            asked = True
        except TimeoutError:
            asked = False
    for sent, answer in tries.items():
        stage.answered(line, "an address as a file", sent, answer, 403, 404, 422, also=lambda _: not asked)
