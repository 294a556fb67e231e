"""The page on augmentation tells the truth: current tables, a picture that its script draws, commands that run."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from test_docs import Reader, commands

from finetune.data.augmentation.family import PER_IMAGE, flag

DOCS = Path(__file__).resolve().parent.parent / "docs"
PAGE = DOCS / "augmentation.md"
LARGEST_BYTES = 400_000


def test_the_table_in_the_page_is_the_one_in_the_code() -> None:
    spec = importlib.util.spec_from_file_location("docs_generate", DOCS / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    generator = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(generator)
    page = PAGE.read_text(encoding="utf-8")
    assert generator.with_augmentations(page) == page
    assert page.count("| `--") == len(PER_IMAGE) + 2


def test_the_page_says_what_each_augmentation_costs() -> None:
    _, _, costs = PAGE.read_text(encoding="utf-8").partition("<!-- cost: start -->")
    named = re.findall(r"^\| ([\w-]+) ", costs, flags=re.MULTILINE)
    assert set(named) >= {flag(name)[2:] for name in PER_IMAGE}


def environment(folder: Path) -> dict[str, str]:
    paths = os.pathsep.join([str(DOCS.parent), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    quiet = {"HF_HUB_OFFLINE": "1", "OMP_NUM_THREADS": "1", "FINETUNE_CACHE": str(folder / "cache")}
    return {**os.environ, **quiet, "PYTHONPATH": paths}


def run(arguments: list[str], folder: Path) -> None:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=folder,
        env=environment(folder),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]


def test_the_picture_is_as_large_as_its_script_draws_it_and_small_on_disk(
    fruit: Path, tmp_path: Path
) -> None:
    run([str(DOCS / "draw_augmentation.py"), str(tmp_path / "new.jpg"), str(fruit)], tmp_path)
    kept = DOCS / "augmentation.jpg"
    assert kept.stat().st_size < LARGEST_BYTES
    with Image.open(tmp_path / "new.jpg") as new, Image.open(kept) as old:
        assert new.size == old.size


def test_every_command_of_the_page_runs(tmp_path: Path, fruit: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    sample, *page = commands(PAGE)
    assert len(page) == 3
    reader = Reader(tmp_path, fruit)
    reader.draw(sample, a_class=8)
    reader.run(page)
    assert (tmp_path / "grown" / "augmentation.png").is_file()


@pytest.mark.parametrize("policy", ["light", "medium", "strong"])
def test_the_page_names_the_policies(policy: str) -> None:
    assert f"`{policy}`" in PAGE.read_text(encoding="utf-8")
