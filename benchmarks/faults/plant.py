"""Copy a data set and plant known faults into the copy: which file got what is the truth to judge by.

An image gets one fault at most, and none that the untouched set already has a like of.
"""

from __future__ import annotations

import io
import random
import shutil
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter, ImageOps

SHARE = 0.02
LEAST = 10
PARTS = ("train", "val")


@dataclass
class Truth:
    """``images`` are names by kind, ``pairs`` pairs of names by kind."""

    images: dict[str, list[str]] = field(default_factory=dict)
    pairs: dict[str, list[tuple[str, str]]] = field(default_factory=dict)
    twin: tuple[str, str] = ("", "")


def copy_set(folders: dict[str, Path], root: Path, *, per_class: int | None, seed: int) -> None:
    """Copy ``CLASS -> folder`` to ``root/train/CLASS`` and ``root/val/CLASS``, a fifth of each class to val."""
    for label, folder in folders.items():
        files = sorted(path for path in folder.iterdir() if path.is_file())
        random.Random(f"{seed} {label}").shuffle(files)
        files = files[:per_class]
        n_val = len(files) // 5
        for part, chosen in (("val", files[:n_val]), ("train", files[n_val:])):
            (root / part / label).mkdir(parents=True, exist_ok=True)
            for path in chosen:
                shutil.copyfile(path, root / part / label / path.name)


def plant(root: Path, avoid: Collection[str], *, seed: int) -> Truth:
    """Plant every kind of fault into the set at ``root``; ``avoid`` names images that are left as they are."""
    rng = random.Random(seed)
    names = sorted(path.relative_to(root).as_posix() for path in root.rglob("*.*") if path.is_file())
    free = [name for name in names if name not in set(avoid)]
    rng.shuffle(free)
    n_each = max(LEAST, round(SHARE * len(names)))
    needed = n_each * (len(_REPLACED) + len(_COPIED))
    if needed > len(free):
        raise ValueError(f"{len(free)} images are too few to plant {needed} faults into")
    truth = Truth()
    for kind, replaced in _REPLACED.items():
        truth.images[kind] = [replaced(root, free.pop(), rng) for _ in range(n_each)]
    for kind, changed in _COPIED.items():
        truth.pairs[kind] = [_copied(root, free.pop(), changed, rng, rank) for rank in range(n_each)]
    truth.twin = _class_twin(root, free, rng)
    return truth


def _class_twin(root: Path, free: Sequence[str], rng: random.Random) -> tuple[str, str]:
    """Move half of a class's images to a folder named in the plural; unused images only."""
    label = rng.choice(sorted(path.name for path in (root / "train").iterdir()))
    twin = f"{label}s"
    moved = [name for name in free if name.split("/")[1] == label]
    for name in moved[: len(moved) // 2]:
        part, _, file = name.split("/")
        (root / part / twin).mkdir(exist_ok=True)
        (root / name).rename(root / part / twin / file)
    (root / "train" / twin).mkdir(exist_ok=True)
    return label, twin


def _opened(path: Path) -> Image.Image:
    with Image.open(path) as image:
        return image.convert("RGB")


def _unreadable(root: Path, name: str, rng: random.Random) -> str:
    contents = (b"", b"<html><body>404</body></html>", rng.randbytes(2000))
    (root / name).write_bytes(rng.choice(contents))
    return name


def _truncated(root: Path, name: str, rng: random.Random) -> str:
    path = root / name
    content = path.read_bytes()
    # Beyond the header, or the file would be no image at all.
    path.write_bytes(content[: int(len(content) * rng.uniform(0.75, 0.95))])
    return name


def _wrong_extension(root: Path, name: str, _rng: random.Random) -> str:
    path = root / name
    _opened(path).save(path, "PNG" if path.suffix.lower() in (".jpg", ".jpeg") else "JPEG")
    return name


def _sixteen_bit(root: Path, name: str, rng: random.Random) -> str:
    grey = np.asarray(_opened(root / name).convert("L")).astype(np.uint16) * 257
    suffix = rng.choice((".png", ".tif"))
    return _rewritten(root, name, Image.fromarray(grey), suffix)


def _rewritten(root: Path, name: str, image: Image.Image, suffix: str) -> str:
    path = (root / name).with_suffix(suffix)
    (root / name).unlink()
    image.save(path)
    return path.relative_to(root).as_posix()


def _blank(root: Path, name: str, rng: random.Random) -> str:
    image = _opened(root / name)
    colour = tuple(rng.randrange(256) for _ in range(3))
    return _rewritten(root, name, Image.new("RGB", image.size, colour), ".png")


def _dark(root: Path, name: str, rng: random.Random) -> str:
    factor = rng.uniform(0.05, 0.15)
    return _rewritten(root, name, _opened(root / name).point(lambda value: value * factor), ".png")


def _blurred(root: Path, name: str, rng: random.Random) -> str:
    image = _opened(root / name)
    radius = rng.uniform(0.08, 0.16) * max(image.size)
    return _rewritten(root, name, image.filter(ImageFilter.GaussianBlur(radius)), ".png")


_REPLACED: dict[str, Callable[[Path, str, random.Random], str]] = {
    "unreadable": _unreadable,
    "truncated": _truncated,
    "wrong-extension": _wrong_extension,
    "16-bit": _sixteen_bit,
    "blank": _blank,
    "dark": _dark,
    "blurred": _blurred,
}


def _as_jpeg(image: Image.Image, quality: int) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "JPEG", quality=quality)
    return stream.getvalue()


def _as_png(image: Image.Image) -> bytes:
    stream = io.BytesIO()
    image.save(stream, "PNG")
    return stream.getvalue()


def _resized(image: Image.Image, rng: random.Random) -> Image.Image:
    share = rng.uniform(0.5, 2.0)
    size = (max(1, round(image.width * share)), max(1, round(image.height * share)))
    return image.resize(size, Image.Resampling.BICUBIC)


def _both(image: Image.Image, rng: random.Random) -> bytes:
    return _as_jpeg(_resized(image, rng), rng.randint(30, 90))


Change = Callable[[Image.Image, random.Random], bytes]
_COPIED: dict[str, Change | None] = {
    "exact": None,
    "JPEG at quality 30-90": lambda image, rng: _as_jpeg(image, rng.randint(30, 90)),
    "resized to 50-200 %": lambda image, rng: _as_png(_resized(image, rng)),
    "resized, then JPEG": _both,
    "mirrored": lambda image, _rng: _as_png(ImageOps.mirror(image)),
}
"""A copy is made by this; None copies the file byte for byte."""


def _copied(root: Path, name: str, change: Change | None, rng: random.Random, rank: int) -> tuple[str, str]:
    """Add a copy of an image in its class, every second one in the other part, and return both names."""
    part, label, file = name.split("/")
    target_part = part if rank % 2 else PARTS[1 - PARTS.index(part)]
    content = (root / name).read_bytes() if change is None else change(_opened(root / name), rng)
    suffix = Path(file).suffix if change is None else (".jpg" if content[:2] == b"\xff\xd8" else ".png")
    copy = root / target_part / label / f"{Path(file).stem}-{part}-copy{suffix}"
    copy.parent.mkdir(parents=True, exist_ok=True)
    copy.write_bytes(content)
    return name, copy.relative_to(root).as_posix()


def all_names(truth: Truth) -> Iterable[str]:
    """Return every image that was planted or copied."""
    for names in truth.images.values():
        yield from names
    for pairs in truth.pairs.values():
        for pair in pairs:
            yield from pair
