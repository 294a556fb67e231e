"""`finetune augment` shows the family and draws a sheet; `fit` applies what is named, minds the names and resumes."""

import json
import signal
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import Finetune, draw_colours, fit_quietly
from killing import draw_hard, kill_when, n_rows, outcome, start
from PIL import Image

from finetune.data.augmentation.family import FAMILY, flag
from finetune.data.augmentation.policies import POLICIES
from finetune.data.augmentation.preview import CELL_PX, GAP_PX, TITLE_PX

EPOCHS = 5
STRONG = ("--augment", "strong", "--trivial-augment", "--hflip", "--cutmix", 1.0, "--grow-from", 24)


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_colours(tmp_path_factory.mktemp("data") / "digits", {"6": 14, "9": 14})


def test_the_table_lists_every_augmentation_with_its_range_and_its_strength(finetune: Finetune) -> None:
    answer = finetune("augment", "--json")
    rows = {row["name"]: row for row in answer.json}
    assert set(rows) == set(FAMILY)
    for name, row in rows.items():
        assert row["most"] == FAMILY[name].most
        assert row["policies"] == {policy: values.get(name, 0) for policy, values in POLICIES.items()}
    shown = finetune("augment").out
    assert all(f"--{name.replace('_', '-')}" in shown for name in FAMILY)
    assert "Options with * are left out of light, medium and strong where the class names are" in shown


def test_a_sheet_is_drawn_and_the_command_that_trains_with_it_is_told(
    finetune: Finetune, colours: Path, tmp_path: Path
) -> None:
    sheet = tmp_path / "sheet.png"
    answer = finetune(
        "augment", colours, "--augment", "light", "--no-hflip", "--blur", 0.02, "--preview", sheet
    )
    assert answer.code == 0
    assert f"the sheet is drawn in {sheet}" in answer.out
    assert f"next: finetune fit {colours} --augment light --no-hflip --blur 0.02" in answer.out
    with Image.open(sheet) as drawn:
        assert drawn.size == (TITLE_PX + 8 * (CELL_PX + GAP_PX), 8 * (CELL_PX + GAP_PX))


def test_every_augmentation_of_the_table_is_an_option_of_the_command_and_shown(
    finetune: Finetune, colours: Path, tmp_path: Path
) -> None:
    sheet = tmp_path / "sheet.png"
    options = {name: row.most for name, row in FAMILY.items() if name != "trivial_augment"}
    words = [
        word
        for name, most in options.items()
        for word in ([flag(name)] if FAMILY[name].kind == "switch" else [flag(name), f"{most:g}"])
    ]
    answer = finetune("augment", colours, "--augment", "none", "--mixup", 0.4, "--preview", sheet)
    assert answer.code == 0, answer.err
    assert f"next: finetune fit {colours} --augment none --mixup 0.4" in answer.out
    with Image.open(sheet) as drawn:
        assert drawn.height == 5 * (CELL_PX + GAP_PX)
    answer = finetune("augment", colours, *words, "--preview", sheet, "--json")
    assert answer.json["strengths"] == options
    with Image.open(sheet) as drawn:
        assert drawn.height == (4 + len(options)) * (CELL_PX + GAP_PX)


def test_the_command_that_trains_names_the_same_images_size_and_seed(
    finetune: Finetune, colours: Path, tmp_path: Path
) -> None:
    given = ("--augment", "crop", "--cutmix", 1, "--image-size", 64, "--exclude", "apple", "--seed", 3)
    answer = finetune("augment", colours, *given, "--preview", tmp_path / "sheet.png")
    assert f"next: finetune fit {colours} {' '.join(map(str, given))}\n" in answer.out + "\n"


def test_offline_a_set_that_is_not_there_is_not_asked_for(finetune: Finetune, tmp_path: Path) -> None:
    answer = finetune("augment", f"torchvision:MNIST@{tmp_path}", "--offline")
    assert answer.code == 3
    assert "offline nothing is downloaded" in answer.error
    assert finetune("augment", "--offline").code == 0


def test_a_sheet_of_digits_leaves_flips_out_and_says_so(
    finetune: Finetune, digits: Path, tmp_path: Path
) -> None:
    answer = finetune("augment", digits, "--augment", "medium", "--preview", tmp_path / "sheet.png", "--json")
    assert not {"hflip", "rotation"} & set(answer.json["strengths"])
    assert answer.json["class_names"] == "the class names '6', '9' are digits (turned, '6' looks like '9')"
    assert answer.json["notes"][0].startswith("note: horizontal flip and rotation are left out")


def test_an_unreadable_image_is_told_and_the_next_is_shown(finetune: Finetune, tmp_path: Path) -> None:
    data = draw_colours(tmp_path / "data", {"a": 6, "b": 6})
    first = min(data.rglob("*.*"))
    first.write_bytes(first.read_bytes()[:50])
    sheet = tmp_path / "sheet.png"
    answer = finetune("augment", data, "--preview", sheet)
    assert answer.code == 0, answer.err
    assert f"warning: {first} is truncated" in answer.out
    with Image.open(sheet) as drawn:
        assert drawn.width == TITLE_PX + 8 * (CELL_PX + GAP_PX)
    told = finetune("augment", data, "--preview", sheet, "--json").json
    assert [note.split()[1] for note in told["notes"]] == [str(first)]
    for image in data.rglob("*.*"):
        image.write_bytes(b"")
    answer = finetune("augment", data, "--preview", sheet)
    assert answer.code == 3
    assert "none of the 12 images can be read: " in answer.error


@pytest.mark.parametrize(
    ("options", "code", "sentence"),
    [
        (("--augment", "light"), 2, "--augment has no effect without DATA to show it on"),
        (("DATA", "--preview", "sheet.txt"), 2, "--preview sheet.txt names no picture; end it in .png"),
        (("DATA", "--rotation", 200), 2, "--rotation is 200"),
        (("DATA", "--augment", "strng"), 2, "did you mean 'strong'?"),
        (("nowhere",), 3, "nowhere"),
    ],
)
def test_what_cannot_be_shown_is_refused(
    finetune: Finetune, colours: Path, options: tuple[object, ...], code: int, sentence: str
) -> None:
    answer = finetune("augment", *(colours if option == "DATA" else option for option in options))
    assert answer.code == code
    assert sentence in answer.error


def recipe_of(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load((run / "recipe.yaml").read_text())
    return found


def test_a_run_on_digits_records_what_was_left_out_and_says_it(
    finetune: Finetune, digits: Path, tiny: tuple[str, ...], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    choices = ("--strategy", "partial", "--epochs", 1, "--augment", "medium", "--saturation", 0)
    answer = finetune("fit", digits, *tiny, *choices, "--out", run)
    assert answer.code == 0, answer.err
    note = (
        "note: horizontal flip and rotation are left out of the augmentation, since the class names '6', '9'"
    )
    assert note in answer.err
    assert note in (run / "log.txt").read_text()
    recipe = recipe_of(run)
    assert (recipe["augment"], recipe["hflip"], recipe["rotation"], recipe["saturation"]) == (
        "medium",
        False,
        0,
        0,
    )
    report = json.loads((run / "report.json").read_text())["augmentation"]
    strengths = {name: POLICIES["medium"][name] for name in ("crop", "brightness", "contrast", "hue")}
    assert report["policy"] == "medium"
    assert report["strengths"] == {**strengths, "keeps_upright": True}
    assert "are digits" in report["class_names"]
    assert (run / "augmentation.png").is_file()


def test_frozen_features_take_a_single_switch_in_views(
    finetune: Finetune, colours: Path, tiny: tuple[str, ...], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    choices = ("--strategy", "freeze-all", "--rotation", 30, "--views", 2)
    answer = finetune("fit", colours, *tiny, *choices, "--out", run)
    assert answer.code == 0, answer.err
    assert "features: 64 computed" in answer.err
    assert recipe_of(run)["rotation"] == 30
    report = json.loads((run / "report.json").read_text())["augmentation"]
    assert report == {"policy": "none", "strengths": {"rotation": 30}, "class_names": None}
    with Image.open(run / "augmentation.png") as drawn:
        assert drawn.size == (TITLE_PX + 8 * (CELL_PX + GAP_PX), 4 * (CELL_PX + GAP_PX))
    again = finetune("fit", colours, *tiny, *choices, "--out", tmp_path / "again")
    assert "features: 0 computed, 64 from the cache" in again.err
    other = finetune(
        "fit", colours, *tiny, *choices[:2], "--rotation", 31, "--views", 2, "--out", tmp_path / "o"
    )
    assert "features: 64 computed, 0 from the cache" in other.err


@pytest.fixture(scope="module")
def shared(weights: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[object, ...]:
    hard = draw_hard(tmp_path_factory.mktemp("data") / "hard")
    tiny = ("--backbone", "test_resnet", "--weights", weights, "--image-size", 32, "--batch-size", 8)
    return (hard, *tiny, "--strategy", "full-finetune", "--epochs", EPOCHS, *STRONG)


@pytest.fixture(scope="module")
def undisturbed(shared: tuple[object, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    run = tmp_path_factory.mktemp("undisturbed") / "run"
    fit_quietly(*shared, "--workers", 0, "--out", run)
    return run


@pytest.mark.parametrize("workers", [0, 1])
def test_a_killed_run_with_the_strongest_policy_comes_to_the_same_bits(
    finetune: Finetune, shared: tuple[object, ...], undisturbed: Path, tmp_path: Path, workers: int
) -> None:
    run = tmp_path / "run"
    process = start("fit", *shared, "--workers", workers, "--out", "run", cwd=tmp_path)
    code, _ = kill_when(process, lambda: n_rows(run) >= 3, signal.SIGKILL, delay_s=0.02)
    assert code == -9
    answer = finetune("fit", "--resume", run)
    assert answer.code == 0, answer.err
    assert "going on after epoch" in answer.err
    assert {**outcome(run), "recipe": ""} == {**outcome(undisturbed), "recipe": ""}
    assert recipe_of(run) == {**recipe_of(undisturbed), "workers": workers}
    assert recipe_of(run)["rotation"] == 0  # the classes are a, b and c
