"""All that a run needs before it trains: the images, the choices, the network."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from finetune.advice.advise import Advice
from finetune.model.precision import refuse_impossible
from finetune.progress import Reporter
from finetune.recipe import AUTO, Recipe
from finetune.training.learner import Learner, build_learner
from finetune.training.prepare import prepare
from finetune.training.prepared import Prepared
from finetune.training.resolve import Resolved, resolve


@dataclass(frozen=True)
class Setup:
    """What was found and what was chosen; ``learner`` holds the network that training changes."""

    prepared: Prepared
    resolved: Resolved
    learner: Learner


def set_up(where: str | Path, recipe: Recipe, *, offline: bool, reporter: Reporter) -> Setup:
    """Check the images, settle the strategy and build the network; raises FinetuneError."""
    refuse_impossible(recipe.precision)
    prepared = prepare(where, recipe, offline=offline, reporter=reporter)
    resolved = choose(prepared, recipe, reporter)
    return Setup(prepared, resolved, build_learner(prepared, resolved))


def choose(prepared: Prepared, recipe: Recipe, reporter: Reporter) -> Resolved:
    """Settle the strategy and say why."""
    strategy = recipe.strategy
    if strategy == AUTO and prepared.advice is None:
        strategy = "from-scratch"
        why = "without pretrained weights there is nothing to keep"
        if prepared.backbone.is_baseline:
            why = f"{prepared.backbone.name} has no pretrained weights, so there is nothing to keep"
        reporter.say(f"strategy from-scratch: {why}")
    elif prepared.advice is not None:
        strategy = prepared.advice.strategy
        recipe = recipe.with_changes(**_advised(prepared.advice, recipe))
        reporter.say(f"strategy {strategy}: {prepared.advice.reason}")
        for warning in prepared.advice.warnings:
            reporter.say(f"warning: {warning}")
    weights = "none" if strategy == "from-scratch" else prepared.weights_choice
    resolved = resolve(
        recipe,
        strategy=strategy,
        backbone=prepared.backbone,
        weights=weights,
        n_train=len(prepared.split.train),
        class_names=prepared.split.class_names,
        class_counts=Counter(image.label for image in prepared.split.train),
    )
    for note in resolved.notes:
        reporter.say(note)
    return resolved


def _advised(advice: Advice, recipe: Recipe) -> dict[str, str]:
    """Return the options that belong to the advice, where the user has not chosen them."""
    return {name: value for name, value in advice.options.items() if getattr(recipe, name) is None}
