"""Queued trainings whose process, or whose supervisor, is killed come to the bits of one that nobody disturbed."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from conftest import environment
from killing import draw_hard, n_rows, outcome

from finetune.recipe import Recipe
from finetune.service.backup import back_up
from finetune.service.engine import orphans
from finetune.service.engine.background import BackgroundSupervisor
from finetune.service.engine.job import Job
from finetune.service.engine.place import DATABASE
from finetune.service.engine.store import JobStore
from finetune.training.processes import is_alive
from finetune.training.train import fit

PATIENCE_S = 900
EPOCHS = 8
RECIPE = {
    "strategy": "from-scratch",
    "backbone": "test_resnet",
    "image_size": 32,
    "workers": 0,
    "batch_size": 8,
    "epochs": EPOCHS,
    "seed": 17,
    "lr": 4e-4,
}
SUPERVISE = (
    "import sys, threading\nfrom pathlib import Path\nfrom finetune.service.engine.supervisor import Supervisor\n"
    "Supervisor(Path(sys.argv[1])).run(threading.Event())"
)

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="tells processes by /proc")


@pytest.fixture(autouse=True)
def same_code_in_children(monkeypatch: pytest.MonkeyPatch, warm: None) -> None:
    for name, value in environment().items():
        monkeypatch.setenv(name, value)


@pytest.fixture(scope="module")
def hard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_hard(tmp_path_factory.mktemp("data") / "hard")


@pytest.fixture(scope="module")
def undisturbed(hard: Path, tmp_path_factory: pytest.TempPathFactory) -> Mapping[str, Any]:
    run = tmp_path_factory.mktemp("undisturbed") / "run"
    fit(hard, Recipe.make(**RECIPE), out=run, offline=True)
    found = outcome(run)
    best = max(found["rows"], key=lambda row: float(row["val_score"]))  # type: ignore[call-overload]
    assert int(best["epoch"]) == EPOCHS, "the best epoch is too early to prove anything"
    return found


def wait_for(what: Callable[[], Any]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.005)


def queue(store: JobStore, data: Path, run: Path) -> Job:
    request = {"data": str(data), "recipe": RECIPE, "out": str(run), "offline": True}
    return store.add("fit", request, title="hard")


def pid_of(store: JobStore, job: Job) -> int:
    pid = store.get(job.id).pid
    assert pid is not None
    return pid


def test_a_killed_trainer(hard: Path, undisturbed: Mapping[str, Any], tmp_path: Path) -> None:
    store, run = JobStore(tmp_path / DATABASE), tmp_path / "run"
    job = queue(store, hard, run)
    with BackgroundSupervisor(tmp_path, store):
        wait_for(lambda: n_rows(run) >= 3)
        os.kill(pid_of(store, job), signal.SIGKILL)
        wait_for(lambda: store.get(job.id).has_ended)
    ended = store.get(job.id)
    assert (ended.state, ended.attempt, ended.exit_code, ended.error) == ("done", 2, 0, "")
    assert outcome(run) == undisturbed
    log = (tmp_path / "jobs" / job.id / "output.txt").read_text(encoding="utf-8")
    assert "going on after epoch" in log


def test_a_killed_supervisor_with_a_child_that_hangs_and_a_damaged_newest_state(
    hard: Path, undisturbed: Mapping[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(orphans, "GRACE_S", 0.5)
    store, run = JobStore(tmp_path / DATABASE), tmp_path / "run"
    job = queue(store, hard, run)
    first = subprocess.Popen([sys.executable, "-c", SUPERVISE, str(tmp_path)])
    try:
        wait_for(lambda: n_rows(run) >= 4)
        child = store.get(job.id)
        os.kill(
            pid_of(store, job), signal.SIGSTOP
        )  # it can neither see that its parent is gone nor hear a wish
    finally:
        first.kill()
        first.wait()
    newest = max((run / "resume").glob("epoch-*.safetensors"), key=lambda path: path.stat().st_mtime_ns)
    newest.write_bytes(newest.read_bytes()[:-100])
    assert (store.get(job.id).state, store.get(job.id).attempt) == ("running", 1)
    with BackgroundSupervisor(tmp_path, store):
        wait_for(lambda: store.get(job.id).has_ended)
    assert (store.get(job.id).state, store.get(job.id).attempt) == ("done", 2)
    assert child.pid is not None
    assert not is_alive(child.pid, child.process_started or "")
    assert outcome(run) == undisturbed


def test_a_back_up_of_a_training_goes_on_elsewhere(
    hard: Path, undisturbed: Mapping[str, Any], tmp_path: Path
) -> None:
    first, copy, second = (tmp_path / name for name in ("service", "copy", "elsewhere"))
    images = shutil.copytree(hard, first / "datasets" / "hard")
    store, run = JobStore(first / DATABASE), first / "runs" / "1"
    job = queue(store, images, run)
    with BackgroundSupervisor(first, store):
        wait_for(lambda: n_rows(run) >= 4)
        assert back_up(first, copy).waiting == 1
        assert store.get(job.id).state == "running", "it was copied too late to prove anything"
        store.cancel(job.id)
        wait_for(lambda: store.get(job.id).has_ended)
    shutil.rmtree(first)
    restored = JobStore(copy.rename(second) / DATABASE)
    with BackgroundSupervisor(second, restored):
        wait_for(lambda: restored.get(job.id).has_ended)
    ended = restored.get(job.id)
    assert (ended.state, ended.attempt, ended.error) == ("done", 2, "")
    assert outcome(second / "runs" / "1") == undisturbed
    log = (second / "jobs" / job.id / "output.txt").read_text(encoding="utf-8")
    assert "going on after epoch" in log
    assert not first.exists()


def test_a_run_that_was_finished_before_its_process_could_say_so_is_done(tmp_path: Path) -> None:
    store, run = JobStore(tmp_path / DATABASE), tmp_path / "run"
    run.mkdir()
    (run / "run.json").write_text(json.dumps({"state": "finished"}), encoding="utf-8")
    job = queue(store, tmp_path, run)
    with BackgroundSupervisor(tmp_path, store):
        wait_for(lambda: store.get(job.id).has_ended)
    assert store.get(job.id).state == "done"
