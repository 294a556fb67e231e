"""Every command of docs/data.md runs, in order, on the images that it draws and packs itself."""

import re
import shlex
from pathlib import Path

import pytest
from test_docs import ROOT, code_blocks

from finetune import cli
from finetune.data.archive_names import MAX_BYTES, MAX_ENTRIES, MAX_RATIO
from finetune.data.kinds.torchvision_sets import SETS


def test_every_command_and_program_of_the_data_page_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    page = ROOT / "docs" / "data.md"
    first, second = code_blocks(page)
    (program,) = code_blocks(page, "python")
    said = {}
    for line in [*first.splitlines(), "", *second.splitlines()]:
        if line:
            assert cli.run(shlex.split(line)[1:]) == 0, capsys.readouterr().err
            said[line] = capsys.readouterr().out
        else:
            exec(program, {})
    assert "splits: none given" in said["finetune inspect photos.csv"]
    assert '"how_split": "none given' in said["finetune inspect photos.npz --json"]
    answers = (tmp_path / "answers.csv").read_text(encoding="utf-8").splitlines()
    assert len(answers) == len(list((tmp_path / "photos").rglob("*.png"))) + 1


def test_the_page_names_every_torchvision_set_that_can_be_had_and_no_other() -> None:
    page = (ROOT / "docs" / "data.md").read_text(encoding="utf-8")
    listed = page.split("**torchvision data sets**")[1].split(".\n")[0]
    assert sorted(re.findall("`([^`]+)`", listed)) == sorted(SETS)
    assert "torchvision:CIFAR10" in page


def test_the_page_says_the_bounds_on_archives() -> None:
    page = " ".join((ROOT / "docs" / "data.md").read_text(encoding="utf-8").split())
    bounds = f"at most {MAX_ENTRIES:,} entries (files, folders and macOS's shadows), {MAX_BYTES // 10**9} GB"
    assert f"{bounds} and {MAX_RATIO} times their own size" in page
