"""A folder per class, with or without split folders around."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from pathlib import Path

from finetune.data.labelled import Found, LabelledImage
from finetune.data.layout import ClassFolder, Layout, read_layout
from finetune.data.listing import Folder, Skipped, list_folder
from finetune.errors import DataError

MANIFESTS = frozenset({".csv", ".tsv", ".parquet"})
_HUB_FILES = ("dataset_dict.json", "dataset_info.json", "state.json")


def read_folder(where: str, path: Path) -> Found:
    """List the folder ``path``, which the user knows as ``where``; `finetune.data.layout` says what is a class.

    Raises:
        DataError: it cannot be listed, has no images or no class folders, or splits that cannot be.
    """
    opened, skipped = _listed(where, path)
    layout = read_layout(where, opened)
    if not any(found.folder.n_images for found in layout.classes):
        raise DataError(
            f"no class folders in {where} for its {opened.n_images} images; "
            f"give each class a folder of its own{_or_its_manifest(where, skipped)}"
        )
    return Found(
        root=layout.root.path,
        images=tuple(_images(layout.classes)),
        labels=frozenset(found.label for found in layout.classes),
        splits={split: folder.name for split, folder in layout.splits.items()},
        splits_from="folder",
        skipped=_below(layout, opened, skipped) + layout.stray + tuple(_empty_classes(layout.classes)),
    )


def _listed(where: str, path: Path) -> tuple[Folder, tuple[Skipped, ...]]:
    try:
        folder, skipped = list_folder(path)
    except OSError as error:
        raise DataError(f"cannot list {where}: {error.strerror}; check its permissions") from error
    if folder.n_images:
        return folder, skipped
    if not (folder.folders or skipped):
        raise DataError(f"{where} is empty; put a folder of images for each class into it")
    if any((path / name).is_file() for name in _HUB_FILES):
        raise DataError(f"{where} is a Hugging Face data set on disk; give it as hf:{where}")
    seen = f" (skipped {len(skipped)}, e.g. {skipped[0].name}: {skipped[0].reason})" if skipped else ""
    raise DataError(f"no images in {where}{seen}; put a folder of images for each class into it")


def _or_its_manifest(where: str, skipped: Iterable[Skipped]) -> str:
    tables = [item.name for item in skipped if Path(item.name).suffix.lower() in MANIFESTS]
    return f", or give its manifest, {where}/{tables[0]}" if len(tables) == 1 else ""


def _images(class_folders: Iterable[ClassFolder]) -> Iterator[LabelledImage]:
    for found in class_folders:
        label, folder = found.label, str(found.folder.path)
        for name in found.folder.image_names():
            path = Path(os.path.join(folder, name))  # noqa: PTH118 - twice as fast, and there may be many
            yield LabelledImage(path, f"{found.name}/{name}", label, found.split)


def _empty_classes(class_folders: Iterable[ClassFolder]) -> Iterator[Skipped]:
    for found in class_folders:
        if not found.folder.n_images:
            yield Skipped(found.name, "is a folder without images", "empty-class")


def _below(layout: Layout, opened: Folder, skipped: Iterable[Skipped]) -> tuple[Skipped, ...]:
    """Rename what was skipped as seen from the layout's root; what lies outside it keeps its name."""
    wrapping = layout.root.path.relative_to(opened.path).as_posix()

    def below(name: str) -> str:
        return "." if name == wrapping else name.removeprefix(f"{wrapping}/")

    return tuple(Skipped(below(item.name), item.reason, item.kind) for item in skipped)
