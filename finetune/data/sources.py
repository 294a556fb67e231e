"""One door to a user's labelled images: a folder, an archive, a manifest, arrays, or a data set by its name."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable
from pathlib import Path

from finetune.data.images import BROKEN_LINK
from finetune.data.kinds.arrays import read_npz
from finetune.data.kinds.encoded import holds_images, read_parquet
from finetune.data.kinds.folders import MANIFESTS, read_folder
from finetune.data.kinds.hub_sets import HUB, read_hub_set
from finetune.data.kinds.manifest import SUFFIXES, read_manifest
from finetune.data.kinds.tables import has_columns
from finetune.data.kinds.torchvision_sets import TORCHVISION, read_torchvision_set
from finetune.data.labelled import Found, LabelledImage, Source
from finetune.data.layout import SplitName, nfc
from finetune.data.listing import Skipped
from finetune.data.tracking import Track, untracked
from finetune.data.unpacking import is_archive, unpacked
from finetune.errors import DataError, nearest

__all__ = ["LabelledImage", "Skipped", "Source", "SplitName", "open_source"]

LABELLED_SUFFIXES = frozenset({*SUFFIXES, ".parquet", ".npz"})
"""Lower-case endings of the files that name or hold labelled images."""

KINDS = "a folder, a zip or tar of one, a .csv, .tsv or .parquet, an .npz, hf:NAME or torchvision:NAME"


def open_source(
    where: str | Path,
    *,
    exclude: Collection[str] = (),
    least_classes: int = 2,
    cache_dir: Path | None = None,
    offline: bool = False,
    track: Track = untracked,
) -> Source:
    """List the labelled images that ``where`` stands for, without the classes in ``exclude``.

    Training needs two classes, ``least_classes``; images that are there to be judged may be of one.

    What it may be, and what each kind holds, `docs/data.md` and the modules of `finetune.data.kinds` say. What is
    packed in a file, or comes from a package, is written once into ``cache_dir``, followed by a reporter's
    ``track``. With ``offline`` a named set is never downloaded.

    Raises:
        DataError: nothing there, no images, no classes, too few of them, two folders for one split, a
            class that train does not have, an unknown class in ``exclude``, or a manifest that cannot be.
        ArchiveError: the archive is damaged or unsafe.
        OptionError: a package that this kind needs is not installed.
        ResourceError: no room to unpack it, or a download that failed.
    """
    if not str(where):
        raise DataError("the data set's path is empty; give a folder or a zip")
    found = _found(str(where), cache_dir, track, offline=offline)
    unwanted = _unwanted(exclude, found, str(where))
    images = tuple(image for image in found.images if image.label not in unwanted)
    return Source(
        where=str(where),
        root=found.root,
        images=images,
        class_names=_class_names(str(where), images, found, least_classes),
        split_folders=dict(found.splits.items()),
        skipped=tuple(item for item in found.skipped if not _is_unwanted_class(item, unwanted)),
        splits_from=found.splits_from if found.splits else None,
    )


def _found(where: str, cache_dir: Path | None, track: Track, *, offline: bool) -> Found:
    if where.startswith(TORCHVISION):
        return read_torchvision_set(where, cache_dir, track, offline=offline)
    if where.startswith(HUB):
        return read_hub_set(where, cache_dir, track, offline=offline)
    path = _existing(Path(where).expanduser())
    suffix = path.suffix.lower()
    if path.is_dir():
        return _folder_or_manifest(where, path)
    if suffix in SUFFIXES or (suffix == ".parquet" and not holds_images(where, path)):
        return read_manifest(where, path)
    if suffix == ".parquet":
        return read_parquet(where, path, cache_dir, track)
    if suffix == ".npz":
        return read_npz(where, path, cache_dir, track)
    return _folder_or_manifest(where, _unpacked(path, cache_dir, track))


def _existing(path: Path) -> Path:
    """Return ``path`` if it is a folder or an ordinary file; raises DataError."""
    try:
        if path.is_dir() or path.is_file():
            return path
        if path.exists():
            # Asked before opening: to open a pipe is to wait for ever.
            raise DataError(f"{path} is neither a folder nor a file; give {KINDS}")
        if path.is_symlink():
            raise DataError(f"{path} {BROKEN_LINK}; check where it leads")
        beside = [other.name for other in path.parent.iterdir()] if path.parent.is_dir() else []
    except OSError as error:
        raise DataError(f"cannot open {path}: {error.strerror}; check the path") from error
    raise DataError(f"no folder or file at {path}, check the path{nearest(path.name, beside)}")


def _unpacked(path: Path, cache_dir: Path | None, track: Track) -> Path:
    try:
        if not is_archive(path):
            raise DataError(f"{path} is a file that holds no labelled images; give {KINDS}")
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}; check its permissions") from error
    return unpacked(path, cache_dir, track)


def _folder_or_manifest(where: str, path: Path) -> Found:
    """Read the class folders; where there are none, or one, the only manifest at the top says the classes."""
    try:
        found = read_folder(where, path)
        if len({image.label for image in found.images}) > 1:
            return found
    except DataError:
        manifest = _only_manifest(path)
        if manifest is None:
            raise
        return read_manifest(f"{where}/{manifest.relative_to(path)}", manifest)
    manifest = _only_manifest(path)
    return found if manifest is None else read_manifest(f"{where}/{manifest.relative_to(path)}", manifest)


def _only_manifest(path: Path) -> Path | None:
    """Return the one manifest in the folder, or in the one that it only wraps."""
    try:
        inside = [entry for entry in path.iterdir() if not entry.name.startswith((".", "__MACOSX"))]
    except OSError:
        return None
    if len(inside) == 1 and inside[0].is_dir():
        return _only_manifest(inside[0])
    tables = [entry for entry in inside if entry.suffix.lower() in MANIFESTS and entry.is_file()]
    manifests = [table for table in tables if has_columns(table)]
    return manifests[0] if len(manifests) == 1 else None


def _unwanted(exclude: Collection[str], found: Found, where: str) -> frozenset[str]:
    unwanted = frozenset(nfc(name) for name in exclude)
    if unwanted - found.labels:
        name = min(unwanted - found.labels)
        known = sorted(found.labels)
        raise DataError(f"no class '{name}' in {where} to exclude, check its spelling{nearest(name, known)}")
    return unwanted


def _is_unwanted_class(item: Skipped, unwanted: frozenset[str]) -> bool:
    return item.kind == "empty-class" and nfc(item.name.rsplit("/", 1)[-1]) in unwanted


def _class_names(where: str, images: Iterable[LabelledImage], found: Found, least: int) -> tuple[str, ...]:
    """Return the one class map, made from train, or raise DataError when it is none."""
    train = "train" if found.splits else None
    names = {image.label for image in images if image.split == train}
    for image in images:
        if image.label not in names:
            raise DataError(_unknown_to_train(where, image, found, names))
    if not names:
        raise DataError(f"no class of {where} is left; exclude fewer")
    if len(names) == 1 < least:
        raise DataError(f"only one class ('{names.pop()}') in {where}; a classifier needs two or more")
    return tuple(sorted(names))


def _unknown_to_train(where: str, image: LabelledImage, found: Found, names: Collection[str]) -> str:
    name = found.splits[image.split] if image.split else ""
    place, fix = {
        "folder": (f"{where}/{name}", "rename its folder"),
        "column": (f"the {name} rows of {where}", "correct its label"),
        "dataset": (f"the part {name} of {where}", "add it to train"),
    }[found.splits_from]
    return (
        f"class '{image.label}' in {place} is not a class of train; "
        f"{fix} or drop it with --exclude {shlex.quote(image.label)}{nearest(image.label, sorted(names))}"
    )
