"""What the processes of `finetune.service.data_jobs` do; each answers in ``result.json`` and files beside it."""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from finetune.progress import Reporter
from finetune.recipe import Recipe
from finetune.service.result import RESULT, read_result, write_result

if TYPE_CHECKING:
    from finetune.export.precision import Precision
    from finetune.training.suspects import Suspect

SUSPECTS, TABLE, COPY, CLEANED, SHEET = "suspects", "suspects.csv", "copy", "cleaned.zip", "sheet.png"
ONNX = "model.onnx"
MOST_FLIPS = 10**9
"""Labels that may change in int8: whoever takes the file is told how many did."""
MOST_SHOWN = 60
"""Suspects that are shown, as on the sheet of `finetune suspects`; the table holds all."""


def find_suspects(
    folder: Path, reporter: Reporter, *, data: str, recipe: dict[str, Any], offline: bool
) -> None:
    """Do `finetune suspects` on ``data`` into ``folder/suspects``; the answer has the first with their pictures."""
    from finetune.training.suspects import find_suspects as run_search
    from finetune.training.suspects_table import to_json, write_suspects

    shutil.rmtree(folder / SUSPECTS, ignore_errors=True)  # what a killed process has left half
    found = run_search(data, Recipe.make(**recipe), offline=offline, reporter=reporter)
    rows = write_suspects(folder / SUSPECTS, found)
    shown = rows[:MOST_SHOWN]
    answer = {**to_json(found, shown), "n_listed": len(rows), "pictures": _pictures(shown)}
    write_result(folder / RESULT, answer)


def _pictures(rows: Iterable[Suspect]) -> dict[str, str]:
    from finetune.data.health.thumbnails import data_uri

    return {row.name: data_uri(row.path) for row in rows}


def clean(
    folder: Path,
    reporter: Reporter,
    *,
    data: str,
    name: str,
    offline: bool,
    corrections: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Do `finetune clean` on ``data`` and pack what is to train on, with the log, as ``folder/cleaned.zip``.

    ``corrections`` are tables by the field of a recipe that takes them.
    All in it lies in one folder called ``name``, so that the zip is a data set again.
    """
    from finetune.data.cleaning.plan import Switches, plan
    from finetune.data.cleaning.write import DATA, LOG_TABLE, write_copy
    from finetune.data.corrections import corrected
    from finetune.data.health import inspect_source
    from finetune.data.sources import open_source

    shutil.rmtree(folder / COPY, ignore_errors=True)
    tables = {field: Path(table) for field, table in corrections.items()}
    opened = open_source(data, offline=offline, track=reporter.track)
    source, _ = corrected(opened, drop=tables.get("drop_suspects"), relabel=tables.get("relabel"))
    with reporter.track("checking images") as advance:
        health = inspect_source(source, progress=advance)
    try:
        with reporter.track("writing the copy") as advance:
            actions = plan(source, health, Switches())
            cleaned = write_copy(folder / COPY, source, health, actions, progress=advance)
        with reporter.track("packing the copy"):
            _pack(folder / CLEANED, name, folder / COPY / DATA, folder / COPY / LOG_TABLE)
    finally:
        shutil.rmtree(folder / COPY, ignore_errors=True)
    write_result(folder / RESULT, {"kept": cleaned.n_kept, "actions": dict(cleaned.counts)})


def _pack(target: Path, name: str, data: Path, log: Path) -> None:
    """Zip the files below ``data``, and ``log``, stored: images do not shrink. What is not whole is not there."""
    unfinished = target.with_suffix(".tmp")
    with zipfile.ZipFile(unfinished, "w", zipfile.ZIP_STORED) as archive:
        for path in sorted(data.rglob("*")):
            if path.is_file():
                archive.write(path, f"{name}/{path.relative_to(data).as_posix()}")
        archive.write(log, f"{name}/{log.name}")
    unfinished.replace(target)


def preview(folder: Path, reporter: Reporter, *, data: str, recipe: dict[str, Any], offline: bool) -> None:
    """Do `finetune augment --preview` on ``data``: what training by ``recipe`` would see, as ``folder/sheet.png``."""
    from finetune.recipe.usage import is_solved
    from finetune.training.policy_sheet import draw_policy
    from finetune.training.resolve import DEFAULT_AUGMENT

    made = Recipe.make(**recipe)
    if made.augment is None:
        # A head that is solved sees each image as it is, unless told otherwise.
        made = made.with_changes(augment="none" if is_solved(made, made.strategy) else DEFAULT_AUGMENT)
    with reporter.track("drawing"):
        told = draw_policy(data, made, folder / SHEET, offline=offline, track=reporter.track)
    # The page lists what cannot be read by its name; the warning here has paths of this computer.
    notes = [note for note in told["notes"] if note.startswith("note: ")]
    write_result(folder / RESULT, {**told, "notes": notes})


def export(
    folder: Path,
    reporter: Reporter,
    *,
    data: str,
    run: str,
    training: str,
    precision: Precision,
    offline: bool,
) -> None:
    """Do `finetune export` on the run of the project's ``training`` into ``folder/model.onnx``.

    In int8 labels may change, and the answer says how many do.
    """
    from finetune.export.export import export as run_export

    # All may have been copied elsewhere since the run noted where its images lie.
    moved = None if Path(read_result(Path(run) / "run.json").get("data", "")).exists() else data
    exported = run_export(
        Path(run),
        out=folder / ONNX,
        precision=precision,
        check=moved,
        calibrate=moved if precision == "int8" else None,
        max_flips=None if precision == "fp32" else MOST_FLIPS,
        offline=offline,
        reporter=reporter,
    )
    told = exported.to_json()
    del told["path"]
    write_result(folder / RESULT, {**told, "training": training})


def backbones(folder: Path, reporter: Reporter, *, data: str, recipe: dict[str, Any], offline: bool) -> None:
    """Do `finetune backbones --rank` on ``data`` with all backbones that need no download."""
    from finetune.training.rank_backbones import rank_backbones

    found = rank_backbones(data, Recipe.make(**recipe), offline=offline, reporter=reporter)
    write_result(folder / RESULT, found.to_json())
