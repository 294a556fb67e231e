"""Open a user's labelled images: a folder per class, with or without split folders, or a zip of one."""

from __future__ import annotations

import shlex
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from finetune.data.listing import Folder, Skipped, list_folder
from finetune.data.unpacking import unpacked
from finetune.errors import DataError, nearest

__all__ = ["LabelledImage", "Skipped", "Source", "SplitName", "open_source"]

SplitName = Literal["train", "val", "test"]

SPLIT_FOLDERS: Mapping[str, SplitName] = {
    "train": "train",
    "training": "train",
    "val": "val",
    "valid": "val",
    "validation": "val",
    "test": "test",
    "testing": "test",
}
"""Folder names (any case) that mean a split, when class folders lie inside."""


@dataclass(frozen=True)
class LabelledImage:
    """One image file: absolute ``path``, posix ``name`` below the source's root, class, and given split."""

    path: Path
    name: str
    label: str
    split: SplitName | None


@dataclass(frozen=True)
class Source:
    """A labelled image set as found on disk; no image has been opened yet.

    ``where`` is what the user wrote and ``root`` the folder that holds the class or split folders. ``images``
    are sorted by split and class; ``class_names`` is the one class map: those of train, sorted.
    ``split_folders`` maps a split to its folder's name as found, and is empty when none was given.
    """

    where: str
    root: Path
    images: tuple[LabelledImage, ...]
    class_names: tuple[str, ...]
    split_folders: Mapping[str, str]
    skipped: tuple[Skipped, ...]


def open_source(where: str | Path, *, exclude: Collection[str] = (), cache_dir: Path | None = None) -> Source:
    """List the images in the folder or zip ``where``, without the classes in ``exclude``.

    A zip is unpacked once into ``cache_dir`` (see `finetune.data.unpacking`). Class names are folder names in
    Unicode form NFC. A lone val or test folder counts as a wrapping folder, not as a split.

    Raises:
        DataError: nothing there, no images, no class folders, one class only, two folders for one split, a
            class that train does not have, or an unknown class in ``exclude``.
        ArchiveError: the zip is damaged or unsafe.
        ResourceError: no room to unpack it.
    """
    opened, skipped = _listed(str(where), _folder_of(Path(where), cache_dir))
    root = _unwrapped(opened)
    splits = _splits(str(where), root)
    stray = tuple(_outside_classes(root, splits))
    classes = _without(exclude, list(_class_folders(root, splits)), str(where))
    images = tuple(_images(classes))
    return Source(
        where=str(where),
        root=root.path,
        images=images,
        class_names=_class_names(str(where), images, splits, n_listed=opened.n_images),
        split_folders={split: folder.name for split, folder in splits.items()},
        skipped=_below(root, opened, skipped) + stray + tuple(_empty_classes(classes)),
    )


@dataclass(frozen=True)
class _ClassFolder:
    """A folder that names a class, its posix path below the root, and the split around it."""

    folder: Folder
    name: str
    split: SplitName | None

    @property
    def label(self) -> str:
        # macOS hands out NFD names: one class must not become two between machines.
        return _nfc(self.folder.name)


def _folder_of(where: Path, cache_dir: Path | None) -> Path:
    where = where.expanduser()
    if where.is_dir():
        return where
    if where.exists():
        return unpacked(where, cache_dir)
    beside = [path.name for path in where.parent.iterdir()] if where.parent.is_dir() else []
    raise DataError(f"no folder or zip at {where}, check the path{nearest(where.name, beside)}")


def _listed(where: str, path: Path) -> tuple[Folder, tuple[Skipped, ...]]:
    try:
        folder, skipped = list_folder(path)
    except OSError as error:
        raise DataError(f"cannot list {where}: {error.strerror}; check its permissions") from error
    if folder.n_images:
        return folder, skipped
    if not (folder.folders or skipped):
        raise DataError(f"{where} is empty; put a folder of images for each class into it")
    seen = f" (skipped {len(skipped)}, e.g. {skipped[0].name}: {skipped[0].reason})" if skipped else ""
    raise DataError(f"no images in {where}{seen}; put a folder of images for each class into it")


def _unwrapped(folder: Folder) -> Folder:
    """Descend while all images lie in one sub-folder that is neither a class nor the train split."""
    holding = [inner for inner in folder.folders if inner.n_images]
    if folder.images or len(holding) != 1 or holding[0].images or _split_of(holding[0]) == "train":
        return folder
    return _unwrapped(holding[0])


def _split_of(folder: Folder) -> SplitName | None:
    return SPLIT_FOLDERS.get(folder.name.casefold())


def _holds_classes(folder: Folder) -> bool:
    """Most images lie in sub-folders; else "train" is a class of vehicles with its images in it."""
    return folder.n_images > 2 * len(folder.images)


def _splits(where: str, root: Folder) -> dict[SplitName, Folder]:
    """Return the split folders of ``root``, or nothing when its folders are classes."""
    holding = [folder for folder in root.folders if folder.n_images]
    if len(holding) > 1 and all(_split_of(folder) and folder.images for folder in holding):
        names = " and ".join(folder.name for folder in holding)
        raise DataError(
            f"{names} in {where} have no class folders; put each class's images in a folder of its own"
        )
    splits: dict[SplitName, Folder] = {}
    for folder in holding:
        split = _split_of(folder)
        if split is None or not _holds_classes(folder):
            continue
        if split in splits:
            raise DataError(
                f"{splits[split].name} and {folder.name} in {where} are both the {split} split; keep one"
            )
        splits[split] = folder
    if "train" in splits:
        return {split: splits[split] for split in ("train", "val", "test") if split in splits}
    if splits and len(splits) == len(holding):
        names = " and ".join(folder.name for folder in splits.values())
        raise DataError(f"{where} has {names} but no train folder; add one, or give one of them alone")
    return {}


def _outside_classes(root: Folder, splits: Mapping[SplitName, Folder]) -> Iterator[Skipped]:
    for folder, prefix in [(root, ""), *((split, f"{split.name}/") for split in splits.values())]:
        for image in folder.images:
            yield Skipped(prefix + image, "is an image outside any class folder", "skipped-image")
    for folder in root.folders:
        if splits and folder.n_images and all(folder is not split for split in splits.values()):
            found = "1 image" if folder.n_images == 1 else f"{folder.n_images} images"
            yield Skipped(folder.name, f"has {found} outside the split folders' classes", "skipped-image")


def _class_folders(root: Folder, splits: Mapping[SplitName, Folder]) -> Iterator[_ClassFolder]:
    if not splits:
        yield from (_ClassFolder(folder, folder.name, None) for folder in root.folders)
    for split, parent in splits.items():
        yield from (_ClassFolder(folder, f"{parent.name}/{folder.name}", split) for folder in parent.folders)


def _empty_classes(class_folders: Iterable[_ClassFolder]) -> Iterator[Skipped]:
    for found in class_folders:
        if not found.folder.n_images:
            yield Skipped(found.name, "is a folder without images", "empty-class")


def _images(class_folders: Iterable[_ClassFolder]) -> Iterator[LabelledImage]:
    for found in class_folders:
        label = found.label
        for name in found.folder.image_names():
            yield LabelledImage(found.folder.path / name, f"{found.name}/{name}", label, found.split)


def _without(
    exclude: Collection[str], class_folders: Iterable[_ClassFolder], where: str
) -> list[_ClassFolder]:
    known = {found.label for found in class_folders}
    unwanted = {_nfc(name) for name in exclude}
    if unwanted - known:
        name = min(unwanted - known)
        raise DataError(
            f"no class '{name}' in {where} to exclude, check its spelling{nearest(name, sorted(known))}"
        )
    return [found for found in class_folders if found.label not in unwanted]


def _class_names(
    where: str, images: Iterable[LabelledImage], splits: Mapping[SplitName, Folder], *, n_listed: int
) -> tuple[str, ...]:
    """Return the one class map, made from train, or raise DataError when it is none."""
    train = "train" if splits else None
    names = {image.label for image in images if image.split == train}
    for image in images:
        if image.label not in names:
            split_folder = image.name.split("/")[0]
            raise DataError(
                f"class '{image.label}' in {where}/{split_folder} is not a class of train; "
                f"rename its folder or drop it with --exclude {shlex.quote(image.label)}"
                f"{nearest(image.label, sorted(names))}"
            )
    if not names:
        raise DataError(
            f"no class folders in {where} for its {n_listed} images; give each class a folder of its own"
        )
    if len(names) == 1:
        raise DataError(
            f"only one class ('{names.pop()}') in {where}; a classifier needs folders for two or more"
        )
    return tuple(sorted(names))


def _below(root: Folder, opened: Folder, skipped: Iterable[Skipped]) -> tuple[Skipped, ...]:
    """Rename what was skipped as seen from ``root``; what lies outside it keeps its name."""
    wrapping = root.path.relative_to(opened.path).as_posix()

    def below(name: str) -> str:
        return "." if name == wrapping else name.removeprefix(f"{wrapping}/")

    return tuple(Skipped(below(item.name), item.reason, item.kind) for item in skipped)


def _nfc(name: str) -> str:
    return unicodedata.normalize("NFC", name)
