"""The data sets that one can come back to: of whom is signed in all, else those whose ids the browser keeps."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from finetune.service.projects import Project
from finetune.service.service import Service
from ui.web.earlier import EarlierSet


def earlier_sets(service: Service, known: Sequence[str], opened: str) -> list[EarlierSet]:
    """Return the data sets of whoever asks, the newest first; ``opened`` is the id of that which the page shows.

    Where nobody signs in, an id is the only key to a project, and ``known`` are those that the browser has.
    """
    found = [project for project_id in known if (project := service.find(project_id)) is not None]
    if any(project.owner for project in found) or not found:
        found = [project for project in service.projects() if project.owner] or found
    found.sort(key=lambda project: project.created, reverse=True)
    return [_of(project, is_open=project.id == opened) for project in found]


def _here_and_now(created: str) -> str:
    """Return a time by this computer's clock, as those of runs are; empty for none."""
    return datetime.fromisoformat(created).astimezone().strftime("%Y-%m-%d %H:%M") if created else ""


def _of(project: Project, *, is_open: bool) -> EarlierSet:
    health = project.findings.get("health", {})
    trainings = project.trainings
    scores = [report["accuracy"] for training in trainings if (report := training.report)]
    return EarlierSet(
        id=project.id,
        name=project.name,
        when=_here_and_now(project.created),
        n_images=health.get("n_images", 0),
        n_classes=len(health.get("classes", ())),
        n_trainings=len(trainings),
        best=max(scores, default=None),
        is_open=is_open,
    )
