"""What all tests share."""

import contextlib
import io
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from filelock import FileLock
from hypothesis import settings
from warm import warm_processes

from finetune.cli import run

settings.register_profile("any-machine", deadline=None)
settings.load_profile("any-machine")


LONGEST = ("browser", "test_docs", "flow", "service")
"""Folders and files, by how their paths below tests begin, whose tests take longest."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Let the longest come first, so that at the end no process works alone on one of them."""
    root = Path(__file__).parent
    ranks = {first: rank for rank, first in enumerate(LONGEST)}

    def rank(item: pytest.Item) -> int:
        name = item.path.relative_to(root).as_posix()
        return next((rank for first, rank in ranks.items() if name.startswith(first)), len(ranks))

    items.sort(key=rank)


def pytest_configure() -> None:
    """Set up what tests hand on to the programs they start.

    These must be stoppable, even where the shell began pytest with signals ignored. They keep to one thread, as this
    process does: threads that wait for each other on a busy machine make tiny networks twenty times slower.
    """
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ[name] = "1"
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    for number in (signal.SIGHUP, signal.SIGTERM):
        if signal.getsignal(number) == signal.SIG_IGN:
            signal.signal(number, signal.SIG_DFL)


@pytest.fixture(autouse=True, scope="session")
def cache_of_the_session(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Nor may what is set up once for many tests."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("FINETUNE_CACHE", str(tmp_path_factory.mktemp("cache")))
        patched.setenv("FINETUNE_EXPERIENCE", "off")
        yield


@pytest.fixture(autouse=True)
def cache_of_the_test(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """No test may write to the user's own cache."""
    cache = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("FINETUNE_CACHE", str(cache))
    return cache


@pytest.fixture(autouse=True)
def no_experience(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test may learn from the user's own trainings, or add to them."""
    monkeypatch.setenv("FINETUNE_EXPERIENCE", "off")


@pytest.fixture(scope="module")
def warm() -> Iterator[None]:
    """Let processes of our own start at once, in tests whose claim is not how they start."""
    with warm_processes():
        yield


@pytest.fixture
def experience(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file of trainings for one test, which is not there yet."""
    file = tmp_path / "own" / "experience.jsonl"
    monkeypatch.setenv("FINETUNE_EXPERIENCE", str(file))
    return file


@pytest.fixture(scope="session")
def fruit(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The whole sample set of fruit, which every process of the tests reads and none changes.

    To draw it takes as long as forty small trainings, so one process does, by the command that the documents name.
    """
    folder = tmp_path_factory.getbasetemp()
    shared = folder.parent if "PYTEST_XDIST_WORKER" in os.environ else folder
    target = shared / "fruit"
    with FileLock(shared / "fruit.lock"):
        if not target.exists():
            with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()) as said:
                assert run(["samples", "fruit", str(target)]) == 0, said.getvalue()
    return target


@pytest.fixture
def shared_data() -> Path:
    """The folder with the large data sets, or a skip."""
    root = Path(__file__).parents[1]
    folder = (root / os.environ.get("SHARED_DATA", "../shared/data")).resolve()
    if not folder.is_dir():
        pytest.skip(f"no data sets in {folder}; set SHARED_DATA")
    return folder
