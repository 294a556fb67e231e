"""What was seen of a file is kept: an unchanged one is not read again, a changed one always is."""

import contextlib
import os
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from itertools import cycle
from pathlib import Path

import numpy as np
import pytest
from drawing import draw_scenes, draw_set, picture, save, scene

from finetune.data.health import inspect_source
from finetune.data.health.index import VERSION, index_path, open_index, stamp_of
from finetune.data.health.scan import scan
from finetune.data.sources import open_source


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return draw_set(tmp_path / "data", {"ants": 20, "bees": 20})


def unreadable_by_anyone(path: Path) -> None:
    """Swap the pixels of ``path`` for rubbish without a change of size or of any time that the index looks at."""
    with sqlite3.connect(index_path()) as connection:
        path.write_bytes(b"x" * path.stat().st_size)
        stamp = stamp_of(path)
        assert stamp is not None
        connection.execute("UPDATE images SET mtime = ?, ctime = ? WHERE path = ?", (*stamp[1:], str(path)))
    connection.close()


def test_an_unchanged_file_is_not_read_again(data: Path) -> None:
    first = inspect_source(open_source(data))
    unreadable_by_anyone(data / "ants" / "0.png")
    again = inspect_source(open_source(data))
    assert again.to_json() == first.to_json()
    assert again.facts == first.facts


def test_a_changed_file_is_read_again_even_if_its_time_was_set_back(data: Path) -> None:
    inspect_source(open_source(data))
    path = data / "ants" / "0.png"
    status = path.stat()
    path.write_bytes(b"x" * status.st_size)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))
    report = inspect_source(open_source(data))
    assert [item.name for item in report.quarantine] == ["ants/0.png"]


def test_a_file_that_could_not_be_read_is_tried_again(data: Path) -> None:
    path = save(picture(99), data / "ants" / "late.png")
    content = path.read_bytes()
    path.write_bytes(content[:-30])
    assert len(inspect_source(open_source(data)).quarantine) == 1
    path.write_bytes(content)
    assert inspect_source(open_source(data)).quarantine == ()


def test_a_damaged_index_is_begun_anew(data: Path) -> None:
    first = inspect_source(open_source(data))
    index_path().write_bytes(b"no database" * 1000)
    assert inspect_source(open_source(data)).to_json() == first.to_json()
    with open_index() as index:
        assert len(index.known({str(p): s for p in data.rglob("*.png") if (s := stamp_of(p))})) == 40


def test_an_index_of_another_version_is_begun_anew(data: Path) -> None:
    inspect_source(open_source(data))
    with sqlite3.connect(index_path()) as connection:
        connection.execute(f"PRAGMA user_version={VERSION + 1}")
    connection.close()
    with open_index() as index:
        assert index.known({str(p): s for p in data.rglob("*.png") if (s := stamp_of(p))}) == {}


def test_a_cache_that_cannot_be_written_costs_time_and_nothing_else(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    expected = inspect_source(open_source(data)).to_json()
    (tmp_path / "file").touch()
    monkeypatch.setenv("FINETUNE_CACHE", str(tmp_path / "file"))
    assert inspect_source(open_source(data)).to_json() == expected


def test_two_processes_may_look_at_once(data: Path) -> None:
    program = (
        "import sys; from finetune.data.health import inspect_source; from finetune.data.sources import open_source; "
        "print(len(inspect_source(open_source(sys.argv[1])).images))"
    )
    started = [
        subprocess.Popen([sys.executable, "-c", program, str(data)], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    assert [process.communicate()[0] for process in started] == ["40\n", "40\n"]
    assert [process.returncode for process in started] == [0, 0]


def test_many_images_are_looked_at_by_processes_with_the_same_result(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (data / "bees" / "bad.png").write_bytes(b"rubbish")
    images = open_source(data).images
    with open_index(tmp_path / "one.sqlite") as index:
        by_threads = scan(images, index, workers=2)
    monkeypatch.setattr("finetune.data.health.scan.MANY", 10)
    counts: list[tuple[int, int]] = []
    with open_index(tmp_path / "two.sqlite") as index:
        by_processes = scan(images, index, workers=2, progress=lambda *count: counts.append(count))
    assert by_processes == by_threads
    assert counts == [(i, 41) for i in range(1, 42)]


PAGE_BYTES = 4_096


@pytest.fixture
def scenes(tmp_path: Path) -> Path:
    """Images of which two show one picture, and enough of them for an index of many pages."""
    root = draw_scenes(tmp_path / "scenes", {"ants": 60, "bees": 60})
    save(scene(5), root / "ants" / "again.jpg", quality=60)
    return root


@contextlib.contextmanager
def locked() -> Iterator[None]:
    """Hold the index as a process does that writes and does not end."""
    with contextlib.closing(sqlite3.connect(index_path())) as other:
        other.execute("BEGIN IMMEDIATE")
        yield


def n_kept() -> int:
    with contextlib.closing(sqlite3.connect(index_path())) as connection:
        return int(connection.execute("SELECT count(*) FROM images").fetchone()[0])


def test_an_index_that_another_process_holds_is_done_without(
    scenes: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("finetune.data.health.index._WAIT_S", 0.05)
    expected = inspect_source(open_source(scenes)).to_json()
    assert len(expected["near_duplicates"]) == 1
    index_path().unlink()
    with contextlib.ExitStack() as stack:

        def hold(done: int, _total: int) -> None:
            if done == 1:
                stack.enter_context(locked())

        assert inspect_source(open_source(scenes), progress=hold).to_json() == expected
    assert n_kept() == 0


def test_a_disk_that_is_full_costs_time_and_nothing_else(scenes: Path) -> None:
    expected = inspect_source(open_source(scenes)).near_duplicates
    index_path().unlink()
    program = (
        "import resource, sys\n"
        "from finetune.data.health import inspect_source\n"
        "from finetune.data.sources import open_source\n"
        "source = open_source(sys.argv[1])\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, 50_000))\n"
        "print(inspect_source(source).near_duplicates)"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(scenes)], capture_output=True, text=True, check=False
    )
    assert (done.stdout, done.stderr) == (f"{expected}\n", "")
    assert n_kept() == 0, "it did not come to the limit"


def test_a_damaged_page_anywhere_costs_time_and_nothing_else(scenes: Path) -> None:
    expected = inspect_source(open_source(scenes)).to_json()
    sound = index_path().read_bytes()
    noise = np.random.default_rng(0).integers(0, 256, PAGE_BYTES, np.uint8).tobytes()
    starts = range(0, len(sound), 3 * PAGE_BYTES)
    assert len(starts) > 6
    for start, content in zip(starts, cycle([bytes(PAGE_BYTES), noise]), strict=False):
        index_path().write_bytes(sound[:start] + content + sound[start + PAGE_BYTES :])
        assert inspect_source(open_source(scenes)).to_json() == expected, f"page at {start}"
        inspect_source(open_source(scenes))
        assert n_kept() == 121, "it was not begun anew"


def test_thumbnails_that_the_index_has_lost_are_made_anew(scenes: Path) -> None:
    expected = inspect_source(open_source(scenes)).near_duplicates
    with contextlib.closing(sqlite3.connect(index_path())) as connection, connection:
        connection.execute("UPDATE images SET thumb = ''")
    assert inspect_source(open_source(scenes)).near_duplicates == expected
