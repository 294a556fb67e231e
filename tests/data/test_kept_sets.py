"""What is packed is written out once, followed image by image; what is kept has a source and can be removed."""

import json
import os
import shutil
import struct
import tarfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import datasets
import numpy as np
import pyarrow as arrow
import pyarrow.parquet as parquet
import pytest
from drawing import draw_set

from finetune.data.kept_sets import UNKNOWN, clear_sets, kept_sets
from finetune.data.sources import open_source
from finetune.data.unpacking import sets_folder, unpacked
from finetune.errors import DataError, ResourceError

N_IMAGES = 6


@dataclass
class Counts:
    """Remembers each count that was opened, and may interrupt it."""

    opened: dict[str, list[tuple[int, int]]] = field(default_factory=dict)
    stop_at: int = -1

    @contextmanager
    def track(self, title: str) -> Iterator[Callable[[int, int], None]]:
        steps = self.opened.setdefault(title, [])

        def advance(done: int, total: int) -> None:
            steps.append((done, total))
            if done == self.stop_at:
                raise KeyboardInterrupt("by the user")

        yield advance


def npz(folder: Path) -> str:
    images = np.random.default_rng(0).integers(0, 256, (N_IMAGES, 5, 4, 3), dtype=np.uint8)
    np.savez(
        folder / "set.npz",
        x_train=images[:4],
        y_train=[0, 1, 0, 1],
        x_test=images[4:],
        y_test=[0, 1],
    )
    return str(folder / "set.npz")


def contents(folder: Path) -> list[bytes]:
    drawn = draw_set(folder / "drawn", {"a": N_IMAGES})
    return [path.read_bytes() for path in sorted(drawn.rglob("*.png"))]


def encoded(folder: Path) -> str:
    labels = ["a", "b"] * (N_IMAGES // 2)
    parquet.write_table(arrow.table({"image": contents(folder), "label": labels}), folder / "set.parquet")
    return str(folder / "set.parquet")


def hub(folder: Path) -> str:
    kinds = datasets.Features({"image": datasets.Image(), "label": datasets.ClassLabel(names=["a", "b"])})
    images = [{"bytes": content, "path": None} for content in contents(folder)]
    made = {"image": images, "label": [0, 1] * (N_IMAGES // 2)}
    datasets.Dataset.from_dict(made, features=kinds).save_to_disk(folder / "hub")
    return f"hf:{folder / 'hub'}"


def torchvision_set(folder: Path) -> str:
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for part, n in (("train", 4), ("t10k", 2)):
        pixels = bytes(range(n)) * 28 * 28
        (raw / f"{part}-images-idx3-ubyte").write_bytes(struct.pack(">4I", 2051, n, 28, 28) + pixels)
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(
            struct.pack(">2I", 2049, n) + bytes([0, 1] * (n // 2))
        )
    return f"torchvision:MNIST@{folder}"


PACKED = (npz, encoded, hub, torchvision_set)


def zipped(folder: Path) -> Path:
    drawn = draw_set(folder / "photos", {"a": 2, "b": 2})
    return Path(shutil.make_archive(str(folder / "photos"), "zip", drawn))


@pytest.mark.parametrize("pack", PACKED)
def test_writing_a_set_out_is_followed_image_by_image_and_once(
    tmp_path: Path, pack: Callable[[Path], str]
) -> None:
    where, counts = pack(tmp_path), Counts()
    source = open_source(where, offline=True, track=counts.track)
    assert counts.opened == {f"writing out {where}": [(done, N_IMAGES) for done in range(1, N_IMAGES + 1)]}
    assert len(source.images) == N_IMAGES
    again = Counts()
    assert open_source(where, offline=True, track=again.track) == source
    assert again.opened == {}


@pytest.mark.parametrize("pack", PACKED)
def test_an_interrupted_writing_leaves_nothing_and_can_be_done_again(
    tmp_path: Path, pack: Callable[[Path], str]
) -> None:
    where = pack(tmp_path)
    with pytest.raises(KeyboardInterrupt, match="by the user"):
        open_source(where, offline=True, track=Counts(stop_at=3).track)
    assert list(sets_folder().iterdir()) == []
    assert len(open_source(where, offline=True).images) == N_IMAGES


def test_unpacking_a_zip_is_followed_file_by_file(tmp_path: Path) -> None:
    counts, archive = Counts(), zipped(tmp_path)
    open_source(archive, track=counts.track)
    assert counts.opened == {f"unpacking {archive}": [(done, 4) for done in range(1, 5)]}


@pytest.mark.parametrize("pack", PACKED)
def test_a_kept_set_is_told_with_its_source_its_images_and_its_size(
    tmp_path: Path, pack: Callable[[Path], str]
) -> None:
    where = pack(tmp_path)
    root = open_source(where, offline=True).root
    (kept,) = kept_sets(sets_folder())
    assert (kept.source, kept.n_images) == (where, N_IMAGES)
    assert root.is_relative_to(kept.folder)
    assert kept.n_bytes == sum(path.stat().st_size for path in kept.folder.rglob("*") if path.is_file())


def test_archives_are_told_too_by_whole_paths_and_the_latest_used_last(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = zipped(tmp_path)
    with tarfile.open(tmp_path / "photos.tar", "w") as packed:
        packed.add(tmp_path / "photos", "photos")
    monkeypatch.chdir(tmp_path)
    unpacked(Path("photos.zip"))
    unpacked(Path("photos.tar"))
    for note in (sets_folder().parent / "sources").iterdir():
        os.utime(note, (0, 0))
    open_source("photos.zip")
    kept = kept_sets(sets_folder())
    assert [found.source for found in kept] == [str(tmp_path / "photos.tar"), str(archive)]
    assert [found.n_images for found in kept] == [4, 4]
    assert kept[0].used == 0 < kept[1].used


def test_a_set_without_a_sound_note_is_told_all_the_same(tmp_path: Path) -> None:
    open_source(npz(tmp_path))
    (note,) = (sets_folder().parent / "sources").iterdir()
    for content in ("[]", "no json", json.dumps({"other": 1})):
        note.write_text(content)
        assert [(kept.source, kept.n_images) for kept in kept_sets(sets_folder())] == [(UNKNOWN, N_IMAGES)]


def test_clearing_removes_sets_with_their_notes_and_says_how_much(tmp_path: Path) -> None:
    where = npz(tmp_path)
    source = open_source(where)
    held = sum(kept.n_bytes for kept in kept_sets(sets_folder()))
    assert clear_sets(sets_folder()) == held > 0
    assert kept_sets(sets_folder()) == []
    assert list(sets_folder().iterdir()) == list((sets_folder().parent / "sources").iterdir()) == []
    assert open_source(where) == source
    assert Path(where).is_file()


def test_clearing_leaves_what_is_being_written_and_takes_what_was_left_long_ago(tmp_path: Path) -> None:
    writing, left = sets_folder() / ".0123-new.tmp", sets_folder() / ".4567-old.tmp"
    for folder in (writing, left):
        (folder / "files").mkdir(parents=True)
    os.utime(left, (0, 0))
    assert clear_sets(sets_folder()) == 0
    assert list(sets_folder().iterdir()) == [writing]


def test_nothing_kept_is_nothing_to_clear(tmp_path: Path) -> None:
    assert kept_sets(tmp_path / "none") == []
    assert clear_sets(tmp_path / "none") == 0


def test_a_cache_that_cannot_be_written_is_told_before_any_image_is_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where, counts = npz(tmp_path), Counts()
    (tmp_path / "file").touch()
    monkeypatch.setenv("FINETUNE_CACHE", str(tmp_path / "file"))
    with pytest.raises(
        ResourceError, match=r"cannot unpack .*set\.npz into .*; free some space or set FINETUNE"
    ):
        open_source(where, track=counts.track)
    assert counts.opened == {}


def test_a_wrong_set_is_told_before_the_first_count(tmp_path: Path) -> None:
    counts = Counts()
    np.savez(tmp_path / "set.npz", a=np.zeros(3))
    with pytest.raises(DataError, match="has no array of images"):
        open_source(tmp_path / "set.npz", track=counts.track)
    assert list(counts.opened.values()) == [[]]
