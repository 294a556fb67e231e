"""Comparing backbones on the page: what is shown of it, and what its buttons do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from finetune.service.data_jobs import newest_job
from finetune.service.projects import Project
from finetune.service.service import Service
from finetune.words import t
from ui.web.backbones import ranking_html, why_html
from ui.web.words import error_html, join, note_html, progress_html

if TYPE_CHECKING:
    from ui.handlers import Answer, Handlers
    from ui.layout import Parts
    from ui.tabs.backbones import BackboneParts
    from ui.view import View


@dataclass(frozen=True)
class BackbonesView:
    """Why to compare, empty before there is advice; what came of it; and whether it is at work."""

    why: str = ""
    table: str = ""
    is_running: bool = False


NOTHING_TO_COMPARE = BackbonesView()


def make_backbones_view(project: Project, findings: Mapping[str, Any]) -> BackbonesView:
    """Return how the newest comparison stands; there is advice among the ``findings``."""
    why = str(why_html(findings))
    job = newest_job(project, "backbones")
    status = None if job is None else job.status
    if job is None or status is None:
        return BackbonesView(why)
    if not status.has_ended:
        waits = note_html(t("Each backbone is run once over a sample of the training images."))
        return BackbonesView(why, str(join(progress_html(status), waits)), is_running=True)
    if status.state == "finished" and job.result:
        return BackbonesView(why, str(ranking_html(job.result, findings["backbone"])))
    stopped = status.state == "interrupted"
    told = note_html(t("Stopped.")) if stopped else error_html(project.readable(status.error))
    return BackbonesView(why, str(told))


def wanted_of_backbones(parts: BackboneParts, view: View) -> dict[str, tuple[Any, dict[str, Any]]]:
    """Return for each part its component and the properties it should have."""
    shown = view.backbones
    return {
        "backbones": (parts.column, {"visible": bool(shown.why)}),
        "backbones why": (parts.why, {"value": shown.why}),
        "compare": (parts.compare, {"visible": not shown.is_running}),
        "stop comparing": (parts.stop, {"visible": shown.is_running}),
        "backbones table": (parts.table, {"value": shown.table}),
    }


def wire_backbones(parts: Parts, service: Service, do: Handlers, everything: Sequence[Any]) -> None:
    """Wire the buttons; ``everything`` is what a handler that acts may change."""
    from ui.clicks import on_press
    from ui.wiring import on

    def compare(project_id: str, chosen: str, seen: str) -> Answer:
        return do.act(project_id, chosen, seen, service.compare_backbones)

    def stop(project_id: str, chosen: str, seen: str) -> Answer:
        return do.act(project_id, chosen, seen, service.stop_comparing)

    def take(project_id: str, seen: str, backbone: str) -> Answer:
        answer = do.act(project_id, "", seen, lambda project: service.look_again(project, backbone=backbone))
        return {**answer, parts.chosen: ""}

    shown = parts.data_tab.other_backbones
    state = [parts.project_id, parts.chosen, parts.seen]
    on(shown.compare.click, compare, state, everything)
    on(shown.stop.click, stop, state, everything)
    on_press(shown.taken, take, [parts.project_id, parts.seen], everything)
