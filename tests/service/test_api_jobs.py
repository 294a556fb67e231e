"""Jobs over HTTP: asking, keys, pages, numbers, logs, events, and what may be done in which state."""

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from api_server import LIMITS, V1, ApiServer, Person, photos, put_job, sentence, serve_api

from finetune.service.status import Status, write_status


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with serve_api(tmp_path_factory.mktemp("service")) as server:
        yield server


@pytest.fixture
def me(server: ApiServer) -> Iterator[Person]:
    with server.person() as person:
        yield person


@pytest.fixture(scope="module")
def dataset(server: ApiServer) -> str:
    with server.person() as person:
        return str(person.post("/datasets", files={"file": ("photos.zip", photos())}).json()["id"])


def run_of(server: ApiServer, name: str) -> dict[str, str]:
    """A request with a run folder that is there."""
    run = server.context.runs / name
    run.mkdir(exist_ok=True)
    return {"data": "photos", "out": str(run)}


def test_a_job_is_queued_with_what_was_asked(server: ApiServer, me: Person, dataset: str) -> None:
    recipe = {"strategy": "partial", "epochs": 3}
    answer = me.post("/jobs", json={"dataset": dataset, "recipe": recipe, "title": "a try"})
    assert answer.status_code == 202
    job = answer.json()
    assert answer.headers["location"] == f"{V1}/jobs/{job['id']}"
    assert (job["state"], job["kind"], job["title"], job["dataset"]) == ("queued", "fit", "a try", dataset)
    assert job["model"] is None
    assert me.get(f"/jobs/{job['id']}").json() == job
    kept = server.context.store.get(job["id"]).request
    assert kept["recipe"] == recipe
    assert Path(kept["out"]).parent == server.context.runs
    assert str(server.context.data_dir) not in answer.text


def test_the_same_key_gives_the_same_job_and_never_another_one_s(me: Person, dataset: str) -> None:
    asked = {"json": {"dataset": dataset}, "headers": {"idempotency-key": "once"}}
    first, again = me.post("/jobs", **asked), me.post("/jobs", **asked)
    assert (first.status_code, again.status_code) == (202, 202)
    assert first.json()["id"] == again.json()["id"]
    other = {"json": {"dataset": dataset, "recipe": {"epochs": 2}}, "headers": {"idempotency-key": "once"}}
    told = sentence(me.post("/jobs", **other), 422)
    assert told == "the idempotency key 'once' was used for another request; take a new one for a new request"


def test_a_request_that_got_no_answer_may_be_sent_again_whatever_has_become_of_the_rest(
    tmp_path: Path,
) -> None:
    limits = replace(LIMITS, jobs=1)
    with serve_api(tmp_path, limits=limits) as server, server.person() as person:
        dataset = person.post("/datasets", files={"file": ("photos.zip", photos())}).json()["id"]
        for job in person.get("/jobs").json()["jobs"]:
            person.post(f"/jobs/{job['id']}/cancel")
        asked = {"json": {"dataset": dataset}, "headers": {"idempotency-key": "k"}}
        first = person.post("/jobs", **asked)
        assert first.status_code == 202
        assert person.post("/jobs", **asked).json()["id"] == first.json()["id"], "though the queue is full"
        person.post(f"/jobs/{first.json()['id']}/cancel")
        assert person.ask("DELETE", f"/datasets/{dataset}").status_code == 204
        assert person.post("/jobs", **asked).json()["id"] == first.json()["id"], "though the images are gone"
        told = sentence(person.post(f"/jobs/{first.json()['id']}/retry"), 409)
        assert told == "the images of this job are deleted"


def test_trying_again_counts_towards_the_limit_too(tmp_path: Path) -> None:
    with serve_api(tmp_path, limits=replace(LIMITS, jobs=1)) as server, server.person() as person:
        put_job(server.context, "", "queued", {"data": "photos"})
        failed = put_job(server.context, "", "failed", {"data": "photos"})
        assert "jobs waiting, which is the most" in sentence(person.post(f"/jobs/{failed}/retry"), 429)


def test_a_job_that_has_ended_is_deleted_with_its_run_and_no_other(server: ApiServer, me: Person) -> None:
    running = put_job(server.context, "", "running", run_of(server, "busy"))
    assert sentence(me.ask("DELETE", f"/jobs/{running}"), 409) == "the job is running; cancel it first"
    outside = server.context.data_dir.parent / "elsewhere"
    outside.mkdir()
    for state, request in (("failed", run_of(server, "broken")), ("cancelled", {"out": str(outside)})):
        job = put_job(server.context, "", state, request)
        assert me.ask("DELETE", f"/jobs/{job}").status_code == 204
        assert sentence(me.get(f"/jobs/{job}"), 404)
    assert not (server.context.runs / "broken").exists()
    assert (server.context.runs / "busy").exists()
    assert outside.exists()


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ({}, "dataset: field required"),
        ({"dataset": "x", "colour": 1}, "colour: extra inputs are not permitted"),
        ({"dataset": "x", "kind": "dance"}, "kind: input should be 'fit'"),
        ({"dataset": 7}, "dataset: input should be a valid string"),
    ],
)
def test_a_request_that_cannot_be_is_told_by_its_field(me: Person, body: dict[str, Any], told: str) -> None:
    answer = me.post("/jobs", json=body)
    assert sentence(answer, 422) == told
    assert answer.json()["errors"][0]["where"] == told.partition(":")[0]


@pytest.mark.parametrize(
    ("recipe", "told"),
    [
        ({"epochs": 0}, "--epochs is 0"),
        ({"colour": "red"}, "colour"),
        ({"weights": "/etc/passwd"}, "--weights names a file, and none of the server's can be named here"),
        ({"drop_suspects": "x.csv"}, "--drop-suspects names a file"),
        ({"relabel": "../x.csv"}, "--relabel names a file"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused(
    me: Person, dataset: str, recipe: dict[str, Any], told: str
) -> None:
    assert told in sentence(me.post("/jobs", json={"dataset": dataset, "recipe": recipe}), 422)


def test_a_body_that_is_no_json_or_too_large_is_refused(me: Person) -> None:
    json_type = {"content-type": "application/json"}
    assert (
        sentence(me.post("/jobs", content=b"{", headers=json_type), 422)
        == "body: it is no JSON from character 1 on"
    )
    assert "error parsing the body" in sentence(
        me.post("/jobs", content=b"[" * 10_000, headers=json_type), 400
    )
    assert "larger than 20,000 bytes" in sentence(
        me.post("/jobs", content=b"1" * 30_000, headers=json_type), 413
    )
    sneaky = me.post("/jobs", content=iter([b"1" * 10_000] * 50), headers=json_type)
    assert "larger than 20,000 bytes" in sentence(sneaky, 413)


def test_too_many_jobs_of_one_person_are_refused(tmp_path: Path) -> None:
    with serve_api(tmp_path, limits=replace(LIMITS, jobs=1)) as server, server.person() as me:
        made = me.post("/datasets", files={"file": ("a.zip", photos(1))}).json()
        answer = me.post("/jobs", json={"dataset": made["id"]})
        assert sentence(answer, 429) == "you have 1 jobs waiting, which is the most"
        assert answer.headers["retry-after"] == "60"


def test_pages_follow_each_other_without_a_gap(server: ApiServer, me: Person) -> None:
    made = [put_job(server.context, "", "failed", run_of(server, "r"), title=str(n)) for n in range(5)]
    found: list[str] = []
    before: dict[str, str] = {}
    while True:
        page = me.get("/jobs", params={"limit": 2, "state": "failed", **before}).json()
        assert len(page["jobs"]) <= 2
        found += [job["id"] for job in page["jobs"]]
        if page["next"] is None:
            break
        before = {"before": page["next"]}
    assert found[:5] == made[::-1]
    assert len(found) == len(set(found))
    assert sentence(me.get("/jobs", params={"limit": 0}), 422).startswith("limit: input should be greater")
    assert sentence(me.get("/jobs", params={"state": "lost"}), 422).startswith(
        "state.0: input should be 'queued'"
    )
    assert sentence(me.get("/jobs", params={"before": "x"}), 404) == "there is no such job"


def test_progress_and_errors_are_told_without_paths(server: ApiServer, me: Person) -> None:
    request = run_of(server, "told")
    job = put_job(server.context, "", "running", {**request, "data": "/data/mine/photos"})
    folder = server.context.view(server.context.store.get(job)).folder
    folder.mkdir(parents=True)
    said = (
        "reading /data/mine/photos",
        f"writing {request['out']}/bundle",
        f"see {server.context.data_dir}/x",
    )
    write_status(folder / "status.json", Status("running", "training", 3, 9, 12.5, said))
    assert me.get(f"/jobs/{job}").json()["progress"] == {
        "phase": "training",
        "done": 3,
        "total": 9,
        "left_s": 12.5,
        "said": ["reading photos", "writing the run/bundle", "see /x"],
    }


def test_metrics_come_row_by_row_and_only_whole_ones(server: ApiServer, me: Person) -> None:
    request = run_of(server, "numbers")
    job = put_job(server.context, "", "running", request)
    file = Path(request["out"]) / "metrics.csv"
    assert me.get(f"/jobs/{job}/metrics").json() == {"rows": [], "next": 0, "ended": False}
    file.write_text("epoch,val_loss,train_loss\n0,0.5,\n1,nan,0.25\n2,0.1")
    answer = me.get(f"/jobs/{job}/metrics").json()
    assert answer["rows"] == [
        {"epoch": 0, "val_loss": 0.5, "train_loss": None},
        {"epoch": 1, "val_loss": None, "train_loss": 0.25},
    ]
    assert answer["next"] == 2
    assert me.get(f"/jobs/{job}/metrics", params={"since": 1}).json()["rows"] == answer["rows"][1:]
    assert me.get(f"/jobs/{job}/metrics", params={"since": 99}).json() == {
        "rows": [],
        "next": 99,
        "ended": False,
    }


def test_a_log_is_read_on_from_where_one_was(server: ApiServer, me: Person) -> None:
    request = run_of(server, "log")
    job = put_job(server.context, "", "running", request)
    file = Path(request["out"]) / "log.txt"
    file.write_text(f"one é\nto {request['out']}\nhal", encoding="utf-8")
    answer = me.get(f"/jobs/{job}/log").json()
    assert answer["text"] == "one é\nto the run\n"
    with file.open("a") as stream:
        stream.write("f\n")
    assert me.get(f"/jobs/{job}/log", params={"offset": answer["next"]}).json()["text"] == "half\n"
    long = "x" * 99 + "\n"
    file.write_text(long * 2000)
    text, offset = "", 0
    while piece := me.get(f"/jobs/{job}/log", params={"offset": offset}).json()["text"]:
        text += piece
        offset = me.get(f"/jobs/{job}/log", params={"offset": offset}).json()["next"]
    assert text == long * 2000


@pytest.mark.parametrize(
    ("state", "verb", "code"),
    [
        ("queued", "cancel", 202),
        ("running", "cancel", 202),
        ("done", "cancel", 409),
        ("failed", "cancel", 409),
        ("failed", "retry", 202),
        ("cancelled", "retry", 202),
        ("interrupted", "retry", 202),
        ("queued", "retry", 409),
        ("running", "retry", 409),
        ("done", "retry", 409),
        ("interrupted", "resume", 409),
        ("done", "resume", 409),
    ],
)
def test_what_may_be_done_depends_on_the_state(
    server: ApiServer, me: Person, state: str, verb: str, code: int
) -> None:
    job = put_job(server.context, "", state, run_of(server, "empty"))
    answer = me.post(f"/jobs/{job}/{verb}")
    if code == 409:
        sentence(answer, 409)
        assert me.get(f"/jobs/{job}").json()["state"] == state
        return
    assert answer.status_code == code
    wanted = {"cancel": ("cancelled", "running"), "retry": ("queued",)}[verb]
    assert answer.json()["state"] in wanted


def test_a_job_that_left_something_is_resumed(server: ApiServer, me: Person) -> None:
    request = run_of(server, "left")
    (Path(request["out"]) / "run.json").write_text("{}")
    job = put_job(server.context, "", "interrupted", request)
    assert me.get(f"/jobs/{job}").json()["can_resume"] is True
    answer = me.post(f"/jobs/{job}/resume").json()
    assert (answer["state"], answer["attempt"]) == ("queued", 2)


def events_of(answer: httpx.Response) -> list[tuple[str, Any, str]]:
    """The events of a stream that has ended: name, data and id."""
    found = []
    for block in answer.text.split("\n\n"):
        lines = dict(line.partition(": ")[::2] for line in block.splitlines() if not line.startswith(":"))
        if "data" in lines:
            found.append((lines["event"], json.loads(lines["data"]), lines["id"]))
    return found


def test_events_tell_rows_and_changes_and_end_with_the_job(server: ApiServer, me: Person) -> None:
    request = run_of(server, "events")
    file = Path(request["out"]) / "metrics.csv"
    file.write_text("epoch,val_loss\n0,0.5\n")
    job = put_job(server.context, "", "running", request)
    with me.http.stream("GET", f"{V1}/jobs/{job}/events") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        seen, is_told = "", False
        for piece in answer.iter_text():
            seen += piece
            if '"running"' in seen and not is_told:
                is_told = True
                with file.open("a") as stream:
                    stream.write("1,0.25\n")
                server.context.store.end(job, "done")
    assert seen.count("event: metrics") == 2
    assert seen.rstrip().splitlines()[-3].startswith("event: end")
    whole = me.get(f"/jobs/{job}/events")
    assert [(name, number) for name, _, number in events_of(whole)] == [
        ("metrics", "1"),
        ("metrics", "2"),
        ("end", "2"),
    ]
    assert events_of(whole)[-1][1]["state"] == "done"
    rest = me.get(f"/jobs/{job}/events", headers={"last-event-id": "1"})
    assert [data for name, data, _ in events_of(rest) if name == "metrics"] == [
        {"epoch": 1, "val_loss": 0.25}
    ]


def test_a_quiet_stream_is_kept_open_by_comments(
    server: ApiServer, me: Person, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fastapi.routing._PING_INTERVAL", 0.05)
    job = put_job(server.context, "", "running", run_of(server, "quiet"))
    with me.http.stream("GET", f"{V1}/jobs/{job}/events") as answer:
        assert any(line.startswith(":") for line in answer.iter_lines())


def test_no_more_streams_than_the_limit_are_held_open(tmp_path: Path) -> None:
    with serve_api(tmp_path, limits=replace(LIMITS, streams=1)) as server, server.person() as me:
        job = put_job(server.context, "", "running", run_of(server, "s"))
        with me.http.stream("GET", f"{V1}/jobs/{job}/events") as answer:
            lines = answer.iter_lines()  # held, since the stream is closed with it
            next(lines)
            full = me.get(f"/jobs/{job}/events", timeout=10)
            assert "too many streams are open" in sentence(full, 503)
            assert full.headers["retry-after"] == "10"
        server.context.store.end(job, "done")
        assert sentence(me.get("/jobs/" + "0" * 32 + "/events"), 404) == "there is no such job"


@pytest.mark.parametrize("job", ["x", "..%2f..%2fetc", "0" * 32, "0" * 31, "%00", "A" * 32, "0" * 5000])
def test_an_unknown_job_is_no_job_whatever_it_is_called(me: Person, job: str) -> None:
    for path in ("", "/metrics", "/log", "/events"):
        answer = me.get(f"/jobs/{job}{path}")
        assert answer.status_code == 404
        sentence(answer, 404)
