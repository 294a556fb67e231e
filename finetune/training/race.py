"""Race: train each promising strategy a little, expect the ends from there, and go on with the winner.

A contender is a run of its own, paused after some of its epochs: what was trained is kept, and going on with it
comes to the weights of a run that was never paused. ``race.json`` in the race's folder says what was seen.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finetune.advice.advise import Advice
from finetune.advice.contenders import CONTENDERS
from finetune.advice.language import Language
from finetune.advice.race import Rung, epochs_to_run, runners
from finetune.errors import Interrupted, OptionError, Paused, RunError
from finetune.evaluation.history import read_rows
from finetune.evaluation.report import Report
from finetune.progress import SILENT, Reporter
from finetune.recipe import AUTO, Recipe
from finetune.training.advising import reconsider
from finetune.training.complete import Run
from finetune.training.durable import write_text
from finetune.training.pace import resolved_for
from finetune.training.prepare import prepare
from finetune.training.prepared import Prepared
from finetune.training.resume import resume
from finetune.training.run_folder import RunFolder, claim_folder, claim_next_folder, refuse_inside_data
from finetune.training.run_record import RunRecord, new_record, read_record
from finetune.training.train import fit
from strategies import STRATEGIES

SUMMARY = "race.json"
FROZEN = tuple(name for name, one in CONTENDERS.items() if one.strategy == "freeze-all")


@dataclass(frozen=True)
class Race:
    """What a race in ``folder`` came to: the ``advice`` after it, where each contender's run lies, and the choices
    that the winner goes on with."""

    folder: Path
    where: str
    recipe: Recipe
    advice: Advice
    runs: Mapping[str, Path]

    @property
    def winner(self) -> Path | None:
        """Return the winner's run, None where its head is still to be solved, which takes seconds."""
        return self.runs.get(self.advice.contender)

    @property
    def command(self) -> str:
        """Return the command that goes on with the winner, or makes it; empty where it is finished."""
        if self.winner is None:
            flags = CONTENDERS[self.advice.contender].flags
            return shlex.join(["finetune", "fit", self.where, *flags, *_words(self.recipe)])
        return (
            "" if is_finished(self.winner) else shlex.join(["finetune", "fit", "--resume", str(self.winner)])
        )

    def to_json(self) -> dict[str, Any]:
        """Return the advice with the race's folder, runs and next command."""
        runs = {name: str(path) for name, path in self.runs.items()}
        return self.advice.to_json() | {"race_folder": str(self.folder), "runs": runs, "next": self.command}


def race(
    where: str | Path,
    recipe: Recipe,
    *,
    minutes: float,
    out: Path | None = None,
    offline: bool = False,
    uses_cache: bool = True,
    reporter: Reporter = SILENT,
) -> Race:
    """Let the strategies race on the images of ``where`` for about ``minutes``, and return the advice after it.

    ``out`` is the race's folder, by default the next free ``checkpoints/<data>-race-<n>``; a race that was
    interrupted is gone on with by naming its folder. ``uses_cache`` is `advising.advise_on`'s. Raises OptionError
    where ``recipe`` names a strategy or there is nothing to choose between, RunError where the folder's race began
    with other choices, and Interrupted, after which every run so far can be gone on with.
    """
    if recipe.strategy != AUTO:
        raise OptionError(f"a race chooses the strategy, but --strategy is {recipe.strategy}; leave one out")
    refuse_inside_data(out or Path("checkpoints"), where)
    prepared = prepare(where, recipe, offline=offline, reporter=reporter, uses_cache=uses_cache)
    if prepared.advice is None or prepared.advice.outlook is None:
        raise OptionError(
            "a race compares what pretrained weights are worth, and there are none; leave out --race"
        )
    plan = planned(prepared, recipe, minutes)
    folder = _folder(out, str(where))
    runs, rungs = {name: folder / name for name in plan}, []
    try:
        for name, (epochs, whole) in plan.items():
            reporter.say(f"race: {name} for {epochs} of {whole} epochs")
            _run(where, _recipe_of(name, recipe), runs[name], epochs, offline=offline, reporter=reporter)
            rungs.append(_rung(name, runs[name], len(prepared.split.val)))
    except Interrupted as error:
        again = ["finetune", "advise", str(where), "--race", f"{minutes:g}", "--out", str(folder)]
        command = shlex.join([*again, *_words(recipe)])
        raise Interrupted(f"{error}; or go on with the whole race: {command}") from None
    advice = reconsider(prepared, recipe, rungs)
    found = Race(folder, str(where), recipe, advice, runs)
    write_text(folder / SUMMARY, json.dumps(found.to_json(), indent=1, ensure_ascii=False) + "\n")
    return found


def go_on(found: Race, *, offline: bool, reporter: Reporter, language: Language = "en") -> Run:
    """Train the winner to its end and return its run; why it won is told in ``language``."""
    name = found.advice.contender
    title, (reason, _) = CONTENDERS[name].named(language), found.advice.said(language)
    reporter.say(f"race won by {title}: {reason}" if language == "en" else f"试跑胜者 {title}：{reason}")
    if found.winner is None:
        recipe = _recipe_of(name, found.recipe)
        return fit(found.where, recipe, out=found.folder / name, offline=offline, reporter=reporter)
    if is_finished(found.winner):
        return _finished(found.winner)
    return resume(found.winner, data=found.where, offline=offline, reporter=reporter)


def is_finished(run: Path) -> bool:
    """Whether the run in this folder has been trained to its end."""
    return read_record(RunFolder(run).record).state == "finished"


def _finished(run: Path) -> Run:
    folder = RunFolder(run)
    record = read_record(folder.record)
    return Run(folder, Report.read(folder.report), Recipe.read(folder.recipe), record.data)


def _words(recipe: Recipe) -> list[str]:
    """Return the words of a command for what ``recipe`` says of the network and the images."""
    plain = Recipe()
    words = []
    for name in ("backbone", "weights", "image_size", "seed"):
        value = getattr(recipe, name)
        if value != getattr(plain, name):
            words += [f"--{name.replace('_', '-')}", str(value)]
    return [*words, *(word for name in recipe.exclude for word in ("--exclude", name))]


def planned(prepared: Prepared, recipe: Recipe, minutes: float) -> dict[str, tuple[int, int]]:
    """Return for each contender that takes part how many epochs it runs, and of how many."""
    assert prepared.advice is not None
    assert prepared.advice.outlook is not None
    outlook = prepared.advice.outlook
    chances = {name: found.p_within_one for name, found in outlook.forecasts.items()}
    names = runners(chances, frozen=FROZEN)
    total_s = sum(outlook.costs[name].seconds for name in names)
    plan = {}
    for name in names:
        epochs = resolved_for(prepared, _free(name, recipe), CONTENDERS[name].strategy).recipe.epochs or 1
        plan[name] = epochs_to_run(epochs, total_seconds=total_s, budget_s=60 * minutes), epochs
    return plan


def _free(name: str, recipe: Recipe) -> Recipe:
    return recipe.with_changes(**CONTENDERS[name].options)


def _recipe_of(name: str, recipe: Recipe) -> Recipe:
    """Return ``recipe`` for the contender, without what only its choice needed or it has no use for."""
    contender = CONTENDERS[name]
    unused = dict.fromkeys(recipe.unused_by(contender.strategy))
    changes = {**unused, "time_weight": None, "strategy": contender.strategy, **contender.options}
    if STRATEGIES[contender.strategy].weights == "random":
        changes["weights"] = "none"
    return recipe.with_changes(**changes)


def _folder(out: Path | None, where: str) -> Path:
    if out is None:
        return claim_next_folder(where, "race").path
    if out.is_dir() and any((out / name / "run.json").exists() for name in CONTENDERS):
        return out
    return claim_folder(out).path


def _run(
    where: str | Path, recipe: Recipe, out: Path, epochs: int, *, offline: bool, reporter: Reporter
) -> None:
    """Train the first ``epochs`` of a run, or what is left of them."""
    file = RunFolder(out).record
    try:
        if not file.exists():
            fit(where, recipe, out=out, offline=offline, pause_after=epochs, reporter=reporter)
            return
        record = read_record(file)
        _refuse_other_choices(record, new_record(where, recipe, offline=offline), out)
        if record.state != "finished" and record.epochs_done < epochs:
            resume(out, data=where, offline=offline, pause_after=epochs, reporter=reporter)
    except Paused:
        return


def _refuse_other_choices(begun: RunRecord, asked: RunRecord, run: Path) -> None:
    changed = [name for name, value in asked.asked.items() if begun.asked.get(name) != value]
    if changed:
        raise RunError(
            f"the race in {run.parent} began with another --{changed[0].replace('_', '-')}; give the same choices, "
            "or another --out"
        )


def _rung(name: str, run: Path, n_val: int) -> Rung:
    folder = RunFolder(run)
    record, rows = read_record(folder.record), read_rows(folder.metrics)
    if not rows:
        raise RunError(f"{folder.metrics} holds no epoch; remove {run} and race again")
    done, recipe = rows[-1].epoch, record.goes_on_with
    # What early stopping has ended is at its end, though epochs were left.
    if record.state == "finished":
        done = planned = max(1, done)
    else:
        planned = record.epochs_planned or done
    accuracies = tuple(row.val_accuracy for row in rows)
    has_solved_head = bool(recipe.head_first) and recipe.head == "linear"
    return Rung(name, done, planned, accuracies, n_val, has_solved_head)
