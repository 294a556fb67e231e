"""Each odd image gets the same treatment in training, predict, evaluate, explain, page, API and the ONNX file."""

from __future__ import annotations

import json
import re
import runpy
import shutil
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from api_server import LIMITS, put_job, serve_api
from conftest import REPOSITORY, draw_colours
from odd_images import REFUSED, SHOWN, Odd
from page_parts import bare_parts
from PIL import Image
from safetensors.numpy import load_file

import finetune
from finetune.bundle.bundle import Bundle
from finetune.bundle.evaluate import evaluate_data
from finetune.data.health import HealthReport, inspect_source
from finetune.data.images import load_rgb
from finetune.data.labelled import LabelledImage
from finetune.data.loading import TrainingDataset
from finetune.data.sources import open_source
from finetune.data.transforms import TrainingTransform
from finetune.errors import ImageError
from finetune.export.export import export
from finetune.progress import SILENT
from finetune.recipe import Recipe
from finetune.service.projects import new_project
from finetune.service.service import Service
from ui.tabs.trial import TrialParts
from ui.trial_handlers import TrialHandlers

CLOSE = 1e-4
ROUNDED = 6e-4
"""What a bar's width, in tenths of a percent, may be off."""
"""Largest difference of a probability between two ways to the same pixels."""

ROUNDED = 0.01
"""The same for the ONNX file, whose resize rounds now and then to the other side."""

CLASSES = ("apple", "lime", "plum")
LISTED = tuple(odd for odd in REFUSED if odd.name not in ("folder.jpg", "pipe.png", "loop.png"))
"""What the listing of a folder takes for an image; the others it passes over."""


def label_of(odd: Odd) -> str:
    return CLASSES[(*SHOWN, *REFUSED).index(odd) % len(CLASSES)]


def each(odds: tuple[Odd, ...]) -> Any:
    return pytest.mark.parametrize("odd", odds, ids=lambda odd: odd.name)


class Said:
    """A reporter that keeps what is said."""

    def __init__(self) -> None:
        self.sentences: list[str] = []

    def say(self, text: str) -> None:
        self.sentences.append(text)

    def track(self, title: str) -> Any:
        return SILENT.track(title)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All odd files."""
    root = tmp_path_factory.mktemp("odd")
    for odd in (*SHOWN, *REFUSED):
        odd.make(root)
    return root


@pytest.fixture(scope="module")
def plain(folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The pixels of those that can be read, as ordinary RGB images of the same names and ``.png``."""
    root = tmp_path_factory.mktemp("plain")
    for odd in SHOWN:
        load_rgb(folder / odd.name).save(root / f"{odd.name}.png")
    return root


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three classes for training and for testing, with the odd files among them."""
    counts = {f"{split}/{name}": n for split, n in (("train", 10), ("test", 2)) for name in CLASSES}
    root = draw_colours(tmp_path_factory.mktemp("data") / "odd", counts)
    for split in ("train", "test"):
        for odd in (*SHOWN, *REFUSED):
            odd.make(root / split / label_of(odd))
    return root


@pytest.fixture(scope="module")
def health(data: Path) -> HealthReport:
    return inspect_source(open_source(data))


@pytest.fixture(scope="module")
def run(data: Path, weights: Path, tmp_path_factory: pytest.TempPathFactory) -> finetune.Run:
    recipe = Recipe.make(
        strategy="freeze-all", backbone="test_resnet", weights=str(weights), image_size=32, workers=0
    )
    return finetune.fit(data, recipe, out=tmp_path_factory.mktemp("run") / "run", offline=True)


@pytest.fixture(scope="module")
def bundle(run: finetune.Run) -> Bundle:
    return run.load_bundle()


@pytest.fixture(scope="module")
def expected(bundle: Bundle, plain: Path) -> dict[str, dict[str, float]]:
    """What the bundle says of the pixels of each, by name: probabilities by class."""
    found = finetune.predict(bundle, [plain / f"{odd.name}.png" for odd in SHOWN], top=len(CLASSES))
    return {odd.name: dict(prediction.top) for odd, prediction in zip(SHOWN, found, strict=True)}


def best(shares: Mapping[str, float]) -> str:
    return max(shares, key=lambda name: shares[name])


# What the table says.


@each(SHOWN)
def test_what_can_be_read_is_what_a_person_sees(odd: Odd, folder: Path) -> None:
    rgb, seen = load_rgb(folder / odd.name), odd.seen
    assert (rgb.mode, rgb.size, rgb.info) == ("RGB", seen.size, {})
    assert np.abs(np.asarray(rgb, np.float64) - np.asarray(seen, np.float64)).mean() <= odd.off


@each(REFUSED)
def test_what_cannot_be_read_is_one_sentence(odd: Odd, folder: Path) -> None:
    with pytest.raises(ImageError, match=re.escape(odd.refused)) as caught:
        load_rgb(folder / odd.name)
    assert str(caught.value) == f"{folder / odd.name} {odd.refused}"


def test_the_classifier_would_notice_another_reading(
    bundle: Bundle, folder: Path, expected: dict[str, dict[str, float]]
) -> None:
    """Else nothing below could fail: Pillow's own conversion, without turning and without white."""
    wrong = {
        "deep-grey.png",
        "deep-grey.tif",
        "half-clear.png",
        "half-clear.webp",
        "palette.png",
        "lying.jpg",
    }
    for name in sorted(wrong):
        with Image.open(folder / name) as stored:
            pixels = bundle.preprocessing(stored.convert("RGB"))
        shares = bundle.probabilities(bundle.logits(pixels[None]).numpy())[0]
        assert abs(shares.max() - max(expected[name].values())) > 100 * CLOSE, name


# Training.


def test_training_takes_what_can_be_read_and_says_why_not_of_the_rest(
    health: HealthReport, run: finetune.Run, data: Path
) -> None:
    names = {
        f"{split}/{label_of(odd)}/{odd.name}": odd
        for split in ("train", "test")
        for odd in (*SHOWN, *REFUSED)
    }
    taken = {image.name for image in health.images}
    skipped = {item.name: item.reason for item in open_source(data).skipped}
    told = skipped | {item.name: item.reason for item in health.quarantine}
    assert {name for name in names if name in taken} == {n for n, odd in names.items() if not odd.refused}
    assert told == {name: odd.refused for name, odd in names.items() if odd.refused}
    assert len(health.quarantine) == run.report.quarantined == 2 * len(LISTED)
    counted = run.report.n_images
    assert counted["train"] + counted["val"] == 30 + len(SHOWN)
    assert counted["test"] == 6 + len(SHOWN)


@each(SHOWN)
def test_training_sees_these_pixels(odd: Odd, bundle: Bundle, folder: Path, plain: Path) -> None:
    paths = [folder / odd.name, plain / f"{odd.name}.png"]
    as_it_is = TrainingDataset(paths, [0, 0], TrainingTransform(bundle.preprocessing, "none", 0))
    assert np.array_equal(*(as_it_is.crop(index, epoch=0, number=0) for index in (0, 1)))
    varied = TrainingDataset(paths, [0, 0], TrainingTransform(bundle.preprocessing, "crop-flip", 0))
    one, other = (varied.crop(index, epoch=3, number=7).astype(int) for index in (0, 1))
    # A JPEG may be decoded at a smaller scale, which takes the mean of neighbours by other rounding.
    assert np.abs(one - other).mean() <= (4 if odd.off else 0)


def test_a_run_is_judged_by_these_pixels(run: finetune.Run, bundle: Bundle, plain: Path) -> None:
    rows = (run.folder.path / "predictions.csv").read_text(encoding="utf-8").splitlines()[1:]
    logits = load_file(run.folder.path / "predictions.safetensors")["test_logits"]
    said = {row.split(",")[0].split("/")[-1]: logits[rank] for rank, row in enumerate(rows)}
    images = torch.stack([bundle.preprocessing(load_rgb(plain / f"{odd.name}.png")) for odd in SHOWN])
    for odd, exact in zip(SHOWN, bundle.logits(images).numpy(), strict=True):
        assert said[odd.name] == pytest.approx(exact, abs=1e-3), odd.name


# In process: predict, explain, evaluate.


def test_predict_gives_the_answer_of_the_pixels_or_the_sentence(
    bundle: Bundle, folder: Path, expected: dict[str, dict[str, float]]
) -> None:
    odds = (*SHOWN, *REFUSED)
    found = list(finetune.predict(bundle, [folder / odd.name for odd in odds], top=len(CLASSES)))
    for odd, prediction in zip(odds, found, strict=True):
        assert prediction.error == odd.refused
        assert dict(prediction.top) == pytest.approx(expected.get(odd.name, {}), abs=CLOSE), odd.name


@each(SHOWN)
def test_explain_speaks_of_the_pixels(
    odd: Odd, bundle: Bundle, folder: Path, plain: Path, expected: dict[str, dict[str, float]]
) -> None:
    found = finetune.explain_image(bundle, folder / odd.name)
    same = finetune.explain_image(bundle, str(plain / f"{odd.name}.png"))
    assert (found.label, found.size, found.box) == (best(expected[odd.name]), same.size, same.box)
    assert found.probability == pytest.approx(max(expected[odd.name].values()), abs=CLOSE)
    assert found.grid == pytest.approx(same.grid, abs=CLOSE)
    assert found.heat((60, 40)).shape == (40, 60)


@each(REFUSED)
def test_explain_and_evaluate_raise_the_sentence(odd: Odd, bundle: Bundle, folder: Path) -> None:
    path = folder / odd.name
    with pytest.raises(ImageError, match=re.escape(odd.refused)) as explained:
        finetune.explain_image(bundle, path)
    with pytest.raises(ImageError, match=re.escape(odd.refused)) as evaluated:
        finetune.evaluate(bundle, [LabelledImage(path, odd.name, CLASSES[0], None)])
    assert str(explained.value) == str(evaluated.value) == f"{path} {odd.refused}"


def test_evaluate_counts_the_pixels(bundle: Bundle, folder: Path, plain: Path) -> None:
    by_place = (
        [LabelledImage(root / f"{odd.name}{ending}", odd.name, label_of(odd), None) for odd in SHOWN]
        for root, ending in ((folder, ""), (plain, ".png"))
    )
    found, same = (finetune.evaluate(bundle, images) for images in by_place)
    assert found.confusion == same.confusion
    assert found.log_loss == pytest.approx(same.log_loss, abs=CLOSE)


def test_evaluate_leaves_out_what_cannot_be_read(bundle: Bundle, data: Path) -> None:
    said = Said()
    metrics, split = evaluate_data(bundle, str(data), exclude=(), reporter=said)
    assert (split, metrics.n_images) == ("test", 6 + len(SHOWN))
    assert f"{2 * len(LISTED)} unreadable images of {data} left out (first: train/" in said.sentences[0]


# The page.


@dataclass(frozen=True)
class Page:
    """The page's handlers, where it keeps uploaded files, and a project with a finished training."""

    handlers: TrialHandlers
    test: TrialParts
    uploads: Path
    project_id: str

    def upload(self, odd: Odd) -> dict[str, str]:
        path = self.uploads / odd.name
        if not path.is_symlink() and not path.exists():
            odd.make(self.uploads)
        return {"path": str(path)}


@pytest.fixture(scope="module")
def page(run: finetune.Run, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Page]:
    service = Service(tmp_path_factory.mktemp("page"), offline=True)
    project = new_project(service.home, sample="fruit")
    job = project.folder / "trainings" / "1"
    job.mkdir(parents=True)
    request = {"out": str(run.folder.path), "recipe": {"strategy": "freeze-all"}}
    (job / "request.json").write_text(json.dumps(request), encoding="utf-8")
    service.uploads.mkdir(parents=True, exist_ok=True)
    test = bare_parts().test_tab
    yield Page(TrialHandlers(service, test), test, service.uploads, project.id)
    service.close()


def test_the_page_gives_the_answer_of_the_pixels_or_the_sentence(
    page: Page, expected: dict[str, dict[str, float]]
) -> None:
    for odd in (*SHOWN, *REFUSED):
        shown = page.handlers.classify(page.project_id, page.upload(odd), {})
        html, trouble = (shown[part] for part in (page.test.answer, page.test.trouble))
        bars = re.findall(r'"bar-name">(.*?)</span>.*?width:([\d.]+)%', html)
        answer = {label: float(share) / 100 for label, share in bars}
        assert answer == pytest.approx(expected.get(odd.name, {}), abs=CLOSE + ROUNDED), odd.name
        assert (f"{odd.name} {odd.refused}" in trouble) == bool(odd.refused)
        assert "Traceback" not in trouble


def test_the_page_says_why_or_the_sentence(page: Page, expected: dict[str, dict[str, float]]) -> None:
    for odd in (SHOWN[0], SHOWN[1], *REFUSED):
        html = page.handlers.why(page.project_id, page.upload(odd))
        words = f"{odd.name} {odd.refused}" if odd.refused else f"for {best(expected[odd.name])} (grad-cam)"
        assert words in html
        assert "Traceback" not in html


# The API.


def test_the_api_gives_the_answer_of_the_pixels_or_the_sentence(
    bundle: Bundle, run: finetune.Run, folder: Path, expected: dict[str, dict[str, float]], tmp_path: Path
) -> None:
    odds = [odd for odd in (*SHOWN, *REFUSED) if (folder / odd.name).is_file()]
    assert len(odds) == len(SHOWN) + len(REFUSED) - 3  # a folder, a pipe and a broken link cannot be sent
    limits = replace(LIMITS, question=2**30, image=2**28)
    with serve_api(tmp_path / "service", limits=limits) as server, server.person() as person:
        out = server.context.runs / "odd"
        shutil.copytree(run.folder.path / "bundle", out / "bundle")
        model = put_job(server.context, "", "done", {"data": "odd", "out": str(out), "recipe": {}})
        files = [("images", (odd.name, (folder / odd.name).read_bytes())) for odd in odds]
        answer = person.post(f"/models/{model}/predict?top={len(CLASSES)}", files=files).json()
    for odd, row in zip(odds, answer["predictions"], strict=True):
        shares = {each["label"]: each["probability"] for each in row["top"]}
        assert (row["name"], row["error"]) == (odd.name, odd.refused or None)
        assert shares == pytest.approx(expected.get(odd.name, {}), abs=CLOSE), odd.name


# The ONNX file, and the program around it that the documents show.


@pytest.fixture(scope="module")
def onnx(run: finetune.Run, folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file that was compared with the bundle on the odd images."""
    out, said = tmp_path_factory.mktemp("onnx") / "model.onnx", Said()
    exported = export(run.folder.path, out=out, check=str(folder), offline=True, reporter=said)
    assert exported.parity.n_images == len(SHOWN)
    told = {f"{folder / odd.name} {odd.refused}" for odd in REFUSED if odd.name != "folder.jpg"}
    assert set(exported.parity.unreadable) == told
    assert f"{len(told)} unreadable images left out (first: " in said.sentences[-1]
    return exported.path


def answers_of(onnx: Path, paths: list[Path], capsys: pytest.CaptureFixture[str]) -> list[list[str]]:
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(sys, "argv", ["onnx_predict.py", str(onnx), *map(str, paths)])
        capsys.readouterr()
        runpy.run_path(str(REPOSITORY / "docs" / "onnx_predict.py"), run_name="__main__")
    return [line.split("\t") for line in capsys.readouterr().out.splitlines()]


def test_the_onnx_program_reads_the_same_pixels_and_goes_on_after_an_error(
    onnx: Path,
    folder: Path,
    plain: Path,
    expected: dict[str, dict[str, float]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    refused = [odd for odd in REFUSED if odd.name != "pipe.png"]  # it would wait
    odds = [*refused, *SHOWN]
    found = answers_of(onnx, [folder / odd.name for odd in odds], capsys)
    same = answers_of(onnx, [plain / f"{odd.name}.png" for odd in SHOWN], capsys)
    assert [row[0] for row in found] == [str(folder / odd.name) for odd in odds]
    for odd, row in zip(refused, found, strict=False):
        assert row[1:3] == ["", ""], odd.name
        assert row[3], odd.name
    for odd, row, exact in zip(SHOWN, found[len(refused) :], same, strict=True):
        assert row[1:] == exact[1:], odd.name
        assert row[1] == best(expected[odd.name])
        assert float(row[2]) == pytest.approx(max(expected[odd.name].values()), abs=ROUNDED)
