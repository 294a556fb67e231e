"""The supervisor with real processes. Where a job must take long, the test holds its folder: its process waits."""

import contextlib
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from drawing import draw_set
from filelock import FileLock

from finetune.service.engine import database, heartbeats, supervisor
from finetune.service.engine.background import BackgroundSupervisor
from finetune.service.engine.job import Job
from finetune.service.engine.place import DATABASE, job_folder
from finetune.service.engine.standing import standing
from finetune.service.engine.store import JobStore
from finetune.service.engine.supervisor import AlreadySupervised, Supervisor
from finetune.service.jobs import is_alive, process_of
from finetune.training.processes import birth

ROOT = Path(__file__).parents[2]
PATIENCE_S = 300

pytestmark = pytest.mark.skipif(os.name != "posix", reason="sends POSIX signals")


@pytest.fixture(autouse=True)
def quiet_children(monkeypatch: pytest.MonkeyPatch) -> None:
    """One thread a child, and this checkout's code in it."""
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    return JobStore(tmp_path / DATABASE)


class Clock:
    """A clock that can be turned."""

    def __init__(self) -> None:
        self.turned_s = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.turned_s


class Work:
    """A supervisor that the test drives step by step, and the folders that it holds."""

    def __init__(self, root: Path, store: JobStore, **options: Any) -> None:
        self.root, self.store, self.clock = root, store, Clock()
        self.supervisor = Supervisor(root, store=store, clock=self.clock, **options)
        self._held: dict[str, FileLock] = {}

    def folder(self, job: Job) -> Path:
        return job_folder(self.root, job)

    def queue(self, title: str, *, kind: str = "fit", hold: bool = True, **options: Any) -> Job:
        """Queue a job whose images are not there; while it is held, its process cannot find that out."""
        request: dict[str, Any] = {"data": str(self.root / "absent")}
        request |= {"out": str(self.root / "runs" / title)} if kind == "fit" else {}
        request |= {"name": title, "offline": True} if kind == "clean" else {}
        job = self.store.add(kind, request, title=title, **options)
        if hold:
            self.folder(job).mkdir(parents=True)
            self._held[job.id] = FileLock(self.folder(job) / "lock")
            self._held[job.id].acquire()
        return job

    def let_go(self, job: Job) -> None:
        self._held.pop(job.id).release()

    def until(self, what: Callable[[], Any]) -> None:
        deadline = time.monotonic() + PATIENCE_S
        while not what():
            assert time.monotonic() < deadline, "it did not happen in time"
            self.supervisor.step()
            time.sleep(0.02)

    def state(self, job: Job) -> tuple[str, int]:
        row = self.store.get(job.id)
        return row.state, row.attempt

    def beats(self, job: Job) -> bool:
        """Whether the job's process is up: from then on it takes signals as it should."""
        return (self.folder(job) / "heartbeat").exists()

    def end(self) -> None:
        for lock in self._held.values():
            lock.release()
        self.supervisor._put_all_back()


@pytest.fixture
def work(tmp_path: Path, store: JobStore) -> Iterator[Work]:
    work = Work(tmp_path, store)
    yield work
    work.end()


def test_one_training_a_device_the_most_urgent_first_and_a_wish_to_stop_is_heard(work: Work) -> None:
    low, high = work.queue("low"), work.queue("high", priority=5)
    quick = work.queue("quick", kind="clean")
    work.supervisor.step()
    assert [work.state(job)[0] for job in (low, high, quick)] == ["queued", "running", "running"]
    row = work.store.get(high.id)
    assert (row.pid, row.device) == (process_of(work.folder(high)), "cpu")
    assert row.pid is not None
    assert row.process_started == birth(row.pid)
    assert os.getsid(row.pid) == row.pid
    work.until(lambda: work.beats(high))
    work.store.cancel(high.id)
    work.until(lambda: work.state(high)[0] == "cancelled")
    told = standing(work.folder(high), work.store.get(high.id))
    assert (told.state, told.exit_code) == ("interrupted", 130)
    work.until(lambda: work.state(low)[0] == "running")
    assert work.state(quick) == ("running", 1)


@pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs Linux's /proc")
def test_a_process_is_told_what_is_handed_on_and_no_other_secret(
    tmp_path: Path, store: JobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_TOKEN", "hub-secret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "cloud-secret")
    for handed, n in (({"HF_TOKEN": "hub-secret"}, 1), ({}, 0)):
        work = Work(tmp_path, store, hands_on=handed)
        job = work.queue(f"told {n}")
        work.supervisor.step()
        told = Path(f"/proc/{process_of(work.folder(job))}/environ").read_bytes()
        assert (told.count(b"hub-secret"), told.count(b"cloud-secret")) == (n, 0)
        store.cancel(job.id)
        work.end()


def test_a_cancelled_job_that_has_not_begun_never_starts(work: Work) -> None:
    first, second = work.queue("first"), work.queue("second", hold=False)
    work.supervisor.step()
    work.store.cancel(second.id)
    work.store.cancel(first.id)
    work.until(lambda: work.state(first)[0] == "cancelled")
    work.supervisor.step()
    assert not work.folder(second).exists()
    told = standing(work.folder(second), work.store.get(second.id))
    assert told.error == "cancelled before training began, so there is nothing to keep"


def test_a_process_that_ignores_the_wish_to_stop_is_killed_with_its_group(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("finetune.service.jobs.GRACE_S", 0.2)
    job = work.queue("deaf")
    work.supervisor.step()
    os.kill(process_of(work.folder(job)), signal.SIGSTOP)
    work.store.cancel(job.id)
    work.until(lambda: work.state(job)[0] == "cancelled")
    assert not is_alive(work.folder(job))


def test_a_process_without_a_heartbeat_is_ended_and_tried_again_whatever_the_time_of_day(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = work.queue("hangs")
    work.until(lambda: work.beats(job))
    os.kill(process_of(work.folder(job)), signal.SIGSTOP)
    real = time.time
    for jump_s in (-3e8, 3e8):
        monkeypatch.setattr(time, "time", lambda jump_s=jump_s: real() + jump_s)
        os.utime(work.folder(job) / "heartbeat", (real() + jump_s, real() + jump_s))
        work.supervisor.step()
        work.supervisor.step()
    assert is_alive(work.folder(job)), "a clock that was set is no silence"
    work.clock.turned_s += heartbeats.SILENT_S + 1
    work.until(lambda: work.state(job) == ("running", 2))
    assert work.store.get(job.id).cut_off == 1


def test_a_job_that_comes_no_further_is_given_up_and_can_be_tried_again(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(supervisor, "MOST_WITHOUT_PROGRESS", 1)
    job = work.queue("hopeless")
    for attempt in (1, 2):
        work.until(lambda attempt=attempt: work.state(job) == ("running", attempt))  # type: ignore[misc]
        os.kill(process_of(work.folder(job)), signal.SIGKILL)
        work.until(lambda attempt=attempt: work.state(job) != ("running", attempt))  # type: ignore[misc]
    ended = work.store.get(job.id)
    assert (ended.state, ended.exit_code) == ("failed", 5)
    assert ended.error.startswith("given up after 2 ends without progress: the process was killed, ")
    work.store.retry(job.id)
    work.supervisor.step()
    assert work.state(job) == ("running", 3)


def test_a_job_that_is_not_tried_again_has_failed_and_that_is_told_before_the_next_one_starts(
    store: JobStore, tmp_path: Path
) -> None:
    told: list[tuple[str, str, str]] = []

    def note(job: Job) -> None:
        told.append((job.title, job.state, store.get(second.id).state))

    work = Work(tmp_path, store, tries_again=False, on_change=note)
    first, second = work.queue("first"), work.queue("second")
    assert work.supervisor.step(), "there is something to do"
    os.kill(process_of(work.folder(first)), signal.SIGKILL)
    work.until(lambda: work.state(second) == ("running", 1))
    assert told == [
        ("first", "running", "queued"),
        ("first", "failed", "queued"),
        ("second", "running", "running"),
    ]
    assert store.get(first.id).error.startswith("the process was killed, ")
    work.store.cancel(second.id)
    work.until(lambda: work.state(second)[0] == "cancelled")
    assert not work.supervisor.step(), "nothing is left to do"
    work.end()


def test_a_full_disk_is_told_and_the_job_can_be_tried_again(work: Work) -> None:
    """What is written to /dev/full has no room, as on a disk that is full."""
    photos = draw_set(work.root / "absent", {"a": 12, "b": 12})
    job = work.queue("packed", kind="clean", hold=False)
    folder = work.folder(job)
    folder.mkdir(parents=True)
    for name in ("status.tmp", "cleaned.tmp"):  # before it begins, and in its middle
        (folder / name).symlink_to("/dev/full")
        work.until(lambda: work.state(job)[0] == "failed")
        ended = work.store.get(job.id)
        assert ended.error.startswith("the disk is full: ")
        assert ended.exit_code == 5
        (folder / name).unlink()
        work.store.retry(job.id)
    work.until(lambda: work.state(job)[0] == "done")
    assert (folder / "cleaned.zip").stat().st_size > sum(p.stat().st_size for p in photos.rglob("*.png"))
    assert work.store.get(job.id).error == ""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own with 4 MB, or a skip where none may be mounted."""
    disk = tmp_path / "small"
    disk.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(disk)]
    if sys.platform != "linux" or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("no disk may be mounted here")
    yield disk
    subprocess.run(["umount", "-l", str(disk)], check=True)


def test_a_disk_without_a_byte_left_ends_the_job_and_nothing_else(small_disk: Path) -> None:
    store = JobStore(small_disk / DATABASE)
    work = Work(small_disk, store)
    job = work.queue("no room", kind="clean")
    with BackgroundSupervisor(small_disk, store):
        wait_for(lambda: work.beats(job))
        ballast = small_disk / "ballast"
        with ballast.open("wb", buffering=0) as stream, contextlib.suppress(OSError):
            while stream.write(bytes(512)):
                pass
        assert store.get(job.id).state == "running", "the table can be read on a full disk"
        pid = process_of(work.folder(job))
        work.let_go(job)
        wait_for(lambda: not Path(f"/proc/{pid}").exists())
        ballast.unlink()
        wait_for(lambda: store.get(job.id).has_ended)
        assert store.get(job.id).error.startswith("the disk is full: nothing can be written to")
        store.retry(job.id)
        wait_for(lambda: store.get(job.id).error.startswith("no folder or file at"))


def test_of_two_supervisors_one_works_and_the_other_takes_over(store: JobStore, tmp_path: Path) -> None:
    job = Work(tmp_path, store).queue("next", kind="clean", hold=False)
    with BackgroundSupervisor(tmp_path, store):
        wait_for(lambda: store.get(job.id).state == "failed")
        with pytest.raises(AlreadySupervised, match="another supervisor is at work in"):
            Supervisor(tmp_path).run(threading.Event())
        second = BackgroundSupervisor(tmp_path, store)
        second.start()
    store.retry(job.id)
    wait_for(lambda: store.get(job.id).state == "failed")
    second.stop()
    assert store.get(job.id).attempt == 2
    assert store.get(job.id).error == f"no folder or file at {tmp_path / 'absent'}, check the path"


def test_a_supervisor_that_stops_puts_what_runs_back(store: JobStore, tmp_path: Path) -> None:
    work = Work(tmp_path, store)
    job = work.queue("long")
    with BackgroundSupervisor(tmp_path, store):
        wait_for(lambda: store.get(job.id).pid is not None)
    assert (store.get(job.id).state, store.get(job.id).attempt) == ("queued", 2)
    assert standing(work.folder(job), store.get(job.id)).state == "waiting"
    assert not is_alive(work.folder(job)), "asked of the process, not of the lock that the test holds"
    work.end()


def test_a_database_that_another_process_holds_for_a_while_loses_nothing(
    work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = work.queue("meanwhile", kind="clean")
    work.supervisor.step()
    monkeypatch.setattr(database, "BUSY_S", 0.05)
    program = (
        "import sqlite3, sys\nc = sqlite3.connect(sys.argv[1], isolation_level=None)\n"
        "c.execute('begin immediate')\nprint('held', flush=True)\nsys.stdin.read()"
    )
    holder = subprocess.Popen(
        [sys.executable, "-c", program, str(work.store.path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    work.let_go(job)
    wait_for(lambda: not is_alive(work.folder(job)))
    work.supervisor.try_step()
    work.supervisor.try_step()
    assert work.state(job) == ("running", 1)
    holder.communicate()
    work.until(lambda: work.state(job) == ("failed", 1))


def test_a_process_that_only_has_the_same_number_is_left_alone(store: JobStore, tmp_path: Path) -> None:
    work = Work(tmp_path, store)
    job = work.queue("former", hold=False)
    stranger = subprocess.Popen(["sleep", "1000"], start_new_session=True)
    try:
        for started in ("another boot/1", ""):
            store.take_next("training", "cpu")
            store.note_process(job.id, stranger.pid, started)
            Supervisor(tmp_path, store=store)._recover()
            assert store.get(job.id).state == "queued"
            assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def wait_for(what: Callable[[], Any]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
