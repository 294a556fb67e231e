"""What is done while nobody asks for anything is found by whoever asks, and ends with the one that had it done."""

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from page_server import fill_hub_cache
from services import is_gone, wait_for

from finetune.progress import SILENT
from finetune.service.ahead import look_at_sample, meanwhile
from finetune.service.analysis import analyse
from finetune.service.result import RESULT, read_result
from finetune.training.processes import birth

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="forks")


def test_a_sample_set_that_was_looked_at_is_not_measured_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hub = fill_hub_cache(tmp_path / "hf") / "hub"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(hub))
    seen = read_result(look_at_sample("digits", backbone="test_resnet") / RESULT)
    monkeypatch.setattr("finetune.training.advising.measure", None)
    monkeypatch.setattr("finetune.training.advising.measure_pace", None)
    look_at_sample("digits", backbone="test_resnet")
    again = tmp_path / "again"
    again.mkdir()
    target = str(tmp_path / "digits")
    analyse(again, SILENT, data=target, sample="digits", backbone="test_resnet", offline=True)
    advice, before = read_result(again / RESULT)["advice"], seen["advice"]
    assert advice["strategy"] == before["strategy"]
    assert advice["forecast"] == before["forecast"]
    monkeypatch.setenv("FINETUNE_CACHE", str(tmp_path / "another cache"))
    with pytest.raises(TypeError, match="not callable"):
        look_at_sample("digits", backbone="test_resnet")


def _at_work(told: Path) -> None:
    with subprocess.Popen(["sleep", "600"]) as other:
        told.with_suffix(".tmp").write_text(f"{os.getpid()} {other.pid}")
        told.with_suffix(".tmp").rename(told)


def test_work_ends_when_something_is_asked_for_with_all_that_it_has_started(tmp_path: Path) -> None:
    told = tmp_path / "told"
    with meanwhile(lambda: _at_work(told)):
        wait_for(told.exists)
        pids = [int(word) for word in told.read_text().split()]
        born = [birth(pid) for pid in pids]
    for pid, when in zip(pids, born, strict=True):
        wait_for(lambda pid=pid, when=when: is_gone(pid, when))


def test_what_goes_wrong_in_it_is_nobody_s_trouble() -> None:
    def fail() -> None:
        raise OSError("the disk is full")

    began = time.monotonic()
    with meanwhile(fail):
        pass
    assert time.monotonic() - began < 60


def test_it_ends_with_the_process_that_has_it_done(tmp_path: Path) -> None:
    code = """
import os, sys, time
from pathlib import Path
from finetune.service.ahead import meanwhile

def work():
    Path(sys.argv[1]).write_text(str(os.getpid()))
    time.sleep(600)

with meanwhile(work):
    time.sleep(600)
"""
    told = tmp_path / "told"
    with subprocess.Popen([sys.executable, "-c", code, str(told)]) as parent:
        wait_for(lambda: told.exists() and bool(told.read_text()))
        pid = int(told.read_text())
        born = birth(pid)
        parent.kill()
    wait_for(lambda: is_gone(pid, born))
