"""Back-up and restore: a copy that was made while the server served is a service of its own, wherever it lies."""

import contextlib
import json
import os
import shutil
import sqlite3
import stat
from pathlib import Path

import pytest
from api_server import COLOURS, packed, photos, picture, put_job, put_model, serve_api
from services import wait_for

from finetune.cli import run
from finetune.errors import OptionError, ResourceError, RunError
from finetune.service import backup
from finetune.service.backup import back_up
from finetune.service.engine.database import MIGRATIONS
from finetune.service.engine.going_on import RECORD, is_finished
from finetune.service.engine.place import DATABASE, job_folder
from finetune.service.engine.store import JobStore
from finetune.service.jobs import read_job
from finetune.service.projects import start_training
from finetune.service.result import write_result
from finetune.service.service import Service
from finetune.service.users import USERS, UserStore
from finetune.training.processes import birth

IMAGES = packed(**{f"{kind}.png": picture(kind, 7) for kind in COLOURS})


def test_a_restored_copy_answers_and_does_what_waited(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    first, copy, second = (tmp_path / name for name in ("service", "copy", "elsewhere"))
    asked = {"files": {"images": ("new.png", picture("lime", 99))}}
    with serve_api(first) as server, server.person("ann") as ann:
        model = put_model(server.context, "ann")
        dataset = ann.post("/datasets", files={"file": ("photos.zip", photos())}).json()
        ann.post(f"/jobs/{dataset['job']}/cancel")
        found = server.context.view(server.context.store.get(dataset["job"]))
        found.folder.mkdir(parents=True)
        path = found.job.request["data"]
        (found.folder / "result.json").write_text(json.dumps({"health": {"examples": [f"{path}/x.png"]}}))
        waiting = ann.post(f"/models/{model}/predict-batch", content=IMAGES).json()["id"]
        before = ann.post(f"/models/{model}/predict", **asked).json()
        health = ann.get(f"/datasets/{dataset['id']}/health").json()
        (server.context.arriving / "half").write_bytes(b"of an upload")
        assert run(["backup", str(copy), "--data-dir", str(first), "--json"]) == 0
        told = json.loads(capsys.readouterr().out)
        assert (told["jobs"], told["waiting"]) == (3, 1)
        ann.post(f"/jobs/{waiting}/cancel")
    shutil.rmtree(first)
    shutil.copytree(copy, second)
    assert not (second / "arriving").exists()
    with serve_api(second, working=True) as server, server.person() as same:
        same.http.headers["authorization"] = f"Bearer {ann.token}"
        assert same.post(f"/models/{model}/predict", **asked).json() == before
        assert same.get(f"/datasets/{dataset['id']}/health").json() == health
        assert health["health"] == {"examples": ["photos/x.png"]}
        wait_for(lambda: server.context.store.get(waiting).has_ended)
        assert same.get(f"/jobs/{waiting}").json()["error"] == ""
        rows = same.get(f"/jobs/{waiting}/result").text.splitlines()
        assert [row.partition(",")[0] for row in rows] == ["path", *(f"{kind}.png" for kind in COLOURS)]
        assert same.ask("DELETE", f"/models/{model}").status_code == 204
    assert list((second / "runs").iterdir()) == []
    assert not first.exists()


def test_what_ran_waits_in_the_copy_and_its_process_is_left_alone(tmp_path: Path) -> None:
    with serve_api(tmp_path / "service") as server:
        job = put_job(server.context, "", "running", {"data": "photos"}, kind="analyse")
        server.context.store.note_process(job, os.getpid(), birth(os.getpid()))
        back_up(tmp_path / "service", tmp_path / "copy")
        row = JobStore(tmp_path / "copy" / DATABASE).get(job)
        assert (row.state, row.pid, row.device, row.attempt) == ("queued", None, None, 2)
        assert server.context.store.get(job).pid == os.getpid()


def test_what_ends_while_it_is_copied_is_never_half_done_in_the_copy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A training ends, and images that were answered go, when the first of its other files is copied."""
    first, copy = tmp_path / "service", tmp_path / "copy"
    run, images = first / "runs" / "1", first / "asked" / "1" / "images"
    for folder in (run, images, first / "jobs" / "1"):
        folder.mkdir(parents=True)
    for number in range(30):
        (run / f"{number}.txt").write_text("of a run")
    (images / "a.png").write_bytes(picture())
    write_result(run / RECORD, {"state": "running"})
    store = JobStore(first / DATABASE)
    store.add("fit", {"data": "photos", "out": str(run)}, title="fruit")
    job = store.take_next("training", "cpu")
    assert job is not None
    copied = backup._copy

    def end_then_copy(source: str, target: str) -> str:
        if Path(source).suffix == ".txt" and not (run / "bundle").exists():
            (run / "bundle").mkdir()
            write_result(run / RECORD, {"state": "finished"})
            write_result(first / "jobs" / "1" / "result.json", {"rows": 1})
            shutil.rmtree(images.parent)
        return copied(source, target)

    monkeypatch.setattr(backup, "_copy", end_then_copy)
    back_up(first, copy)
    monkeypatch.undo()
    assert is_finished(store.get(job.id))
    assert not is_finished(JobStore(copy / DATABASE).get(job.id))
    assert (copy / "asked" / "1" / "images" / "a.png").is_file()


def test_the_page_of_a_copy_finds_its_own_trainings(tmp_path: Path) -> None:
    first, copy = tmp_path / "service", tmp_path / "copy"
    store = JobStore(first / DATABASE)
    with contextlib.closing(Service(first / "page", offline=True, store=store)) as page:
        (tmp_path / "photos.zip").write_bytes(photos())
        project = page.take_upload(tmp_path / "photos.zip", backbone="test_resnet")
        recipe = {"strategy": "freeze-all"}
        training = start_training(project, store, root=page.root, recipe=recipe, offline=True)
        (training.run / "report.json").write_text('{"accuracy": 0.5}')
        back_up(first, copy)
        page.cancel(project)
    shutil.rmtree(first)
    restored = JobStore(copy / DATABASE)
    with contextlib.closing(Service(copy / "page", offline=True, store=restored)) as page:
        found = page.find(project.id)
        assert found is not None
        assert found.data == copy / training.job.relative_to(first).parents[1] / "data" / "photos.zip"
        assert found.data.is_file()
        (again,) = found.trainings
        assert again.report == {"accuracy": 0.5}
        assert again.run.is_relative_to(copy)
        status = read_job(again.job)
        assert status is not None
        assert status.state == "waiting"
        for job in restored.list():
            assert job_folder(copy, job).is_dir()
            assert str(first) not in json.dumps(job.request)
    assert not first.exists()


def test_a_database_of_before_is_found_again_after_a_move(tmp_path: Path) -> None:
    first = tmp_path / "first"
    first.mkdir()
    with contextlib.closing(sqlite3.connect(first / DATABASE)) as connection, connection:
        for script in MIGRATIONS[:2]:
            connection.executescript(script)
        connection.execute("pragma user_version = 2")
        connection.execute(
            "insert into jobs (id, owner, kind, title, lane, request, priority, state, attempt, created, folder) "
            "values ('a', '', 'fit', 't', 'training', ?, 0, 'queued', 1, '', ?)",
            (json.dumps({"out": f"{first}/runs/a", "recipe": {"drop": f"{first}/x.csv"}}), f"{first}/page/1"),
        )
    assert JobStore(first / DATABASE).get("a").request["out"] == f"{first}/runs/a"
    second = first.rename(tmp_path / "second")
    job = JobStore(second / DATABASE).newest_in(f"{second}/page/1")
    assert job is not None
    assert job.request == {"out": f"{second}/runs/a", "recipe": {"drop": f"{second}/x.csv"}}
    assert job_folder(second, job) == second / "page" / "1"


def test_what_cannot_be_copied_is_said(tmp_path: Path) -> None:
    with pytest.raises(RunError, match="no server has kept anything in"):
        back_up(tmp_path / "nowhere", tmp_path / "copy")
    first = tmp_path / "service"
    JobStore(first / DATABASE)
    with pytest.raises(OptionError, match="which is to be copied; choose another folder"):
        back_up(first, first / "copy")
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "of").write_text("mine")
    with pytest.raises(RunError, match="is not an empty folder; choose a new one"):
        back_up(first, tmp_path / "full")
    assert [path.name for path in (tmp_path / "full").iterdir()] == ["of"]
    (first / DATABASE).write_bytes(b"no database" * 100)
    with pytest.raises(ResourceError, match="check the file and the disk"):
        back_up(first, tmp_path / "copy")


def test_users_are_in_the_copy_for_its_owner_alone_to_read(tmp_path: Path) -> None:
    first, copy = tmp_path / "service", tmp_path / "copy"
    JobStore(first / DATABASE)
    users = UserStore(first / USERS)
    users.add("ann", "correct horse")
    secret = users.begin_session("ann")
    back_up(first, copy)
    assert UserStore(copy / USERS).whose(secret) == "ann"
    assert stat.S_IMODE((copy / USERS).stat().st_mode) == 0o600
