"""The user's own finished trainings, in a file that stays on this machine: they refine the next forecasts.

``$FINETUNE_EXPERIENCE`` names the file, or is ``off``; the default lies in the user's data folder. A training is
noted when its strategy ran as it comes, with the measures taken when its data was advised on.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO, Any

import platformdirs
from filelock import FileLock, Timeout

from finetune.advice.contenders import contender_of
from finetune.advice.evidence import Sizes
from finetune.advice.experience import Training
from finetune.advice.measured import Measures
from finetune.errors import ResourceError
from finetune.evaluation.report import Report
from finetune.recipe import Recipe
from finetune.training.run_record import RunRecord

VARIABLE = "FINETUNE_EXPERIENCE"
OFF = "off"
MOST_TRAININGS = 1_000
"""The newest that are learnt from."""
_WAIT_S = 10

AS_IT_COMES = frozenset(
    {
        "strategy",
        "backbone",
        "weights",
        "image_size",
        "head",
        "precision",
        "deterministic",
        "cache",
        "val_share",
        "test_share",
        "exclude",
        "folds",
        "group_by",
        "drop_suspects",
        "relabel",
        "seed",
        "workers",
        "time_weight",
    }
)
"""Choices that leave the strategy as it was in the trainings that the forecasts were made of."""


def experience_file() -> Path | None:
    """Return the file of the user's trainings, or None where it is switched off."""
    named = os.environ.get(VARIABLE, "")
    if named.lower() == OFF:
        return None
    if named:
        return Path(named).expanduser()
    return platformdirs.user_data_path("finetune-strategies", appauthor=False) / "experience.jsonl"


def own_trainings() -> list[Training]:
    """Return the newest of the user's trainings, each once; damaged lines are passed over."""
    newest: dict[str, Training] = {}
    for kind, values in _lines():
        if kind == "trained":
            try:
                training = Training.from_json(values)
            except (KeyError, TypeError, ValueError, AttributeError):
                continue
            newest.pop(training.key, None)
            newest[training.key] = training
    return list(newest.values())[-MOST_TRAININGS:]


def data_key(fingerprint: str, backbone: str, image_size: int, weights_sha256: str) -> str:
    """Return what tells one measured data set from another: its images, the network, and the size in px."""
    return f"{fingerprint} {backbone} {image_size} {weights_sha256}"


def note_measures(key: str, sizes: Sizes, measures: Measures) -> None:
    """Keep what was measured on the data set of ``key``, for trainings on it."""
    _append("measured", {"key": key, "sizes": vars(sizes), "measures": measures.to_json()})


def note_training(record: RunRecord, asked: Recipe, report: Report) -> None:
    """Keep a finished training, where its data was measured and its strategy ran as it comes."""
    contender = contender_of(report.strategy, Recipe.make(**(record.recipe or {})).head)
    if not _is_as_it_comes(asked, contender) or report.accuracy_split == report.selection_split:
        return
    recipe = record.recipe or {}
    key = data_key(
        record.fingerprint, str(recipe.get("backbone")), recipe.get("image_size", 0), record.weights_sha256
    )
    found = [values for kind, values in _lines() if kind == "measured" and _is_of(key, values)]
    if not found or "sizes" not in found[-1] or "measures" not in found[-1]:
        return
    row = {
        "key": f"{key} {contender} {report.seed}",
        "contender": contender,
        "sizes": found[-1]["sizes"],
        "measures": found[-1]["measures"],
        "accuracy": report.metrics.accuracy,
        "n_judged": report.metrics.n_images,
    }
    _append("trained", row)


def forget() -> int:
    """Remove the file and return how many trainings it held; raises ResourceError where it cannot be removed."""
    file = experience_file()
    count = len(own_trainings())
    if file is not None:
        try:
            file.unlink(missing_ok=True)
        except OSError as error:
            raise ResourceError(f"cannot remove {file}: {error.strerror}; check its permissions") from None
    return count


def _is_as_it_comes(asked: Recipe, contender: str) -> bool:
    plain = Recipe()
    changed = {name for name in Recipe.model_fields if getattr(asked, name) != getattr(plain, name)}
    head_is_known = asked.head is None or contender == "multi-stage"
    return changed <= AS_IT_COMES and head_is_known


def _is_of(key: str, values: Mapping[str, Any]) -> bool:
    """Whether ``values`` were measured on the data of a training; one from random weights has none to compare."""
    measured = str(values.get("key"))
    return measured.startswith(key) if key.endswith(" ") else measured == key


def _lines() -> Iterator[tuple[str, dict[str, Any]]]:
    file = experience_file()
    try:
        lines = [] if file is None else file.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError:
        return
    for line in lines:
        try:
            values = json.loads(line)
        except (json.JSONDecodeError, RecursionError):
            continue
        if isinstance(values, dict):
            yield str(values.pop("kind", "")), values


def _append(kind: str, values: Mapping[str, Any]) -> None:
    """Add a line; where that cannot be, nothing is lost but the experience."""
    file = experience_file()
    if file is None:
        return
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with (
            FileLock(file.with_name(f"{file.name}.lock"), timeout=_WAIT_S),
            file.open("ab+") as out,
        ):
            line = json.dumps({"kind": kind, **values}, ensure_ascii=False) + "\n"
            out.write(("" if _ends_a_line(out) else "\n").encode() + line.encode())
    except (OSError, Timeout):
        return


def _ends_a_line(stream: IO[bytes]) -> bool:
    """Whether what is written next begins a line; not so after a process that was killed while writing."""
    if stream.seek(0, os.SEEK_END) == 0:
        return True
    stream.seek(-1, os.SEEK_END)
    return stream.read(1) == b"\n"
