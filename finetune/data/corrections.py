"""Leave images out of a source, or give them another class, as a table of suspects says; nothing on disk changes."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from finetune.data.kinds.tables import header_names, numbered_rows, text_cells
from finetune.data.labelled import LabelledImage, Source
from finetune.errors import DataError, OptionError, nearest

PATH, LABEL, SUGGESTED = "path", "label", "suggested"


@dataclass(frozen=True)
class Correction:
    """What one table did: the ``names`` of the images that it dropped or relabelled, of ``n_images`` in all."""

    option: str
    file: Path
    sha256: str
    names: tuple[str, ...]
    n_images: int

    def sentence(self) -> str:
        """Return what was done, with the count."""
        what = "left out" if self.option == "--drop-suspects" else "given the suggested class"
        images = "image is" if len(self.names) == 1 else "images are"
        return (
            f"{len(self.names):,} of {self.n_images:,} {images} {what}, as {self.file} says ({self.option})"
        )

    def to_json(self) -> dict[str, Any]:
        """Return what a report keeps of it."""
        return {"file": str(self.file), "sha256": self.sha256, "count": len(self.names)}


@dataclass(frozen=True)
class _Table:
    """The rows of a table of suspects by the image's name, and the file's SHA-256 (hex)."""

    file: Path
    sha256: str
    rows: Mapping[str, Mapping[str, str]]


def corrected(
    source: Source, *, drop: Path | None = None, relabel: Path | None = None
) -> tuple[Source, tuple[Correction, ...]]:
    """Return ``source`` without the images in the table ``drop`` and with new classes for those in ``relabel``.

    Both are tables as `finetune suspects` writes them or a spreadsheet saves them, read like manifests: ``path``,
    the image's name in the source, and, to relabel, ``suggested``; where there is a ``label``, it must be the
    image's own.

    Raises:
        OptionError: a table that cannot be read, has no rows, lacks a column or names an image twice; an image in
            both tables.
        DataError: a table that names an image or a class that ``source`` has not, or gives an image another label.
    """
    by_name = {image.name: image for image in source.images}
    dropped = _read(drop, "--drop-suspects", by_name, source, (PATH,))
    moved = _read(relabel, "--relabel", by_name, source, (PATH, SUGGESTED))
    both = sorted(dropped.rows.keys() & moved.rows.keys()) if dropped and moved else []
    if both:
        raise OptionError(f"{both[0]} is in --drop-suspects and in --relabel; delete its row in one of them")
    corrections = []
    images: Iterable[LabelledImage] = source.images
    if dropped:
        images = [image for image in images if image.name not in dropped.rows]
        corrections.append(_correction("--drop-suspects", dropped, source))
    if moved:
        _refuse_unknown_classes(moved, source)
        images = [_relabelled(image, moved) for image in images]
        changed = {name: row for name, row in moved.rows.items() if row[SUGGESTED] != by_name[name].label}
        if not changed:
            raise OptionError(f"--relabel {relabel} gives every image the class that it has; leave it out")
        corrections.append(_correction("--relabel", replace(moved, rows=changed), source))
    return replace(source, images=tuple(images)), tuple(corrections)


def _relabelled(image: LabelledImage, table: _Table) -> LabelledImage:
    row = table.rows.get(image.name)
    return image if row is None else replace(image, label=row[SUGGESTED])


def _correction(option: str, table: _Table, source: Source) -> Correction:
    return Correction(option, table.file, table.sha256, tuple(table.rows), len(source.images))


def _read(
    file: Path | None,
    option: str,
    by_name: Mapping[str, LabelledImage],
    source: Source,
    columns: Iterable[str],
) -> _Table | None:
    if file is None:
        return None
    path = file.expanduser()
    try:
        sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
        rows = _rows(f"{option} {file}", path)
    except OSError as error:
        raise OptionError(f"cannot read {option} {file}: {error.strerror}; check the path") from None
    except DataError as error:
        raise OptionError(str(error)) from None
    if not rows:
        raise OptionError(f"{option} {file} names no image; leave it out")
    for column in columns:
        if not all(row.get(column) for row in rows):
            raise OptionError(
                f"{option} {file} has rows without '{column}'; give a CSV that `finetune suspects` wrote"
            )
    found: dict[str, Mapping[str, str]] = {}
    for row in rows:
        name = row[PATH]
        if name in found:
            raise OptionError(f"{option} {file} names {name} twice; delete one of the rows")
        _refuse_foreign(name, row, option, file, by_name, source)
        found[name] = row
    return _Table(file, sha256, found)


def _rows(where: str, path: Path) -> list[dict[str, str]]:
    """Return the rows of a table by the names of its columns; raises DataError and OSError."""
    cells = text_cells(where, path, (PATH, LABEL, SUGGESTED))
    header = header_names(cells)
    return [dict(zip(header, row, strict=False)) for _, row in numbered_rows(where, cells, len(header))]


def _refuse_foreign(
    name: str,
    row: Mapping[str, str],
    option: str,
    file: Path,
    by_name: Mapping[str, LabelledImage],
    source: Source,
) -> None:
    if name not in by_name:
        raise DataError(
            f"{option} {file} names {name}, which is no image of {source.where}; "
            f"find the suspects of this set anew{nearest(name, list(by_name)[:1000])}"
        )
    label = row.get(LABEL)
    if label and label != by_name[name].label:
        raise DataError(
            f"{option} {file} says that {name} is of class '{label}', but in {source.where} it is of "
            f"'{by_name[name].label}'; find the suspects of this set anew"
        )


def _refuse_unknown_classes(table: _Table, source: Source) -> None:
    for name, row in table.rows.items():
        if row[SUGGESTED] not in source.class_names:
            raise DataError(
                f"--relabel {table.file} makes {name} a '{row[SUGGESTED]}', which is no class of {source.where}"
                f"; correct it{nearest(row[SUGGESTED], source.class_names)}"
            )
