"""The files of a search for suspects: the table to act on, all that was found, and a sheet to look at."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from PIL import Image, ImageDraw, ImageFont

from finetune.data.corrections import LABEL, PATH, SUGGESTED
from finetune.data.images import load_rgb
from finetune.errors import ImageError, ResourceError, RunError
from finetune.training.durable import write_text
from finetune.training.suspects import Suspect, Suspects

TABLE, WHOLE, SHEET = "suspects.csv", "suspects.json", "suspects.png"
COLUMNS = (PATH, LABEL, SUGGESTED, "score", "label_probability", "suggested_probability", "split")

BYTE_ORDER_MARK = "\ufeff"
"""Without it Excel takes UTF-8 for the code page of its machine."""

MOST_SHOWN = 60
COLUMNS_SHOWN = 6
CELL_PX = 132
TEXT_PX = 40
GAP_PX = 8
FONT_PX = 13
LONGEST = 20


def chosen(found: Suspects, top: int | None) -> tuple[Suspect, ...]:
    """Return the ``top`` most suspicious images, or those that confident learning calls wrong."""
    return found.issues if top is None else found.ranked[:top]


def write_suspects(folder: Path, found: Suspects, *, top: int | None = None) -> tuple[Suspect, ...]:
    """Write `TABLE`, `WHOLE` and `SHEET` into ``folder``, new or empty, and return the rows of the table.

    The table holds the ``top`` most suspicious images, by default those that confident learning calls wrong; a row
    deleted from it is an image that keeps its label.

    Raises:
        RunError: the folder is not empty.
        ResourceError: it cannot be written.
    """
    rows = chosen(found, top)
    refuse_full(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / TABLE, BYTE_ORDER_MARK + to_csv(rows))
        write_text(folder / WHOLE, json.dumps(to_json(found, rows), indent=1, ensure_ascii=False) + "\n")
        draw_sheet(rows[:MOST_SHOWN]).save(folder / SHEET)
    except OSError as error:
        raise ResourceError(f"cannot write to {folder}: {error.strerror}; choose another --out") from None
    return rows


def refuse_full(folder: Path) -> None:
    """Raise RunError unless ``folder`` is new or empty."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise RunError(f"--out {folder} is not empty; choose another folder")


def to_csv(rows: Sequence[Suspect]) -> str:
    """Return the rows as CSV (RFC 4180), the most suspicious first; scores and probabilities in [0, 1]."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        numbers = (f"{number:.6f}" for number in (row.score, row.label_probability, row.probability))
        writer.writerow((row.name, row.label, row.suggested, *numbers, row.split or ""))
    return stream.getvalue()


def to_json(found: Suspects, rows: Sequence[Suspect]) -> dict[str, Any]:
    """Return what was found under stable keys; ``suspects`` are ``rows``."""
    return {
        "data": found.where,
        "backbone": found.backbone,
        "seed": found.seed,
        "classes": list(found.class_names),
        "n_judged": len(found.ranked),
        "n_issues": len(found.issues),
        "cross_validated_accuracy": found.accuracy,
        "unjudged": list(found.unjudged),
        "suspects": [_row_json(row) for row in rows],
    }


def _row_json(row: Suspect) -> dict[str, Any]:
    values = asdict(row)
    return {"path": values.pop("name"), **{name: value for name, value in values.items() if name != "path"}}


def draw_sheet(rows: Sequence[Suspect]) -> Image.Image:
    """Draw the images of ``rows``, six a line, each above its rank, its label and the class suggested."""
    width, height = CELL_PX + GAP_PX, CELL_PX + TEXT_PX
    n_lines = max(1, -(-len(rows) // COLUMNS_SHOWN))
    sheet = Image.new("RGB", (COLUMNS_SHOWN * width + GAP_PX, n_lines * height + GAP_PX), "white")
    drawing, font = ImageDraw.Draw(sheet), ImageFont.load_default(FONT_PX)
    if not rows:
        drawing.text((GAP_PX, CELL_PX // 2), "no label is suspicious", "black", font)
    for rank, row in enumerate(rows):
        left = GAP_PX + rank % COLUMNS_SHOWN * width
        top = GAP_PX + rank // COLUMNS_SHOWN * height
        small = _shown(row.path)
        sheet.paste(small, (left + (CELL_PX - small.width) // 2, top + (CELL_PX - small.height) // 2))
        text = f"{rank + 1}. {_short(row.label)}\n\N{RIGHTWARDS ARROW} {_short(row.suggested)}"
        drawing.multiline_text((left, top + CELL_PX + 2), text, "black", font, spacing=2)
    return sheet


def _shown(path: Path) -> Image.Image:
    try:
        image = load_rgb(path)
    except ImageError:
        return Image.new("RGB", (CELL_PX, CELL_PX), "lightgrey")
    scale = CELL_PX / max(image.size)
    size = (max(1, round(image.width * scale)), max(1, round(image.height * scale)))
    return image.resize(size, Image.Resampling.BICUBIC)


def _short(name: str) -> str:
    return name if len(name) <= LONGEST else name[: LONGEST - 1] + "…"
