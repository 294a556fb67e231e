"""A manifest: a table with the columns ``path,label[,split,group]``, paths relative to its own folder."""

from __future__ import annotations

import contextlib
import os
import posixpath
import re
import stat
import unicodedata
from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path, PureWindowsPath
from typing import Literal

from finetune.data.images import why_not_a_file
from finetune.data.kinds.tables import Row, read_rows
from finetune.data.labelled import Found, LabelledImage
from finetune.data.layout import SPLIT_FOLDERS, SplitName, nfc
from finetune.data.listing import Skipped
from finetune.errors import DataError

SUFFIXES = frozenset({".csv", ".tsv"})

_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?")
_FORMS: tuple[Literal["NFC", "NFD"], ...] = ("NFC", "NFD")
"""macOS writes names in one Unicode form and tables in another."""


def read_manifest(where: str, path: Path) -> Found:
    """Return the images that the manifest ``path`` names; ``where`` is what the user calls it.

    A path's file need not have an image's ending. One that is not there stays in the list, so that the check of
    all images names and counts it; only when none is there the manifest itself is refused. A row that repeats
    another is left out and told.

    Raises:
        DataError: no such columns, no rows, a cell missing, a path outside the manifest's folder, one path
            with two labels, splits or groups, an unknown split, or no file at all.
    """
    rows, columns = read_rows(where, path)
    root = path.parent.resolve()
    _refuse_gaps(where, rows, columns)
    splits = _splits(where, rows) if "split" in columns else {}
    by_name: dict[str, Row] = {}
    skipped: list[Skipped] = []
    for row, name in zip(rows, _names(where, rows, root), strict=True):
        known = by_name.setdefault(name, row)
        if known is not row:
            _refuse_contradiction(where, name, known, row)
            skipped.append(
                Skipped(name, f"is in rows {known.number} and {row.number}; counted once", "odd-row")
            )
    labels = frozenset(nfc(row.label) for row in rows)
    skipped += _odd_labels(where, labels)
    images = [_image(root, name, row) for name, row in by_name.items()]
    # To open a pipe is to wait for ever.
    modes = _modes(where, root, images)
    odd = {name: what for name, mode in modes.items() if (what := why_not_a_file(mode)) is not None}
    skipped += [Skipped(name, odd[name], "skipped-image") for name in sorted(odd)]
    images = [image for image in images if image.name not in odd]
    return Found(root, tuple(sorted(images, key=_order)), labels, splits, "column", tuple(skipped))


def _image(root: Path, name: str, row: Row) -> LabelledImage:
    return LabelledImage(Path(f"{root}/{name}"), name, nfc(row.label), _split_of(row), row.group or None)


def _order(image: LabelledImage) -> tuple[int, str, str]:
    place = ("train", "val", "test").index(image.split) if image.split else 0
    return place, image.label, image.name


def _refuse_gaps(where: str, rows: Sequence[Row], columns: frozenset[str]) -> None:
    for column in ("path", "label", "split", "group"):
        gaps = [row.number for row in rows if not getattr(row, column)]
        # A column of nothing at all is as good as none; without a group, an image is a group of its own.
        if column not in columns or not gaps or column == "group":
            continue
        if column == "split" and len(gaps) == len(rows):
            continue
        of = f"{len(gaps)} row{'s' if len(gaps) > 1 else ''} of {where} {'have' if len(gaps) > 1 else 'has'}"
        raise DataError(f"{of} no {column} (first: row {gaps[0]}); fill it in or remove the row")


def _split_of(row: Row) -> SplitName | None:
    return SPLIT_FOLDERS.get(row.split.casefold())


def _splits(where: str, rows: Sequence[Row]) -> dict[SplitName, str]:
    """Return the given splits, each with the column's first word for it."""
    found: dict[SplitName, str] = {}
    for row in rows:
        split = _split_of(row)
        if split is not None:
            found.setdefault(split, row.split)
        elif row.split:
            raise DataError(
                f"row {row.number} of {where} has the split '{row.split}'; write train, val or test"
            )
    if found and "train" not in found:
        names = " and ".join(found.values())
        raise DataError(f"{where} has {names} rows but none of train; add some, or leave the column out")
    return {split: found[split] for split in ("train", "val", "test") if split in found}


def _names(where: str, rows: Sequence[Row], root: Path) -> list[str]:
    """Return each row's posix path below ``root``; raises DataError when any leads out of it."""
    outside: list[Row] = []
    names: list[str] = []
    resolve = _Resolver(root)
    for row in rows:
        name = resolve(row.path)
        if name is None:
            outside.append(row)
        else:
            names.append(name)
    if outside:
        raise DataError(
            f"{len(outside)} path{'s' if len(outside) > 1 else ''} of {where} lead"
            f"{'' if len(outside) > 1 else 's'} out of its folder {root} "
            f"(first: {outside[0].path!r} in row {outside[0].number}); "
            "put the manifest into a folder that holds all images, and write paths relative to it"
        )
    return names


class _Resolver:
    """From a path as written to the posix name below the root; asks the disk once for each folder."""

    def __init__(self, root: Path) -> None:
        self._root = str(root)
        self._inside: dict[str, bool] = {}

    def __call__(self, written: str) -> str | None:
        """Return the name, or None for a path that leads out, be it by a link."""
        if "\0" in written:
            return None
        name = self._relative(written)
        return name if name is not None and self._is_inside(name) else None

    def _relative(self, written: str) -> str | None:
        if "\\" in written and not os.path.lexists(f"{self._root}/{written}"):
            windows = PureWindowsPath(written)
            if windows.drive or windows.root:
                return None
            written = windows.as_posix()
        if written.startswith("/"):
            folder, file = os.path.split(written)
            real = os.path.realpath(folder)
            if not self._is_below(real):
                return None
            written = f"{real}/{file}"[len(self._root.rstrip("/")) + 1 :]
        name = posixpath.normpath(written)
        return None if name in (".", "..") or name.startswith(("../", "/")) else self._as_on_disk(name)

    def _as_on_disk(self, name: str) -> str:
        if name.isascii() or os.path.lexists(f"{self._root}/{name}"):
            return name
        forms = (unicodedata.normalize(form, name) for form in _FORMS)
        return next((form for form in forms if os.path.lexists(f"{self._root}/{form}")), name)

    def _is_inside(self, name: str) -> bool:
        folder = posixpath.dirname(name)
        if folder not in self._inside:
            self._inside[folder] = self._is_below(f"{self._root}/{folder}")
        path = f"{self._root}/{name}"
        return self._inside[folder] and (not os.path.islink(path) or self._is_below(path))  # noqa: PTH114

    def _is_below(self, path: str) -> bool:
        real = os.path.realpath(path)
        return real == self._root or real.startswith(self._root.rstrip("/") + "/")


def _refuse_contradiction(where: str, name: str, first: Row, second: Row) -> None:
    for column in ("label", "split", "group"):
        one, other = getattr(first, column), getattr(second, column)
        if one != other and not (column == "split" and _split_of(first) == _split_of(second)):
            raise DataError(
                f"{name} in {where} has the {column} '{one}' in row {first.number} and '{other}' in row "
                f"{second.number}; keep one of them"
            )


def _odd_labels(where: str, labels: frozenset[str]) -> Iterator[Skipped]:
    """Tell labels that mix numbers with words; raises DataError for one number that is written in two ways."""
    spellings: defaultdict[float, list[str]] = defaultdict(list)
    for label in sorted(labels):
        if _NUMBER.fullmatch(label):
            spellings[float(label)].append(label)
    for written in spellings.values():
        if len(written) > 1:
            raise DataError(
                f"the labels {' and '.join(written)} in {where} are one number in {len(written)} spellings; "
                "write it in one way"
            )
    numbers = sorted(written[0] for written in spellings.values())
    words = sorted(labels - set(numbers))
    # Letters and digits are a usual set of classes.
    if numbers and words and any(len(label) > 1 for label in labels):
        mixed = f"mixes numbers ({', '.join(numbers[:3])}) and words ({', '.join(words[:3])})"
        yield Skipped("the column label", mixed, "odd-row")


def _modes(where: str, root: Path, images: Sequence[LabelledImage]) -> dict[str, int]:
    """Return the file mode of each image that is there, by name; raises DataError when none is."""
    modes = {}
    for image in images:
        with contextlib.suppress(OSError):
            modes[image.name] = os.stat(image.path).st_mode  # noqa: PTH116
    if not any(stat.S_ISREG(mode) for mode in modes.values()):
        raise DataError(
            f"none of the {len(images)} files that {where} names is there (first: {images[0].path}); "
            f"paths are relative to the manifest's folder {root}"
        )
    return modes
