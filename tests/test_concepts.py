"""The concepts page: its pictures come from the project's own functions, and both languages say the same."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

ROOT = Path(__file__).resolve().parent.parent
DOCS = ROOT / "docs"
PAGES = ("concepts.md", "concepts.zh.md")
LARGEST_BYTES = 60_000
SECTIONS = 7


def text(page: str) -> str:
    return (DOCS / page).read_text(encoding="utf-8")


def pictures(page: str) -> list[str]:
    return re.findall(r"!\[[^]]+\]\(concepts/([a-z]+\.png)\)", text(page))


def blank_space(path: Path) -> float:
    """The share of the picture in its commonest colour."""
    with Image.open(path) as image:
        counts = image.convert("RGB").getcolors(maxcolors=2**16)
        assert counts is not None
        return max(count for count, _ in counts) / (image.width * image.height)


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("concepts")
    paths = os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]).rstrip(os.pathsep)
    done = subprocess.run(
        [sys.executable, "-W", "error", str(DOCS / "draw_concepts.py"), str(folder)],
        env={**os.environ, "PYTHONPATH": paths, "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return folder


def test_the_script_draws_each_picture_of_the_page_and_no_other(drawn: Path) -> None:
    assert sorted(path.name for path in drawn.iterdir()) == sorted(pictures("concepts.md"))
    for path in drawn.iterdir():
        assert blank_space(path) < 0.97, f"{path.name} is empty"


def test_each_picture_is_in_the_documents_as_large_as_it_is_drawn_and_small_on_disk(drawn: Path) -> None:
    for path in drawn.iterdir():
        kept = DOCS / "concepts" / path.name
        assert kept.stat().st_size < LARGEST_BYTES
        with Image.open(path) as new, Image.open(kept) as old:
            assert new.size == old.size


@pytest.mark.parametrize("page", PAGES)
def test_each_section_has_one_picture(page: str) -> None:
    sections = text(page).split("\n## ")[1:]
    assert len(sections) == SECTIONS
    assert [len(re.findall(r"!\[", section)) for section in sections] == [1] * SECTIONS


def test_both_languages_show_the_same_pictures_formulas_and_options_in_the_same_sections() -> None:
    for pattern in (r"concepts/\w+\.png", r"\$\$(.+?)\$\$", r"--[a-z][a-z0-9-]*", r"(?m)^\| `([a-z-]+)`"):
        english, chinese = (
            [sorted(re.findall(pattern, section)) for section in text(page).split("\n## ")] for page in PAGES
        )
        assert english == chinese
        assert sum(map(len, english)) >= 3


def test_every_option_that_the_page_names_exists() -> None:
    from typer.main import get_command

    from finetune.cli import app

    commands = get_command(app).commands  # type: ignore[attr-defined]
    known = {
        name
        for command in commands.values()
        for parameter in command.params
        for name in [*parameter.opts, *parameter.secondary_opts]
    }
    spans = re.findall(r"`([^`\n]+)`", text("concepts.md"))
    named = {option for span in spans for option in re.findall(r"--[a-z][a-z0-9-]*", span)}
    assert {"--schedule", "--batch-norm", "--wise-ft"} <= named
    assert named - known == set()
