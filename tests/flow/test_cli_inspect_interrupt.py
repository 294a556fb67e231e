"""An interruption while many images are looked at: one sentence, no process left behind, what was seen is kept."""

import contextlib
import io
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from conftest import environment
from drawing import scene

from finetune.data.health.index import index_path, open_index, stamp_of
from finetune.data.health.scan import MANY, scan
from finetune.data.sources import open_source

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="reads processes from /proc")

N_IMAGES = 3_000
CORES = 2


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One photograph in files that differ behind its end, where no decoder looks."""
    root, stream = tmp_path_factory.mktemp("many"), io.BytesIO()
    scene(1, (320, 240)).save(stream, "JPEG")
    for label in ("ants", "bees"):
        (root / label).mkdir()
        for number in range(N_IMAGES // 2):
            (root / label / f"{number}.jpg").write_bytes(stream.getvalue() + f"{label} {number}".encode())
    return root


@pytest.fixture
def inspecting(many: Path, tmp_path: Path, cache_of_the_test: Path) -> Iterator[subprocess.Popen[str]]:
    """``finetune inspect`` on two cores at most, in a process group of its own as a shell starts it."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, sorted(before)[:CORES])
    process = subprocess.Popen(
        [sys.executable, "-m", "finetune", "inspect", str(many)],
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )
    os.sched_setaffinity(0, before)
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def living() -> list[int]:
    """The living processes that were started with this test's cache folder, whatever their group."""
    mark, found = f"FINETUNE_CACHE={os.environ['FINETUNE_CACHE']}".encode(), []
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                state = (folder / "stat").read_text().rpartition(")")[2].split()[0]
                environ = (folder / "environ").read_bytes().split(b"\0")
            except (OSError, IndexError):
                continue
            if mark in environ and state not in "ZX":
                found.append(int(folder.name))
    return found


def n_seen() -> int:
    try:
        with contextlib.closing(sqlite3.connect(f"file:{index_path()}?mode=ro", uri=True)) as connection:
            return int(connection.execute("SELECT count(*) FROM images").fetchone()[0])
    except sqlite3.Error:
        return 0


def wait_for(is_so: Callable[[], bool], process: subprocess.Popen[str], seconds: float = 100) -> None:
    deadline = time.monotonic() + seconds
    while not is_so():
        if process.poll() is not None or time.monotonic() > deadline:
            process.kill()
            pytest.fail(f"it did not come to that: {process.communicate()}")
        time.sleep(0.005)


def assert_ended_well(process: subprocess.Popen[str]) -> None:
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (130, ""), err
    assert err == "error: interrupted; what was finished is kept\n"
    deadline = time.monotonic() + 10
    while living() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert living() == []


@pytest.mark.parametrize("whole_group", [True, False], ids=["the group", "the process alone"])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_ends_every_process_and_keeps_what_was_seen(
    inspecting: subprocess.Popen[str], many: Path, number: signal.Signals, whole_group: bool
) -> None:
    wait_for(lambda: n_seen() > 0, inspecting)
    (os.killpg if whole_group else os.kill)(inspecting.pid, number)
    assert_ended_well(inspecting)
    assert 0 < n_seen() < N_IMAGES
    images = open_source(many).images
    stamps = {str(image.path): stamp for image in images if (stamp := stamp_of(image.path))}
    with open_index() as index:
        known = index.known(stamps)
    assert len(known) == n_seen()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interruption_while_the_processes_start_is_one_sentence_too(
    inspecting: subprocess.Popen[str], number: signal.Signals
) -> None:
    wait_for(lambda: len(living()) > CORES, inspecting)
    os.killpg(inspecting.pid, number)
    assert_ended_well(inspecting)


@pytest.mark.parametrize("workers", [1, 2], ids=["threads", "processes"])
def test_each_image_that_was_told_is_kept(many: Path, tmp_path: Path, workers: int) -> None:
    images = open_source(many).images[: MANY + 200]

    def interrupt(done: int, total: int) -> None:
        if done == 777:
            raise KeyboardInterrupt("by the user")

    with open_index(tmp_path / "index.sqlite") as index:
        with pytest.raises(KeyboardInterrupt, match="by the user"):
            scan(images, index, workers=workers, progress=interrupt)
        stamps = {str(image.path): stamp for image in images if (stamp := stamp_of(image.path))}
        assert len(index.known(stamps)) == 777
        counts: list[int] = []
        scan(images, index, workers=workers, progress=lambda *count: counts.append(count[0]))
    assert counts == list(range(777, len(images) + 1))
