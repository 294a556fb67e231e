"""An image that somebody damaged is read, or refused in one sentence, whatever was done to it."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hostile_input import GOOD, forget_high_water, high_water_mib, read_image, room_in
from mutants import Change, mutated, over_mutants
from seed_files import Seed, image_seeds

from finetune.data.images import load_rgb
from finetune.errors import ImageError

SEEDS = {seed.name: seed for seed in image_seeds()}
MOST_MIB = 1500
"""An image of the most pixels that are allowed takes a quarter of a GiB as RGB, and its decoder as much again."""


@pytest.fixture(autouse=True, scope="module")
def bounded_memory() -> Iterator[None]:
    forget_high_water()
    before = high_water_mib()
    yield
    assert high_water_mib() - before < MOST_MIB


@pytest.mark.parametrize("seed", SEEDS.values(), ids=lambda seed: seed.name)
def test_what_the_damaged_ones_are_made_of_is_read(seed: Seed, tmp_path: Path) -> None:
    (tmp_path / seed.name).write_bytes(seed.content)
    assert read_image(tmp_path / seed.name) == GOOD


@over_mutants(SEEDS, n=700)
def test_a_damaged_image_is_read_or_refused_in_one_sentence(
    name: str, changes: list[Change], repaired: bool, tmp_path: Path
) -> None:
    seed = SEEDS[name]
    with room_in(tmp_path) as room:
        path = room / seed.name
        path.write_bytes(mutated(seed.content, changes, repaired=repaired))
        read_image(path)
        assert list(room.iterdir()) == [path]


def test_what_is_said_of_a_damaged_heic_photo_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "plain.heic"
    path.write_bytes(SEEDS["plain.heic"].content[:-60])
    with pytest.raises(ImageError, match=r"plain\.heic is ") as told:
        load_rgb(path)
    assert str(told.value) == str(told.value).strip()
    assert "\n" not in str(told.value)


def test_odd_metadata_of_an_image_prints_nothing(tmp_path: Path) -> None:
    path = tmp_path / "two.mpo"
    path.write_bytes(SEEDS["two.mpo"].content.replace(b"MPF\0II*\0", b"MPF\0II*\1"))
    read = "import sys, pathlib, finetune.data.images as i; i.load_rgb(pathlib.Path(sys.argv[1]))"
    done = subprocess.run([sys.executable, "-c", read, str(path)], capture_output=True, text=True, check=True)
    assert done.stderr == ""
