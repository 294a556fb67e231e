"""What a person does to a project's images by hand: making a set, adding images, correcting labels, looking again."""

from __future__ import annotations

import re
import threading
from collections.abc import Iterable
from pathlib import Path

from finetune.data.layout import nfc
from finetune.errors import DataError, RunError
from finetune.service import additions
from finetune.service.additions import FOLDER, Added, added_images
from finetune.service.data_jobs import newest_job
from finetune.service.engine.store import JobStore
from finetune.service.jobs import read_job
from finetune.service.looks import look_folder, look_numbers, version
from finetune.service.own_corrections import Correction, corrections_of, note, tables, take_back
from finetune.service.projects import Project, new_project, start_analysis
from finetune.service.result import read_result, write_result
from finetune.service.suspects_choice import SuspectsChoice

MADE = "my images"
_one_at_a_time = threading.Lock()
_NUMBERED = re.compile(r"\d{6}\.\w+")
"""How added images are called."""
SEEN = "by_hand.json"
"""In a look's folder: what was done by hand before it."""


class Curation:
    """Works on the projects below ``home``; looks are done by ``store``."""

    def __init__(self, home: Path, store: JobStore, *, offline: bool) -> None:
        self._home, self._store, self._offline = home, store, offline

    def begin(self, owner: str) -> Project:
        """Make a project of ``owner`` without images, to add some to."""
        return new_project(self._home, made=MADE, owner=owner)

    def add(self, project: Project, image: Path, label: str, small: bytes) -> Added:
        """Put ``image`` into ``project`` as one of the class ``label``; it counts when the set is looked at again.

        The file is copied. Errors as in `finetune.service.additions.add_image`.
        """
        return additions.add_image(project, image, label, small)

    def remove(self, project: Project, name: str) -> None:
        """Take the added image ``name`` out again, and what was corrected about it."""
        additions.remove_image(project, name)
        take_back(project, [f"{FOLDER}/{name}"])

    def correct(self, project: Project, name: str, to: str) -> None:
        """Give the image ``name`` the class ``to``, its own to keep that for certain, or leave it out where empty.

        Raises DataError for an image that was not shown or a class that is none.
        """
        label = known_labels(project).get(name)
        if label is None or _was_added_and_is_gone(project, name):
            raise DataError(f"{project.name} shows no image called {name[:80]}; look at the page again")
        if to and to not in known_classes(project):
            raise DataError(f"'{to[:80]}' is no class of {project.name}; choose one of its classes")
        note(project, Correction(name, label, to))

    def take_back(self, project: Project, name: str) -> None:
        """Undo the correction of the image ``name``, or all where it is empty."""
        take_back(project, [name] if name else list(corrections_of(project)))

    def look(self, project: Project, *, backbone: str | None = None) -> None:
        """Start to look at the project's images as they are now, corrections and additions included.

        ``backbone`` None takes that of the look before. Raises RunError while a look is going on.
        """
        with _one_at_a_time:
            self._look(project, backbone)

    def _look(self, project: Project, backbone: str | None) -> None:
        numbers = look_numbers(project.folder)
        if numbers:
            status = read_job(look_folder(project.folder, numbers[-1]))
            if status is not None and not status.has_ended:
                raise RunError(f"{project.name} is being looked at already; wait for it")
        number = max(numbers, default=0) + 1
        request: dict[str, object] = {"corrections": in_force(project)}
        if project.is_made or added_images(project):
            target = version(project.folder, number, Path(project.name).stem)
            request |= {
                "data": str(target),
                "brought": "" if project.is_made else str(project.brought),
                "added": str((project.folder / FOLDER).resolve()),
            }
        folder = look_folder(project.folder, number)
        folder.mkdir(parents=True, exist_ok=True)
        write_result(folder / SEEN, _by_hand(project))
        start_analysis(
            project,
            self._store,
            backbone=backbone or _last_backbone(project),
            offline=self._offline,
            number=number,
            more=request,
        )


def _was_added_and_is_gone(project: Project, name: str) -> bool:
    """Whether ``name`` is an image that was added here and taken out again; what was brought may be called so too."""
    added = name.removeprefix(f"{FOLDER}/")
    here = {image.name for image in added_images(project)}
    return (
        added != name and _NUMBERED.fullmatch(added) is not None and added not in here and not project.sample
    )


def is_seen(project: Project) -> bool:
    """Whether the look that holds has seen all that was done by hand."""
    seen = read_result(project.analysis / SEEN) or {"corrections": [], "added": []}
    return seen == _by_hand(project)


def _by_hand(project: Project) -> dict[str, list[list[str]]]:
    changing = sorted([each.name, each.to] for each in corrections_of(project).values() if each.changes)
    added = sorted([image.name, image.label] for image in added_images(project))
    return {"corrections": changing, "added": added}


def in_force(project: Project, choice: SuspectsChoice | None = None) -> dict[str, str]:
    """Return the tables of all corrections by the fields of a recipe that take them.

    ``choice`` says what becomes of suspects that the project's own list does not name. Raises its errors.
    """
    own = corrections_of(project)
    corrections = list(own.values())
    if choice is not None:
        corrections += [each for each in choice.corrections(project) if each.name not in own]
    return tables(project, corrections)


def known_labels(project: Project) -> dict[str, str]:
    """Return the classes that the images came with which the page shows, by name: those may be corrected."""
    shown = {name: told["label"] for name, told in project.findings.get("enlarged", {}).items()}
    newest = newest_job(project, "suspects")
    listed = newest.result.get("suspects", ()) if newest is not None else ()
    found = {row["path"]: row["label"] for row in listed} | shown
    # What was corrected before the look is shown with its new class.
    return found | {name: each.label for name, each in corrections_of(project).items()}


def known_classes(project: Project) -> list[str]:
    """Return the names of the classes that an image can be given."""
    return sorted(project.findings.get("health", {}).get("classes", {}))


def classes_so_far(images: Iterable[Added]) -> dict[str, list[Added]]:
    """Return the added images by class, classes by name."""
    found: dict[str, list[Added]] = {}
    for image in images:
        found.setdefault(nfc(image.label), []).append(image)
    return dict(sorted(found.items()))


def _last_backbone(project: Project) -> str:
    return str(read_result(project.analysis / "request.json").get("backbone") or "auto")
