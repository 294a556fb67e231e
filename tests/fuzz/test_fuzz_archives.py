"""An archive that somebody damaged is unpacked whole, or refused in one sentence without a trace; so is a bundle."""

import random
from pathlib import Path

import pytest
from hostile_input import GOOD, damage_bundle, load, room_in, unpack
from mutants import Change, mutated, over_mutants
from seed_files import Seed, archive_seeds
from small_bundle import small_bundle

SEEDS = {seed.name: seed for seed in archive_seeds()}
BUNDLES = 60


@pytest.mark.parametrize("seed", SEEDS.values(), ids=lambda seed: seed.name)
def test_what_the_damaged_ones_are_made_of_is_unpacked(seed: Seed, tmp_path: Path) -> None:
    archive = tmp_path / seed.name
    archive.write_bytes(seed.packed(seed.content))
    assert unpack(archive, tmp_path / "room") == GOOD


@over_mutants(SEEDS, n=300)
def test_a_damaged_archive_is_unpacked_whole_or_refused_without_a_trace(
    name: str, changes: list[Change], repaired: bool, tmp_path: Path
) -> None:
    seed = SEEDS[name]
    with room_in(tmp_path) as outer:
        archive = outer / seed.name
        archive.write_bytes(seed.packed(mutated(seed.content, changes, repaired=repaired)))
        unpack(archive, outer / "room")
        assert list(outer.iterdir()) == [archive]


def test_a_damaged_bundle_is_loaded_or_refused_in_one_sentence(tmp_path: Path) -> None:
    small_bundle(tmp_path / "sound")
    for number in range(BUNDLES):
        with room_in(tmp_path) as room:
            damage_bundle(tmp_path / "sound", room / "bundle", random.Random(number))
            load(room / "bundle")
            assert list(room.iterdir()) == [room / "bundle"], number
