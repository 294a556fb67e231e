"""A process that waits with its libraries loaded does a job like any other, and outlives nobody."""

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from drawing import draw_set
from services import is_gone, wait_for

from finetune.data.samples import write_sample
from finetune.python import environment
from finetune.service import spare
from finetune.service.drawn_samples import copy_sample, kept_sample
from finetune.service.jobs import cancel_job, prepare_process, process_of, start_job, wait_job
from finetune.service.spare import end_spare, keep_spare, take_spare
from finetune.training.processes import birth

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.skipif(not Path("/proc/meminfo").exists(), reason="asks Linux for free memory")


@pytest.fixture(autouse=True)
def alone(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setattr(spare, "LEAST_FREE_BYTES", 0)
    end_spare()
    yield
    end_spare()


def waiting() -> int:
    """The number of the process that waits."""
    assert spare._waiting is not None
    return spare._waiting[0].pid


def test_the_next_job_is_done_by_it_and_says_where_it_is_like_any_other(tmp_path: Path) -> None:
    data = draw_set(tmp_path / "photos", {"a": 4, "b": 4})
    prepare_process()
    pid = waiting()
    prepare_process()
    assert waiting() == pid, "one is enough"
    job = tmp_path / "job"
    start_job(job, {"kind": "clean", "data": str(data), "name": "photos", "offline": True})
    assert process_of(job) == pid
    assert os.getpgid(pid) == pid, "a group of its own, which is ended with it"
    assert wait_job(job).state == "finished", (job / "output.txt").read_text()
    assert (job / "cleaned.zip").is_file()
    assert (job / "heartbeat").exists()


def test_a_job_can_be_cancelled_before_it_has_loaded(tmp_path: Path) -> None:
    prepare_process()
    job = tmp_path / "job"
    start_job(job, {"kind": "clean", "data": str(tmp_path), "name": "photos", "offline": True})
    cancel_job(job)
    assert wait_job(job).state in ("interrupted", "failed")


def test_one_with_another_environment_or_that_was_killed_is_not_taken(tmp_path: Path) -> None:
    keep_spare(environment(), os.getpid())
    left = waiting()
    born = birth(left)
    assert take_spare(tmp_path, {**environment(), "CUDA_VISIBLE_DEVICES": "1"}) is None
    assert is_gone(left, born), "it must not work ahead beside the job"
    keep_spare(environment(), os.getpid())
    assert spare._waiting is not None
    process = spare._waiting[0]
    process.kill()
    process.wait()
    assert take_spare(tmp_path, environment()) is None


def test_it_draws_the_sample_sets_until_it_is_asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FINETUNE_CACHE", str(tmp_path / "cache"))

    def asked(done: int, _total: int) -> None:
        if done > 3:
            raise KeyError

    with pytest.raises(KeyError):
        kept_sample("digits", asked)
    assert list((tmp_path / "cache" / "sets").iterdir()) == []
    prepare_process()
    wait_for(lambda: any((tmp_path / "cache" / "sets").glob("sample-digits-*")))
    drawn = write_sample("digits", tmp_path / "drawn")
    copy_sample("digits", tmp_path / "copied", asked)
    names = [path.relative_to(drawn) for path in sorted(drawn.rglob("*.*"))]
    assert len(names) == 1797
    assert all((tmp_path / "copied" / name).read_bytes() == (drawn / name).read_bytes() for name in names)


def test_there_is_none_while_memory_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spare, "LEAST_FREE_BYTES", 1 << 60)
    prepare_process()
    assert spare._waiting is None


def test_it_ends_with_the_one_that_started_it(tmp_path: Path) -> None:
    code = (
        "import os, sys, time; from finetune.service import spare; spare.LEAST_FREE_BYTES = 0;"
        "from finetune.service.jobs import prepare_process; prepare_process();"
        "print(spare._waiting[0].pid, flush=True); time.sleep(600)"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        born = birth(pid)
        parent.kill()
    wait_for(lambda: is_gone(pid, born))
