"""The documents tell the truth: generated pages are current, and every command of the tour runs."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

from finetune import cli
from finetune.bundle.bundle import load_bundle

ROOT = Path(__file__).resolve().parent.parent


def code_blocks(page: Path, language: str = "") -> list[str]:
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"^```(\w*)\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)
    return [block for named, block in blocks if named == language]


def commands(page: Path) -> list[list[str]]:
    lines = "".join(code_blocks(page)).splitlines()
    return [shlex.split(line, comments=True) for line in lines if line.startswith("finetune ")]


@pytest.fixture(scope="module")
def generator() -> ModuleType:
    spec = importlib.util.spec_from_file_location("docs_generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_strategy_cards_in_the_docs_are_those_in_the_code(generator: ModuleType) -> None:
    assert (ROOT / "docs" / "strategies.md").read_text(encoding="utf-8") == generator.strategies_page()


def test_the_errors_in_the_docs_are_those_in_the_code(generator: ModuleType) -> None:
    assert (ROOT / "docs" / "errors.md").read_text(encoding="utf-8") == generator.errors_page()


def test_every_command_in_the_readme_is_one_that_exists(capsys: pytest.CaptureFixture[str]) -> None:
    named = {command[1] for command in commands(ROOT / "README.md")}
    assert {"inspect", "advise", "fit", "predict"} <= named
    for name in named:
        assert cli.run([name, "--help"]) == 0
    capsys.readouterr()


def test_every_link_in_the_documents_leads_to_a_file() -> None:
    for page in (ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")):
        for link in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / link).exists(), f"{page.name} links to {link}"


def run_all(words: list[list[str]], folder: Path) -> None:
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "FINETUNE_CACHE": str(folder / "cache")}
    for command in words:
        done = subprocess.run(
            [sys.executable, *command],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{' '.join(command)}: {done.stderr[-2000:]}"


def test_every_command_of_the_page_on_trust_runs(tmp_path: Path) -> None:
    page = commands(ROOT / "docs" / "trust.md")
    assert len(page) >= 8
    run_all([["-m", *command] for command in page], tmp_path)
    assert len((tmp_path / "first-ten" / "suspects.csv").read_text(encoding="utf-8").splitlines()) == 11


def test_every_command_of_the_page_on_answers_runs(tmp_path: Path) -> None:
    page = commands(ROOT / "docs" / "trusting-answers.md")
    assert len(page) == 8
    run_all([["-m", *command] for command in page], tmp_path)
    assert len(list((tmp_path / "explained").iterdir())) == 2
    header = (tmp_path / "answers.csv").read_text(encoding="utf-8").splitlines()[0]
    assert header.endswith(",set,known")
    following = commands(ROOT / "docs" / "predict.md")
    assert len(following) == 3
    run_all([["-m", *command] for command in following], tmp_path)
    assert len((tmp_path / "answers.csv").read_text(encoding="utf-8").splitlines()) == 481


def test_every_command_of_the_page_on_backbones_runs(tmp_path: Path) -> None:
    page = commands(ROOT / "docs" / "backbones.md")
    assert len(page) == 3
    run_all([["-m", *command] for command in page], tmp_path)


def test_every_command_of_the_page_on_export_runs(tmp_path: Path) -> None:
    page = commands(ROOT / "docs" / "export.md")
    assert [command[1] for command in page].count("export") == 3
    run_all([["-m", *command] for command in page], tmp_path)
    assert load_bundle(tmp_path / "pears" / "hub-pears").class_names


def keep_a_few(images: Path, *, a_class: int = 15) -> None:
    """The README's commands are at full size: fewer images say as well that they run."""
    for folder in images.iterdir():
        for image in sorted(folder.iterdir())[a_class:]:
            image.unlink()


def test_every_command_of_the_tour_and_of_the_readme_runs(tmp_path: Path) -> None:
    tour = commands(ROOT / "docs" / "tour.md")
    assert len(tour) >= 8
    run_all([["-m", *command] for command in tour], tmp_path)
    answers = (tmp_path / "answers.csv").read_text(encoding="utf-8").splitlines()
    assert len(answers) == 481
    first, again = (
        (tmp_path / run / "metrics.csv").read_text(encoding="utf-8") for run in ("first", "again")
    )
    assert first == again
    shutil.copy(tmp_path / "photos" / "apple" / "apple-000.jpg", tmp_path / "new.jpg")
    keep_a_few(tmp_path / "photos")
    shutil.make_archive(str(tmp_path / "photos"), "zip", tmp_path / "photos")
    readme = ROOT / "README.md"
    (jobs,) = code_blocks(readme, "yaml")
    (tmp_path / "jobs.yaml").write_text(jobs, encoding="utf-8")
    # The page runs until it is stopped; tests of its own open it.
    ending = [command for command in commands(readme) if command[1] != "ui"]
    assert ["finetune", "batch", "jobs.yaml"] in ending
    run_all([["-m", *command] for command in ending], tmp_path)
    table = (tmp_path / "checkpoints" / "jobs" / "results.csv").read_text(encoding="utf-8")
    assert table.count("finished") == 4
    programs = code_blocks(readme, "python")
    assert len(programs) == 2
    assert max(len(program.splitlines()) for program in programs) <= 10
    run_all([["-c", program] for program in programs], tmp_path)
