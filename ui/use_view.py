"""What the tab Use shows of a project right now, as one value. Pure but for reading."""

from __future__ import annotations

import functools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from markupsafe import Markup

from finetune.service.api.access import LOCAL
from finetune.service.data_jobs import DataJob
from finetune.service.data_work import ONNX
from finetune.service.projects import Project, Training, numbered
from finetune.service.result import read_result
from finetune.service.service import Asks, address_told
from ui.web.erase import erase_html
from ui.web.lines import lines_html
from ui.web.use import PRECISIONS, downloads_html, export_html, exports_html

CARD = "MODEL_CARD.md"
_FRONT_MATTER = re.compile(r"\A---\n.*?\n---\n", re.DOTALL)
MOST_CARDS_HELD = 16


@dataclass(frozen=True)
class UseView:
    """The tab's sections as HTML, the model ``card`` as Markdown; all but ``erase`` empty without a classifier."""

    downloads: str = ""
    exports: str = ""
    lines: str = ""
    card: str = ""
    erase: str = ""


NOTHING = UseView()


def make_use_view(
    project: Project, trainings: Sequence[Training], answering: Training | None, asks: Asks = "nothing"
) -> UseView:
    """Return what to show of the classifier of ``answering``, if there is one, on a page that ``asks`` for that."""
    erase = str(_erase(project, trainings, answering))
    if answering is None:
        return UseView(erase=erase)
    key = f"{project.id}/{answering.number}"
    card = answering.run / "bundle" / CARD
    addresses = {
        "bundle": f"/bundle/{key}",
        "report": f"/run/{key}" if (answering.run / "report.html").is_file() else "",
        "card": f"/card/{key}" if card.is_file() else "",
    }
    return UseView(
        downloads=str(downloads_html(answering.run.name, answering.report, addresses)),
        exports=str(exports_html([_export(project, answering, each) for each in PRECISIONS])),
        lines=str(
            lines_html(
                address_told(project),
                f"/predict/{key}",
                str(answering.run),
                asks=asks,
                user=project.owner or LOCAL,
            )
        ),
        card=_card(card, card.stat().st_mtime_ns) if addresses["card"] else "",
        erase=erase,
    )


def newest_export(project: Project, training: Training, precision: str) -> DataJob | None:
    """Return the newest job that was to write the training's classifier as such a file, None before the first."""
    for job in reversed(numbered(project.folder / "export")):
        request = read_result(job / "request.json")
        if (request.get("training"), request.get("precision")) == (training.number, precision):
            return DataJob(job)
    return None


def _export(project: Project, training: Training, precision: str) -> Markup:
    job = newest_export(project, training, precision)
    status = None if job is None else job.status
    has_file = job is not None and bool(job.result) and (job.folder / ONNX).is_file()
    failed = status is not None and status.has_ended and not has_file
    return export_html(
        training.number,
        precision,
        status=status,
        error=project.readable(status.error) if status is not None and failed else "",
        result={} if job is None else job.result,
        address=f"/onnx/{project.id}/{job.number}" if job is not None and has_file else "",
    )


def _erase(project: Project, trainings: Sequence[Training], answering: Training | None) -> Markup:
    runs = {training.run: training.number for training in trainings if training.run.is_dir()}
    shown = None if answering is None else (answering.number, answering.run.name)
    others = [(number, run.name) for run, number in runs.items() if answering is None or run != answering.run]
    return erase_html(project.name, shown, others)


@functools.lru_cache(maxsize=MOST_CARDS_HELD)
def _card(path: Path, _changed: int) -> str:
    """Return a model card without the hub's metadata on top."""
    return _FRONT_MATTER.sub("", path.read_text(encoding="utf-8"))
