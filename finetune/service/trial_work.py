"""What the process of a `trial` job does: answers to many images as a CSV, and small pictures of the first."""

from __future__ import annotations

import csv
import shutil
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from finetune.data.unpacking import is_archive
from finetune.progress import Reporter
from finetune.service.answers_file import answers_file
from finetune.service.datasets import extract
from finetune.service.predict_work import write_answers
from finetune.service.result import RESULT, write_result
from finetune.service.small_pictures import write_picture
from finetune.service.trials import FORMAT, MOST_SHOWN, PICTURES

TOP = 5


def answer(folder: Path, reporter: Reporter, *, data: str, bundle: str) -> None:
    """Ask ``bundle`` about the images and archives in ``data``; what came out lies in ``folder``.

    Raises ArchiveError for an archive that is damaged or unsafe, DataError where there are no images.
    """
    images = Path(data)
    _unpack(images, reporter)
    found = write_answers(
        folder, reporter, bundle=bundle, data=data, file_format=FORMAT, top=TOP, tta=False, coverage=None
    )
    shutil.rmtree(folder / PICTURES, ignore_errors=True)  # of an attempt that was cut off
    (folder / PICTURES).mkdir()
    shown: list[dict[str, Any]] = []
    counts: Counter[str] = Counter()
    n_unknown = 0
    with reporter.track("drawing pictures") as advance:
        for number, row in enumerate(_rows(answers_file(folder, FORMAT))):
            counts[row["label"]] += not row["error"]
            n_unknown += row["known"] is False
            if number < MOST_SHOWN:
                write_picture(images / row["name"], folder / PICTURES / f"{number}.jpg")
                shown.append(row)
                advance(number + 1, min(found["rows"], MOST_SHOWN))
    answer = {**found, "shown": shown, "counts": dict(counts.most_common()), "n_unknown": n_unknown}
    write_result(folder / RESULT, answer)


def _unpack(images: Path, reporter: Reporter) -> None:
    """Put a folder in the place of each archive, of its name; what an earlier attempt has unpacked stays."""
    archives = [path for path in sorted(images.iterdir()) if path.is_file() and is_archive(path)]
    stems = Counter(archive.stem for archive in archives)
    for archive in archives:
        target = images / (archive.stem if stems[archive.stem] == 1 else f"{archive.name} unpacked")
        if not target.exists():
            with reporter.track("unpacking"):
                extract(archive, target)
        archive.unlink()


def _rows(table: Path) -> Iterator[dict[str, Any]]:
    with table.open(newline="", encoding="utf-8") as stream:
        for row in csv.DictReader(stream):
            yield {
                "name": row["path"],
                "label": row["label"],
                "probability": float(row["probability"] or 0),
                "known": {"true": True, "false": False}.get(row.get("known", "")),
                "error": row["error"],
            }
