"""A torchvision data set by its name, downloaded unless offline or there already."""

from __future__ import annotations

import hashlib
import importlib.util
import io
import os
import pickle
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from finetune.data.kinds.written import Encoded, written_set
from finetune.data.labelled import Found
from finetune.data.layout import SplitName
from finetune.data.unpacking import cache_folder
from finetune.errors import DataError, OptionError, ResourceError, nearest

if TYPE_CHECKING:
    from PIL import Image

TORCHVISION = "torchvision:"
_DIGITS = 16
_Parts = Mapping[SplitName, Mapping[str, Any]]


def _upright(image: Image.Image) -> Image.Image:
    """EMNIST is stored by columns: torchvision's letters lie on their side and are mirrored."""
    from PIL import Image

    return image.transpose(Image.Transpose.TRANSPOSE)


def _emnist(part: str) -> _Parts:
    both: Mapping[SplitName, bool] = {"train": True, "test": False}
    return {
        split: {"split": part, "train": is_train, "transform": _upright} for split, is_train in both.items()
    }


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
    "EMNIST:balanced": _emnist("balanced"),
    "EMNIST:byclass": _emnist("byclass"),
    "EMNIST:bymerge": _emnist("bymerge"),
    "EMNIST:digits": _emnist("digits"),
    "EMNIST:letters": _emnist("letters"),
    "EMNIST:mnist": _emnist("mnist"),
    "USPS": _TRAIN,
    "SVHN": _SPLIT,
    "STL10": _SPLIT,
    "GTSRB": _SPLIT,
    "Food101": _SPLIT,
    "StanfordCars": _SPLIT,
    "FER2013": _SPLIT,
    "DTD": _THREE,
    "FGVCAircraft": _THREE,
    "Flowers102": _THREE,
    "RenderedSST2": _THREE,
    "PCAM": _THREE,
    "Country211": {**_SPLIT, "val": {"split": "valid"}},
    "OxfordIIITPet": {"train": {"split": "trainval"}, "test": {"split": "test"}},
    "Imagenette": {"train": {"split": "train"}, "val": {"split": "val"}},
    "EuroSAT": {"train": {}},
    "Caltech101": {"train": {}},
    "Caltech256": {"train": {}},
    "SEMEION": {"train": {}},
    "SUN397": {"train": {}},
    # The other alphabets and the people of the other split are other classes.
    "Omniglot": {"train": {"background": True}},
    "LFWPeople": {"train": {"split": "10fold"}},
    # The images to train on take more than the bytes that may be written.
    "Places365:val": {"train": {"split": "val", "small": True}},
}
"""The labelled image sets of torchvision.datasets, with what to ask each for; a lone train is not split.

After a colon stands which of several sets of one class is meant.
"""

_BY_HAND = ("FER2013", "LFWPeople", "StanfordCars")
"""What torchvision reads but does not download."""

_PACKAGES = {"PCAM": "h5py"}

_CLASS_NAMES = {
    "FER2013": ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"),
    "PCAM": ("normal", "tumor"),
}
"""The classes of sets that torchvision only numbers, as their own pages name them."""


def read_torchvision_set(where: str, cache_dir: Path | None, *, offline: bool) -> Found:
    """Return the images of ``torchvision:NAME`` or ``torchvision:NAME@FOLDER``, written once as files.

    Those of a set that is made of image files are copied, others become lossless PNG. FOLDER is the ``root`` that
    torchvision was given earlier; without it, ``<cache>/torchvision/NAME`` is used, so that no set changes another.
    The written files are used again while the size and time of every file of the set are unchanged.

    Raises:
        DataError: a name that is none of SETS, or data that are neither there nor may be downloaded.
        OptionError: the set needs a package that is not installed.
        ResourceError: the download failed, or there is no room.
    """
    name, _, given = where.removeprefix(TORCHVISION).partition("@")
    kind = name.partition(":")[0]
    _refuse_unknown(name)
    needed = _PACKAGES.get(kind)
    if needed and importlib.util.find_spec(needed) is None:
        raise OptionError(f"{where} needs the package {needed}; run `pip install {needed}`")
    root = Path(given).expanduser() if given else cache_folder(cache_dir) / "torchvision" / kind
    parts = {split: _opened(where, name, root, asked, offline) for split, asked in SETS[name].items()}
    key = hashlib.sha256(f"{name}\n{_state(root)}".encode()).hexdigest()[:_DIGITS]
    rows = _rows(parts, _CLASS_NAMES.get(kind))
    return written_set(where, key, rows, splits_from="dataset", cache_dir=cache_dir)


def _refuse_unknown(name: str) -> None:
    of_this_class = [known for known in SETS if known.startswith(f"{name}:")]
    if of_this_class:
        raise DataError(f"{TORCHVISION}{name} does not say which set; choose from {', '.join(of_this_class)}")
    if name not in SETS:
        raise DataError(
            f"no torchvision data set '{name}' to train on{nearest(name, SETS)}; choose from {', '.join(SETS)}"
        )


def _opened(where: str, name: str, root: Path, asked: Mapping[str, Any], offline: bool) -> Any:
    import torchvision

    kind = getattr(torchvision.datasets, name.partition(":")[0])
    # Some would download unasked, and what cannot does not always take the word.
    refusal = {} if name in _BY_HAND else {"download": False}
    try:
        return kind(str(root), **refusal, **asked)
    except (RuntimeError, OSError, pickle.UnpicklingError, EOFError) as error:
        why = "offline nothing is downloaded; leave --offline away once" if offline else ""
        if name in _BY_HAND:
            why = "torchvision cannot download it; put its files there as torchvision's documentation says"
        if why:
            raise DataError(
                f"{where} is not whole in {root}, and {why}, "
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


def _rows(parts: Mapping[SplitName, Any], names: Sequence[str] | None) -> Iterator[Encoded]:
    for split, part in parts.items():
        words = names or _class_names(part)
        for content, index in _contents(part):
            label = None if index is None else words[index] if index < len(words) else str(index)
            yield Encoded(content, label, split if len(parts) > 1 else "")


def _class_names(part: Any) -> list[str]:
    """Return the names by class index, under whichever attribute the set has them; none where it only counts."""
    for attribute in ("classes", "categories", "_characters"):
        if names := getattr(part, attribute, None):
            return [_word(name) for name in names]
    indices: Mapping[str, int] = getattr(part, "class_to_idx", {})
    return sorted(indices, key=lambda name: indices[name])


def _contents(part: Any) -> Iterator[tuple[bytes, int | None]]:
    """Yield each image as the bytes of an image file, its own where the set is made of files, and its class index.

    The index is None where the set knows no label.
    """
    files = _files(part)
    if files is not None:
        for path, target in files:
            yield Path(path).read_bytes(), int(target)
        return
    for place in range(len(part)):
        image, target = part[place]
        stream = io.BytesIO()
        image.save(stream, "PNG", compress_level=1)
        yield stream.getvalue(), None if target is None else int(target)


def _files(part: Any) -> list[tuple[str | Path, int]] | None:
    """Return the files and class indices of a set that is made of image files, else None."""
    for name in ("samples", "_samples", "imgs"):
        pairs = getattr(part, name, None)
        if pairs and isinstance(pairs[0][0], (str, Path)):
            return list(pairs)
    for name, targets in (("_image_files", "_labels"), ("_images", "_labels"), ("data", "targets")):
        paths, labels = getattr(part, name, None), getattr(part, targets, None)
        if not (isinstance(paths, list) and isinstance(labels, list)):
            continue
        if paths and isinstance(paths[0], (str, Path)) and len(paths) == len(labels):
            return list(zip(paths, labels, strict=True))
    return None


def _word(name: Any) -> str:
    """Return a class's name; some sets give several words for one."""
    return ", ".join(map(str, name)) if isinstance(name, (tuple, list)) else str(name)
