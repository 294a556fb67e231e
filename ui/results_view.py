"""What the tab Results shows of a project right now, as one value. Pure but for reading."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from finetune.errors import FinetuneError
from finetune.page.curves import read_columns
from finetune.service.choice import beside_of
from finetune.service.judged import Judged, judged_images
from finetune.service.projects import Project, Training
from finetune.service.trainings import ready_trainings
from finetune.words import language
from ui.web.comparison import comparison_html, not_comparable_html
from ui.web.matrix import matrix_html
from ui.web.results import details_html, score_html
from ui.web.runs import RunRow, runs_html
from ui.web.words import spoken

MOST_HELD = 32
"""Runs whose HTML is kept: each open tab asks for it once a second."""


@dataclass(frozen=True)
class ResultsView:
    """The tab's sections as HTML, all empty until a run has finished."""

    runs: str = ""
    comparison: str = ""
    score: str = ""
    matrix: str = ""
    details: str = ""


NO_RESULTS = ResultsView()


def make_results_view(
    project: Project, trainings: Sequence[Training], answering: Training | None
) -> ResultsView:
    """Return what to show of the run of ``answering``, or else of the newest that has a report."""
    shown = shown_training(trainings, answering)
    if shown is None:
        return NO_RESULTS
    beside = _beside(project, trainings, shown)
    score, matrix, details = _sections(shown.run, changed(shown), project.id, shown.number, language())
    return ResultsView(
        runs=str(runs_html(_rows(project, trainings, shown, beside))),
        comparison="" if beside is None else _compared(shown, beside),
        score=score,
        matrix=matrix,
        details=details,
    )


def shown_training(trainings: Sequence[Training], answering: Training | None) -> Training | None:
    """Return the training whose results are looked at: the one whose classifier answers, if it has finished."""
    if answering is not None and answering.report:
        return answering
    return next((each for each in reversed(trainings) if each.report), None)


def address_of(project_id: str, number: str, image: Judged) -> str:
    """Return where the small picture of an image that judged a run is."""
    return f"/judged/{project_id}/{number}/{image.place}"


def changed(training: Training) -> int:
    """Return when the training's report was written, in ns; 0 where there is none."""
    try:
        return (training.run / "report.json").stat().st_mtime_ns
    except OSError:
        return 0


@functools.lru_cache(maxsize=MOST_HELD)
def _sections(run: Path, _changed: int, project_id: str, number: str, _spoken: str) -> tuple[str, str, str]:
    training = Training(Path(number), run, "")
    report = training.report
    thumbnails = {image.name: address_of(project_id, number, image) for image in judged_images(run)}
    return (
        str(score_html(report, name=run.name)),
        str(matrix_html(report, number)),
        str(details_html(report, run, thumbnails)),
    )


def _beside(project: Project, trainings: Sequence[Training], shown: Training) -> Training | None:
    number = beside_of(project)
    found = (each for each in trainings if each.number == number and each.run != shown.run and each.report)
    return next(found, None)


def _compared(shown: Training, beside: Training) -> str:
    return _comparison(shown.run, changed(shown), beside.run, changed(beside), language())


@functools.lru_cache(maxsize=MOST_HELD)
def _comparison(first: Path, _first_changed: int, second: Path, _second_changed: int, _spoken: str) -> str:
    from finetune.training.compare import compare_folders

    try:
        found = compare_folders(first, second)
    except FinetuneError as error:
        return str(not_comparable_html(spoken(str(error).replace(f"{first.parent}/", ""))))
    named = dataclasses.replace(found, names=(first.name, second.name))
    columns = (read_columns(first / "metrics.csv"), read_columns(second / "metrics.csv"))
    return str(comparison_html(named, columns))


def _rows(
    project: Project, trainings: Sequence[Training], shown: Training, beside: Training | None
) -> list[RunRow]:
    newest = {training.run: training for training in trainings}  # a resumed run is one run
    ready = {training.run for training in ready_trainings(project)}
    return [
        _row(project, training, shown, beside, can_answer=training.run in ready)
        for training in sorted(newest.values(), key=lambda each: -int(each.number))
        if not training.is_discarded
    ]


def _row(
    project: Project, training: Training, shown: Training, beside: Training | None, *, can_answer: bool
) -> RunRow:
    status, report = training.status, training.report
    failed = status is not None and status.state == "failed"
    return RunRow(
        number=training.number,
        name=training.run.name,
        strategy=training.strategy,
        when=_when(training.job / "request.json"),
        state="" if status is None else status.state,
        error=project.readable(status.error) if status is not None and failed else "",
        report=report,
        is_shown=training.run == shown.run,
        is_beside=beside is not None and training.run == beside.run,
        can_answer=can_answer,
    )


def _when(path: Path) -> str:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime).astimezone().strftime("%Y-%m-%d %H:%M")
    except OSError:
        return ""
