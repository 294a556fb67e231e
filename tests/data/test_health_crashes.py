"""A file that ends the process that decodes it is left out with a reason, and every other file is looked at."""

import signal
import sys
from pathlib import Path

import pytest
from drawing import draw_set

from finetune.data.health import inspect_source
from finetune.data.health.index import open_index
from finetune.data.health.lookers import CRASHED
from finetune.data.health.scan import scan
from finetune.data.sources import open_source

DEADLY = ("3.png", "41.png")

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="ends processes by a signal")


DEADLY_CHILD = """
import os, signal, sys
from pathlib import Path
from finetune.data.health import child

look = child.look_at_file

def look_or_die(path):
    if Path(path).name in {deadly}:
        os.kill(os.getpid(), signal.SIGKILL)
    return look(path)

child.look_at_file = look_or_die
child.serve(sys.stdin.buffer, sys.stdout.buffer)
"""
"""What a process does whose decoder crashes: it ends, and says nothing."""


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A set that is looked at by processes, eight files at a time, with two deadly ones far from each other."""
    program = tmp_path / "deadly_child.py"
    program.write_text(DEADLY_CHILD.format(deadly=DEADLY), encoding="utf-8")
    monkeypatch.setattr("finetune.data.health.scan.MANY", 10)
    monkeypatch.setattr("finetune.data.health.lookers._TOGETHER", 8)
    monkeypatch.setattr("finetune.data.health.child.command", lambda _: [sys.executable, str(program)])
    return draw_set(tmp_path / "data", {"ants": 60, "bees": 3})


def test_only_the_culprits_are_left_out_and_told(data: Path) -> None:
    counts: list[tuple[int, int]] = []
    report = inspect_source(open_source(data), workers=2, progress=lambda *count: counts.append(count))
    assert [(item.name, item.reason) for item in report.quarantine] == [
        (f"ants/{name}", CRASHED) for name in DEADLY
    ]
    assert report.classes == {"ants": 58, "bees": 3}
    assert counts == [(i, 63) for i in range(1, 64)]


def test_what_has_ended_a_process_is_not_looked_at_in_this_one_the_next_time(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images = open_source(data).images
    with open_index(tmp_path / "index.sqlite") as index:
        first = scan(images, index, workers=2)
        assert scan(images, index, workers=1) == first, (
            "two unread images are few: threads would end the tests"
        )
        monkeypatch.undo()
        mended = scan(images, index, workers=1)
    assert sum(outcome == CRASHED for outcome in first) == 2
    assert not any(isinstance(outcome, str) for outcome in mended)


def test_a_file_that_has_changed_since_it_ended_a_process_is_an_ordinary_one(
    data: Path, tmp_path: Path
) -> None:
    images = open_source(data).images
    with open_index(tmp_path / "index.sqlite") as index:
        scan(images, index, workers=2)
        for name in DEADLY:
            (data / "ants" / name).write_bytes((data / "bees" / "0.png").read_bytes())
        again = scan(images, index, workers=1)
    assert not any(isinstance(outcome, str) for outcome in again)
