"""A torchvision data set by its name, downloaded unless offline or there already."""

from __future__ import annotations

import hashlib
import io
import os
import pickle
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from finetune.data.kinds.written import Encoded, Rows, written_set
from finetune.data.labelled import Found
from finetune.data.layout import SplitName
from finetune.data.tracking import Track, untracked
from finetune.data.unpacking import cache_folder
from finetune.errors import DataError, ResourceError, nearest

TORCHVISION = "torchvision:"
_DIGITS = 16
_Parts = Mapping[SplitName, Mapping[str, Any]]

_TRAIN: _Parts = {"train": {"train": True}, "test": {"train": False}}
_SPLIT: _Parts = {"train": {"split": "train"}, "test": {"split": "test"}}
_THREE: _Parts = {**_SPLIT, "val": {"split": "val"}}

SETS: Mapping[str, _Parts] = {
    "CIFAR10": _TRAIN,
    "CIFAR100": _TRAIN,
    "MNIST": _TRAIN,
    "FashionMNIST": _TRAIN,
    "KMNIST": _TRAIN,
    "QMNIST": _TRAIN,
    "USPS": _TRAIN,
    "SVHN": _SPLIT,
    "STL10": _SPLIT,
    "GTSRB": _SPLIT,
    "Food101": _SPLIT,
    "StanfordCars": _SPLIT,
    "DTD": _THREE,
    "FGVCAircraft": _THREE,
    "Flowers102": _THREE,
    "RenderedSST2": _THREE,
    "OxfordIIITPet": {"train": {"split": "trainval"}, "test": {"split": "test"}},
    "Imagenette": {"train": {"split": "train"}, "val": {"split": "val"}},
    "EuroSAT": {"train": {}},
    "Caltech101": {"train": {}},
    "Caltech256": {"train": {}},
    "SEMEION": {"train": {}},
    "SUN397": {"train": {}},
}
"""The labelled image sets of torchvision.datasets, with what to ask each for; a lone train is not split."""


def read_torchvision_set(
    where: str, cache_dir: Path | None, track: Track = untracked, *, offline: bool
) -> Found:
    """Return the images of ``torchvision:NAME`` or ``torchvision:NAME@FOLDER``, written once as files.

    Those of a set that is made of image files are copied, others become lossless PNG. FOLDER is the ``root`` that
    torchvision was given earlier; without it, ``<cache>/torchvision`` is used.
    The written files are used again while the size and time of every file of the set are unchanged.

    Raises:
        DataError: a name that is none of SETS, or data that are neither there nor may be downloaded.
        ResourceError: the download failed, or there is no room.
    """
    name, _, given = where.removeprefix(TORCHVISION).partition("@")
    if name not in SETS:
        raise DataError(
            f"no torchvision data set '{name}' to train on{nearest(name, SETS)}; choose from {', '.join(SETS)}"
        )
    root = Path(given).expanduser() if given else cache_folder(cache_dir) / "torchvision"
    parts = {split: _opened(where, name, root, asked, offline) for split, asked in SETS[name].items()}
    key = hashlib.sha256(f"{name}\n{_state(root)}".encode()).hexdigest()[:_DIGITS]
    rows = Rows(_rows(parts), lambda: sum(map(len, parts.values())))
    return written_set(where, key, rows, splits_from="dataset", cache_dir=cache_dir, track=track)


def _opened(where: str, name: str, root: Path, asked: Mapping[str, Any], offline: bool) -> Any:
    import torchvision

    kind = getattr(torchvision.datasets, name)
    try:
        return kind(str(root), download=False, **asked)
    except (RuntimeError, OSError, pickle.UnpicklingError, EOFError) as error:
        if offline:
            raise DataError(
                f"{where} is not whole in {root}, and offline nothing is downloaded; leave --offline away once, "
                f"or name the folder that holds it: {TORCHVISION}{name}@FOLDER"
            ) from error
    try:
        root.mkdir(parents=True, exist_ok=True)
        return kind(str(root), download=True, **asked)
    except (RuntimeError, OSError, ValueError, EOFError) as error:
        told = str(error).strip().splitlines() or [type(error).__name__]
        raise ResourceError(
            f"cannot download {where} into {root} ({told[0].rstrip('.')}); check the network and the disk, "
            f"or name the folder that holds it: {TORCHVISION}{name}@FOLDER"
        ) from error


def _state(root: Path) -> str:
    """Return the name, size and time of every file below ``root``."""
    lines = []
    for around, _, names in os.walk(root):
        for name in names:
            found = (Path(around) / name).stat()
            lines.append(f"{around}/{name} {found.st_size} {found.st_mtime_ns}")
    return "\n".join(sorted(lines))


def _rows(parts: Mapping[SplitName, Any]) -> Iterator[Encoded]:
    for split, part in parts.items():
        names = [_word(name) for name in getattr(part, "classes", None) or ()]
        for content, index in _contents(part):
            label = names[index] if index < len(names) else str(index)
            yield Encoded(content, label, split if len(parts) > 1 else "")


def _contents(part: Any) -> Iterator[tuple[bytes, int]]:
    """Yield each image as the bytes of an image file, its own where the set is made of files, and its class index."""
    files = _files(part)
    if files is not None:
        for path, target in files:
            yield Path(path).read_bytes(), int(target)
        return
    for image, target in part:
        stream = io.BytesIO()
        image.save(stream, "PNG", compress_level=1)
        yield stream.getvalue(), int(target)


def _files(part: Any) -> list[tuple[str | Path, int]] | None:
    """Return the files and class indices of a set that is made of image files, else None."""
    for name in ("samples", "_samples"):
        pairs = getattr(part, name, None)
        if pairs and isinstance(pairs[0][0], (str, Path)):
            return list(pairs)
    for name in ("_image_files", "_images"):
        paths, labels = getattr(part, name, None), getattr(part, "_labels", None)
        if paths and labels and len(paths) == len(labels):
            return list(zip(paths, labels, strict=True))
    return None


def _word(name: Any) -> str:
    """Return a class's name; some sets give several words for one."""
    return ", ".join(map(str, name)) if isinstance(name, (tuple, list)) else str(name)
