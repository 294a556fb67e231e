"""Understand a folder tree as a labelled set: which folders wrap, which are splits, which are classes."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from finetune.data.listing import Folder, Skipped
from finetune.errors import DataError

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
class ClassFolder:
    """A folder that names a class, its posix path below the layout's root, and the split around it."""

    folder: Folder
    name: str
    split: SplitName | None

    @property
    def label(self) -> str:
        """The class name, in Unicode form NFC."""
        return nfc(self.folder.name)


@dataclass(frozen=True)
class Layout:
    """A tree understood: the folder that holds the class or split folders, and what is in it.

    ``splits`` has train whenever it has anything. ``classes`` may hold folders without images. ``stray`` are
    the images that belong to no class.
    """

    root: Folder
    splits: Mapping[SplitName, Folder]
    classes: tuple[ClassFolder, ...]
    stray: tuple[Skipped, ...]


def read_layout(where: str, opened: Folder) -> Layout:
    """Return the layout of ``opened``, which the user knows as ``where``.

    Folders that only wrap are descended through, a lone val or test folder among them. A folder with a
    split's name is a split when most of its images lie in sub-folders; otherwise it is a class.

    Raises:
        DataError: two folders for one split, val or test without train, or splits without class folders.
    """
    root = _unwrapped(opened)
    splits = _splits(where, root)
    return Layout(root, splits, tuple(_class_folders(root, splits)), tuple(_stray(root, splits)))


def nfc(name: str) -> str:
    """Return ``name`` in Unicode form NFC: macOS hands out NFD, and one class must not become two."""
    return unicodedata.normalize("NFC", name)


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


def _stray(root: Folder, splits: Mapping[SplitName, Folder]) -> Iterator[Skipped]:
    for folder, prefix in [(root, ""), *((split, f"{split.name}/") for split in splits.values())]:
        for image in folder.images:
            yield Skipped(prefix + image, "is an image outside any class folder", "skipped-image")
    for folder in root.folders:
        if splits and folder.n_images and all(folder is not split for split in splits.values()):
            found = "1 image" if folder.n_images == 1 else f"{folder.n_images} images"
            yield Skipped(folder.name, f"has {found} outside the split folders' classes", "skipped-image")


def _class_folders(root: Folder, splits: Mapping[SplitName, Folder]) -> Iterator[ClassFolder]:
    if not splits:
        yield from (ClassFolder(folder, folder.name, None) for folder in root.folders)
    for split, parent in splits.items():
        yield from (ClassFolder(folder, f"{parent.name}/{folder.name}", split) for folder in parent.folders)
