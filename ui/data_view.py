"""What the tab Data shows of what was done by hand: corrections, added images, looks.

Pure but for reading.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from finetune.service.additions import added_images
from finetune.service.curation import classes_so_far, is_seen
from finetune.service.jobs import read_job
from finetune.service.looks import look_numbers
from finetune.service.projects import Project
from finetune.words import noted, t
from ui.hands import make_hands
from ui.web.by_hand import NOT_SEEN, SEEN, corrections_html
from ui.web.own_set import own_set_html
from ui.web.words import error_html, join, note_html, progress_html

if TYPE_CHECKING:
    from ui.tabs.data import DataParts

AGAIN = noted("Look again")
FIRST_LOOK = noted("Look at these images")
LOOKING = noted(
    "Your images are being looked at again; until that has ended, what stands here is how they were."
)


@dataclass(frozen=True)
class DataView:
    """HTML, and which button can be pressed.

    ``own`` are the images that were added, ``state`` how a look that goes on or failed stands, ``corrections`` those
    in force. ``look`` is what the button says that looks at all this, empty while there is nothing to look at.
    """

    own: str = ""
    state: str = ""
    corrections: str = ""
    look: str = ""


NOTHING_BY_HAND = DataView()


def make_data_view(project: Project) -> DataView:
    """Return what was done by hand in ``project`` and how far that is looked at."""
    added = added_images(project)
    classes = {label: [image.name for image in images] for label, images in classes_so_far(added).items()}
    name = "" if project.is_made else project.name
    again = project.looking_again
    status = read_job(again or project.analysis)
    has_begun = bool(look_numbers(project.folder))
    is_looking = status is not None and not status.has_ended
    seen = is_seen(project)
    state = ""
    if again is not None and status is not None:
        failed = error_html(project.readable(status.error))
        state = str(failed if status.has_ended else join(note_html(t(LOOKING)), progress_html(status)))
    has_failed = status is not None and status.has_ended and status.state != "finished"
    wants_look = (not seen or (project.is_made and has_failed)) if has_begun else bool(added)
    told = "" if is_looking else t(SEEN if seen else NOT_SEEN)
    return DataView(
        own=str(own_set_html(classes, f"/added/{project.id}/", name=name)),
        state=state,
        corrections=str(corrections_html(make_hands(project, project.findings), seen=told)),
        look=(t(AGAIN) if has_begun else t(FIRST_LOOK)) if wants_look and not is_looking else "",
    )


def wanted_of_data(parts: DataParts, view: DataView) -> dict[str, tuple[Any, dict[str, Any]]]:
    """Return for each part its component and the properties it should have."""
    empty = own_set_html({}, "")
    return {
        "own set": (parts.hand.own, {"value": view.own or str(empty)}),
        "look state": (parts.look_state, {"value": view.state}),
        "corrections": (parts.corrections, {"value": view.corrections}),
        "look": (parts.look, {"value": view.look or t(AGAIN), "visible": bool(view.look)}),
    }
