"""Measure a data set on this machine and advise: what is measured, forecast and timed, put together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from finetune.advice.advise import Advice, advise, make_profile
from finetune.advice.augmented_views import probe_augmentation
from finetune.advice.contenders import CONTENDERS
from finetune.advice.costs import Cost, Pace, Task, frozen_cost, stepped_cost
from finetune.advice.decide import TIME_WEIGHT
from finetune.advice.evidence import Sizes
from finetune.advice.experience import learnt_from
from finetune.advice.forecast import ForecastTable
from finetune.advice.freeze_line import FreezeLine, freeze_line
from finetune.advice.honesty import refuse_untrustworthy
from finetune.advice.measure import Measuring, measure
from finetune.advice.measured import Measures
from finetune.advice.more_data import MoreImages, more_images
from finetune.advice.outlook import Outlook, look_ahead
from finetune.advice.race import Rung
from finetune.advice.rules import find_rule
from finetune.advice.table import shipped_table
from finetune.data.fingerprint import fingerprint
from finetune.data.sources import Source
from finetune.errors import OptionError
from finetune.model.build import build_empty
from finetune.model.layers import layer_groups
from finetune.progress import Reporter
from finetune.recipe import AUTO, Recipe
from finetune.training.experience import data_key, experience_file, note_measures, own_trainings
from finetune.training.kept_measures import KeptMeasures
from finetune.training.measured_features import MeasuredFeatures
from finetune.training.pace import measure_pace, plan_of, resolved_for
from finetune.training.prepared import Prepared
from finetune.training.resolve import Resolved

LIKE_ANOTHER = "from-scratch"
"""Its steps are those of `full-finetune`, so that it is timed only where nothing else can be."""


def advise_on(
    prepared: Prepared,
    recipe: Recipe,
    reporter: Reporter,
    *,
    tries_augmentation: bool = False,
    uses_cache: bool = True,
) -> Advice:
    """Measure the training images of ``prepared`` and advise, at the size that ``recipe`` trains at.

    ``tries_augmentation`` lets a probe compare augmentations where more data would help. What was measured before is
    taken from the cache unless ``uses_cache`` or the recipe's is off. Raises DataError where no advice could be
    trusted (`finetune.advice.honesty`).
    """
    split = prepared.split
    health = prepared.health
    alike = [*health.exact_duplicates, *health.near_duplicates, *health.near_links]
    refuse_untrustworthy(split.train, [*split.val, *split.test], alike)
    uses_cache = uses_cache and recipe.cache != "off"
    features = MeasuredFeatures(prepared, recipe, uses_cache=uses_cache)
    kept = KeptMeasures(prepared, recipe, uses_cache=uses_cache)
    side = recipe.image_size or prepared.backbone.image_size
    measuring = Measuring(prepared.backbone, prepared.weights, recipe.seed, recipe.workers, side)
    with reporter.track("measuring the images") as advance:
        measures = kept.measures(lambda: measure(split.train, measuring, extract=features, progress=advance))
    outlook = _outlook(prepared, recipe, measures, features, kept, reporter)
    rule = find_rule(len(split.train), measures.gain.value)
    if tries_augmentation and rule.size == "small" and rule.similarity != "similar":
        with reporter.track("trying augmentations") as advance:
            found = kept.augmentation(
                lambda: probe_augmentation(
                    split.train, measuring, class_names=split.class_names, progress=advance
                )
            )
        outlook = replace(outlook, augmentation=found)
    outlook = replace(outlook, kept=kept.days)
    return advise(
        make_profile(split.train, measures.gain),
        where=prepared.where,
        backbone=prepared.backbone.name,
        class_names=split.class_names,
        outlook=outlook,
    )


def note_advice(advice: Advice, prepared: Prepared, recipe: Recipe, source: Source) -> None:
    """Keep what was measured on the images of ``source``, so that trainings on them can be learnt from."""
    if advice.outlook is None or experience_file() is None:
        return
    side = recipe.image_size or prepared.backbone.image_size
    key = data_key(fingerprint(source), prepared.backbone.name, side, prepared.weights.sha256)
    sizes = Sizes(advice.profile.n_train, advice.profile.n_classes)
    note_measures(key, sizes, advice.outlook.measures)


def reconsider(prepared: Prepared, recipe: Recipe, rungs: Sequence[Rung]) -> Advice:
    """Return the advice of ``prepared``, which has one with an outlook, as corrected by what a race has seen."""
    advice = prepared.advice
    assert advice is not None
    assert advice.outlook is not None
    former = advice.outlook
    own = own_trainings()
    outlook = look_ahead(
        learnt_from(shipped_table(), own),
        Sizes(advice.profile.n_train, advice.profile.n_classes),
        former.measures,
        former.costs,
        time_weight=former.time_weight,
        budget_s=_budget_s(recipe),
        n_own=len(own),
        rungs=rungs,
    )
    outlook = replace(
        outlook, more=former.more, line=former.line, augmentation=former.augmentation, kept=former.kept
    )
    return advise(
        advice.profile,
        where=prepared.where,
        backbone=prepared.backbone.name,
        class_names=prepared.split.class_names,
        outlook=outlook,
    )


def _budget_s(recipe: Recipe) -> float | None:
    return None if recipe.max_minutes is None else 60 * recipe.max_minutes


def _outlook(
    prepared: Prepared,
    recipe: Recipe,
    measures: Measures,
    features: MeasuredFeatures,
    kept: KeptMeasures,
    reporter: Reporter,
) -> Outlook:
    split = prepared.split
    own = own_trainings()
    table = learnt_from(shipped_table(), own)
    sizes = Sizes(len(split.train), len(split.class_names))
    recipes = _recipes(prepared, recipe)
    costs = _costs(prepared, recipes, table, features, kept, reporter)
    outlook = look_ahead(
        table,
        sizes,
        measures,
        costs,
        time_weight=TIME_WEIGHT if recipe.time_weight is None else recipe.time_weight,
        budget_s=_budget_s(recipe),
        n_own=len(own),
    )
    return replace(outlook, more=_more(measures, sizes.n_train), line=_line(prepared, measures))


def _recipes(prepared: Prepared, recipe: Recipe) -> dict[str, Resolved]:
    """Return ``recipe`` filled for each contender it goes with; raises OptionError where that is one strategy."""
    found: dict[str, Resolved] = {}
    refused: list[OptionError] = []
    for name, contender in CONTENDERS.items():
        if name == "multi-stage" and recipe.head is not None:
            continue  # the user has chosen a head
        try:
            own = recipe.with_changes(strategy=AUTO, **contender.options)
            found[name] = resolved_for(prepared, own, contender.strategy)
        except OptionError as error:
            refused.append(error)
    if len({CONTENDERS[name].strategy for name in found}) < 2:
        raise refused[0]
    return found


def _costs(
    prepared: Prepared,
    recipes: Mapping[str, Resolved],
    table: ForecastTable,
    features: MeasuredFeatures,
    kept: KeptMeasures,
    reporter: Reporter,
) -> dict[str, Cost]:
    stepped = {name: found for name, found in recipes.items() if not _is_solved(found)}
    timed = {name: found for name, found in stepped.items() if name != LIKE_ANOTHER} or stepped
    with reporter.track("timing this machine"):
        pace = kept.pace(
            timed,
            lambda: measure_pace(
                prepared, timed, width=features.width, wide=features.wide, reporter=reporter
            ),
        )
    split = prepared.split
    task = Task(len(split.train), len(split.val), len(split.test), len(split.class_names))
    return {name: _cost(name, found, task, pace, table) for name, found in recipes.items()}


def _cost(name: str, resolved: Resolved, task: Task, pace: Pace, table: ForecastTable) -> Cost:
    if _is_solved(resolved):
        return frozen_cost(task, pace, wide=name == "multi-stage")
    step = pace.steps.get(name) or max(pace.steps.values(), key=lambda one: one.image_s)
    share = table.epochs_shares.get(name, 1.0)
    return stepped_cost(task, pace, step, plan_of(resolved.recipe), epochs_share=share)


def _is_solved(resolved: Resolved) -> bool:
    return resolved.defaults.solver == "closed-form"


def _more(measures: Measures, n_train: int) -> MoreImages | None:
    if measures.curve is None:
        return None
    return more_images(measures.curve, n_now=n_train, n_measured=measures.n_images)


def _line(prepared: Prepared, measures: Measures) -> FreezeLine | None:
    """Return where `partial` would best freeze; None for a network without stages."""
    model = build_empty(
        prepared.backbone,
        n_classes=len(prepared.split.class_names),
        image_size=prepared.backbone.image_size,
    )
    try:
        return freeze_line(measures.stages, layer_groups(model), n_images=measures.n_images)
    except ValueError:
        return None
