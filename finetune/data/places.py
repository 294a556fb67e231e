"""What a user may write for a data set: a path, or a scheme and a name, in one text."""

from __future__ import annotations

from pathlib import Path

from finetune.data.kinds.hub_sets import HUB
from finetune.data.kinds.torchvision_sets import TORCHVISION

SCHEMES = (HUB, TORCHVISION)
_PACKED = (".gz", ".bz2", ".xz")


def is_named(where: str | Path) -> bool:
    """Whether ``where`` names a data set of a package, such as ``hf:mnist``, and is no path."""
    return str(where).startswith(SCHEMES)


def is_there(where: str | Path) -> bool:
    """Whether ``where`` is a path of something, or a name, which only opening can tell."""
    return is_named(where) or Path(where).expanduser().exists()


def from_anywhere(where: str | Path, base: Path | None = None) -> str:
    """Return ``where`` such that it means the same from any working folder; relative paths start at ``base``."""
    text = str(where)
    if text.startswith(TORCHVISION):
        name, at, folder = text.partition("@")
        return f"{name}@{_absolute(folder, base)}" if at else text
    if text.startswith(HUB):
        folder = _absolute(text.removeprefix(HUB), base)
        return f"{HUB}{folder}" if Path(folder).is_dir() else text
    return _absolute(text, base)


def short_name(where: str | Path) -> str:
    """Return the set's name without folders, schemes and endings, such as ``photos`` for ``~/photos.tar.gz``."""
    if is_named(where):
        return str(where).partition(":")[2].split("@")[0].rstrip("/").rsplit("/", 1)[-1]
    path = Path(where).expanduser().resolve()
    if path.is_dir():
        return path.name
    return Path(path.stem).stem if path.suffix in _PACKED and path.stem.endswith(".tar") else path.stem


def _absolute(path: str, base: Path | None) -> str:
    return str(((base or Path()) / Path(path).expanduser()).absolute())
