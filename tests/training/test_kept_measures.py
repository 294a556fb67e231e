"""What was measured once is taken from the cache, and never for images, labels or choices that are others."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

import numpy as np
import pytest
from drawing import draw_set, picture, save
from outlooks import measures_of
from small_sets import prepared_of, weights_file

from finetune.advice.augmentation_probe import PLAIN, compare_policies
from finetune.advice.costs import Pace, StepPace
from finetune.advice.measured import Measures
from finetune.cache.notes import NOTE_BYTES, Notes
from finetune.cache.place import clear, stores, stores_folder
from finetune.recipe import Recipe
from finetune.training import kept_measures
from finetune.training.kept_measures import WHAT, KeptMeasures
from finetune.training.pace import resolved_for
from finetune.training.prepared import Prepared

FOUND = measures_of()
PROBE = compare_policies({PLAIN: np.array([True, False]), "light": np.array([True, True])}, n_views=2)
PACE = Pace(0.01, 0.002, 0.1, {"partial": StepPace(0.3, 0.1, 5e6, 100, 1_000)}, 10**9, 64, 120)


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    root = tmp_path_factory.mktemp("sets")
    counts = {f"{split}/{name}": n for split, n in (("train", 6), ("val", 3)) for name in "ab"}
    return draw_set(root / "data", counts), weights_file(root)


@pytest.fixture
def made(sound: tuple[Path, Path], tmp_path: Path) -> tuple[Path, Path]:
    """A copy of the set that a test may change, and weights."""
    return Path(shutil.copytree(sound[0], tmp_path / "data")), sound[1]


class Taking:
    """Counts how often something is measured."""

    def __init__(self) -> None:
        self.count = 0

    def __call__(self) -> Measures:
        self.count += 1
        return FOUND


def taken_again(prepared: Prepared, recipe: Recipe, *, uses_cache: bool = True) -> bool:
    """Whether the measures had to be taken; they are right in any case."""
    take = Taking()
    assert KeptMeasures(prepared, recipe, uses_cache=uses_cache).measures(take) == FOUND
    return take.count == 1


def test_all_three_kinds_come_back_as_they_were_with_their_day(made: tuple[Path, Path]) -> None:
    prepared, recipe = prepared_of(*made)
    timed = {"partial": resolved_for(prepared, recipe, "partial")}

    def never() -> NoReturn:
        raise AssertionError("this was kept")

    kept = KeptMeasures(prepared, recipe, uses_cache=True)
    assert (kept.measures(lambda: FOUND), kept.augmentation(lambda: PROBE)) == (FOUND, PROBE)
    assert kept.pace(timed, lambda: PACE) == PACE
    assert kept.days == {}
    again = KeptMeasures(prepared, recipe, uses_cache=True)
    assert (again.measures(never), again.augmentation(never)) == (FOUND, PROBE)
    assert again.pace(timed, never) == PACE
    assert list(again.days) == ["measures", "augmentations", "seconds"]
    assert all(day.startswith("20") for day in again.days.values())


def test_a_changed_image_is_measured_anew(made: tuple[Path, Path]) -> None:
    prepared, recipe = prepared_of(*made)
    assert taken_again(prepared, recipe)
    assert not taken_again(prepared, recipe)
    path = prepared.split.train[0].path
    before = path.stat()
    content = path.read_bytes()
    save(picture(977, (64, 64)), path)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))  # its date does not tell
    assert taken_again(prepared, recipe)
    path.write_bytes(content)
    assert not taken_again(prepared, recipe)


def test_a_changed_label_is_measured_anew(made: tuple[Path, Path]) -> None:
    prepared, recipe = prepared_of(*made)
    assert taken_again(prepared, recipe)
    train = prepared.split.train
    other = "b" if train[0].label == "a" else "a"
    changed = (replace(train[0], label=other), *train[1:])
    assert taken_again(replace(prepared, split=replace(prepared.split, train=changed)), recipe)


def test_an_image_that_changes_while_it_is_measured_is_not_kept(made: tuple[Path, Path]) -> None:
    prepared, recipe = prepared_of(*made)

    def change() -> Measures:
        save(picture(978, (64, 64)), prepared.split.train[0].path)
        return FOUND

    KeptMeasures(prepared, recipe, uses_cache=True).measures(change)
    assert taken_again(prepared, recipe)


@pytest.mark.parametrize(
    "changes",
    [{"seed": 1}, {"image_size": 48}, {"precision": "bf16"}],
    ids=lambda changes: next(iter(changes)),
)
def test_another_choice_is_measured_anew(made: tuple[Path, Path], changes: dict[str, object]) -> None:
    prepared, recipe = prepared_of(*made)
    assert taken_again(prepared, recipe)
    assert taken_again(prepared, recipe.with_changes(**changes))
    assert not taken_again(prepared, recipe)


def test_other_weights_are_measured_anew(made: tuple[Path, Path]) -> None:
    prepared, recipe = prepared_of(*made)
    assert taken_again(prepared, recipe)
    assert taken_again(replace(prepared, weights=replace(prepared.weights, sha256="f" * 64)), recipe)


def test_other_versions_measure_anew(made: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch) -> None:
    prepared, recipe = prepared_of(*made)
    assert taken_again(prepared, recipe)
    monkeypatch.setattr(kept_measures, "code_digest", lambda: "another source")
    assert taken_again(prepared, recipe)


def test_seconds_belong_to_a_machine_and_to_what_is_timed(
    made: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared, recipe = prepared_of(*made)
    found = {name: resolved_for(prepared, recipe, name) for name in ("partial", "full-finetune")}
    count = 0

    def take() -> Pace:
        nonlocal count
        count += 1
        return PACE

    def ask(*names: str) -> int:
        KeptMeasures(prepared, recipe, uses_cache=True).pace({name: found[name] for name in names}, take)
        return count

    assert (ask("partial"), ask("partial"), ask("full-finetune")) == (1, 1, 2)
    here = kept_measures.machine()
    monkeypatch.setattr(kept_measures, "machine", lambda: {**here, "cores": 999})
    assert ask("partial") == 3


def test_without_the_cache_nothing_is_taken_and_nothing_kept(made: tuple[Path, Path]) -> None:
    prepared, recipe = prepared_of(*made)
    assert taken_again(prepared, recipe, uses_cache=False)
    assert stores(stores_folder()) == []
    assert taken_again(prepared, recipe)
    assert taken_again(prepared, recipe, uses_cache=False)


def test_it_is_one_store_that_clearing_the_cache_removes(made: tuple[Path, Path]) -> None:
    prepared, recipe = prepared_of(*made)
    assert taken_again(prepared, recipe)
    assert not taken_again(prepared, recipe)
    (use,) = stores(stores_folder())
    assert (use.about["key"]["what"], use.hits) == (WHAT, 1)
    assert clear(stores_folder()) > 0
    assert taken_again(prepared, recipe)


@pytest.mark.parametrize("file", ["rows.bin", "index.bin", "about.json"])
def test_a_damaged_entry_is_measured_anew_and_kept_again(made: tuple[Path, Path], file: str) -> None:
    prepared, recipe = prepared_of(*made)
    assert taken_again(prepared, recipe)
    (use,) = stores(stores_folder())
    content = bytearray((use.folder / file).read_bytes())
    content[len(content) // 2 if file == "about.json" else 10] ^= 0xFF
    (use.folder / file).write_bytes(content)
    assert taken_again(prepared, recipe)
    assert not taken_again(prepared, recipe)


def test_a_cache_without_room_keeps_nothing_and_fails_nothing(
    made: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FINETUNE_CACHE_GB", "0")
    prepared, recipe = prepared_of(*made)
    assert taken_again(prepared, recipe)
    assert taken_again(prepared, recipe)


KEEPING = """
import sys
from pathlib import Path
from finetune.cache.notes import Notes
notes = Notes("test", root=Path(sys.argv[1]))
for number in range(int(sys.argv[2]), int(sys.argv[2]) + 100):
    notes.keep({"number": number}, {"square": number**2})
"""


def test_two_processes_that_keep_at_once_lose_nothing(tmp_path: Path) -> None:
    command = [sys.executable, "-c", KEEPING, str(tmp_path)]
    writers = [subprocess.Popen([*command, start]) for start in ("0", "50")]  # half of them the same
    assert [writer.wait(120) for writer in writers] == [0, 0]
    notes = Notes("test", root=tmp_path)
    found = [notes.find({"number": number}) for number in range(150)]
    assert [None if note is None else note.value["square"] for note in found] == [n**2 for n in range(150)]
    (use,) = stores(tmp_path)
    assert use.n_bytes < 151 * (NOTE_BYTES + 64)


def test_a_value_too_long_to_keep_is_not_kept(tmp_path: Path) -> None:
    notes = Notes("test", root=tmp_path)
    notes.keep({"a": 1}, {"long": "x" * NOTE_BYTES})
    assert notes.find({"a": 1}) is None
    notes.keep({"a": 1}, {"short": "鸟"})
    note = notes.find({"a": 1})
    assert note is not None
    assert note.value == {"short": "鸟"}
