"""The two ways of training: solve the head on fixed features, or step along the gradient."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from finetune.data.health import HealthReport
from finetune.evaluation.history import write_regularisation
from finetune.evaluation.interpolation import draw_interpolation
from finetune.evaluation.movement import write_movement
from finetune.evaluation.movement_pictures import draw_movement
from finetune.evaluation.pictures import draw_curves, draw_regularisation
from finetune.progress import Reporter
from finetune.recipe import Recipe
from finetune.training.board import write_regularisation_board
from finetune.training.frozen import begin_head, feature_precision, fit_head, train_features, view_features
from finetune.training.journal import Journal
from finetune.training.k_fold import cross_validate
from finetune.training.learner import Learner
from finetune.training.loaders import transform_of
from finetune.training.preview import draw_preview
from finetune.training.resolve import Resolved
from finetune.training.run_folder import RunFolder
from finetune.training.saved_states import SavedState, SavedStates
from finetune.training.selection import chooses_on_val
from finetune.training.stop import Stop

if TYPE_CHECKING:
    from finetune.training.finish import Finish


@dataclass(frozen=True)
class Outcome:
    """How training ended: the recipe as it was run, the split that chose something (or None), and why it ended.

    ``combined`` is the report's part on averaged and interpolated weights and on folds, by its keys; ``notes`` are
    sentences that a reader of the result must know.
    """

    recipe: Recipe
    selection_split: str | None
    stopped: str
    combined: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


def train_head_only(
    learner: Learner, health: HealthReport, recipe: Recipe, folder: RunFolder, reporter: Reporter
) -> Outcome:
    """Compute the features of the training images once and solve the head on them; nothing else is used.

    With ``folds`` it is cross-validated besides, over the images of all splits.
    """
    features, views = view_features(learner, recipe, reporter=reporter)
    if transform_of(learner, recipe).is_augmented:
        recipe = recipe.with_changes(views=views)
        draw_preview(learner, recipe, folder, reporter=reporter)
    recipe = recipe.with_changes(precision=feature_precision(learner, recipe))
    solved = fit_head(learner, features, recipe, views=views, reporter=reporter)
    write_regularisation(folder.metrics, solved.path)
    write_regularisation_board(folder, solved.path)
    draw_regularisation(solved.path, solved.inverse_strength, folder.curves)
    combined = _cross_validated(learner, health, recipe, reporter)
    return Outcome(recipe, None, "the head's optimum was reached", combined)


def _cross_validated(
    learner: Learner, health: HealthReport, recipe: Recipe, reporter: Reporter
) -> dict[str, Any]:
    """Return the report's part on the folds, empty where none are asked for."""
    if recipe.folds is None:
        return {}
    found = cross_validate(learner, health, recipe, reporter=reporter)
    reporter.say(found.sentence())
    return {"cross_validation": found.to_json()}


def train_by_gradient(
    learner: Learner, resolved: Resolved, journal: Journal, *, stop: Stop, reporter: Reporter
) -> Outcome:
    """Fit the head first where the strategy says so, then train by the plan; ``select`` says which epoch is kept.

    An interrupted run goes on from its newest sound state, or begins again when there is none.
    """
    # Lightning takes two seconds to import, and freeze-all needs none of it.
    from finetune.training.gradient import train
    from finetune.training.wise_ft import refuse_without_solved_head

    started = time.perf_counter()
    recipe, folder = resolved.recipe, journal.folder
    if recipe.wise_ft:
        refuse_without_solved_head(recipe.strategy, head_first=resolved.defaults.head_first)
    draw_preview(learner, recipe, folder, reporter=reporter)
    begin = _where_to_begin(journal, reporter)
    if recipe.head_first and begin is None:
        features = train_features(learner, recipe, reporter=reporter)
        begin_head(learner, features, recipe, reporter=reporter)
    trained = train(
        learner,
        recipe,
        journal,
        stop=stop,
        begin=begin,
        minutes_spent=journal.minutes + (time.perf_counter() - started) / 60,
        reporter=reporter,
    )
    draw_curves(trained.rows, folder.curves, kept=trained.kept_epoch)
    combined = _show_finish(trained.finish, folder)
    return Outcome(trained.recipe, _selection_split(trained.recipe), trained.stopped, combined, trained.notes)


def _selection_split(recipe: Recipe) -> str | None:
    chosen = chooses_on_val(recipe.select or "accuracy", recipe.early_stopping or "none")
    return "val" if chosen or recipe.wise_ft else None


def _show_finish(finish: Finish, folder: RunFolder) -> dict[str, Any]:
    """Write and draw what moved and what was interpolated; return the report's part."""
    write_movement(finish.movement, table=folder.moved_table, whole=folder.moved)
    draw_movement(finish.movement, folder.moved_picture)
    combined: dict[str, Any] = {}
    if finish.averaging is not None:
        combined["averaging"] = finish.averaging.to_json()
    if finish.interpolation is not None:
        draw_interpolation(finish.interpolation, folder.wise_ft)
        combined["wise_ft"] = finish.interpolation.to_json()
    return combined


def _where_to_begin(journal: Journal, reporter: Reporter) -> SavedState | None:
    """Return the newest sound state of a run that has a plan, and forget what lies after it."""
    states = SavedStates(journal.folder.states)
    states.make()
    begin, damaged = states.newest() if journal.record.planned else (None, ())
    if damaged:
        named = ", ".join(damaged)
        reporter.say(f"warning: damaged in {states.folder}: {named}; going on from an older state")
    epoch = -1 if begin is None else begin.epoch
    if begin is not None:
        reporter.say(f"going on after epoch {epoch} of {journal.record.epochs_planned}")
    elif journal.record.epochs_done:
        reporter.say(f"warning: no sound state in {states.folder}; starting over from the first epoch")
    states.forget_after(epoch)
    journal.update(epochs_done=max(0, epoch))
    return begin
