"""What the page offers to do with the images besides training, and how far that is. Pure but for reading."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from finetune.service.data_jobs import Kind, newest_job
from finetune.service.projects import Project
from finetune.service.trainings import can_find_suspects
from finetune.words import t
from ui.hands import make_hands
from ui.web.data_tools import cleaned_html, preview_html, report_link
from ui.web.suspects import suspects_html
from ui.web.words import error_html, note_html, progress_html

Show = Callable[[Mapping[str, Any], str], str]
"""Makes HTML of a job's result and the address of its file."""


@dataclass(frozen=True)
class DataTools:
    """What can be pressed, and what came of it as HTML.

    ``links`` are downloads, empty until the images have been checked. ``stops`` says what a press stops, empty while
    nothing is at work. ``has_suspects``: there is a list of wrong labels to choose from.
    """

    links: str = ""
    can_search: bool = False
    can_clean: bool = False
    stops: str = ""
    cleaned: str = ""
    suspects: str = ""
    has_suspects: bool = False
    preview: str = ""

    @property
    def is_open(self) -> bool:
        """Whether there is anything to offer yet."""
        return bool(self.links)


NO_TOOLS = DataTools()


@dataclass(frozen=True)
class _Told:
    """The newest job of a kind: where it is, or what came of it, as HTML; ``result`` is empty until it has ended."""

    html: str = ""
    is_running: bool = False
    result: Mapping[str, Any] = field(default_factory=dict)


def make_tools(project: Project, findings: Mapping[str, Any]) -> DataTools:
    """Return what can be done with the images of ``project``, of which ``findings`` are known so far."""
    if "health" not in findings:
        return NO_TOOLS
    hands = make_hands(project, findings)
    search = _tell(project, "suspects", lambda result, address: suspects_html(result, address, hands))
    copy = _tell(project, "clean", cleaned_html)
    at_work = [words for words, told in ((t("the search"), search), (t("the copy"), copy)) if told.is_running]
    return DataTools(
        links=report_link(f"/report/{project.id}"),
        can_search=can_find_suspects(findings) and not search.is_running,
        can_clean=not copy.is_running,
        stops=t("Stop {}").format(t(" and ").join(at_work)) if at_work else "",
        cleaned=copy.html,
        suspects=search.html,
        has_suspects=bool(search.result.get("n_listed")),
        preview=_tell(project, "preview", preview_html).html,
    )


def _tell(project: Project, kind: Kind, show: Show) -> _Told:
    """Return where the newest job of ``kind`` is, or ``show`` what came of it, with the address of its file."""
    job = newest_job(project, kind)
    status = None if job is None else job.status
    if job is None or status is None:
        return _Told()
    if not status.has_ended:
        return _Told(progress_html(status), is_running=True)
    if status.state != "finished":
        stopped = status.state == "interrupted"
        return _Told(note_html(t("Stopped.")) if stopped else error_html(project.readable(status.error)))
    result = job.result
    return _Told(show(result, f"/{kind}/{project.id}/{job.number}"), result=result) if result else _Told()
