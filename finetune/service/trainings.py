"""What can be said of a project's trainings: the recipe of a next one, which answer, which can go on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from finetune.errors import DataError
from finetune.recipe import Recipe
from finetune.service.choice import chosen_of
from finetune.service.projects import Project, Training


def recipe_of(project: Project, strategy: str, options: Mapping[str, Any]) -> Recipe:
    """Return the recipe that trains ``strategy`` with the backbone and weights that were advised on.

    Raises OptionError for ``options`` that cannot be or that the strategy cannot use, DataError before the analysis
    has ended.
    """
    findings = project.findings
    if "advice" not in findings:
        raise DataError(f"{project.name} has not been looked at to the end; wait for the advice")
    weights = "none" if strategy == "from-scratch" else _weights_of(findings)
    choices = {**_advised(findings["advice"], strategy), **options}
    return Recipe.make(strategy=strategy, backbone=findings["backbone"], weights=weights, **choices)


def _advised(advice: Mapping[str, Any], strategy: str) -> dict[str, Any]:
    """Return the options that were advised with ``strategy``, if it is the advised one."""
    return dict(advice.get("options", {})) if strategy == advice["strategy"] else {}


def can_find_suspects(findings: Mapping[str, Any]) -> bool:
    """Whether images with these findings have pretrained features to find wrong labels with."""
    return "weights" in findings and findings["weights"]["source"] != "none"


def _weights_of(findings: Mapping[str, Any]) -> str:
    source = findings["weights"]["source"]
    return "hub" if source == "cache" else str(source)


def trained(project: Project) -> Training | None:
    """Return the training whose classifier answers, the chosen one or else the newest; None where there is none."""
    return chosen_of(project, ready_trainings(project))


def ready_trainings(project: Project) -> list[Training]:
    """Return the trainings with a classifier that can be asked, one a run, the newest first."""
    trainings = project.trainings
    # A run that is going on is about to replace its bundle, whichever training made that.
    busy = {training.run for training in trainings if training.is_running}
    runs = {training.run: training for training in trainings}  # a resumed run is one run
    found = [each for each in runs.values() if each.run not in busy and (each.run / "bundle").is_dir()]
    return sorted(found, key=lambda each: int(each.number), reverse=True)


def can_resume(training: Training) -> bool:
    """Whether the training ended early in a run folder that it can go on in."""
    status = training.status
    return (
        status is not None
        and status.state in ("failed", "interrupted")
        and (training.run / "run.json").is_file()
        and not (training.run / "report.json").is_file()
    )
