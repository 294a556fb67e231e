"""All that a run needs before it trains: the images, the choices, the network."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from finetune.advice.advise import Advice
from finetune.advice.kept_words import kept_sentence
from finetune.advice.language import Language
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


def set_up(
    where: str | Path, recipe: Recipe, *, offline: bool, reporter: Reporter, language: Language = "en"
) -> Setup:
    """Check the images, settle the strategy and build the network; raises FinetuneError."""
    refuse_impossible(recipe.precision)
    prepared = prepare(where, recipe, offline=offline, reporter=reporter)
    resolved = choose(prepared, recipe, reporter, language)
    return Setup(prepared, resolved, build_learner(prepared, resolved))


def choose(prepared: Prepared, recipe: Recipe, reporter: Reporter, language: Language = "en") -> Resolved:
    """Settle the strategy and say why, an advice in ``language``."""
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
        _say_advice(prepared.advice, reporter, language)
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


def _say_advice(advice: Advice, reporter: Reporter, language: Language) -> None:
    reason, warnings = advice.said(language)
    chosen, warned = {"en": ("strategy {}: ", "warning: "), "zh": ("策略 {}：", "警告：")}[language]
    reporter.say(chosen.format(advice.strategy) + reason)
    for warning in warnings:
        reporter.say(warned + warning)
    kept = {} if advice.outlook is None else advice.outlook.kept
    if kept:
        reporter.say(kept_sentence(kept, language))


def _advised(advice: Advice, recipe: Recipe) -> dict[str, str]:
    """Return the options that belong to the advice, where the user has not chosen them."""
    return {name: value for name, value in advice.options.items() if getattr(recipe, name) is None}
