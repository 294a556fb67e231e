"""Practice sets that need no download: name one, get a folder of images with one folder per class.

``SAMPLES`` is the one list; the command line, the web page and the tests all read it.
"""

from __future__ import annotations

import importlib
import shutil
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from finetune.errors import OptionError, ResourceError, RunError, nearest

Progress = Callable[[int, int], None]
"""Called with (images written so far, images in all), once an image."""


@dataclass(frozen=True)
class Sample:
    """One practice set: what it holds, and where it comes from under which licence."""

    name: str
    title: str
    n_images: int
    n_classes: int
    about: str


_LIST = (
    Sample(
        "digits",
        "Handwritten digits",
        1797,
        10,
        "Handwritten digits 0 to 9, 8×8 scans enlarged to 64 px; from the UCI repository "
        "(NIST forms, CC BY 4.0) as shipped with scikit-learn (BSD-3-Clause).",
    ),
    Sample(
        "fruit",
        "Still lifes of fruit",
        480,
        8,
        "Apples, lemons, oranges, peaches, pears, peppers, plums and tomatoes on tables and cloths, 224 px; "
        "drawn by this program, so nobody else's, under its own licence (Apache-2.0).",
    ),
)

SAMPLES: Mapping[str, Sample] = MappingProxyType({sample.name: sample for sample in _LIST})
"""Every practice set by name; the module of the same name beside this file writes it."""


def write_sample(name: str, target: Path, *, seed: int = 0, progress: Progress | None = None) -> Path:
    """Write a practice set as ``target/<class>/<image>`` and return ``target``.

    The same seed gives the same bytes (with the same library versions on the same machine). ``target`` is
    created, with its parents, or may be an empty folder; it holds either the whole set or nothing.

    Raises OptionError for a name that is not in ``SAMPLES`` or a negative seed, RunError for a target that
    already holds something, and ResourceError where the disk refuses.
    """
    if name not in SAMPLES:
        raise OptionError(
            f"no sample set is called '{name}'{nearest(name, SAMPLES)}; choose from {', '.join(SAMPLES)}"
        )
    if seed < 0:
        raise OptionError(f"seed is {seed}, but it must be 0 or more; leave it out to get 0")
    try:
        _refuse_occupied(target)
        _write_whole(name, target, seed, progress or _silent)
    except OSError as error:
        raise ResourceError(
            f"cannot write sample set '{name}' to {target} ({error.strerror or error}); "
            "name a folder on a disk with room that you may write to"
        ) from error
    return target


def _refuse_occupied(target: Path) -> None:
    if target.is_dir() and next(target.iterdir(), None) is None:
        return
    if target.exists() or target.is_symlink():
        what = "a folder that is not empty" if target.is_dir() else "not a folder"
        raise RunError(f"{target} is {what}, and nothing is ever overwritten; name a new or empty folder")


def _write_whole(name: str, target: Path, seed: int, progress: Progress) -> None:
    """Write beside a new target and rename; inside an empty one (a mount, the working folder)."""
    is_new = not target.exists()
    near = target.parent if is_new else target
    near.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=f".{name}-", suffix=".tmp", dir=near) as holder:
        staged = Path(holder, name)
        staged.mkdir()
        importlib.import_module(f"{__name__}.{name}").write(staged, seed=seed, progress=progress)
        if is_new:
            staged.rename(target)
        else:
            _move_all(staged, target)


def _move_all(staged: Path, target: Path) -> None:
    moved: list[Path] = []
    try:
        for folder in sorted(staged.iterdir()):
            moved.append(target / folder.name)
            folder.rename(target / folder.name)
    except BaseException:
        for folder in moved:
            shutil.rmtree(folder, ignore_errors=True)
        raise


def _silent(done: int, total: int) -> None:
    """Tell nobody."""
