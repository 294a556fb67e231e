"""Images that come inside another file or from a package are written to disk once, with a manifest beside them."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from finetune.data.archive_names import MAX_BYTES
from finetune.data.kept_files import kept_files
from finetune.data.kept_sets import note_source
from finetune.data.kinds.manifest import read_manifest
from finetune.data.kinds.tables import COLUMNS
from finetune.data.labelled import Found, SplitsFrom
from finetune.data.listing import Skipped
from finetune.data.tracking import Track, untracked
from finetune.data.unpacking import kept_set
from finetune.errors import DataError

MAX_IMAGES = 5_000_000
MANIFEST = "manifest.csv"
LEFT_OUT = "left_out.json"

_NO_SLUG = re.compile(r"[^\w-]+")
_SLUG_CHARACTERS = 40
_ENDINGS = (
    (0, b"\xff\xd8\xff", ".jpg"),
    (0, b"\x89PNG", ".png"),
    (8, b"WEBP", ".webp"),
    (0, b"GIF8", ".gif"),
    (0, b"BM", ".bmp"),
    (0, b"II*\x00", ".tif"),
    (0, b"MM\x00*", ".tif"),
    (4, b"ftypavi", ".avif"),
    (4, b"ftyp", ".heic"),
)


@dataclass(frozen=True)
class Encoded:
    """One image as the bytes of an image file; a ``label`` of None is left out, and told."""

    content: bytes
    label: str | None
    split: str = ""
    group: str = ""


@dataclass(frozen=True)
class Rows:
    """The images of a set, read once and in order, and how to ask how many they are."""

    images: Iterable[Encoded]
    count: Callable[[], int]


def written_set(
    where: str,
    name: str,
    rows: Rows,
    *,
    splits_from: SplitsFrom,
    cache_dir: Path | None,
    track: Track = untracked,
) -> Found:
    """Return the set of ``rows``, written to ``<cache>/sets/<name>`` unless it is there; only then they are read.

    ``track`` follows the writing by images.

    Raises:
        DataError: no rows, more than MAX_IMAGES or MAX_BYTES, or what `read_manifest` refuses.
        ResourceError: no room.
    """
    target = kept_set(name, cache_dir)

    def write(folder: Path) -> None:
        with track(f"writing out {where}") as advance:
            _write(where, folder, rows, advance)

    folder = kept_files(target, write, what=where)
    note_source(target, where)
    found = read_manifest(where, folder / MANIFEST)
    left_out = json.loads((folder / LEFT_OUT).read_text(encoding="utf-8"))
    skipped = tuple(Skipped(where, reason, "skipped-image") for reason in left_out)
    return replace(found, splits_from=splits_from, skipped=found.skipped + skipped)


def _write(where: str, folder: Path, rows: Rows, advance: Callable[[int, int], None]) -> None:
    n_bytes = unlabelled = count = 0
    total = rows.count()
    made: set[Path] = set()
    with (folder / MANIFEST).open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for count, row in enumerate(rows.images, start=1):
            n_bytes += len(row.content)
            _refuse_giant(where, count, n_bytes)
            advance(count, total)
            if row.label is None:
                unlabelled += 1
                continue
            slug = _NO_SLUG.sub("-", row.label)[:_SLUG_CHARACTERS].strip("-") or "class"
            name = f"{row.split or 'images'}/{slug}/{count - 1:07d}{_ending(row.content)}"
            path = folder / name
            if path.parent not in made:
                path.parent.mkdir(parents=True, exist_ok=True)
                made.add(path.parent)
            path.write_bytes(row.content)
            table.writerow([name, row.label, row.split, row.group])
    if count == unlabelled:
        raise DataError(f"{where} has no labelled images; give a set with labels")
    left_out = [f"has {unlabelled} images without a label"] if unlabelled else []
    (folder / LEFT_OUT).write_text(json.dumps(left_out), encoding="utf-8")


def _refuse_giant(where: str, n_images: int, n_bytes: int) -> None:
    if n_images > MAX_IMAGES:
        raise DataError(f"{where} has more than {MAX_IMAGES:,} images; give a folder instead")
    if n_bytes > MAX_BYTES:
        raise DataError(f"{where} holds more than {MAX_BYTES / 1e9:.0f} GB of images; give a folder instead")


def _ending(content: bytes) -> str:
    head = content[:16]
    return next((ending for start, magic, ending in _ENDINGS if head[start:].startswith(magic)), "")
