"""Open a user's labelled images: a folder per class, with or without split folders, or a zip of one."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from finetune.data.layout import ClassFolder, SplitName, nfc, read_layout
from finetune.data.listing import Folder, Skipped, list_folder
from finetune.data.unpacking import unpacked
from finetune.errors import DataError, nearest

__all__ = ["LabelledImage", "Skipped", "Source", "SplitName", "open_source"]


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

    A zip is unpacked once into ``cache_dir`` (see `finetune.data.unpacking`). What counts as a split
    and what as a class, `finetune.data.layout` says.

    Raises:
        DataError: nothing there, no images, no class folders, one class only, two folders for one split, a
            class that train does not have, or an unknown class in ``exclude``.
        ArchiveError: the zip is damaged or unsafe.
        ResourceError: no room to unpack it.
    """
    if not str(where):
        raise DataError("the data set's path is empty; give a folder or a zip")
    opened, skipped = _listed(str(where), _folder_of(Path(where), cache_dir))
    layout = read_layout(str(where), opened)
    classes = _without(exclude, layout.classes, str(where))
    images = tuple(_images(classes))
    return Source(
        where=str(where),
        root=layout.root.path,
        images=images,
        class_names=_class_names(str(where), images, layout.splits, n_listed=opened.n_images),
        split_folders={split: folder.name for split, folder in layout.splits.items()},
        skipped=_below(layout.root, opened, skipped) + layout.stray + tuple(_empty_classes(classes)),
    )


def _folder_of(where: Path, cache_dir: Path | None) -> Path:
    where = where.expanduser()
    try:
        if where.is_dir():
            return where
        if where.exists():
            return unpacked(where, cache_dir)
        beside = [path.name for path in where.parent.iterdir()] if where.parent.is_dir() else []
    except OSError as error:
        raise DataError(f"cannot open {where}: {error.strerror}; check the path") from error
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


def _empty_classes(class_folders: Iterable[ClassFolder]) -> Iterator[Skipped]:
    for found in class_folders:
        if not found.folder.n_images:
            yield Skipped(found.name, "is a folder without images", "empty-class")


def _images(class_folders: Iterable[ClassFolder]) -> Iterator[LabelledImage]:
    for found in class_folders:
        label = found.label
        for name in found.folder.image_names():
            yield LabelledImage(found.folder.path / name, f"{found.name}/{name}", label, found.split)


def _without(exclude: Collection[str], class_folders: Sequence[ClassFolder], where: str) -> list[ClassFolder]:
    known = {found.label for found in class_folders}
    unwanted = {nfc(name) for name in exclude}
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
