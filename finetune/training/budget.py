"""Plan as many epochs as fit into a time budget, and say what was planned."""

from __future__ import annotations

from finetune.data.health.findings import amount
from finetune.progress import Reporter
from finetune.recipe import Recipe
from finetune.training.estimate import Estimate, describe_minutes, suggestions
from finetune.training.lengths import shortened


def fit_budget(
    recipe: Recipe, estimate: Estimate, minutes_spent: float, reporter: Reporter
) -> tuple[Recipe, float | None]:
    """Return the recipe with epochs that fit into what is left of the budget, and what is left in minutes."""
    assert recipe.epochs is not None
    budget = None if recipe.max_minutes is None else max(0.05, recipe.max_minutes - minutes_spent)
    if budget is not None and estimate.minutes(recipe.epochs) > budget:
        fewer = estimate.epochs_within(budget)
        reporter.say(
            f"{amount(recipe.epochs, 'epoch')} would take {describe_minutes(estimate.minutes(recipe.epochs))}; "
            f"--max-minutes {recipe.max_minutes:g} leaves time for {fewer}"
        )
        recipe = shortened(recipe, fewer)
    epochs = recipe.epochs or 1
    minutes = estimate.minutes(epochs)
    reporter.say(
        f"training: {amount(epochs, 'epoch')} of {amount(estimate.steps_per_epoch, 'step')}, at most "
        f"{describe_minutes(minutes)} (measured: {estimate.step_s:.2f} s a step); early stopping may end it sooner"
    )
    advice = suggestions(minutes, recipe.image_size or 224)
    if advice:
        reporter.say(advice)
    return recipe, budget
