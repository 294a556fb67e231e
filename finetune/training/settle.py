"""What only real batches on this machine can tell, settled before the first step: precision, rate, length."""

from __future__ import annotations

import time
from collections import Counter
from dataclasses import replace

from finetune.data.split import Split
from finetune.evaluation.lr_picture import draw_lr_search
from finetune.progress import Reporter
from finetune.recipe import Recipe
from finetune.training.accumulation import Accumulation
from finetune.training.boundary import Boundary, kept_rows, missing_rows
from finetune.training.budget import fit_budget
from finetune.training.cache_choice import boundary_of, on_best_device, settle_cache
from finetune.training.estimate import TIMED_BATCHES, WARM_UP_BATCHES, Estimate, measure_speed
from finetune.training.fastest import settle_precision
from finetune.training.journal import Journal
from finetune.training.learner import Learner
from finetune.training.loaders import (
    Batches,
    batch_size_of,
    growth_of,
    some_train_batches,
    train_batches,
)
from finetune.training.lr_finder import search_lr
from finetune.training.memory import describe_halving, halved, is_out_of_memory, release
from finetune.training.rates import DEFAULT_OPTIMIZER, default_lr
from finetune.training.run_folder import RunFolder
from finetune.training.thaw import never_thawed
from finetune.training.tuner import Tuner


def settle(
    learner: Learner, recipe: Recipe, journal: Journal, minutes_spent: float, reporter: Reporter
) -> Recipe:
    """Return ``recipe`` as it will be trained, and write it to the run: from then on it is kept to.

    Batches that do not fit into memory are halved here already. Under ``max_minutes``, of which
    ``minutes_spent`` are gone, as many epochs are planned as fit.
    """
    while True:
        try:
            recipe = _with_trials(learner, recipe, journal.folder, reporter)
            recipe = settle_cache(learner, recipe, make_tuner(learner, recipe, cut=False), reporter)
            estimate = measure(learner, recipe)
            break
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
        recipe = smaller(recipe, reporter)
    # What the trials took is given back: training must not come on top of it.
    release()
    recipe, budget = fit_budget(recipe, estimate, minutes_spent, reporter)
    _note_what_never_thaws(learner, recipe, reporter)
    journal.write_recipe(recipe)
    journal.update(planned=True, epochs_planned=recipe.epochs, budget_minutes=budget)
    return recipe


def smaller(recipe: Recipe, reporter: Reporter) -> Recipe:
    """Return ``recipe`` with batches half as large, and say so; raises ResourceError when there are none."""
    release()
    after = halved(recipe)
    reporter.say(describe_halving(recipe, after))
    return after


def make_tuner(learner: Learner, recipe: Recipe, *, cut: bool = True) -> Tuner:
    """Return what trains the learner's network, in place, by ``recipe``: its upper half where ``cache`` is on.

    Without ``cut`` it takes images whatever the recipe says.
    """
    accumulation = accumulation_of(learner, recipe)
    tuner = Tuner(
        learner.model,
        learner.grouping,
        learner.plan,
        recipe,
        n_classes=len(learner.split.class_names),
        steps_per_epoch=accumulation.n_steps,
        class_counts=_class_counts(learner.split),
        accumulation=accumulation,
    )
    if cut and recipe.cache == "on":
        tuner.cut(image_size=learner.preprocessing.image_size)
    return tuner


def _class_counts(split: Split) -> list[int]:
    """Return how many training images each class has, in the classes' order."""
    counts = Counter(split.indices(split.train))
    return [counts[index] for index in range(len(split.class_names))]


def accumulation_of(learner: Learner, recipe: Recipe) -> Accumulation:
    """Return how the batches of an epoch make up its steps."""
    return Accumulation(len(learner.split.train), batch_size_of(recipe), recipe.accumulate or 1)


def measure(learner: Learner, recipe: Recipe) -> Estimate:
    """Time a few batches spread over the training images; loading runs beside the steps as it will later.

    They are of the full size; with a growing input, a batch of the estimate is the mean over the epochs.
    """
    tuner = make_tuner(learner, recipe)
    loader = some_train_batches(learner, recipe, WARM_UP_BATCHES + TIMED_BATCHES)
    fresh_s, fresh_epochs = 0.0, 0
    if tuner.halves is not None:
        fresh_epochs = min(recipe.views or 1, recipe.epochs or 1)
        loader, fresh_s = _kept_batches(learner, recipe, boundary_of(tuner.halves, recipe), loader)
    estimate = measure_speed(
        tuner,
        loader,
        batches_per_epoch=accumulation_of(learner, recipe).n_batches,
        n_val=len(learner.split.val),
        accumulate=recipe.accumulate or 1,
    )
    growth = growth_of(recipe)
    batch_s = estimate.batch_s * (growth.area_share if growth else 1)
    return replace(
        estimate, batch_s=batch_s, fresh_s=fresh_s / max(1, fresh_epochs), fresh_epochs=fresh_epochs
    )


def _kept_batches(
    learner: Learner, recipe: Recipe, boundary: Boundary, loader: Batches
) -> tuple[Batches, float]:
    """Return the batches of what crosses the freeze line, kept by now, and the seconds to compute the rest."""
    with on_best_device(learner.model):
        kept = boundary.across(loader)
        n_computed, started = missing_rows(kept), time.perf_counter()
        for _ in kept:
            pass
        row_s = (time.perf_counter() - started) / max(1, n_computed)
    n_rows = min(boundary.views, recipe.epochs or 1) * len(learner.split.train)
    n_missing = max(0, n_rows - kept_rows(kept)) + len(learner.split.val)
    return kept, row_s * n_missing if n_computed else 0.0


def _with_trials(learner: Learner, recipe: Recipe, folder: RunFolder, reporter: Reporter) -> Recipe:
    own_lr = _strategys_lr(learner, recipe)
    own = recipe.with_changes(find_lr=False, lr=recipe.lr or own_lr)
    precision = settle_precision(
        own,
        lambda precision: make_tuner(learner, own.with_changes(precision=precision), cut=False),
        lambda: next(iter(some_train_batches(learner, own, 1))),
        reporter,
    )
    own = own.with_changes(precision=precision)
    return _with_found_lr(learner, own, own_lr, folder, reporter) if recipe.find_lr else own


def _strategys_lr(learner: Learner, recipe: Recipe) -> float:
    images_a_step = batch_size_of(recipe) * (recipe.accumulate or 1)
    strategy = recipe.build_strategy()
    defaults = strategy.defaults(n_train=len(learner.split.train), batch_size=images_a_step)
    return default_lr(recipe.optimizer or DEFAULT_OPTIMIZER, defaults.lr)


def _with_found_lr(
    learner: Learner, recipe: Recipe, own_lr: float, folder: RunFolder, reporter: Reporter
) -> Recipe:
    """Return ``recipe`` with the rate that a search on a copy found, or with ``own_lr``, the strategy's."""
    search = search_lr(make_tuner(learner, recipe, cut=False), train_batches(learner, recipe), recipe)
    if search.found is None:
        reporter.say(
            f"note: the loss has no clear valley over the learning rates tried; keeping {own_lr:.2g}, the "
            f"strategy's own (see {folder.lr_finder})"
        )
    else:
        reporter.say(
            f"learning rate {search.found:.2g} found in {len(search.rates)} steps on a copy (the strategy's own "
            f"is {own_lr:.2g}; see {folder.lr_finder})"
        )
    chosen = search.found or own_lr
    draw_lr_search(
        search.rates, search.losses, chosen, is_found=search.found is not None, path=folder.lr_finder
    )
    return recipe.with_changes(lr=chosen)


def _note_what_never_thaws(learner: Learner, recipe: Recipe, reporter: Reporter) -> None:
    frozen = never_thawed(learner.plan, recipe.unfreeze_at, recipe.epochs or 1)
    if frozen:
        reporter.say(
            f"note: {recipe.epochs} epochs end before {', '.join(frozen)} would thaw; a lower --unfreeze-at or "
            "more --epochs would reach them"
        )
