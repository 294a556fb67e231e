"""Look at a data set for the page: its health, a few thumbnails, the advice, and what each strategy would train.

The answer grows in ``result.json`` step by step, so that the page can show what is known already.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from types import MappingProxyType
from typing import Any

from finetune.data.health import HealthReport, inspect_source
from finetune.data.health.findings import Finding
from finetune.data.health.thumbnails import class_thumbnails, finding_thumbnails
from finetune.data.sources import Source
from finetune.errors import DataError
from finetune.model.backbones import Backbone
from finetune.progress import Reporter
from finetune.recipe import Recipe
from finetune.service.drawn_samples import copy_sample
from finetune.service.pictures import PICTURES, enlarge
from finetune.service.result import RESULT, write_result
from finetune.service.version import write_version
from strategies import STRATEGIES, make_strategy


def analyse(
    folder: Path,
    reporter: Reporter,
    *,
    data: str,
    sample: str,
    backbone: str,
    offline: bool,
    brought: str = "",
    added: str = "",
    corrections: Mapping[str, str] = MappingProxyType({}),
) -> None:
    """Analyse the data set ``data`` (written there first when it is the set ``sample``) into ``folder``.

    With ``added``, a folder of images that were added one by one, ``data`` is written as `write_version` does, of
    these and of ``brought``. ``corrections`` are tables by the field of a recipe that takes them.

    Raises DataError when it cannot be trained on, after the health report has been written.
    """
    from finetune.training.prepare import open_data

    if sample and not Path(brought or data).exists():
        with reporter.track("writing the sample set") as advance:
            copy_sample(sample, Path(brought or data), advance)
    if added:
        write_version(Path(data), brought=brought, added=Path(added), offline=offline, reporter=reporter)
    recipe = Recipe.make(backbone=backbone, **corrections)
    source, _ = open_data(data, recipe, offline=offline, reporter=reporter)
    with reporter.track("checking images") as advance:
        health = inspect_source(source, progress=advance)
    answer: dict[str, Any] = {
        "health": _health(health),
        "thumbnails": class_thumbnails(health.images),
        "pictures": finding_thumbnails(health),
        "enlarged": enlarge(health, folder / PICTURES),
    }
    write_result(folder / RESULT, answer)
    _refuse_unusable(health)
    answer |= _advice(data, source, health, recipe, offline=offline, reporter=reporter)
    write_result(folder / RESULT, answer)


def _refuse_unusable(health: HealthReport) -> None:
    errors = [finding.message for finding in health.findings if finding.severity == "error"]
    if errors:
        raise DataError(errors[0])


def _health(health: HealthReport) -> dict[str, Any]:
    findings = sorted(health.findings, key=_is_note)
    return {
        **health.to_json(),
        "findings": [asdict(finding) for finding in findings],
        "n_images": len(health.images),
    }


def _is_note(finding: Finding) -> bool:
    return finding.severity == "note"


def _advice(
    data: str, source: Source, health: HealthReport, recipe: Recipe, *, offline: bool, reporter: Reporter
) -> dict[str, Any]:
    from finetune.training.advising import advise_on, note_advice
    from finetune.training.prepare import cut, find_weights
    from finetune.training.prepared import Prepared

    found, weights = find_weights(recipe, offline=offline, reporter=reporter)
    split = cut(health, recipe, reporter)
    if found.is_baseline:
        advice = _nothing_to_keep(found)
    else:
        prepared = Prepared(data, health, split, found, weights, None)
        made = advise_on(prepared, recipe, reporter)
        note_advice(made, prepared, recipe, source)
        advice = made.to_json()
    sizes = {"train": len(split.train), "val": len(split.val), "test": len(split.test)}
    return {
        "advice": advice,
        "sizes": sizes,
        "backbone": found.name,
        "image_size": found.image_size,
        "weights": {"source": weights.source, "licence": weights.licence},
        "strips": _strips(found, n_classes=len(split.class_names)),
    }


def _nothing_to_keep(backbone: Backbone) -> dict[str, Any]:
    """Return what stands for the advice where there is nothing to measure: no cell, and no runner-up."""
    reason = (
        f"{backbone.name} has no pretrained weights, so there is nothing to freeze: every layer is trained"
    )
    chinese = f"{backbone.name} 没有预训练权重，因此没有可冻结的内容：所有层都要训练"
    said = {"reason": reason, "reason_zh": chinese, "warnings": []}
    return {"strategy": "from-scratch", "runner_up": "", "cell": None, **said}


def _strips(backbone: Backbone, *, n_classes: int) -> dict[str, list[dict[str, Any]]]:
    """Return for each strategy that the network can have its layer groups in order, with what it does to them."""
    from finetune.model.describe import describe

    able = [name for name, kind in STRATEGIES.items() if kind.weights == "random" or not backbone.is_baseline]
    return {
        name: [row.to_json() for row in describe(backbone, make_strategy(name), n_classes=n_classes)]
        for name in able
    }
