"""What is no bundle, or none that is whole: told in one sentence that names the file and what to do."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from torch import nn

from finetune.data.images import BROKEN_LINK
from finetune.data.unpacking import is_archive
from finetune.errors import RunError
from finetune.model.layers import classifier_name


def refuse_no_folder(folder: Path) -> None:
    """Raise RunError where ``folder`` is a file, an archive among them, or a link to nothing."""
    if folder.is_file():
        how = "unpack it" if is_archive(folder) else "give the folder that it lies in"
        raise RunError(f"{folder} is a file, and a bundle is a folder; {how}")
    if folder.is_symlink() and not folder.exists():
        raise RunError(f"{folder} {BROKEN_LINK}; check where it leads")


def refuse_incomplete(folder: Path, files: Sequence[str]) -> None:
    """Raise RunError, naming the first of ``files`` that is not there."""
    missing = [name for name in files if not (folder / name).is_file()]
    if missing:
        raise RunError(
            f"{folder} is not a bundle ({missing[0]} is missing); give a run folder or its bundle folder"
        )


def checked_names(folder: Path, names: Any) -> tuple[str, ...]:
    """Return what ``classes.json`` holds, ``names``; raises RunError unless it is a list of different names."""
    if not isinstance(names, list) or not all(isinstance(name, str) and name for name in names):
        raise RunError(f"the bundle {folder} is damaged (classes.json is no list of names); write it again")
    twice = [name for name, n in Counter(names).items() if n > 1]
    if twice:
        raise RunError(
            f"the bundle {folder} names the class '{twice[0]}' more than once; "
            "use the classes.json that was written with it"
        )
    return tuple(names)


def refuse_other_width(folder: Path, model: nn.Module, class_names: Sequence[str]) -> None:
    """Raise RunError unless the weights decide between as many classes as there are names."""
    classifier: Any = model.get_submodule(classifier_name(model))
    if classifier.out_features != len(class_names):
        raise RunError(
            f"the bundle {folder} names {len(class_names)} classes, but its weights decide between "
            f"{classifier.out_features}; use the classes.json that was written with them"
        )
