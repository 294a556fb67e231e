"""A recipe file says each thing once, numbers where numbers are wanted, and a single name for a list of one."""

from pathlib import Path
from typing import Any

import pytest

from finetune.batch.jobs_file import read_jobs
from finetune.errors import OptionError
from finetune.recipe import Recipe
from finetune.recipe.plain_values import takes_numbers


def read(tmp_path: Path, text: str) -> Recipe:
    path = tmp_path / "recipe.yaml"
    path.write_text(text, encoding="utf-8")
    return Recipe.read(path)


@pytest.mark.parametrize(
    ("text", "key", "line"),
    [
        ("epochs: 3\nseed: 1\nepochs: 30\n", "epochs", 3),
        ("{seed: 1, seed: 1}\n", "seed", 1),
        ("strategy: partial\nstrategy_options:\n  stages: 1\n  stages: 2\n", "stages", 4),
        ("epochs: 3\n'epochs': 30\n", "epochs", 2),
    ],
)
def test_a_key_that_is_there_twice_is_refused(tmp_path: Path, text: str, key: str, line: int) -> None:
    said = rf"^recipe .*recipe\.yaml: '{key}' is there twice, again in line {line}; leave one out"
    with pytest.raises(OptionError, match=said):
        read(tmp_path, text)


def test_a_jobs_file_reads_its_recipes_as_strictly(tmp_path: Path) -> None:
    (tmp_path / "own.yaml").write_text("seed: 1\nseed: 2\n", encoding="utf-8")
    for recipe in ("{seed: 1, seed: 2}", "own.yaml"):
        (tmp_path / "jobs.yaml").write_text(f"jobs: [{{name: a, data: d, recipe: {recipe}}}]\n")
        with pytest.raises(OptionError, match=r"'seed' is there twice, again in line \d; leave one out"):
            read_jobs(tmp_path / "jobs.yaml")


def test_a_date_that_is_none_is_told_with_the_file(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"recipe\.yaml: not valid YAML \(.*\); mend the file"):
        read(tmp_path, "seed: 2001-13-45\n")


NUMBERS = [name for name, field in Recipe.model_fields.items() if takes_numbers(field.annotation)]


def test_the_fields_that_take_numbers_are_told_from_the_others() -> None:
    assert {
        "epochs",
        "lr",
        "image_size",
        "hidden",
        "milestones",
        "strategy_options",
        "crop",
        "val_share",
    } <= {*NUMBERS}
    assert not {"find_lr", "head_first", "hflip", "cache", "strategy", "exclude", "augment"} & {*NUMBERS}


@pytest.mark.parametrize("name", [name for name in NUMBERS if name != "strategy_options"])
@pytest.mark.parametrize("word", ["true", "yes", "off"])
def test_a_truth_value_is_no_number(tmp_path: Path, name: str, word: str) -> None:
    with pytest.raises(OptionError) as refused:
        read(tmp_path, f"{name}: {word}\n")
    value = "false (no and off" if word == "off" else "true (yes and on"
    assert str(refused.value).endswith(
        f"recipe.yaml: --{name.replace('_', '-')} is {value} are read as that too), but it takes a number; write a "
        "number, or leave it out"
    )


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("hidden: [true, 8]", "--hidden is true"),
        ("milestones: [3, yes]", "--milestones is true"),
        ("strategy: partial\nstrategy_options: {stages: true}", "strategy_options is true"),
    ],
)
def test_a_truth_value_among_numbers_is_refused_too(tmp_path: Path, text: str, shown: str) -> None:
    with pytest.raises(OptionError, match=f"{shown} .*but it takes a number"):
        read(tmp_path, text)


@pytest.mark.parametrize("flag", ["find_lr", "nesterov", "head_first", "hflip"])
def test_a_flag_still_takes_a_truth_value(tmp_path: Path, flag: str) -> None:
    optimizer = "strategy: partial\noptimizer: sgd\n"
    assert getattr(read(tmp_path, f"{optimizer}{flag}: yes\n"), flag) is True


@pytest.mark.parametrize(
    ("text", "classes"),
    [
        ("exclude: apple", ("apple",)),
        ("exclude: 'apple, red'", ("apple, red",)),
        ("exclude: [apple, lime]", ("apple", "lime")),
        ("exclude: []", ()),
    ],
)
def test_a_single_class_to_leave_out_is_a_list_of_one(
    tmp_path: Path, text: str, classes: tuple[str, ...]
) -> None:
    recipe = read(tmp_path, text + "\n")
    assert recipe.exclude == classes
    (tmp_path / "again.yaml").write_text(recipe.to_yaml(), encoding="utf-8")
    assert Recipe.read(tmp_path / "again.yaml") == recipe


@pytest.mark.parametrize("value", [3, None, {"a": 1}])
def test_what_is_no_name_is_no_list_of_one(value: Any) -> None:
    with pytest.raises(OptionError, match="--exclude is "):
        Recipe.make(exclude=value)
