"""Carry a cleaning out: a folder with the copy, what was put aside and a log, or a manifest and its log."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from finetune.data.cleaning.plan import Action, Switches
from finetune.data.images import load_rgb
from finetune.data.kept_files import partial_folder, remove_stale
from finetune.data.labelled import LabelledImage, Source
from finetune.errors import DataError, OptionError, ResourceError, RunError

DATA, QUARANTINE, MANIFEST = "data", "quarantine", "manifest.csv"
LOG_TABLE, LOG_LINES = "actions.csv", "actions.jsonl"
COLUMNS = ("path", "label", "split", "group")


@dataclass(frozen=True)
class Cleaned:
    """What was written: ``data`` is what to train on, ``log`` the table of actions, ``counts`` how many of each."""

    data: Path
    log: Path
    counts: Mapping[str, int]
    n_kept: int


def write_copy(
    out: Path,
    source: Source,
    actions: Sequence[Action],
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Cleaned:
    """Write the folder ``out``, new or empty: ``data/``, ``quarantine/``, ``actions.csv`` and ``actions.jsonl``.

    It is written under another name beside it and renamed when complete. A set that comes as class folders keeps its
    folders; another gets a ``manifest.csv`` in ``data/``. Rewritten images are PNG files of the pixels that training
    sees, so that not one changes. ``progress`` gets (done, total) actions.

    Raises:
        RunError: ``out`` is not empty.
        OptionError: ``out`` lies in the data set.
        DataError: an image vanished or changed meanwhile, or nothing would be left.
        ResourceError: it cannot be written.
    """
    refuse_full(out)
    refuse_inside(out, source)
    _refuse_nothing_left(source, actions)
    paths = {image.name: image.path for image in source.images}
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        remove_stale(out.absolute().parent, out.absolute().name)
        with partial_folder(out.absolute()) as partial:
            for done, action in enumerate(actions, start=1):
                _carry_out(action, paths, partial)
                if progress is not None:
                    progress(done, len(actions))
            if _needs_manifest(source):
                _write_whole(partial / DATA / MANIFEST, manifest_of(source, actions))
            _write_log(partial / LOG_TABLE, partial / LOG_LINES, actions)
            partial.chmod(0o755)  # temporary folders are their owner's alone
            partial.replace(out.absolute())
    except OSError as error:
        raise ResourceError(f"cannot write to {out}: {error.strerror}; choose another --out") from None
    data = out / DATA / MANIFEST if _needs_manifest(source) else out / DATA
    return _cleaned(data, out / LOG_TABLE, actions)


def write_manifest(file: Path, source: Source, actions: Sequence[Action]) -> Cleaned:
    """Write a manifest of the images that stay, and the log of the others beside it.

    Raises:
        RunError: ``file`` exists.
        OptionError: it lies in the data set, or not in a folder around it.
        DataError: nothing would be left.
        ResourceError: it cannot be written.
    """
    if file.exists():
        raise RunError(f"--manifest {file} exists; choose another name")
    refuse_inside(file, source)
    folder = file.absolute().parent.resolve()
    if not source.root.resolve().is_relative_to(folder):
        raise OptionError(
            f"a manifest's paths start at its own folder, but {file} lies in no folder around the images in "
            f"{source.root}; put it into {source.root.parent}, or write a copy with --out DIR"
        )
    _refuse_nothing_left(source, actions)
    below = source.root.resolve().relative_to(folder).as_posix()
    table, lines = (file.with_name(f"{file.stem}.{name}") for name in (LOG_TABLE, LOG_LINES))
    try:
        _write_log(table, lines, actions)
        _write_whole(file, manifest_of(source, actions, below=below))
    except OSError as error:
        raise ResourceError(f"cannot write {file}: {error.strerror}; choose another --manifest") from None
    return _cleaned(file, table, actions)


def refuse_nothing_to_do(switches: Switches) -> None:
    """Raise OptionError where all is switched off."""
    if switches == Switches(*[False] * 5):
        raise OptionError("nothing is cleaned, since all is switched off; leave out a --no-… option")


def refuse_full(out: Path) -> None:
    """Raise RunError unless ``out`` is new or an empty folder."""
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise RunError(f"--out {out} is not empty; choose another folder")


def refuse_inside(path: Path, source: Source) -> None:
    """Raise OptionError where ``path`` lies in the data set, which is not to be touched."""
    given = Path(source.where).expanduser()
    roots = [source.root, *([given] if given.is_dir() else [])]
    if any(path.resolve().is_relative_to(root.resolve()) for root in roots):
        raise OptionError(
            f"{path} lies inside the data set {source.where}, which stays as it is; choose another place"
        )


def manifest_of(source: Source, actions: Sequence[Action], *, below: str = "") -> str:
    """Return the manifest (CSV, RFC 4180) of the images that stay, their paths below the folder ``below``."""
    images = {image.name: image for image in source.images}
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    columns = [name for name in COLUMNS if name in ("path", "label") or _has(source.images, name)]
    writer.writerow(columns)
    for action in actions:
        if action.kind in ("copy", "rename", "rewrite"):
            image = images[action.name]
            path = f"{below}/{action.written}" if below else action.written
            cells = {"path": path, "label": image.label, "split": image.split, "group": image.group}
            writer.writerow([cells[name] or "" for name in columns])
    return stream.getvalue()


def _has(images: Sequence[LabelledImage], name: str) -> bool:
    return any(getattr(image, name) is not None for image in images)


def _needs_manifest(source: Source) -> bool:
    """Whether folders alone would not say each image's class, split and group."""
    is_grouped = any(image.group is not None for image in source.images)
    in_folders = Path(source.where).expanduser().is_dir() or source.splits_from == "folder"
    return is_grouped or not in_folders or not all(_is_in_class_folder(image) for image in source.images)


def _is_in_class_folder(image: LabelledImage) -> bool:
    return image.label in image.name.split("/")[:-1]


def _carry_out(action: Action, paths: Mapping[str, Path], folder: Path) -> None:
    if not action.written:
        return
    target = folder / (QUARANTINE if action.kind == "quarantine" else DATA) / action.written
    target.parent.mkdir(parents=True, exist_ok=True)
    path = paths[action.name]
    if action.kind == "rewrite":
        load_rgb(path).save(target, "PNG")
        return
    try:
        content = path.open("rb")
    except OSError as error:
        if action.kind == "quarantine":
            return  # it could not be read before either
        raise DataError(
            f"cannot read {path} any more: {error.strerror}; clean the set again when nothing changes in it"
        ) from None
    with content, target.open("xb") as copy:
        shutil.copyfileobj(content, copy)


def _refuse_nothing_left(source: Source, actions: Sequence[Action]) -> None:
    if not any(action.kind in ("copy", "rename", "rewrite") for action in actions):
        raise DataError(f"no image of {source.where} would be left; see `finetune inspect`")


def _write_log(table: Path, lines: Path, actions: Sequence[Action]) -> None:
    told = [asdict(action) for action in actions if action.kind != "copy"]
    stream = io.StringIO()
    writer = csv.DictWriter(stream, ("kind", "name", "written", "reason"), lineterminator="\n")
    writer.writeheader()
    writer.writerows(told)
    _write_whole(table, stream.getvalue())
    _write_whole(lines, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in told))


def _write_whole(path: Path, text: str) -> None:
    unfinished = path.with_name(f".{path.name}.tmp")
    unfinished.write_text(text, encoding="utf-8", newline="")
    os.replace(unfinished, path)  # noqa: PTH105


def _cleaned(data: Path, log: Path, actions: Sequence[Action]) -> Cleaned:
    counts: Counter[str] = Counter(action.kind for action in actions)
    return Cleaned(data, log, dict(counts), counts["copy"] + counts["rename"] + counts["rewrite"])
