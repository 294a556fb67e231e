"""The texts beside a cleaned set: the manifest of what stays, and the log of what became of the rest."""

from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Sequence
from pathlib import Path

from finetune.data.cleaning.plan import KEPT, Action
from finetune.data.labelled import LabelledImage, Source

COLUMNS = ("path", "label", "split", "group")


def manifest_of(source: Source, actions: Sequence[Action], *, below: str = "") -> str:
    """Return the manifest (CSV, RFC 4180) of the images that stay, their paths below the folder ``below``."""
    images = {image.name: image for image in source.images}
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    columns = [name for name in COLUMNS if name in ("path", "label") or _has(source.images, name)]
    writer.writerow(columns)
    for action in actions:
        if action.kind in KEPT:
            image = images[action.name]
            path = f"{below}/{action.written}" if below not in ("", ".") else action.written
            cells = {"path": path, "label": image.label, "split": image.split, "group": image.group}
            writer.writerow([cells[name] or "" for name in columns])
    return stream.getvalue()


def write_log(table: Path, lines: Path, actions: Sequence[Action]) -> None:
    """Write what became of all files that were not just copied, as CSV and as JSON lines; raises OSError."""
    told = [action.row() for action in actions if action.kind != "copy"]
    stream = io.StringIO()
    writer = csv.DictWriter(stream, ("kind", "name", "written", "reason"), lineterminator="\n")
    writer.writeheader()
    writer.writerows(told)
    write_whole(table, stream.getvalue())
    write_whole(lines, "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in told))


def write_whole(path: Path, text: str) -> None:
    """Write ``text`` in UTF-8 to ``path``, whole or not at all; raises OSError."""
    unfinished = path.with_name(f".{path.name}.tmp")
    try:
        unfinished.write_text(text, encoding="utf-8", newline="")
        os.replace(unfinished, path)  # noqa: PTH105
    except BaseException:
        unfinished.unlink(missing_ok=True)
        raise


def _has(images: Sequence[LabelledImage], name: str) -> bool:
    return any(getattr(image, name) is not None for image in images)
