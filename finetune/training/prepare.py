"""Everything that happens before training: open, check, split, choose backbone and weights, measure, advise."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from finetune.data.corrections import Correction, corrected
from finetune.data.health import Finding, HealthReport, inspect_source
from finetune.data.sources import Source, open_source
from finetune.data.split import Split, cuts, split_images
from finetune.errors import DataError, OptionError
from finetune.model.backbones import Backbone, find_backbone
from finetune.model.weights import WeightsRecord, choose_backbone, locate_weights
from finetune.progress import SILENT, Reporter
from finetune.recipe import AUTO, Recipe
from finetune.recipe.names import BASELINES
from finetune.recipe.sentences import shown
from finetune.training.network_check import refuse_unfit
from finetune.training.prepared import Prepared

EXAMPLES_SAID = 3


def prepare(
    where: str | Path,
    recipe: Recipe,
    *,
    offline: bool,
    reporter: Reporter,
    tries_augmentation: bool = False,
    uses_cache: bool = True,
) -> Prepared:
    """Get everything that training needs, failing before any of it is spent.

    Weights are located first: what cannot be had should be known before minutes of decoding. Advice is
    measured when the recipe's strategy is ``auto``; ``tries_augmentation`` and ``uses_cache`` are
    `advising.advise_on`'s.
    """
    backbone, weights = find_weights(recipe, offline=offline, reporter=reporter)
    source, corrections = open_data(where, recipe, offline=offline, reporter=reporter)
    for correction in corrections:
        reporter.say(correction.sentence())
    health = inspect_data(source, reporter)
    split = cut(health, recipe, reporter)
    needs_advice = recipe.strategy == AUTO and weights.source != "none"
    prepared = Prepared(str(where), health, split, backbone, weights, None, corrections)
    if not needs_advice:
        return prepared
    from finetune.training.advising import advise_on, note_advice  # need parts that know this module

    found = advise_on(
        prepared, recipe, reporter, tries_augmentation=tries_augmentation, uses_cache=uses_cache
    )
    note_advice(found, prepared, recipe, source)
    return replace(prepared, advice=found)


def open_data(
    where: str | Path, recipe: Recipe, *, offline: bool = False, reporter: Reporter = SILENT
) -> tuple[Source, tuple[Correction, ...]]:
    """Open the images of ``where`` as ``recipe`` wants them, and what its tables of suspects changed."""
    source = open_source(where, exclude=recipe.exclude, offline=offline, track=reporter.track)
    files = recipe.files
    return corrected(source, drop=files.get("drop_suspects"), relabel=files.get("relabel"))


def cut(health: HealthReport, recipe: Recipe, reporter: Reporter) -> Split:
    """Cut the images as ``recipe`` says, and say what a user should know of it."""
    _refuse_unused_shares(health, recipe)
    split = split_images(
        health,
        seed=recipe.seed,
        val_share=recipe.val_share,
        test_share=recipe.test_share,
        group_by=recipe.group_by,
    )
    for note in split.notes:
        reporter.say(f"note: {note}")
    return split


def _refuse_unused_shares(health: HealthReport, recipe: Recipe) -> None:
    """Raise OptionError for a share of a split, or folds, that the data makes useless by splits of its own."""
    if recipe.folds is not None and health.split_folders.keys() - {"train"}:
        raise OptionError(
            f"--folds {recipe.folds} has no effect on {health.where}, which has its own splits to measure on; "
            "leave it out"
        )
    for split in {"val", "test"} - cuts(health.split_folders):
        name = f"{split}_share"
        share = getattr(recipe, name)
        if share != Recipe.model_fields[name].default:
            raise OptionError(
                f"{shown(name)} is {share}, but {health.where} has its own splits and no {split} is cut; leave it out"
            )


def find_weights(recipe: Recipe, *, offline: bool, reporter: Reporter) -> tuple[Backbone, WeightsRecord]:
    """Return the concrete backbone and where its weights are, and say which and why.

    A strategy that starts from random weights needs none, and a baseline has none, so none are asked for. Raises
    OptionError for choices that the backbone cannot take, before its weights are looked for.
    """
    choice = "none" if recipe.starts_random or recipe.backbone in BASELINES else recipe.weights
    name, why = choose_backbone(recipe.backbone, choice, offline=offline)
    if why:
        reporter.say(why)
    backbone = find_backbone(name)
    refuse_unfit(recipe, backbone)
    if backbone.note:
        reporter.say(f"note: {backbone.note}")
    return backbone, locate_weights(backbone, choice, offline=offline, reporter=reporter)


def inspect_data(source: Source, reporter: Reporter) -> HealthReport:
    """Check the images of ``source``; raises DataError when they cannot be trained on."""
    with reporter.track("checking images") as advance:
        health = inspect_source(source, progress=advance)
    if not health.usable:
        first = next(finding for finding in health.findings if finding.severity == "error")
        raise DataError(first.message)
    reporter.say(f"splits: {health.how_split}")
    for finding in health.findings:
        if finding.severity == "warning":
            reporter.say(f"warning: {finding.message}{_named(finding)}")
    return health


def _named(finding: Finding) -> str:
    """Return the first of the finding's examples and how many there are besides, in brackets."""
    if not finding.examples:
        return ""
    shown = ", ".join(finding.examples[:EXAMPLES_SAID])
    more = len(finding.examples) > EXAMPLES_SAID
    return f" ({shown}{', …; see `finetune inspect`' if more else ''})"
