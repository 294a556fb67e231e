"""A job is a process that tells on disk how far it is, and however it ends, somebody can read how."""

import json
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from drawing import draw_set

from finetune.service.engine.queueing import queue_job
from finetune.service.engine.store import JobStore
from finetune.service.jobs import cancel_job, is_alive, read_job, start_job, wait_job
from finetune.service.status import Status, read_status, write_status

ROOT = Path(__file__).parents[2]
PATIENCE_S = 200
TINY = {"strategy": "from-scratch", "backbone": "test_resnet", "image_size": 32, "workers": 0}

pytestmark = pytest.mark.skipif(os.name != "posix", reason="sends POSIX signals")


@pytest.fixture(autouse=True)
def quiet_children(monkeypatch: pytest.MonkeyPatch) -> None:
    """One thread a child, and this checkout's code in it."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_set(tmp_path_factory.mktemp("photos"), {"a": 12, "b": 12})


def request(photos: Path, out: Path, *, epochs: int) -> dict[str, Any]:
    return {"kind": "fit", "data": str(photos), "recipe": {**TINY, "epochs": epochs}, "out": str(out)}


def wait_for(what: Callable[[], Any]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def trains(run: Path) -> bool:
    metrics = run / "metrics.csv"
    return metrics.exists() and len(metrics.read_text(encoding="utf-8").splitlines()) > 2


def status_of(job: Path) -> Status:
    status = read_job(job)
    assert status is not None
    return status


def test_a_job_comes_to_its_end_and_says_so(photos: Path, tmp_path: Path) -> None:
    job, run = tmp_path / "job", tmp_path / "run"
    assert read_job(job) is None
    start_job(job, request(photos, run, epochs=1))
    assert status_of(job).state == "running"
    status = wait_job(job)
    assert (status.state, status.exit_code, status.error) == ("finished", 0, "")
    assert any("1 epoch of" in sentence for sentence in status.said)
    assert (run / "report.json").exists()
    assert not is_alive(job)


def test_a_job_that_fails_says_what_the_command_line_would(tmp_path: Path) -> None:
    start_job(tmp_path / "job", request(tmp_path / "absent", tmp_path / "run", epochs=1))
    status = wait_job(tmp_path / "job")
    assert (status.state, status.exit_code) == ("failed", 3)
    assert status.error == f"no folder or file at {tmp_path / 'absent'}, check the path"
    assert not (tmp_path / "run").exists()


def test_of_many_that_ask_at_once_one_is_queued(tmp_path: Path) -> None:
    job, refused = tmp_path / "job", []
    store = JobStore(tmp_path / "jobs.sqlite")

    def start() -> None:
        try:
            queue_job(store, job, request(tmp_path / "absent", tmp_path / "run", epochs=1), title="photos")
        except FileExistsError as error:
            refused.append(error)

    threads = [threading.Thread(target=start) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 7
    assert store.counts() == {"queued": 1}


def test_a_cancelled_job_keeps_what_it_has(photos: Path, tmp_path: Path) -> None:
    job, run = tmp_path / "job", tmp_path / "run"
    start_job(job, request(photos, run, epochs=5000))
    wait_for(lambda: trains(run))
    cancel_job(job)
    status = wait_job(job)
    assert (status.state, status.exit_code) == ("interrupted", 130)
    assert json.loads((run / "run.json").read_text(encoding="utf-8"))["state"] == "interrupted"
    cancel_job(job)
    assert status_of(job) == status


def test_a_job_cancelled_before_it_has_begun_is_interrupted_too(photos: Path, tmp_path: Path) -> None:
    start_job(tmp_path / "job", request(photos, tmp_path / "run", epochs=1))
    cancel_job(tmp_path / "job")
    status = wait_job(tmp_path / "job")
    assert (status.state, status.exit_code) == ("interrupted", 130)
    assert status.error


def test_a_killed_job_has_failed_for_whoever_asks(photos: Path, tmp_path: Path) -> None:
    job, run = tmp_path / "job", tmp_path / "run"
    start_job(job, request(photos, run, epochs=5000))
    wait_for(lambda: trains(run))
    os.kill(json.loads((run / "run.json").read_text(encoding="utf-8"))["pid"], signal.SIGKILL)
    status = wait_job(job)
    assert (status.state, status.exit_code) == ("failed", 5)
    assert status.error.startswith("the process was killed, as happens when memory runs out; ")
    elsewhere = tmp_path / "elsewhere"
    shutil.copytree(job, elsewhere)  # as a page that was restarted sees it
    assert status_of(elsewhere).error.startswith("the process ended without a word ")


def test_a_job_ends_when_its_folder_is_deleted(photos: Path, tmp_path: Path) -> None:
    job, run = tmp_path / "job", tmp_path / "run"
    start_job(job, request(photos, run, epochs=5000))
    wait_for(lambda: trains(run))
    shutil.rmtree(job)
    status = wait_job(job)
    assert (status.state, status.exit_code) == ("failed", 5)
    assert status.error == f"the folder {job} has been deleted"


@pytest.mark.parametrize("at_once", [True, False], ids=["while it starts", "in the middle"])
def test_a_job_ends_with_the_process_that_started_it(photos: Path, tmp_path: Path, at_once: bool) -> None:
    job, run = tmp_path / "job", tmp_path / "run"
    asked = request(photos, run, epochs=5000)
    program = (
        "import json, sys, time; from pathlib import Path; from finetune.service.jobs import start_job, _started\n"
        "start_job(Path(sys.argv[1]), json.loads(sys.argv[2]))\n"
        "print([process.pid for process in _started.values()][0], flush=True); time.sleep(1000)"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", program, str(job), json.dumps(asked)], stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    if not at_once:
        wait_for(lambda: trains(run))
        assert is_alive(job), "seen from a process that has not started it"
    parent.kill()
    parent.communicate()
    try:
        wait_for(lambda: not _exists(child))
    finally:
        if _exists(child):
            os.kill(child, signal.SIGKILL)
    assert status_of(job).state == "interrupted"
    assert not is_alive(job)


def _exists(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text(encoding="utf-8")
    except OSError:
        return False


@pytest.mark.parametrize("text", ["", "{", "[]", '{"state": "running"}', '{"state": "running", "said": 3}'])
def test_a_status_that_cannot_be_read_is_none(tmp_path: Path, text: str) -> None:
    (tmp_path / "status.json").write_text(text)
    assert read_status(tmp_path / "status.json") is None


def test_a_status_comes_back_as_it_was_written(tmp_path: Path) -> None:
    status = Status("failed", "training", 3, 10, 2.5, ("é\u2028 one", "two"), "no room", 5)
    write_status(tmp_path / "status.json", status)
    assert read_status(tmp_path / "status.json") == status
    assert [path.name for path in tmp_path.iterdir()] == ["status.json"]
