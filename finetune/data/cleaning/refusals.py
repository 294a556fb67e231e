"""What a cleaning refuses before it writes: places that would do harm, and sets it would leave without a class."""

from __future__ import annotations

import shlex
from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from finetune.data.cleaning.plan import KEPT, Action, Cause, Switches
from finetune.data.labelled import Source
from finetune.data.unpacking import SETS, cache_folder
from finetune.errors import DataError, OptionError, RunError

MOST_NAMED = 3
"""Of more classes than these the first are named."""

_CAUSES: Mapping[Cause, tuple[str, str, str]] = {
    "unreadable": ("cannot be read", "cannot be read", "with --no-quarantine"),
    "conflict": (
        "lies in another class too, byte for byte",
        "lie in another class too, byte for byte",
        "with --no-dedupe",
    ),
    "copy": (
        "is a copy of one in another split",
        "are copies of some in another split",
        "with --no-dedupe",
    ),
    "near": (
        "shows the same picture as one in another split",
        "show the same pictures as some in another split",
        "without --near",
    ),
}
"""Why images of a class did not stay, of one and of several, and how to clean such that they do."""


def refuse_nothing_to_do(switches: Switches) -> None:
    """Raise OptionError where all is switched off."""
    if switches == Switches(*[False] * 5):
        raise OptionError("nothing is cleaned, since all is switched off; leave out a --no-… option")


def refuse_out(out: Path, source: Source) -> None:
    """Raise RunError unless ``out`` is new or an empty folder; OptionError where it is no place for a copy."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise RunError(f"--out {out} is not empty; choose another folder")
    if out.is_mount():
        raise OptionError(
            f"--out {out} is a mounted disk's own folder; give one in it, such as {out / 'cleaned'}"
        )
    _refuse_inside(out, source)


def refuse_manifest(file: Path, source: Source) -> None:
    """Raise RunError where ``file`` or a log of its name exists, OptionError where no manifest can lie."""
    for path in (file, *logs_of(file)):
        if path.exists():
            raise RunError(f"--manifest {file} would overwrite {path}, which exists; choose another name")
    _refuse_inside(file, source)
    root = source.root.resolve()
    if root.is_relative_to((cache_folder() / SETS).resolve()):
        raise OptionError(
            f"a manifest names files, but those of {source.where} are packed in one; "
            "write a copy with --out DIR instead"
        )
    if not root.is_relative_to(file.absolute().parent.resolve()):
        raise OptionError(
            f"a manifest's paths start at its own folder, but {file} lies in no folder around the images in "
            f"{source.root}; put it into {source.root.parent}, or write a copy with --out DIR"
        )


def logs_of(file: Path) -> tuple[Path, Path]:
    """Return where the table and the lines of the log of the manifest ``file`` lie."""
    return file.with_name(f"{file.stem}.actions.csv"), file.with_name(f"{file.stem}.actions.jsonl")


def refuse_emptied(source: Source, actions: Sequence[Action]) -> None:
    """Raise DataError where a class would have no image left to train on: it would be gone without a word."""
    train = "train" if source.split_folders else None
    labels = {image.name: image.label for image in source.images if image.split == train}
    kept: set[str] = set()
    lost: defaultdict[str, Counter[Cause]] = defaultdict(Counter)
    for action in actions:
        if action.name not in labels:
            continue
        if action.kind in KEPT:
            kept.add(labels[action.name])
        elif action.kind != "skip":
            lost[labels[action.name]][action.cause] += 1
    emptied = sorted(lost.keys() - kept)
    if emptied:
        causes = sum((lost[label] for label in emptied), Counter[Cause]())
        raise DataError(_emptied(source, emptied, causes))


def _emptied(source: Source, labels: Sequence[str], causes: Mapping[Cause, int]) -> str:
    why = " and ".join(f"{n:,} {_CAUSES[cause][n > 1]}" for cause, n in causes.items())
    ways = ["correct that in the set"]
    ways.append("clean " + " and ".join(dict.fromkeys(_CAUSES[cause][2] for cause in causes)))
    if len(source.class_names) - len(labels) >= 2:  # a classifier needs two
        ways.append(_excluding(labels))
    image = "image of train" if source.split_folders else "image"
    if len(labels) == len(source.class_names):
        what = f"no {image} would be left of {source.where}"
    else:
        what = f"{_named(labels)} of {source.where} would have no {image} left"
    return f"{what}: {why}; {', '.join(ways[:-1])} or {ways[-1]}"


def _named(labels: Sequence[str]) -> str:
    names = [f"'{label}'" for label in labels[:MOST_NAMED]]
    if len(labels) > MOST_NAMED:
        names.append(f"{len(labels) - MOST_NAMED:,} more")
    if len(names) == 1:
        return f"class {names[0]}"
    return f"classes {', '.join(names[:-1])} and {names[-1]}"


def _excluding(labels: Sequence[str]) -> str:
    if len(labels) > MOST_NAMED:
        return "leave each out with --exclude"
    options = " ".join(f"--exclude {shlex.quote(label)}" for label in labels)
    return f"leave {'it' if len(labels) == 1 else 'them'} out with {options}"


def _refuse_inside(path: Path, source: Source) -> None:
    """Raise OptionError where ``path`` lies in the data set, which is not to be touched."""
    given = Path(source.where).expanduser()
    roots = [source.root, *([given] if given.is_dir() else [])]
    if any(path.resolve().is_relative_to(root.resolve()) for root in roots):
        raise OptionError(
            f"{path} lies inside the data set {source.where}, which stays as it is; choose another place"
        )
