"""Are the images still those that the run began with?"""

from __future__ import annotations

import json
from collections.abc import Mapping

from finetune.data.fingerprint import fingerprint_of, image_digests
from finetune.data.health.findings import amount
from finetune.data.places import is_there
from finetune.errors import DataError, RunError
from finetune.progress import SILENT, Reporter
from finetune.training.durable import write_text
from finetune.training.prepare import open_data
from finetune.training.run_folder import RunFolder
from finetune.training.run_record import RunRecord

DIGITS = 16
IMAGES = "images.json"


def note_images(folder: RunFolder, digests: Mapping[str, str]) -> None:
    """Write down what each image is, so that a later change can be told by its extent."""
    folder.states.mkdir(exist_ok=True)
    short = {name: digest[:DIGITS] for name, digest in digests.items()}
    write_text(folder.states / IMAGES, json.dumps(short))


def refuse_other_images(
    folder: RunFolder, record: RunRecord, where: str, *, offline: bool = False, reporter: Reporter = SILENT
) -> dict[str, str]:
    """Return the digests of the images of ``where``; raises RunError when they are not the run's.

    Raises DataError when there is nothing at ``where``.
    """
    if not is_there(where):
        raise DataError(
            f"the images of the run are no longer at {where}; say where they are now: "
            f"finetune fit DATA --resume {folder.path}"
        )
    source, _ = open_data(where, record.goes_on_with, offline=offline, reporter=reporter)
    digests = image_digests(source)
    if record.fingerprint not in ("", fingerprint_of(digests)):
        raise RunError(
            f"the images of {where} are not those that the run {folder.path} began with{_extent(folder, digests)}; "
            "put them back, or start a new run"
        )
    return digests


def _extent(folder: RunFolder, digests: Mapping[str, str]) -> str:
    try:
        before = json.loads((folder.states / IMAGES).read_text(encoding="utf-8"))
        removed, added = before.keys() - digests.keys(), digests.keys() - before.keys()
        changed = [name for name in before.keys() & digests.keys() if digests[name][:DIGITS] != before[name]]
    except (OSError, ValueError, AttributeError, TypeError):
        return ""
    counts = {"added": len(added), "removed": len(removed), "changed": len(changed)}
    told = [f"{amount(count, 'image')} {what}" for what, count in counts.items() if count]
    return f" ({', '.join(told)})"
