"""Carry a cleaning out: a folder with the copy, what was put aside and a log, or a manifest and its log."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from finetune.data.cleaning.copying import copy_file, rewrite_file
from finetune.data.cleaning.plan import KEPT, Action, listed
from finetune.data.cleaning.refusals import logs_of, refuse_emptied, refuse_manifest, refuse_out
from finetune.data.cleaning.tables import manifest_of, write_log, write_whole
from finetune.data.health import HealthReport
from finetune.data.kept_files import partial_folder, remove_stale
from finetune.data.labelled import LabelledImage, Source
from finetune.errors import DataError, ResourceError

DATA, QUARANTINE, MANIFEST = "data", "quarantine", "manifest.csv"
LOG_TABLE, LOG_LINES = "actions.csv", "actions.jsonl"


@dataclass(frozen=True)
class Cleaned:
    """What a cleaning comes to: ``counts`` of each kind of action, and of the images that stay.

    ``data`` is what to train on, ``log`` the table of actions and ``quarantine`` the folder of what is put aside;
    each is None where none is written.
    """

    data: Path | None
    log: Path | None
    quarantine: Path | None
    counts: Mapping[str, int]
    n_kept: int


def foresee(
    source: Source, actions: Sequence[Action], *, out: Path | None = None, manifest: Path | None = None
) -> Cleaned:
    """Return what `write_copy` to ``out`` or `write_manifest` to ``manifest`` comes to; nothing is written."""
    counts: Counter[str] = Counter(action.kind for action in actions)
    data = log = quarantine = None
    if out is not None:
        data = out / DATA / MANIFEST if _needs_manifest(source) else out / DATA
        log, quarantine = out / LOG_TABLE, out / QUARANTINE
    elif manifest is not None:
        data, log = manifest, logs_of(manifest)[0]
    return Cleaned(data, log, quarantine, dict(counts), sum(counts[kind] for kind in KEPT))


def write_copy(
    out: Path,
    source: Source,
    report: HealthReport,
    actions: Sequence[Action],
    *,
    progress: Callable[[int, int], None] | None = None,
) -> Cleaned:
    """Write the folder ``out``, new or empty: ``data/``, ``quarantine/``, ``actions.csv`` and ``actions.jsonl``.

    It is written under another name beside it and renamed when complete; on any error nothing is left. A set that
    comes as class folders keeps its folders; another gets a ``manifest.csv`` in ``data/``. Rewritten images are PNG
    files of the pixels that training sees, so that not one changes. ``progress`` gets (done, total) actions.

    Raises:
        RunError: ``out`` is not empty.
        OptionError: ``out`` lies in the data set, or is a mounted disk's own folder.
        DataError: an image vanished or changed since ``report`` looked at it, or a class would be left without any.
        ResourceError: it cannot be written.
    """
    refuse_out(out, source)
    refuse_emptied(source, actions)
    target = out.resolve()  # a link to an empty folder stays a link
    try:
        with _folders_above(target):
            remove_stale(target.parent, target.name)
            with partial_folder(target) as partial:
                done = _carry_out_all(source, report, actions, partial, progress)
                if _needs_manifest(source):
                    write_whole(partial / DATA / MANIFEST, manifest_of(source, actions))
                write_log(partial / LOG_TABLE, partial / LOG_LINES, done)
                partial.chmod(0o755)  # temporary folders are their owner's alone
                partial.replace(target)
    except OSError as error:
        raise ResourceError(
            f"cannot write to {out}: {error.strerror or error}; free some space or choose another --out"
        ) from None
    return foresee(source, actions, out=out)


def write_manifest(file: Path, source: Source, actions: Sequence[Action]) -> Cleaned:
    """Write a manifest of the images that stay, and the log of the others beside it; on any error neither is left.

    Raises:
        RunError: ``file`` or its log exists.
        OptionError: it lies in the data set, or not in a folder around it, or the set is packed in a file.
        DataError: a class would be left without images.
        ResourceError: it cannot be written.
    """
    refuse_manifest(file, source)
    refuse_emptied(source, actions)
    below = source.root.resolve().relative_to(file.absolute().parent.resolve()).as_posix()
    try:
        write_log(*logs_of(file), listed(actions))
        write_whole(file, manifest_of(source, actions, below=below))
    except BaseException as error:
        for path in (*logs_of(file), file):
            path.unlink(missing_ok=True)
        if isinstance(error, OSError):
            raise ResourceError(
                f"cannot write {file}: {error.strerror or error}; free some space or choose another --manifest"
            ) from None
        raise
    return foresee(source, actions, manifest=file)


@contextlib.contextmanager
def _folders_above(target: Path) -> Iterator[None]:
    """Make the folders that ``target`` lies in, and remove those that were not there on any error."""
    missing = [folder for folder in target.parents if not folder.exists()]
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        yield
    except BaseException:
        with contextlib.suppress(OSError):
            for folder in missing:
                folder.rmdir()
        raise


def _carry_out_all(
    source: Source,
    report: HealthReport,
    actions: Sequence[Action],
    folder: Path,
    progress: Callable[[int, int], None] | None,
) -> list[Action]:
    """Carry out each action and return them as they were carried out, for the log."""
    paths = {image.name: image.path for image in source.images}
    carried_out = []
    for done, action in enumerate(actions, start=1):
        carried_out.append(_carry_out(action, paths, report, folder) if action.written else action)
        if progress is not None:
            progress(done, len(actions))
    return carried_out


def _carry_out(action: Action, paths: Mapping[str, Path], report: HealthReport, folder: Path) -> Action:
    target = folder / (QUARANTINE if action.kind == "quarantine" else DATA) / action.written
    target.parent.mkdir(parents=True, exist_ok=True)
    facts = report.facts.get(action.name)
    if action.kind == "rewrite" and facts is not None:
        rewrite_file(paths[action.name], target, facts.sha256)
        return action
    try:
        copy_file(paths[action.name], target, None if facts is None else facts.sha256)
    except DataError:
        if action.cause != "unreadable":
            raise
        target.unlink(missing_ok=True)  # not even its bytes can be had
        return replace(action, written="")
    return action


def _needs_manifest(source: Source) -> bool:
    """Whether folders alone would not say each image's class, split and group."""
    is_grouped = any(image.group is not None for image in source.images)
    in_folders = source.splits_from == "folder" or (
        source.splits_from is None and Path(source.where).expanduser().is_dir()
    )
    return is_grouped or not in_folders or not all(_is_in_class_folder(image) for image in source.images)


def _is_in_class_folder(image: LabelledImage) -> bool:
    return image.label in image.name.split("/")[:-1]
