"""Sample sets kept in the cache: to draw one takes seconds of computing, to copy it none."""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path

import finetune.data.samples
from finetune.data.kept_files import kept_files
from finetune.data.samples import write_sample
from finetune.data.unpacking import kept_set

Progress = Callable[[int, int], None]
_DIGITS = 16


def kept_sample(name: str, progress: Progress) -> Path:
    """Return the folder in the cache that holds the sample set ``name``, which is drawn first where it is not there.

    Whatever ``progress`` raises breaks the drawing off, and nothing of it stays. Raises as `write_sample` does.
    """

    def draw(folder: Path) -> None:
        write_sample(name, folder, progress=progress)

    return kept_files(kept_set(f"sample-{name}-{drawn_by()}"), draw, what=f"the sample set {name}")


def copy_sample(name: str, target: Path, progress: Progress) -> None:
    """Write the sample set ``name`` as the new folder ``target``, whole or not at all."""
    unfinished = target.with_name(f"{target.name}.tmp")
    shutil.rmtree(unfinished, ignore_errors=True)
    shutil.copytree(kept_sample(name, progress), unfinished)
    unfinished.replace(target)


def drawn_by() -> str:
    """Return what tells the code that draws from any other."""
    digest = hashlib.sha256()
    folder = Path(finetune.data.samples.__file__).parent
    for path in sorted(folder.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:_DIGITS]
