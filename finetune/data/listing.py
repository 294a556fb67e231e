"""List a folder tree once: which image files lie where, and what was passed over and why."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Literal

from finetune.data.images import A_FOLDER, BROKEN_LINK, IMAGE_SUFFIXES, NOT_ORDINARY

SkippedKind = Literal["hidden", "skipped-file", "skipped-image", "empty-class", "odd-row"]

MAX_DEPTH = 50
"""Folders nested deeper are skipped; keeps a strange tree from exhausting Python's stack."""

_SYSTEM_NAMES = frozenset({"__macosx", "thumbs.db", "ehthumbs.db", "desktop.ini", "@eadir", "$recycle.bin"})
_ARCHIVE_SUFFIXES = frozenset({".zip", ".tar", ".gz", ".tgz", ".bz2", ".xz", ".7z", ".rar"})


@dataclass(frozen=True)
class Skipped:
    """A file or folder passed over: its posix path, why (a phrase), and the kind of finding it is."""

    name: str
    reason: str
    kind: SkippedKind = "skipped-file"


@dataclass(frozen=True)
class Folder:
    """A visible folder: the names of its image files and its visible sub-folders, both sorted by name."""

    path: Path
    name: str
    images: tuple[str, ...]
    folders: tuple[Folder, ...]

    @cached_property
    def n_images(self) -> int:
        """Images in this folder and below."""
        return len(self.images) + sum(folder.n_images for folder in self.folders)

    def image_names(self) -> Iterator[str]:
        """Posix paths, relative to this folder, of all images in it and below."""
        yield from self.images
        for folder in self.folders:
            for name in folder.image_names():
                yield f"{folder.name}/{name}"


def list_folder(root: Path) -> tuple[Folder, tuple[Skipped, ...]]:
    """Return the tree below the folder ``root`` and what was skipped in it, both sorted by name.

    Hidden and system files are skipped, counted by folder; so are links out of ``root`` and files whose
    ending is not in IMAGE_SUFFIXES. No file is opened.

    Raises:
        OSError: ``root`` itself cannot be listed; a sub-folder that cannot is skipped.
    """
    walk = _Walk(root.resolve())
    return walk.folder(root.resolve(), "", frozenset()), tuple(walk.skipped)


class _Walk:
    """One pass over a tree; gathers what it skips."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.skipped: list[Skipped] = []

    def folder(self, path: Path, name: str, around: frozenset[str]) -> Folder:
        """List ``path``, called ``name`` from the root; ``around``: the real paths of those above."""
        inside = around | {os.path.realpath(path)}
        with os.scandir(path) as found:
            entries = sorted(found, key=lambda entry: entry.name)
        visible = [entry for entry in entries if not _is_hidden(entry.name)]
        self._skip_hidden(name, [entry for entry in entries if _is_hidden(entry.name)])
        images: list[str] = []
        folders: list[Folder] = []
        for entry in visible:
            entry_name = f"{name}/{entry.name}" if name else entry.name
            if entry.is_symlink() and (why := self._why_not_follow(entry)):
                self._skip(entry_name, why, "skipped-image")
            elif entry.is_dir():
                folders.extend(self._enter(entry, entry_name, inside))
            elif why := _why_not_an_image(entry):
                self._skip(entry_name, why, "skipped-file")
            else:
                images.append(entry.name)
        return Folder(path, path.name, tuple(images), tuple(folders))

    def _enter(self, entry: os.DirEntry[str], name: str, inside: frozenset[str]) -> Iterator[Folder]:
        if not _is_text(entry.name):
            self._skip(name, "has a name that is not UTF-8", "skipped-image")
        elif len(inside) > MAX_DEPTH:
            self._skip(name, f"lies more than {MAX_DEPTH} folders deep", "skipped-image")
        elif os.path.realpath(entry.path) in inside:
            self._skip(name, "is a link to a folder around it", "skipped-image")
        else:
            try:
                found = self.folder(Path(entry.path), name, inside)
            except OSError as error:
                self._skip(
                    name, f"cannot be listed: {(error.strerror or str(error)).lower()}", "skipped-image"
                )
                return
            if not found.n_images and _suffix(entry.name) in IMAGE_SUFFIXES:
                self._skip(name, A_FOLDER, "skipped-image")
            else:
                yield found

    def _why_not_follow(self, entry: os.DirEntry[str]) -> str | None:
        target = Path(os.path.realpath(entry.path))
        if not target.exists():
            return BROKEN_LINK
        return None if target.is_relative_to(self.root) else "is a link that leads outside the folder"

    def _skip_hidden(self, folder: str, entries: list[os.DirEntry[str]]) -> None:
        names = [entry.name for entry in entries]
        if names:
            shown = ", ".join(names[:3]) + (", …" if len(names) > 3 else "")
            count = f"{len(names)} hidden or system file{'s' if len(names) > 1 else ''}"
            self._skip(folder or ".", f"{count}: {shown}", "hidden")

    def _skip(self, name: str, reason: str, kind: SkippedKind) -> None:
        self.skipped.append(Skipped(_printable(name), reason, kind))


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name.casefold() in _SYSTEM_NAMES


def _why_not_an_image(entry: os.DirEntry[str]) -> str | None:
    suffix = _suffix(entry.name)
    if not _is_text(entry.name):
        return "has a name that is not UTF-8"
    if suffix in _ARCHIVE_SUFFIXES:
        return "is an archive inside the set, which is not opened"
    if suffix not in IMAGE_SUFFIXES:
        return f"is not an image file ({suffix})" if len(suffix) > 1 else "is not an image file (no ending)"
    return None if entry.is_file() else NOT_ORDINARY


def _suffix(name: str) -> str:
    return os.path.splitext(name)[1].lower()  # noqa: PTH122 - a hundred thousand of them


def _is_text(name: str) -> bool:
    return _printable(name) == name


def _printable(name: str) -> str:
    """Replace bytes that are no text, which a path may hold and JSON may not."""
    return name.encode("utf-8", "replace").decode()
