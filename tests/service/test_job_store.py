"""The table of jobs: order, states, keys, and nothing lost between processes or versions."""

import sqlite3
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune.errors import OptionError, ResourceError, RunError
from finetune.service.engine import database
from finetune.service.engine.database import MIGRATIONS, back_up, opened
from finetune.service.engine.job import Job
from finetune.service.engine.store import JobStore


@pytest.fixture
def store(tmp_path: Path) -> JobStore:
    return JobStore(tmp_path / "jobs.sqlite")


def queued(store: JobStore, title: str = "a", **options: object) -> Job:
    return store.add("fit", {"data": title}, title=title, **options)  # type: ignore[arg-type]


def test_a_job_is_kept_as_it_was_asked_for(store: JobStore) -> None:
    job = store.add("fit", {"data": "数据", "epochs": 3}, title="photos", owner="ann", priority=2)
    again = store.get(job.id)
    assert again == job
    assert (again.state, again.attempt, again.lane, again.request) == (
        "queued",
        1,
        "training",
        {"data": "数据", "epochs": 3},
    )


def test_unknown_work_is_refused(store: JobStore) -> None:
    with pytest.raises(OptionError, match="no work is called 'dance'"):
        store.add("dance", {}, title="x")
    assert store.list() == []


@given(st.lists(st.integers(-3, 3), min_size=1, max_size=12))
def test_the_next_is_the_most_urgent_and_of_equals_the_oldest(
    tmp_path_factory: pytest.TempPathFactory, priorities: list[int]
) -> None:
    store = JobStore(tmp_path_factory.mktemp("jobs") / "jobs.sqlite")
    jobs = [queued(store, str(rank), priority=each) for rank, each in enumerate(priorities)]
    taken = [store.take_next("training", "cpu") for _ in jobs]
    wanted = sorted(jobs, key=lambda job: (-job.priority, job.sequence))
    assert [job.id for job in taken if job] == [job.id for job in wanted]
    assert store.take_next("training", "cpu") is None


def test_lanes_do_not_wait_for_each_other(store: JobStore) -> None:
    queued(store)
    look = store.add("analyse", {}, title="look")
    found = store.take_next("quick", "quick-1")
    assert found is not None
    assert found.id == look.id


def test_two_takers_never_get_the_same_job(store: JobStore) -> None:
    for rank in range(40):
        queued(store, str(rank))
    taken: list[str] = []

    def take() -> None:
        while (job := store.take_next("training", "cpu")) is not None:
            taken.append(job.id)

    threads = [threading.Thread(target=take) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(taken) == len(set(taken)) == 40


def test_a_key_queues_once_for_its_owner_and_only_the_same_request(store: JobStore) -> None:
    first = queued(store, "a", owner="ann", key="k")
    assert queued(store, "a", owner="ann", key="k").id == first.id
    assert queued(store, "a", owner="bob", key="k").id != first.id
    with pytest.raises(OptionError, match="used for another request"):
        queued(store, "b", owner="ann", key="k")
    assert len(store.list()) == 2


def test_what_is_put_into_a_folder_is_the_one_job_there(store: JobStore) -> None:
    def put(key: str, number: int = 0, **options: Any) -> Job:
        return store.put("fit", {"number": number}, title="a", key=key, folder="jobs/a", **options)

    first = put("one")
    assert (first.state, first.attempt) == ("queued", 1)
    assert store.take_next("training", "all") is not None
    with pytest.raises(RunError, match="the job a runs"):
        put("one")
    store.end(first.id, "failed", error="killed", exit_code=5)
    again = put("one", 2, priority=-3)
    assert (again.id, again.request, again.priority) == (first.id, {"number": 2}, -3)
    assert (again.state, again.attempt, again.error, again.exit_code) == ("queued", 2, "", None)
    assert put("one").attempt == 2, "it waits still"
    failed = put("one", state="failed", error="no folder")
    assert (failed.state, failed.error, failed.started) == ("failed", "no folder", None)
    assert failed.ended is not None
    other = put("two")
    assert [job.id for job in store.list()] == [other.id]
    assert store.newest_in("jobs/a") == other


def test_others_jobs_are_not_there(store: JobStore) -> None:
    job = queued(store, owner="ann")
    for act in (store.get, store.cancel, store.retry):
        with pytest.raises(RunError, match="there is no job"):
            act(job.id, owner="bob")
    assert store.list(owner="bob") == []
    assert store.get(job.id, owner="ann").id == job.id


def test_the_ways_of_a_job_through_its_states(store: JobStore) -> None:
    job = queued(store)
    assert store.cancel(job.id).state == "cancelled"
    with pytest.raises(RunError, match="has ended"):
        store.cancel(job.id)
    assert (store.retry(job.id).state, store.get(job.id).attempt) == ("queued", 2)
    with pytest.raises(RunError, match="is queued, so there is nothing"):
        store.retry(job.id)
    store.take_next("training", "cpu")
    store.note_process(job.id, 4711, "boot/1")
    assert store.cancel(job.id).cancel_asked
    store.end(job.id, "interrupted", error="stopped", exit_code=130)
    ended = store.get(job.id)
    assert (ended.state, ended.error, ended.pid) == ("cancelled", "stopped", None)
    store.retry(job.id)
    store.take_next("training", "cpu")
    store.put_back(job.id)
    assert (store.get(job.id).state, store.get(job.id).attempt) == ("queued", 4)
    store.take_next("training", "cpu")
    store.end(job.id, "done", exit_code=0)
    store.end(job.id, "failed", error="too late")
    assert store.get(job.id).state == "done"
    with pytest.raises(RunError, match="is done"):
        store.retry(job.id)


def test_a_job_that_is_cancelled_while_it_is_cut_off_is_not_queued_again(store: JobStore) -> None:
    job = queued(store)
    store.take_next("training", "cpu")
    store.cancel(job.id)
    store.put_back(job.id)
    assert store.get(job.id).state == "cancelled"


def test_jobs_are_listed_in_pages_the_newest_first(store: JobStore) -> None:
    jobs = [queued(store, str(rank)) for rank in range(5)]
    first = store.list(limit=2)
    second = store.list(limit=2, before=first[-1].sequence)
    assert [job.id for job in (*first, *second)] == [job.id for job in reversed(jobs)][:4]
    assert store.counts() == {"queued": 5}


def test_what_was_answered_as_queued_survives_a_killed_process(tmp_path: Path) -> None:
    program = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom finetune.service.engine.store import JobStore\n"
        "job = JobStore(Path(sys.argv[1])).add('fit', {}, title='t')\nprint(job.id, flush=True)\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    path = tmp_path / "jobs.sqlite"
    done = subprocess.run(
        [sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=False
    )
    assert JobStore(path).get(done.stdout.strip()).state == "queued"


def test_a_database_of_a_newer_version_or_of_none_is_refused(tmp_path: Path) -> None:
    newer, damaged = tmp_path / "newer.sqlite", tmp_path / "damaged.sqlite"
    JobStore(newer)
    with sqlite3.connect(newer) as connection:
        connection.execute(f"pragma user_version = {len(MIGRATIONS) + 1}")
    with pytest.raises(RunError, match="made by a newer version"):
        JobStore(newer)
    damaged.write_bytes(b"not a database" * 200)
    with pytest.raises(RunError, match="no sound job database"):
        JobStore(damaged)


def test_each_version_s_database_is_migrated_to_this_one_s(tmp_path: Path) -> None:
    for version in range(len(MIGRATIONS)):
        path = tmp_path / f"{version}.sqlite"
        with sqlite3.connect(path) as connection:
            for script in MIGRATIONS[:version]:
                connection.executescript(script)
            connection.execute(f"pragma user_version = {version}")
        assert queued(JobStore(path)).state == "queued"
        with opened(path) as connection:
            assert connection.execute("pragma user_version").fetchone()[0] == len(MIGRATIONS)


def test_a_database_that_another_process_holds_is_said_to_be_locked(
    store: JobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "BUSY_S", 0.1)
    holder = sqlite3.connect(tmp_path / "jobs.sqlite", isolation_level=None)
    holder.execute("begin immediate")
    with pytest.raises(ResourceError, match="locked"):
        queued(store)
    holder.execute("rollback")
    holder.close()
    assert queued(store).state == "queued"


def test_many_at_once_can_be_the_first_to_open_a_database(tmp_path: Path) -> None:
    for number in range(40):
        path, together = tmp_path / f"{number}.sqlite", threading.Barrier(6)

        def count(_: int, path: Path = path, together: threading.Barrier = together) -> int:
            together.wait()
            with opened(path) as connection:
                return int(connection.execute("select count(*) from jobs").fetchone()[0])

        with ThreadPoolExecutor(6) as threads:
            assert list(threads.map(count, range(6))) == [0] * 6


def test_a_back_up_is_of_one_moment_and_can_be_used(store: JobStore, tmp_path: Path) -> None:
    job = queued(store)
    back_up(tmp_path / "jobs.sqlite", tmp_path / "copy.sqlite")
    queued(store, "later")
    assert [each.id for each in JobStore(tmp_path / "copy.sqlite").list()] == [job.id]
