"""Images inside arrays, Parquet files and data sets by name become files once, with pixels as they were."""

import io
import json
import struct
import sys
from pathlib import Path
from typing import Any

import datasets
import numpy as np
import pyarrow as arrow
import pyarrow.parquet as parquet
import pytest
from drawing import draw_set, picture
from PIL import Image

from finetune.data.health import inspect_source
from finetune.data.images import load_rgb
from finetune.data.kinds import arrays
from finetune.data.sources import Source, open_source
from finetune.errors import DataError, OptionError, ResourceError

RANDOM = np.random.default_rng(0)


def pixels(n: int, *shape: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    return RANDOM.integers(0, 256, (n, *shape), dtype=np.uint8)


def saved(path: Path, **found: Any) -> Path:
    np.savez_compressed(path / "set.npz", **found)
    return path / "set.npz"


def encoded(number: int, kind: str = "PNG") -> bytes:
    stream = io.BytesIO()
    picture(number).save(stream, kind)
    return stream.getvalue()


def seen(source: Source) -> list[tuple[str, str | None]]:
    return [(image.label, image.split) for image in source.images]


# Arrays.


@pytest.mark.parametrize("shape", [(5, 7, 3), (5, 7), (5, 7, 1), (3, 5, 7), (1, 5, 7), (5, 7, 4)])
def test_arrays_of_any_usual_shape_become_images_with_the_same_pixels(
    tmp_path: Path, shape: tuple[int, ...]
) -> None:
    images = pixels(4, *shape)
    if shape[-1] == 4:
        images[..., 3] = 255
    source = open_source(saved(tmp_path, images=images, labels=[0, 1, 0, 1]))
    first = np.asarray(load_rgb(next(i.path for i in source.images if i.name.endswith("0000000.png"))))
    expected = images[0]
    if len(shape) == 3 and shape[0] in (1, 3):
        expected = expected.transpose(1, 2, 0)
    expected = expected.reshape(5, 7, -1)[..., :3]
    assert np.array_equal(first, np.broadcast_to(expected, (5, 7, 3)))
    assert [image.label for image in source.images] == ["0", "0", "1", "1"]


def test_keras_and_medmnist_arrays_come_with_their_splits(tmp_path: Path) -> None:
    keras = saved(
        tmp_path, x_train=pixels(4, 8, 8), y_train=[0, 1, 0, 1], x_test=pixels(2, 8, 8), y_test=[0, 1]
    )
    source = open_source(keras)
    assert seen(source) == [(label, "train") for label in "0011"] + [("0", "test"), ("1", "test")]
    assert source.splits_from == "dataset"
    medmnist = {f"{split}_images": pixels(2, 8, 8, 3) for split in ("train", "val", "test")}
    labels = {f"{split}_labels": np.array([[0], [1]], np.uint8) for split in ("train", "val", "test")}
    source = open_source(saved(tmp_path, **medmnist, **labels))
    assert set(source.split_folders) == {"train", "val", "test"}
    assert source.class_names == ("0", "1")


@pytest.mark.parametrize(
    ("images", "expected"),
    [
        (np.array([[[0, 65535, 256]]], np.uint16), [0, 255, 1]),
        (np.array([[[0.0, 1.0, 0.5]]], np.float32), [0, 255, 128]),
        (np.array([[[0.0, 255.0, 0.5]]], np.float64), [0, 255, 0]),
        (np.array([[[True, False, True]]]), [255, 0, 255]),
        (np.array([[[0, 255, 7]]], np.int64), [0, 255, 7]),
    ],
    ids=["uint16", "unit floats", "byte floats", "bool", "int64"],
)
def test_values_become_bytes_as_the_whole_array_says(
    tmp_path: Path, images: np.ndarray[Any, Any], expected: list[int]
) -> None:
    # The second image is dark: alone it would look like one of floats up to 1.
    both = np.concatenate([images, np.zeros_like(images)])
    source = open_source(saved(tmp_path, x=both, y=["a", "b"]))
    assert np.asarray(load_rgb(source.images[0].path))[0, :, 0].tolist() == expected


def test_one_hot_labels_and_names_are_understood(tmp_path: Path) -> None:
    path = saved(
        tmp_path, images=pixels(2, 4, 4), labels=np.eye(2, dtype=int), class_names=["ant", "a/bee 🐝"]
    )
    source = open_source(path)
    assert source.class_names == ("a/bee 🐝", "ant")
    assert all(image.path.is_relative_to(source.root) for image in source.images)


def test_encoded_images_in_an_array_of_bytes_are_written_as_they_are(tmp_path: Path) -> None:
    content = [encoded(1), encoded(2, "JPEG")]
    source = open_source(saved(tmp_path, images=np.array(content), labels=["a", "b"]))
    assert [image.path.read_bytes() for image in source.images] == content
    assert [image.path.suffix for image in source.images] == [".png", ".jpg"]


def test_an_array_is_read_in_parts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    images = pixels(7, 3, 3)
    monkeypatch.setattr(arrays, "_CHUNK_BYTES", 20)
    source = open_source(saved(tmp_path, images=images, labels=[0, 0, 0, 0, 1, 1, 1]))
    found = [np.asarray(Image.open(image.path)) for image in source.images]
    assert np.array_equal(np.stack(found), images)


def test_arrays_are_written_once_and_again_for_other_content(tmp_path: Path) -> None:
    path = saved(tmp_path, images=pixels(2, 4, 4), labels=[0, 1])
    first = open_source(path)
    made = first.images[0].path.stat().st_mtime_ns
    assert open_source(path) == first
    assert first.images[0].path.stat().st_mtime_ns == made
    first.images[0].path.unlink()
    assert open_source(path).images[0].path.is_file()
    assert open_source(saved(tmp_path, images=pixels(2, 4, 4), labels=[0, 1])).root != first.root


@pytest.mark.parametrize(
    ("found", "match"),
    [
        (
            {"a": np.zeros(2), "b": np.zeros(2)},
            r"has no array of images \(it has: a, b\); name them images and",
        ),
        ({"images": pixels(2, 4, 4)}, r"has no labels for its array 'images' \(it has: images\)"),
        (
            {"images": pixels(2, 4, 4), "labels": [0, 1, 0]},
            r"has 2 images in 'images' but 3 labels in 'labels'",
        ),
        (
            {"images": pixels(2, 4), "labels": [0, 1]},
            r"'images' in .* has the shape 2 x 4; images are N x height",
        ),
        ({"images": pixels(2, 9, 4, 9), "labels": [0, 1]}, r"has the shape 2 x 9 x 4 x 9"),
        (
            {"images": pixels(2, 4, 4) * 300.0, "labels": [0, 1]},
            r"has values from .* to .*; save pixels of 0 to 255",
        ),
        (
            {"images": np.full((2, 4, 4), np.nan), "labels": [0, 1]},
            r"has values from nan to nan; save pixels",
        ),
        (
            {"images": np.zeros((2, 4, 4), complex), "labels": [0, 1]},
            r"holds complex128, not pixels; save uint8",
        ),
        (
            {"images": pixels(2, 4, 4), "labels": [[1, 1], [0, 1]]},
            r"gives an image several classes; give each",
        ),
        (
            {"images": pixels(2, 4, 4), "labels": np.zeros((2, 2, 2))},
            r"is no list of labels; give each image",
        ),
        (
            {"images": np.array([encoded(1), "x"], object), "labels": [0, 1]},
            r"holds pickled objects, which could run",
        ),
        (
            {"images": pixels(2, 4, 4), "labels": np.array([0, "a"], object)},
            r"'labels' in .* holds pickled objects",
        ),
        (
            {"images": np.asfortranarray(pixels(2, 4, 4)), "labels": [0, 1]},
            r"is stored by columns; save numpy\.asc",
        ),
    ],
)
def test_arrays_that_are_no_labelled_images_are_an_error(
    tmp_path: Path, cache_of_the_test: Path, found: dict[str, Any], match: str
) -> None:
    with pytest.raises(DataError, match=match):
        open_source(saved(tmp_path, **found))
    assert not [path for path in cache_of_the_test.rglob("*") if path.is_file()]


def test_a_damaged_npz_and_a_giant_header_are_errors(tmp_path: Path) -> None:
    path = saved(tmp_path, images=pixels(9, 40, 40), labels=[0] * 9)
    content = path.read_bytes()
    path.write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=r"set\.npz is damaged \(.*\); write it again with numpy\.savez"):
        open_source(path)
    np.savez(path, images=pixels(2, 4, 4), labels=[0, 1])
    path.write_bytes(path.read_bytes().replace(b"(2, 4, 4)", b"(9**9999)"))
    with pytest.raises(DataError, match=r"set\.npz"):
        open_source(path)
    path.write_bytes(content.replace(b"", b"")[:0])
    with pytest.raises(DataError, match=r"set\.npz is damaged"):
        open_source(path)


# Parquet with images inside.


def hub_table(path: Path, labels: list[Any], names: list[str] | None = None, **more: Any) -> Path:
    """A Parquet file as the hub's packages write it."""
    images = [{"bytes": encoded(number), "path": f"{number}.png"} for number in range(len(labels))]
    made = arrow.table({"image": images, "label": labels, **more})
    if names is not None:
        features = {"image": {"_type": "Image"}, "label": {"names": names, "_type": "ClassLabel"}}
        made = made.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    parquet.write_table(made, path / "set.parquet", row_group_size=2)
    return path / "set.parquet"


def test_a_parquet_as_the_hub_writes_it_has_its_class_names(tmp_path: Path) -> None:
    source = open_source(hub_table(tmp_path, [0, 1, 0, 1, 0, 1], ["ant", "bee"]))
    assert [image.label for image in source.images] == ["ant"] * 3 + ["bee"] * 3
    assert source.images[0].path.read_bytes() == encoded(0)
    assert inspect_source(source).usable


def test_a_column_of_bytes_with_words_splits_and_groups_is_read(tmp_path: Path) -> None:
    columns = {
        "img": [encoded(n) for n in range(4)],
        "class": ["a", "b", "a", "b"],
        "split": ["train", "train", "validation", "validation"],
        "group": [7, 8, 9, None],
    }
    parquet.write_table(arrow.table(columns), tmp_path / "set.parquet")
    source = open_source(tmp_path / "set.parquet")
    assert [(i.label, i.split, i.group) for i in source.images] == [
        ("a", "train", "7"),
        ("b", "train", "8"),
        ("a", "val", "9"),
        ("b", "val", None),
    ]
    assert source.splits_from == "column"


def test_an_image_without_a_label_is_left_out_and_one_without_bytes_is_named(tmp_path: Path) -> None:
    path = hub_table(tmp_path, [0, 1, -1, 0, 1], ["ant", "bee"])
    made = parquet.read_table(path)
    cells = made["image"].to_pylist()
    cells[4] = {"bytes": None, "path": "4.png"}
    parquet.write_table(made.set_column(0, "image", arrow.array(cells)), path)
    source = open_source(path)
    assert [item.reason for item in source.skipped] == ["has 1 images without a label"]
    assert [item.reason for item in inspect_source(source).quarantine] == ["is empty (0 bytes)"]


@pytest.mark.parametrize(
    ("columns", "match"),
    [
        (
            {"a": [b"1"], "b": [b"2"], "label": ["x"]},
            r"has several image columns \(a, b\); name the one to use 'image'",
        ),
        ({"image": [b"1"], "text": ["x"]}, r"has no label column \(it has: text\); name one 'label'"),
    ],
)
def test_a_parquet_of_which_the_columns_are_unclear_is_an_error(
    tmp_path: Path, columns: dict[str, Any], match: str
) -> None:
    parquet.write_table(arrow.table(columns), tmp_path / "set.parquet")
    with pytest.raises(DataError, match=match):
        open_source(tmp_path / "set.parquet")


def test_a_label_that_the_names_do_not_reach_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"label 2 is none of the 2 classes that the set names; correct it"):
        open_source(hub_table(tmp_path, [0, 2], ["ant", "bee"]))


# Hugging Face data sets.


def hub_set(labels: list[int]) -> datasets.Dataset:
    features = datasets.Features(
        {"image": datasets.Image(), "label": datasets.ClassLabel(names=["ant", "bee"])}
    )
    images = [{"bytes": encoded(number), "path": None} for number in range(len(labels))]
    return datasets.Dataset.from_dict({"image": images, "label": labels}, features=features)


def test_a_hub_set_on_disk_opens_with_its_parts(tmp_path: Path) -> None:
    parts = {"train": hub_set([0, 1, 0]), "validation": hub_set([1]), "unsupervised": hub_set([0])}
    datasets.DatasetDict(parts).save_to_disk(tmp_path / "set")
    source = open_source(f"hf:{tmp_path / 'set'}", offline=True)
    assert seen(source) == [("ant", "train"), ("ant", "train"), ("bee", "train"), ("bee", "val")]
    assert source.splits_from == "dataset"
    assert source.how_split == "its part 'train' is train (3), its part 'val' is val (1)"
    assert source.images[0].path.read_bytes() == encoded(0)
    (told,) = source.skipped
    assert told.name == "the part unsupervised"
    assert open_source(f"hf:{tmp_path / 'set'}", offline=True).skipped == source.skipped


@pytest.mark.parametrize("others", [("unlabelled",), ("unlabelled", "dev", "testing")])
def test_the_one_part_that_is_a_split_is_taken_whatever_comes_first(
    tmp_path: Path, others: tuple[str, ...]
) -> None:
    parts = {"unlabelled": hub_set([-1, -1, -1]), "test": hub_set([0, 1]), "dev": hub_set([0])}
    parts["testing"] = hub_set([1, 1, 0])
    chosen = {name: parts[name] for name in parts if name == "test" or name in others}
    datasets.DatasetDict(chosen).save_to_disk(tmp_path / "set")
    source = open_source(f"hf:{tmp_path / 'set'}", offline=True)
    assert seen(source) == [("ant", None), ("bee", None)]
    told = {
        "the part unlabelled": "is neither train, val nor test; its 3 images are left out",
        "the part dev": "is neither train, val nor test; its 1 image is left out",
        "the part testing": "is a second test beside the part test; its 3 images are left out",
    }
    assert [(item.name, item.reason) for item in source.skipped] == [
        (f"the part {name}", told[f"the part {name}"]) for name in others
    ]


def test_a_hub_set_without_parts_is_not_split(tmp_path: Path) -> None:
    hub_set([0, 1, 0]).save_to_disk(tmp_path / "set")
    assert open_source(f"hf:{tmp_path / 'set'}").split_folders == {}
    with pytest.raises(DataError, match=r"is a Hugging Face data set on disk; give it as hf:.*set$"):
        open_source(tmp_path / "set")


def test_a_folder_that_the_hub_s_package_understands_opens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", tmp_path / "cache")
    draw_set(tmp_path / "set", {"train/ants": 2, "train/bees": 1, "test/ants": 1, "test/bees": 1})
    source = open_source(f"hf:{tmp_path / 'set'}", offline=True)
    assert source.class_names == ("ants", "bees")
    assert len(source.images) == 5


def test_a_hub_name_offline_is_an_error_that_touches_no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    def no_network(*_: object) -> None:
        raise AssertionError("the network was touched")

    monkeypatch.setattr("socket.getaddrinfo", no_network)
    with pytest.raises(
        ResourceError, match=r"'nobody/none' cannot be had from the hub .*leave --offline away"
    ):
        open_source("hf:nobody/none", offline=True)
    assert not datasets.config.HF_HUB_OFFLINE or "HF_HUB_OFFLINE" in __import__("os").environ


def test_a_hub_set_without_the_package_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(
        OptionError, match=r'hf:mnist needs the package datasets; run `pip install "finetune-str'
    ):
        open_source("hf:mnist")


def test_a_hub_set_of_no_images_is_an_error(tmp_path: Path) -> None:
    datasets.Dataset.from_dict({"text": ["a", "b"], "label": [0, 1]}).save_to_disk(tmp_path / "set")
    with pytest.raises(DataError, match=r"has no image column \(it has: text, label\)"):
        open_source(f"hf:{tmp_path / 'set'}")
    with pytest.raises(DataError, match=r"hf: names no data set; write hf:NAME or hf:FOLDER"):
        open_source("hf:")


# torchvision data sets.


def digits(root: Path, n_train: int, n_test: int) -> Path:
    """MNIST's own files, small."""
    raw = root / "MNIST" / "raw"
    raw.mkdir(parents=True)
    for part, n in (("train", n_train), ("t10k", n_test)):
        head = struct.pack(">4I", 2051, n, 28, 28)
        (raw / f"{part}-images-idx3-ubyte").write_bytes(head + pixels(n, 28, 28).tobytes())
        labels = bytes(number % 3 for number in range(n))
        (raw / f"{part}-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 2049, n) + labels)
    return root


def test_a_torchvision_set_in_a_folder_of_one_s_own_opens_offline(tmp_path: Path) -> None:
    root = digits(tmp_path / "mine", 6, 3)
    source = open_source(f"torchvision:MNIST@{root}", offline=True)
    assert source.class_names == ("0 - zero", "1 - one", "2 - two")
    assert seen(source)[-1] == ("2 - two", "test")
    assert len(source.images) == 9
    first = np.asarray(load_rgb(source.images[0].path))
    raw = (root / "MNIST" / "raw" / "train-images-idx3-ubyte").read_bytes()[16 : 16 + 784]
    assert first[..., 0].tobytes() == raw


def test_a_torchvision_set_is_found_in_the_cache_folder(cache_of_the_test: Path) -> None:
    digits(cache_of_the_test / "torchvision" / "MNIST", 6, 3)
    assert len(open_source("torchvision:MNIST", offline=True).images) == 9


def test_a_torchvision_set_of_image_files_keeps_their_bytes(tmp_path: Path) -> None:
    folder = draw_set(tmp_path / "eurosat" / "2750", {"Forest": 2, "River": 1}, suffix=".jpg")
    source = open_source(f"torchvision:EuroSAT@{tmp_path}", offline=True)
    assert seen(source) == [("Forest", None), ("Forest", None), ("River", None)]
    originals = {path.read_bytes() for path in folder.rglob("*.jpg")}
    assert {image.path.read_bytes() for image in source.images} == originals


def test_a_torchvision_set_that_is_not_there_offline_is_an_error() -> None:
    match = (
        r"torchvision:CIFAR10 is not whole in .*torchvision/CIFAR10, and offline nothing is downloaded; leave"
    )
    with pytest.raises(DataError, match=match):
        open_source("torchvision:CIFAR10", offline=True)


def test_an_unknown_torchvision_set_is_an_error_with_the_nearest_name() -> None:
    with pytest.raises(
        DataError, match=r"no torchvision data set 'Cifar10' to train on; did you mean 'CIFAR10'\?"
    ):
        open_source("torchvision:Cifar10")


def test_opening_a_folder_loads_neither_torch_nor_the_hub_s_packages(tmp_path: Path) -> None:
    import subprocess

    draw_set(tmp_path, {"a": 1, "b": 1})
    program = (
        "import sys; from finetune.data.sources import open_source; open_source(sys.argv[1]); "
        "print([name for name in ('torch', 'torchvision', 'datasets', 'pyarrow') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program, str(tmp_path)], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"
