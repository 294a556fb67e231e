"""The documents tell the truth: generated pages are current, and every command of the tour runs."""

from __future__ import annotations

import contextlib
import csv
import importlib.util
import io
import re
import shlex
import shutil
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


class Reader:
    """Follows a page in a folder of their own, command by command, as the command line would run them."""

    def __init__(self, folder: Path, fruit: Path) -> None:
        self.folder = folder
        self.fruit = fruit

    def run(self, words: list[list[str]]) -> None:
        """Run the commands; the first failure is the test's."""
        for command in words:
            out, err = io.StringIO(), io.StringIO()
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                code = cli.run(command[1:])
            assert code == 0, f"{' '.join(command)}: {err.getvalue()[-2000:]}"

    def draw(self, sample: list[str], *, a_class: int) -> None:
        """Have a few of the images that ``finetune samples fruit`` drew once for all tests."""
        assert sample[:3] == ["finetune", "samples", "fruit"]
        self.lay(sample[-1], a_class=a_class)

    def lay(self, target: str, *, a_class: int) -> None:
        """Lay a few images of fruit in ``target``: they say as well as all that a command runs.

        They are from the whole row of numbers, which the pages take for the scene that an image shows.
        """
        for label in self.fruit.iterdir():
            images = sorted(label.iterdir())
            (self.folder / target / label.name).mkdir(parents=True)
            for image in images[:: len(images) // a_class][:a_class]:
                shutil.copy(image, self.folder / target / label.name)

    def n_lines(self, name: str) -> int:
        """Return how many lines the file ``name`` has."""
        return len((self.folder / name).read_text(encoding="utf-8").splitlines())

    def metrics(self, run: str) -> list[dict[str, str]]:
        """Return what the run measured after each epoch, but for the seconds that it took."""
        with (self.folder / run / "metrics.csv").open(encoding="utf-8", newline="") as stream:
            rows = list(csv.DictReader(stream))
        assert rows
        return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]


@pytest.fixture
def reader(tmp_path: Path, fruit: Path, warm: None, monkeypatch: pytest.MonkeyPatch) -> Reader:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return Reader(tmp_path, fruit)


def test_every_command_of_the_page_on_trust_runs(reader: Reader) -> None:
    sample, *page = commands(ROOT / "docs" / "trust.md")
    assert len(page) >= 8
    reader.draw(sample, a_class=12)
    reader.run(page)
    assert reader.n_lines("first-ten/suspects.csv") == 11


def test_every_command_of_the_pages_on_answers_and_predictions_runs(reader: Reader) -> None:
    sample, *page = commands(ROOT / "docs" / "trusting-answers.md")
    assert len(page) == 7
    reader.draw(sample, a_class=20)
    reader.run(page)
    assert len(list((reader.folder / "explained").iterdir())) == 2
    header = (reader.folder / "answers.csv").read_text(encoding="utf-8").splitlines()[0]
    assert header.endswith(",set,known")
    following = commands(ROOT / "docs" / "predict.md")
    assert len(following) == 3
    reader.run(following)
    assert (reader.n_lines("answers.csv"), reader.n_lines("answers.jsonl")) == (161, 32)


def test_every_command_of_the_page_on_backbones_runs(reader: Reader) -> None:
    sample, *page = commands(ROOT / "docs" / "backbones.md")
    assert len(page) == 2
    reader.draw(sample, a_class=8)
    reader.run(page)


def test_every_command_of_the_page_on_the_advisor_runs(reader: Reader) -> None:
    sample, *page = commands(ROOT / "docs" / "advisor.md")
    assert len(page) == 5
    small = ["--backbone", "tf_efficientnet_lite0", "--image-size", "64"]
    reader.draw(sample, a_class=8)
    # The race trains: tests of its own run it.
    quick = [command for command in page if "--race" not in command]
    reader.run([[*command, *small] if command[1] == "advise" else command for command in quick])
    assert (reader.folder / "square.svg").read_text(encoding="utf-8").lstrip().startswith("<")


def test_every_command_of_the_page_on_export_runs(reader: Reader) -> None:
    sample, *page = commands(ROOT / "docs" / "export.md")
    assert [command[1] for command in page].count("export") == 3
    reader.draw(sample, a_class=8)
    reader.run(page)
    assert load_bundle(reader.folder / "pears" / "hub-pears").class_names


def test_every_command_of_the_tour_and_of_the_readme_runs(reader: Reader) -> None:
    sample, *tour = commands(ROOT / "docs" / "tour.md")
    assert len(tour) >= 8
    reader.draw(sample, a_class=8)
    reader.run(tour)
    assert reader.n_lines("answers.csv") == 65
    assert reader.metrics("first") == reader.metrics("again")
    shutil.copy("photos/apple/apple-000.jpg", "new.jpg")
    shutil.make_archive("photos", "zip", "photos")
    readme = ROOT / "README.md"
    (jobs,) = code_blocks(readme, "yaml")
    Path("jobs.yaml").write_text(jobs, encoding="utf-8")
    # The page runs until it is stopped; tests of its own open it.
    ending = [command for command in commands(readme) if command[1] != "ui"]
    assert ["finetune", "batch", "jobs.yaml"] in ending
    # Sample sets that are there already: the batch's own tests have one drawn.
    reader.lay("checkpoints/jobs/data/fruit", a_class=6)
    reader.lay("checkpoints/fruit/data/fruit", a_class=6)
    reader.run(ending)
    assert Path("checkpoints/jobs/results.csv").read_text(encoding="utf-8").count("finished") == 4
    programs = code_blocks(readme, "python")
    assert len(programs) == 2
    assert max(len(program.splitlines()) for program in programs) <= 10
    for program in programs:
        exec(program, {})
