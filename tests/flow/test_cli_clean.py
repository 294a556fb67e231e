"""A cleaned copy holds what is sound, says what became of the rest, and the original is as it was."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from cleaning_sets import COUNTS, EXPECTED, draw_faulty, log_of, tree
from conftest import Finetune, draw_colours
from PIL import Image

from finetune.data.images import load_rgb
from finetune.data.sources import open_source


@pytest.fixture
def faulty(tmp_path: Path) -> Iterator[Path]:
    """The faulty set, which no cleaning may touch."""
    root = draw_faulty(tmp_path / "set")
    before = tree(root)
    yield root
    assert tree(root) == before


def test_each_fault_is_mended_or_put_aside_and_logged_and_the_original_is_untouched(
    finetune: Finetune, faulty: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    answer = finetune("clean", faulty, "--out", out, "--json")
    assert answer.code == 0, answer.err
    assert log_of(out) == EXPECTED
    lines = [json.loads(line) for line in (out / "actions.jsonl").read_text("utf-8").splitlines()]
    assert {line["name"]: (line["kind"], line["written"]) for line in lines} == EXPECTED
    assert answer.json["actions"] == COUNTS
    assert sorted(path.relative_to(out / "quarantine").as_posix() for path in (out / "quarantine").rglob("*.*")) == [
        "apple/broken.jpg", "lime/1.png", "plum/both.png"
    ]  # fmt: skip


def test_the_copy_has_the_pixels_that_training_saw_and_nothing_left_to_mend(
    finetune: Finetune, faulty: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    assert finetune("clean", faulty, "--out", out).code == 0
    written = {name: new or name for name, (_, new) in EXPECTED.items()}
    source = open_source(out / "data")
    assert len(source.images) == 21
    for image in open_source(faulty).images:
        copy = out / "data" / written.get(image.name, image.name)
        if copy.exists():
            assert (np.asarray(load_rgb(copy)) == np.asarray(load_rgb(image.path))).all(), image.name
    again = finetune("clean", out / "data", "--out", tmp_path / "again", "--json").json
    assert again["actions"] == {
        "copy": 21, "rename": 0, "rewrite": 0, "quarantine": 0, "drop": 0, "skip": 0
    }  # fmt: skip


def test_each_action_can_be_switched_off(finetune: Finetune, faulty: Path, tmp_path: Path) -> None:
    def actions(number: int, *options: str) -> set[str]:
        out = tmp_path / str(number)
        assert finetune("clean", faulty, "--out", out, *options).code == 0
        return {name for name, (kind, _) in log_of(out).items() if kind != "skip"}

    duplicates = {"apple/copy.png", "lime/1.png", "plum/both.png"}
    formats = {"lime/png.jpg", "lime/print.jpg", "plum/deep.tif"}
    everything = EXPECTED.keys() - {"plum/notes.txt"}
    assert actions(1, "--no-dedupe") == everything - duplicates
    assert actions(2, "--no-reencode") == everything - formats
    assert actions(3, "--no-upright") == everything - {"plum/turned.jpg"}
    assert actions(4, "--no-quarantine") == everything - {"apple/broken.jpg"}
    assert (tmp_path / "4" / "data" / "apple" / "broken.jpg").exists()
    off = ("--no-dedupe", "--no-reencode", "--no-upright", "--no-quarantine")
    answer = finetune("clean", faulty, "--out", tmp_path / "5", *off)
    assert (answer.code, answer.error) == (
        2,
        "error: nothing is cleaned, since all is switched off; leave out a --no-… option",
    )


def photo(number: int, side_px: int = 96) -> Image.Image:
    """A smooth picture: large shapes, as a perceptual hash wants them."""
    coarse = np.random.default_rng(number).integers(0, 255, (6, 6, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((side_px, side_px), Image.Resampling.BICUBIC)


def test_near_duplicates_stay_unless_asked_and_then_the_largest_stays(
    finetune: Finetune, tmp_path: Path
) -> None:
    root = tmp_path / "set"
    for rank, label in enumerate(("a", "b")):
        (root / label).mkdir(parents=True)
        for i in range(4):
            photo(10 * rank + i).save(root / label / f"{i}.png")
    photo(0, 160).save(root / "a" / "larger.jpg", quality=90)
    assert finetune("clean", root, "--out", tmp_path / "far").code == 0
    assert log_of(tmp_path / "far") == {}
    assert finetune("clean", root, "--out", tmp_path / "near", "--near").code == 0
    assert log_of(tmp_path / "near") == {"a/0.png": ("drop", "")}


def test_a_copy_in_train_gives_way_to_the_one_in_test(finetune: Finetune, tmp_path: Path) -> None:
    counts = {f"{split}/{label}": 4 for split in ("train", "test") for label in ("a", "b")}
    root = draw_colours(tmp_path / "set", counts)
    shutil.copy(root / "test" / "a" / "0.png", root / "train" / "a" / "leak.png")
    assert finetune("clean", root, "--out", tmp_path / "out").code == 0
    assert log_of(tmp_path / "out") == {"train/a/leak.png": ("drop", "")}
    assert set(open_source(tmp_path / "out" / "data").split_folders) == {"train", "test"}


def test_a_manifest_names_what_is_sound_and_can_be_trained_on(
    finetune: Finetune, faulty: Path, tmp_path: Path
) -> None:
    manifest = tmp_path / "sound.csv"
    answer = finetune("clean", faulty, "--manifest", manifest, "--json")
    assert answer.code == 0, answer.err
    sound = open_source(manifest)
    names = {image.name.removeprefix("set/") for image in sound.images}
    left_out = {name for name, (kind, _) in EXPECTED.items() if kind in ("quarantine", "drop")}
    assert names == {image.name for image in open_source(faulty).images} - left_out
    log = (tmp_path / "sound.actions.csv").read_text(encoding="utf-8").splitlines()
    assert "quarantine,apple/broken.jpg,,is a damaged or truncated JPEG" in log, "nothing is put anywhere"
    assert finetune("inspect", manifest).code == 0
    assert finetune("clean", faulty, "--manifest", manifest).code == 6


def test_a_manifest_s_groups_and_splits_survive_the_copy(finetune: Finetune, tmp_path: Path) -> None:
    root = draw_colours(tmp_path / "set", {"x": 4, "y": 4})
    rows = [
        f"{p.relative_to(root).as_posix()},{p.parent.name},g{p.stem}" for p in sorted(root.rglob("*.png"))
    ]
    (root / "list.csv").write_text("path,label,group\n" + "\n".join(rows) + "\n")
    answer = finetune("clean", root / "list.csv", "--out", tmp_path / "out", "--json")
    assert answer.code == 0, answer.err
    copied = open_source(answer.json["data"])
    assert {(i.name, i.label, i.group) for i in copied.images} == {tuple(row.split(",")) for row in rows}


def test_places_that_would_touch_the_original_or_another_copy_are_refused(
    finetune: Finetune, faulty: Path, tmp_path: Path
) -> None:
    inside = finetune("clean", faulty, "--out", faulty / "clean")
    assert (inside.code, "lies inside the data set" in inside.error) == (2, True)
    listed = finetune("clean", faulty, "--manifest", faulty / "sound.csv")
    assert (listed.code, "lies inside the data set" in listed.error) == (2, True)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "mine.txt").write_text("mine")
    full = finetune("clean", faulty, "--out", tmp_path / "full")
    assert (full.code, full.error.endswith("full is not empty; choose another folder")) == (6, True)
    (tmp_path / "elsewhere").mkdir()
    away = finetune("clean", faulty, "--manifest", tmp_path / "elsewhere" / "sound.csv")
    assert (away.code, "in no folder around the images" in away.error) == (2, True)
    nowhere = finetune("clean", faulty)
    assert (nowhere.code, "or --dry-run, to see what would be done" in nowhere.error) == (2, True)
    both = finetune("clean", faulty, "--out", tmp_path / "out", "--manifest", tmp_path / "m.csv")
    assert (both.code, "give one of them" in both.error) == (2, True)
    assert finetune("clean", faulty, "--manifest", tmp_path / "m.csv", "--upright").code == 2
    (tmp_path / "m.actions.csv").write_text("mine")
    logged = finetune("clean", faulty, "--manifest", tmp_path / "m.csv")
    assert (logged.code, "would overwrite" in logged.error) == (6, True)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["elsewhere", "full", "m.actions.csv", "set"]
