"""A store gives back the bits it was given, and nothing else: not a changed image's, not a damaged row."""

import multiprocessing
import os
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from finetune.cache import place
from finetune.cache.digests import as_number, content_digest, content_digests, with_view
from finetune.cache.store import Store
from finetune.errors import ImageError, OptionError

KEY = {"weights": "abc", "what": "features"}
SHAPE = (4, 3)
REPOSITORY = Path(__file__).parents[2]
Arrays = NDArray[np.float32]


def digests(numbers: Sequence[int]) -> list[bytes]:
    return [number.to_bytes(16, "little") for number in numbers]


def arrays(numbers: Sequence[int]) -> Arrays:
    return np.stack([np.random.default_rng(number).normal(size=SHAPE) for number in numbers]).astype("f4")


def opened(root: Path, said: list[str] | None = None, key: dict[str, str] | None = None) -> Store:
    warn = (lambda _sentence: None) if said is None else said.append
    return Store.open(key or KEY, shape=SHAPE, dtype=np.float32, root=root, warn=warn)


def filled(root: Path, numbers: Sequence[int], key: dict[str, str] | None = None) -> Store:
    store = opened(root, key=key)
    assert store.append(digests(numbers), arrays(numbers))
    return store


def assert_serves(store: Store, there: Sequence[int], *, missing: Sequence[int] = ()) -> None:
    numbers = [*there, *missing]
    found, present = store.rows(digests(numbers))
    assert present.tolist() == [True] * len(there) + [False] * len(missing)
    if there:
        np.testing.assert_array_equal(found[: len(there)], arrays(there))
    assert not found[len(there) :].any()


def test_what_was_appended_is_read_to_the_bit_in_any_order_and_after_reopening(tmp_path: Path) -> None:
    store = filled(tmp_path, range(5))
    for reader in (store, opened(tmp_path)):
        assert_serves(reader, [3, 0, 4, 3], missing=[9])
        assert len(reader) == 5


@pytest.mark.parametrize("dtype", ["float32", "float16", "int8", "int16"])
def test_any_plain_type_is_kept(tmp_path: Path, dtype: str) -> None:
    values = (100 * arrays(range(3))).astype(dtype)
    store = Store.open(KEY, shape=SHAPE, dtype=dtype, root=tmp_path)
    store.append(digests(range(3)), values)
    found, present = Store.open(KEY, shape=SHAPE, dtype=dtype, root=tmp_path).rows(digests(range(3)))
    assert present.all()
    assert found.dtype == values.dtype
    np.testing.assert_array_equal(found, values)


def test_another_key_shape_or_type_is_another_store(tmp_path: Path) -> None:
    filled(tmp_path, range(2))
    other_key = opened(tmp_path, key=KEY | {"weights": "abd"})
    other_type = Store.open(KEY, shape=SHAPE, dtype=np.float16, root=tmp_path)
    other_shape = Store.open(KEY, shape=(12,), dtype=np.float32, root=tmp_path)
    assert [len(store) for store in (other_key, other_type, other_shape)] == [0, 0, 0]
    assert_serves(opened(tmp_path), range(2))


def test_appending_again_changes_and_adds_nothing(tmp_path: Path) -> None:
    store = filled(tmp_path, range(3))
    size = (store.folder / "rows.bin").stat().st_size
    store.append(digests(range(2)), arrays([7, 8]))
    assert (store.folder / "rows.bin").stat().st_size == size
    assert_serves(store, range(3))


def test_what_does_not_fit_the_store_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"float64 arrays of shape \(4, 3\) do not fit a store of float32"):
        opened(tmp_path).append(digests([1]), arrays([1]).astype("f8"))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"shape \(3,\) do not fit"):
        opened(tmp_path).append(digests([1]), arrays([1])[:, 0])


@pytest.mark.parametrize("byte", [0, 47, 48, 100, 143])
def test_a_spoiled_row_is_missing_and_is_kept_anew(tmp_path: Path, byte: int) -> None:
    store = filled(tmp_path, range(3))
    rows = store.folder / "rows.bin"
    spoil(rows, byte)
    reader = opened(tmp_path)
    victim = byte // reader.row_bytes
    assert_serves(reader, [n for n in range(3) if n != victim], missing=[victim])
    reader.append(digests([victim]), arrays([victim]))
    assert_serves(reader, range(3))
    assert_serves(opened(tmp_path), range(3))


def test_any_spoiled_byte_of_the_index_costs_one_row_and_serves_nothing_wrong(tmp_path: Path) -> None:
    whole = filled(tmp_path / "whole", range(3)).folder
    for byte in range((whole / "index.bin").stat().st_size):
        root = tmp_path / str(byte)
        shutil.copytree(whole.parent, root)
        spoil(root / whole.name / "index.bin", byte)
        store = opened(root)
        found, present = store.rows(digests(range(3)))
        assert present.sum() == 2
        np.testing.assert_array_equal(found[present], arrays(range(3))[present])
        store.append(digests(range(4)), arrays(range(4)))
        assert_serves(opened(root), range(4))


@pytest.mark.parametrize("name", ["rows.bin", "index.bin"])
def test_a_file_cut_anywhere_serves_what_is_whole_and_grows_again(tmp_path: Path, name: str) -> None:
    whole = filled(tmp_path / "whole", range(3)).folder
    for length in range(0, (whole / name).stat().st_size, 7):
        root = tmp_path / str(length)
        shutil.copytree(whole.parent, root)
        os.truncate(root / whole.name / name, length)
        store = opened(root)
        found, present = store.rows(digests(range(3)))
        np.testing.assert_array_equal(found[present], arrays(range(3))[present])
        assert present.sum() == length * 3 // (whole / name).stat().st_size
        store.append(digests(range(5)), arrays(range(5)))
        assert_serves(opened(root), range(5))


@pytest.mark.parametrize("content", [None, "", "{", "[]", '{"identity": "x", "format": 0}'])
def test_a_store_whose_description_is_damaged_begins_anew(tmp_path: Path, content: str | None) -> None:
    about = filled(tmp_path, range(2)).folder / "about.json"
    about.unlink()
    if content is not None:
        about.write_text(content)
    assert_serves(opened(tmp_path), [], missing=[0, 1])
    assert_serves(filled(tmp_path, range(2)), range(2))


def spoil(file: Path, byte: int) -> None:
    content = bytearray(file.read_bytes())
    content[byte] ^= 0x40
    file.write_bytes(content)


def append_many(root: Path, first: int) -> None:
    store = opened(root)
    for number in range(first, first + 60, 3):
        store.append(digests(range(number, number + 3)), arrays(range(number, number + 3)))


def test_processes_that_write_at_once_lose_nothing(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=append_many, args=(tmp_path, first)) for first in (0, 40, 80)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(60)
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    store = opened(tmp_path)
    assert_serves(store, range(140))
    assert (store.folder / "rows.bin").stat().st_size == 140 * store.row_bytes


def test_a_writer_that_is_killed_leaves_a_store_that_serves_and_grows(tmp_path: Path) -> None:
    code = (
        "import sys; sys.path.insert(0, 'tests/cache'); from pathlib import Path; from test_store import *\n"
        f"store = opened(Path({str(tmp_path)!r}))\nprint('ready', flush=True)\n"
        "for n in range(10**6): store.append(digests([n]), arrays([n]))"
    )
    for _ in range(2):
        with subprocess.Popen([sys.executable, "-c", code], cwd=REPOSITORY, stdout=subprocess.PIPE) as writer:
            assert writer.stdout is not None
            assert writer.stdout.readline() == b"ready\n"
            before = len(opened(tmp_path))
            while len(opened(tmp_path)) < before + 5:
                time.sleep(0.01)
            writer.kill()
        store = opened(tmp_path)
        assert_serves(store, range(len(store)))
    assert_serves(filled(tmp_path, [10**7]), [10**7])


def test_a_store_removed_under_a_writer_is_made_anew(tmp_path: Path) -> None:
    store = filled(tmp_path, range(3))
    assert place.clear(tmp_path) > 0
    assert_serves(store, [], missing=range(3))
    store.append(digests([1]), arrays([1]))
    assert_serves(store, [1], missing=[0, 2])
    assert_serves(opened(tmp_path), [1])


def test_a_store_replaced_by_another_process_is_read_as_it_is_now(tmp_path: Path) -> None:
    store = filled(tmp_path, range(3))
    place.clear(tmp_path)
    filled(tmp_path, [5, 6, 7, 8])
    assert_serves(store, [], missing=range(3))
    store.append(digests([0]), arrays([0]))
    assert_serves(store, [5, 6, 7, 8, 0], missing=[1, 2])


def test_a_full_disk_is_told_once_and_what_was_kept_is_still_served(tmp_path: Path) -> None:
    """A limit on the size of files stands for the disk: the system refuses the write in the same way."""
    said: list[str] = []
    store = opened(tmp_path, said)
    store.append(digests(range(3)), arrays(range(3)))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4 * store.row_bytes, before[1]))
    try:
        assert not store.append(digests(range(3, 20)), arrays(range(3, 20)))
        assert not store.append(digests(range(3, 20)), arrays(range(3, 20)))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    (sentence,) = said
    assert sentence.startswith(f"warning: the cache {tmp_path} cannot be used (File too large); going on")
    assert (store.folder / "rows.bin").stat().st_size == 3 * store.row_bytes
    assert_serves(store, range(3), missing=[3])
    assert_serves(filled(tmp_path, range(6)), range(6))


def test_a_cache_that_cannot_be_made_is_gone_without(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    said: list[str] = []
    store = opened(tmp_path / "file" / "cache", said)
    assert not store.append(digests([1]), arrays([1]))
    assert not store.has_room(1)
    assert_serves(store, [], missing=[1])
    assert len(said) == 1
    assert "cannot be used (Not a directory)" in said[0]


def test_the_store_unused_for_longest_makes_room(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    row = opened(tmp_path).row_bytes + 24
    about = (opened(tmp_path).folder / "about.json").stat().st_size
    monkeypatch.setenv("FINETUNE_CACHE_GB", f"{(3 * about + 12 * row) / 1e9}")
    keys = [KEY | {"weights": name} for name in "xyz"]
    folders = [filled(tmp_path, range(4), key=key).folder for key in keys]
    for age, folder in zip((300, 100, 200), folders, strict=True):
        os.utime(folder / "about.json", (time.time() - age,) * 2)
    newest = filled(tmp_path, range(4), key=KEY | {"weights": "n"}).folder
    assert [folder.exists() for folder in folders] == [False, True, True]
    assert newest.exists()
    assert place.total_bytes(tmp_path) <= place.limit_bytes(tmp_path)


def test_a_store_larger_than_the_limit_keeps_what_fits_and_removes_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FINETUNE_CACHE_GB", "0.00001")
    other = filled(tmp_path, [0], key=KEY | {"weights": "other"}).folder
    said: list[str] = []
    store = opened(tmp_path, said)
    assert store.has_room(50)
    assert not store.has_room(500)
    assert not store.append(digests(range(500)), arrays(range(500)))
    assert other.exists()
    assert said == [
        f"warning: the cache {tmp_path} has no room for more; raise FINETUNE_CACHE_GB, or free some disk; "
        "going on without it"
    ]


@pytest.mark.parametrize("value", ["ten", "-1", "nan"])
def test_a_limit_that_is_no_size_is_an_option_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str
) -> None:
    monkeypatch.setenv("FINETUNE_CACHE_GB", value)
    with pytest.raises(OptionError, match=f"FINETUNE_CACHE_GB is '{value}'; give a number of gigabytes"):
        opened(tmp_path)


def test_without_a_wish_the_limit_is_ten_gigabytes_or_a_tenth_of_the_disk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("FINETUNE_CACHE_GB", raising=False)
    free = shutil.disk_usage(tmp_path).free
    assert place.limit_bytes(tmp_path) == pytest.approx(min(10e9, free / 10), rel=0.05)


def test_hits_and_sizes_are_told(tmp_path: Path) -> None:
    store = filled(tmp_path, range(3))
    store.note_hits(3)
    opened(tmp_path).note_hits(4)
    (use,) = place.stores(tmp_path)
    assert (use.hits, use.about["key"]) == (7, KEY)
    assert use.n_bytes >= 3 * store.row_bytes
    assert place.stores(tmp_path / "nowhere") == []


def test_an_image_s_digest_follows_its_bytes_and_not_its_name(tmp_path: Path) -> None:
    for name, content in (("a", b"one"), ("b", b"two"), ("c", b"one")):
        (tmp_path / name).write_bytes(content)
    first, other, twin = content_digests(tmp_path / name for name in "abc")
    assert first == twin != other
    assert len(first) == 16
    (tmp_path / "a").write_bytes(b"onf")
    assert content_digest(tmp_path / "a") not in (first, other)
    with pytest.raises(ImageError, match=r"d cannot be read \(No such file or directory\); check it"):
        content_digests([tmp_path / "d"])


def test_views_have_digests_of_their_own() -> None:
    digest = digests([1])[0]
    views = {with_view(digest, view) for view in range(50)}
    assert len(views | {digest}) == 51
    assert with_view(digest, 3) == with_view(digest, 3)
    assert 0 <= as_number(b"\xff" * 16) < 2**63
