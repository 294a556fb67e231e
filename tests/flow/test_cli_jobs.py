"""`finetune jobs`: what is queued can be seen, stopped, tried again and read along with from a terminal."""

import os
import threading
from pathlib import Path

import pytest
from conftest import REPOSITORY, Finetune

from finetune.service.engine.background import BackgroundSupervisor
from finetune.service.engine.job import Job
from finetune.service.engine.place import DATABASE, job_folder
from finetune.service.engine.store import JobStore


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    return JobStore(tmp_path / "data" / DATABASE)


def queue(store: JobStore, title: str, *, kind: str = "fit") -> Job:
    run = store.path.parent.parent / "runs" / title
    request = {"data": "absent", "name": title, "offline": True}
    return store.add(kind, request if kind == "clean" else {"data": "absent", "out": str(run)}, title=title)


def fail(store: JobStore, job: Job) -> None:
    store.take_next(job.lane, "cpu")
    store.end(job.id, "failed", error="no folder or file at absent, check the path", exit_code=3)


def test_a_list_of_jobs_and_one_of_them(finetune: Finetune, store: JobStore) -> None:
    failed, waits = queue(store, "[old] photos"), queue(store, "new photos")
    fail(store, failed)
    here = ("--data-dir", store.path.parent)
    told = finetune("jobs", "list", *here)
    assert told.code == 0
    lines = told.out.splitlines()
    assert [line.split()[:2] for line in lines[1:]] == [[waits.id[:8], "queued"], [failed.id[:8], "failed"]]
    assert "[old] photos" in told.out
    assert f"note: nobody is at work in {store.path.parent}; what waits is done once" in told.err
    listed = finetune("jobs", "list", *here, "--json").json
    assert [(row["id"], row["state"]) for row in listed] == [(waits.id, "queued"), (failed.id, "failed")]
    assert [row["id"] for row in finetune("jobs", "list", *here, "--state", "failed", "--json").json] == [
        failed.id
    ]
    shown = finetune("jobs", "show", failed.id[:6], *here, "--json").json
    assert (shown["error"], shown["exit_code"]) == ("no folder or file at absent, check the path", 3)
    assert shown["run"].endswith("runs/[old] photos")
    assert "no folder or file at absent, check the path" in finetune("jobs", "show", failed.id, *here).out


def test_a_waiting_job_is_cancelled_and_tried_again(finetune: Finetune, store: JobStore) -> None:
    job = queue(store, "photos")
    run = Path(job.request["out"])
    run.mkdir(parents=True)
    here = ("--data-dir", store.path.parent)
    told = finetune("jobs", "cancel", job.id, *here, "--json")
    assert (told.code, told.json["state"]) == (0, "cancelled")
    assert told.json["error"] == "cancelled before training began, so there is nothing to keep"
    assert not run.exists(), "the name of a run that never began is free again"
    again = finetune("jobs", "cancel", job.id, *here)
    assert again.code == 6
    assert again.error == f"error: the job {job.id} has ended; there is nothing to cancel"
    assert finetune("jobs", "retry", job.id, *here, "--json").json["state"] == "queued"
    told = finetune("jobs", "retry", job.id, *here)
    assert (told.code, told.error) == (
        6,
        f"error: the job {job.id} is queued, so there is nothing to try again",
    )


def test_a_log_is_followed_to_the_job_s_end(
    finetune: Finetune, store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join([str(REPOSITORY), os.environ.get("PYTHONPATH", "")]))
    data_dir = store.path.parent
    job = queue(store, "copy", kind="clean")
    job_folder(data_dir, job).mkdir(parents=True)
    (job_folder(data_dir, job) / "output.txt").write_text("said before, é\n", encoding="utf-8")
    assert finetune("jobs", "log", job.id, "--data-dir", data_dir).out == "said before, é\n"
    supervisor = BackgroundSupervisor(data_dir, store)
    starting = threading.Timer(0.3, supervisor.start)
    starting.start()
    told = finetune("jobs", "log", job.id, "--follow", "--data-dir", data_dir)
    starting.join()
    supervisor.stop()
    assert told.code == 0
    assert told.out.startswith("said before, é\n")
    assert "DataError: no folder or file at absent, check the path" in told.out
    assert store.get(job.id).state == "failed"


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("show", "abc"), 6, "there is no job abc; `finetune jobs list` shows those there are"),
        (("log", ""), 6, "there is more than one job whose id begins with ; `finetune jobs list` shows"),
        (("list", "--state", "runing"), 2, "--state runing is none of queued, running, done, failed"),
        (
            ("list", "--data-dir", "elsewhere"),
            6,
            "no page, server or batch has kept jobs in elsewhere (there is no",
        ),
    ],
)
def test_what_cannot_be_is_told(
    finetune: Finetune, store: JobStore, arguments: tuple[str, ...], code: int, told: str
) -> None:
    queue(store, "one"), queue(store, "two")
    here = () if "--data-dir" in arguments else ("--data-dir", store.path.parent)
    answer = finetune("jobs", *arguments, *here)
    assert answer.code == code
    assert answer.error.startswith(f"error: {told}")
    assert not Path("elsewhere").exists()


def test_without_a_command_there_is_help_with_the_exit_codes(finetune: Finetune) -> None:
    told = finetune("jobs")
    assert told.code == 0
    assert "Exit codes: 0 ok" in " ".join(told.out.split())
    assert all(name in told.out for name in ("list", "show", "cancel", "retry", "log"))


def test_the_page_s_own_jobs_are_the_default(
    finetune: Finetune, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    store = JobStore(tmp_path / "checkpoints" / ".page" / DATABASE)
    assert finetune("jobs", "list").out == "no jobs\n"
    job = queue(store, "photos")
    assert [row["id"] for row in finetune("jobs", "list", "--json").json] == [job.id]
