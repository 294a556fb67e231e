"""An ``.npz`` with arrays of images and of labels, as numpy, Keras and MedMNIST write them; nothing is unpickled."""

from __future__ import annotations

import contextlib
import io
import re
import zipfile
import zlib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from finetune.data.kinds.stored_array import StoredArray, header
from finetune.data.kinds.tables import cell_text
from finetune.data.kinds.written import Encoded, Rows, written_set
from finetune.data.labelled import Found
from finetune.data.layout import SPLIT_FOLDERS
from finetune.data.tracking import Track, untracked
from finetune.data.unpacking import content_name
from finetune.errors import DataError

IMAGES = ("images", "image", "imgs", "x", "data")
LABELS = ("labels", "label", "targets", "y")
NAMES = ("class_names", "classes", "label_names", "names")
CHANNELS = (1, 2, 3, 4)

_MAX_LABEL_BYTES = 2**30
_KEYS = "images and labels, x_train and y_train, or train_images and train_labels"
_MODES = {1: "L", 2: "LA", 3: "RGB", 4: "RGBA"}


def read_npz(where: str, path: Path, cache_dir: Path | None, track: Track = untracked) -> Found:
    """Return the images of the arrays in ``path``, written once as PNG files.

    Image arrays are N x H x W, N x H x W x C or N x C x H x W with 1 to 4 channels (grey, grey and opacity,
    colour, colour and opacity), or fixed-width bytes with an encoded image each. uint8 is taken as it is; bool
    is black and white; uint16 is divided by 257; other integers must lie in [0, 255]; floats in [0, 1] or, when
    any value of the array passes 1, in [0, 255]. Labels are N or N x 1 numbers or words, or N x K with a single 1.

    Raises:
        DataError: no such arrays, other shapes or values, pickled objects, or a damaged file.
        ResourceError: no room for the files.
    """
    rows = Rows(_rows(where, path), lambda: _n_images(where, path))
    name = content_name(path)
    return written_set(where, name, rows, splits_from="dataset", cache_dir=cache_dir, track=track)


def _n_images(where: str, path: Path) -> int:
    with _opened(where, path) as (opened, keys):
        pairs = _pairs(where, keys).values()
        return sum(StoredArray.find(where, opened, images).shape[0] for images, _ in pairs)


def _rows(where: str, path: Path) -> Iterator[Encoded]:
    with _opened(where, path) as (opened, keys):
        names = _class_names(where, opened, keys)
        for split, (images, labels) in _pairs(where, keys).items():
            yield from _split_rows(where, opened, split, images, labels, names)


@contextlib.contextmanager
def _opened(where: str, path: Path) -> Iterator[tuple[zipfile.ZipFile, list[str]]]:
    """Give the open file and the keys of its arrays; what is damaged raises DataError."""
    try:
        with zipfile.ZipFile(path) as opened:
            yield opened, [name.removesuffix(".npy") for name in opened.namelist() if name.endswith(".npy")]
    except (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, ValueError) as error:
        raise DataError(f"{where} is damaged ({error}); write it again with numpy.savez") from error


def _pairs(where: str, keys: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return for each split ("" for none) the keys of its images and of its labels."""
    roles: dict[tuple[str, str], str] = {}
    for key in keys:
        words = [word for word in re.split(r"[_\-. ]+", key.casefold()) if word]
        split = next((SPLIT_FOLDERS[word] for word in words if word in SPLIT_FOLDERS), "")
        rest = "_".join(word for word in words if word not in SPLIT_FOLDERS)
        role = "images" if rest in IMAGES else "labels" if rest in LABELS else ""
        if role:
            roles.setdefault((split, role), key)
    splits = [split for split in ("", "train", "val", "test") if (split, "images") in roles]
    if not splits:
        raise DataError(f"{where} has no array of images (it has: {', '.join(keys[:12])}); name them {_KEYS}")
    for split in splits:
        if (split, "labels") not in roles:
            raise DataError(
                f"{where} has no labels for its array '{roles[split, 'images']}' "
                f"(it has: {', '.join(keys[:12])}); name them {_KEYS}"
            )
    return {split: (roles[split, "images"], roles[split, "labels"]) for split in splits}


def _split_rows(
    where: str, opened: zipfile.ZipFile, split: str, images: str, labels: str, names: Mapping[str, str]
) -> Iterator[Encoded]:
    array = StoredArray.find(where, opened, images)
    words = _labels(where, labels, _whole(where, opened, labels), names)
    if len(words) != array.shape[0]:
        raise DataError(
            f"{where} has {array.shape[0]} images in '{images}' but {len(words)} labels in '{labels}'; "
            "give each image one"
        )
    encode = _encoder(where, array)
    position = 0
    for chunk in array.chunks():
        for item in chunk:
            yield Encoded(encode(item), words[position], split)
            position += 1


def _whole(where: str, opened: zipfile.ZipFile, key: str) -> NDArray[Any]:
    with opened.open(f"{key}.npy") as file:
        shape, _, dtype = header(where, key, file)
    if dtype.itemsize * int(np.prod(shape, dtype=object)) > _MAX_LABEL_BYTES:
        raise DataError(f"'{key}' in {where} is too large for labels; give each image one")
    with opened.open(f"{key}.npy") as file:
        return np.lib.format.read_array(file, allow_pickle=False)


def _class_names(where: str, opened: zipfile.ZipFile, keys: Sequence[str]) -> dict[str, str]:
    key = next((key for key in keys if key.casefold() in NAMES), None)
    if key is None:
        return {}
    names = _whole(where, opened, key)
    if names.ndim != 1 or names.dtype.kind not in "US":
        return {}
    return {str(index): cell_text(name) for index, name in enumerate(names.tolist())}


def _labels(where: str, key: str, labels: NDArray[Any], names: Mapping[str, str]) -> list[str]:
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]
    if labels.ndim == 2 and labels.dtype.kind in "biuf":
        if not (np.isin(labels, (0, 1)).all() and (labels.sum(axis=1) == 1).all()):
            raise DataError(f"'{key}' in {where} gives an image several classes; give each image one")
        labels = labels.argmax(axis=1)
    if labels.ndim != 1 or labels.dtype.kind not in "biufUS":
        raise DataError(f"'{key}' in {where} is no list of labels; give each image a number or a word")
    words = [cell_text(label) for label in labels.tolist()]
    return [names.get(word, word) for word in words]


def _encoder(where: str, array: StoredArray) -> Any:
    """Return the function from one item to the bytes of an image file."""
    if array.dtype.kind in "SV" and len(array.shape) == 1:
        return bytes
    channels, to_last = _layout(where, array)
    to_uint8 = _to_uint8(where, array)

    def encode(item: NDArray[Any]) -> bytes:
        pixels = np.ascontiguousarray(to_last(to_uint8(item)))
        stream = io.BytesIO()
        Image.fromarray(pixels if channels > 1 else pixels.reshape(pixels.shape[:2]), _MODES[channels]).save(
            stream, "PNG", compress_level=1
        )
        return stream.getvalue()

    return encode


def _layout(where: str, array: StoredArray) -> tuple[int, Any]:
    shape = array.shape
    if len(shape) == 3:
        return 1, lambda item: item
    if len(shape) == 4 and shape[3] in CHANNELS:
        return shape[3], lambda item: item
    if len(shape) == 4 and shape[1] in CHANNELS:
        return shape[1], lambda item: item.transpose(1, 2, 0)
    raise DataError(
        f"'{array.key}' in {where} has the shape {' x '.join(map(str, shape))}; "
        "images are N x height x width, with or without 1 to 4 channels"
    )


def _to_uint8(where: str, array: StoredArray) -> Any:
    kind, wrong = array.dtype.kind, f"'{array.key}' in {where}"
    if array.dtype == np.uint8:
        return lambda item: item
    if kind == "b":
        return lambda item: item.astype(np.uint8) * 255
    if array.dtype == np.uint16:
        return lambda item: ((item.astype(np.uint32) + 128) // 257).astype(np.uint8)
    if kind not in "iuf":
        raise DataError(f"{wrong} holds {array.dtype}, not pixels; save uint8")
    low, high = np.inf, -np.inf
    for chunk in array.chunks():
        # numpy's own, which let NaN through.
        low = np.minimum(low, chunk.min()) if chunk.size else low
        high = np.maximum(high, chunk.max()) if chunk.size else high
    if not (low >= 0 and high <= 255):  # NaN is neither
        raise DataError(f"{wrong} has values from {low:g} to {high:g}; save pixels of 0 to 255 as uint8")
    if kind in "iu":
        return lambda item: item.astype(np.uint8)
    scale = 255 if high <= 1 else 1
    return lambda item: np.rint(item.astype(np.float64) * scale).astype(np.uint8)
