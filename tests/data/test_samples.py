"""The practice sets: whole or absent, the same for the same seed, and what their entry says."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from finetune.data.samples import SAMPLES, write_sample
from finetune.data.samples.fruit import write_picture
from finetune.data.samples.fruit.kinds import KINDS
from finetune.data.samples.fruit.noise import Noise
from finetune.errors import OptionError, ResourceError, RunError

SIDE_PX = {"digits": 64, "fruit": 224}
"""The stated side of every image of a set."""

IMAGES_PER_CLASS = {"digits": (174, 183), "fruit": (60, 60)}
"""The smallest and the largest class; scikit-learn's own counts for the digits."""

NOISE = Noise(np.random.default_rng([0, 0]))
"""The grain of seed 0."""


def fingerprint(folder: Path) -> dict[str, str]:
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_sample("digits", tmp_path_factory.mktemp("samples") / "deep" / "digits")


@pytest.fixture(params=sorted(SAMPLES))
def written(request: pytest.FixtureRequest) -> tuple[str, Path]:
    """Every set, written once."""
    return request.param, request.getfixturevalue(request.param)


class Stop(BaseException):
    """What Ctrl-C looks like from inside: not an Exception."""


def stop_at_the_third(done: int, total: int) -> None:
    if done == 3:
        raise Stop("stopped")


def test_a_set_holds_the_images_and_classes_its_entry_promises(written: tuple[str, Path]) -> None:
    name, folder = written
    counts = [len(list(kind.iterdir())) for kind in folder.iterdir()]
    assert len(counts) == SAMPLES[name].n_classes
    assert sum(counts) == SAMPLES[name].n_images
    assert (min(counts), max(counts)) == IMAGES_PER_CLASS[name]


def test_every_image_decodes_at_the_stated_size(written: tuple[str, Path]) -> None:
    name, folder = written
    for path in folder.glob("*/*"):
        with Image.open(path) as image:
            image.load()
            assert image.size == (SIDE_PX[name], SIDE_PX[name])
            low, high = image.convert("L").getextrema()
            assert high - low > 60, f"{path} is nearly one grey"


def test_no_two_images_of_a_set_are_the_same_file(written: tuple[str, Path]) -> None:
    _, folder = written
    hashes = list(fingerprint(folder).values())
    assert len(set(hashes)) == len(hashes)


def test_the_same_seed_gives_the_same_digits_byte_for_byte(digits: Path, tmp_path: Path) -> None:
    assert fingerprint(write_sample("digits", tmp_path / "digits")) == fingerprint(digits)


@pytest.mark.parametrize("number", [0, 31, 59])
@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_fruit_byte_for_byte_also_one_by_one(
    kind: str, number: int, fruit: Path, tmp_path: Path
) -> None:
    (tmp_path / kind).mkdir()
    alone = write_picture(tmp_path, kind, number, 0, NOISE)
    assert alone.read_bytes() == (fruit / kind / alone.name).read_bytes()


@pytest.mark.parametrize("kind", KINDS)
def test_another_seed_draws_other_fruit(kind: str, tmp_path: Path) -> None:
    (tmp_path / kind).mkdir()
    pictures = [write_picture(tmp_path, kind, 0, seed, NOISE).read_bytes() for seed in (0, 1)]
    assert pictures[0] != pictures[1]


def test_a_seed_changes_nothing_about_what_people_wrote(digits: Path, tmp_path: Path) -> None:
    assert fingerprint(write_sample("digits", tmp_path / "digits", seed=7)) == fingerprint(digits)


def test_an_entry_is_one_sentence_that_names_the_licence() -> None:
    for sample in SAMPLES.values():
        assert sample.about.endswith(".")
        assert any(licence in sample.about for licence in ("BSD", "Apache"))


def test_progress_counts_every_image_up_to_the_total(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    write_sample("digits", tmp_path / "digits", progress=lambda done, total: seen.append((done, total)))
    assert seen == [(done, 1797) for done in range(1, 1798)]


def test_the_digits_are_dark_ink_on_white_paper_in_the_folder_of_their_value(digits: Path) -> None:
    with Image.open(digits / "0" / "0000.png") as zero:  # the first digit of scikit-learn's list is a 0
        grey = list(zip(*[iter(zero.tobytes())] * 64, strict=True))
    assert grey[32][30] > 240  # paper inside the ring
    assert min(grey[32]) < 110  # its ink
    assert min(grey[0]) > 240  # the margin


def test_an_unknown_name_is_answered_with_the_nearest_one(tmp_path: Path) -> None:
    with pytest.raises(
        OptionError, match=r"no sample set is called 'Digit'; did you mean 'digits'\?; choose from"
    ):
        write_sample("Digit", tmp_path / "x")
    assert list(tmp_path.iterdir()) == []


def test_a_negative_seed_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="seed is -1, but it must be 0 or more"):
        write_sample("digits", tmp_path / "x", seed=-1)


def test_a_folder_that_holds_something_is_refused_and_left_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").write_text("keep me")
    with pytest.raises(
        RunError, match=r"is a folder that is not empty.*name a new or empty folder"
    ) as caught:
        write_sample("digits", tmp_path)
    assert caught.value.exit_code == 6
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]


def test_a_second_write_is_refused(written: tuple[str, Path]) -> None:
    name, folder = written
    before = fingerprint(folder)
    with pytest.raises(RunError, match="is a folder that is not empty"):
        write_sample(name, folder)
    assert fingerprint(folder) == before


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "digits").write_text("")
    with pytest.raises(RunError, match=r"digits is not a folder.*name a new or empty folder"):
        write_sample("digits", tmp_path / "digits")


def test_a_link_that_leads_nowhere_is_refused(tmp_path: Path) -> None:
    (tmp_path / "digits").symlink_to(tmp_path / "gone")
    with pytest.raises(RunError, match="digits is not a folder"):
        write_sample("digits", tmp_path / "digits")


def test_a_file_above_the_target_is_named_with_a_way_out(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ResourceError, match=r"cannot write sample set 'digits' to .*name a folder") as caught:
        write_sample("digits", tmp_path / "file" / "digits")
    assert caught.value.exit_code == 5


@pytest.mark.parametrize("name", sorted(SAMPLES))
def test_an_interrupted_write_leaves_nothing(name: str, tmp_path: Path) -> None:
    with pytest.raises(Stop, match="stopped"):
        write_sample(name, tmp_path / "set", progress=stop_at_the_third)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_write_into_an_empty_folder_leaves_it_empty(tmp_path: Path) -> None:
    with pytest.raises(Stop, match="stopped"):
        write_sample("digits", tmp_path, progress=stop_at_the_third)
    assert list(tmp_path.iterdir()) == []


def test_an_empty_folder_is_filled_in_place_even_where_one_stands_in_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    write_sample("digits", Path())
    assert sorted(path.name for path in tmp_path.iterdir()) == [str(digit) for digit in range(10)]


def test_the_list_loads_neither_torch_nor_numpy_nor_pillow() -> None:
    code = "import sys, finetune.data.samples; print({'torch', 'numpy', 'PIL', 'sklearn'} & set(sys.modules))"
    shown = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert shown.strip() == "set()"
