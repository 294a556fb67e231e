"""What a person can correct in a project's images right now. Pure but for reading."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from finetune.service.additions import FOLDER, small_picture
from finetune.service.curation import known_classes
from finetune.service.data_jobs import newest_job
from finetune.service.looks import look_folder, look_numbers
from finetune.service.own_corrections import corrections_of
from finetune.service.pictures import PICTURES
from finetune.service.projects import Project
from finetune.service.result import RESULT, read_result
from ui.web.by_hand import Hands


def make_hands(project: Project, findings: Mapping[str, Any]) -> Hands:
    """Return what can be done with the images of ``project``, of which ``findings`` are known."""
    corrections = {name: (each.label, each.to) for name, each in corrections_of(project).items()}
    larger = {
        name: (picture_address(project, project.look, told["file"]), told["label"], told["split"])
        for name, told in findings.get("enlarged", {}).items()
    }
    missing = corrections.keys() - larger.keys()
    return Hands(
        larger=larger,
        corrections=corrections,
        classes=tuple(known_classes(project)),
        others=_others(project, missing) if missing else {},
    )


def picture_address(project: Project, look: int, file: str) -> str:
    """Return the path of a picture of a look."""
    return f"/picture/{project.id}/{look}/{file}"


def _others(project: Project, missing: set[str]) -> dict[str, str]:
    """Return pictures of corrected images that this look does not show: earlier looks', suspects, added ones."""
    newest = newest_job(project, "suspects")
    suspects = newest.result.get("pictures", {}) if newest is not None else {}
    found = {name: str(suspects[name]) for name in missing & suspects.keys()}
    for number in look_numbers(project.folder):
        told = read_result(look_folder(project.folder, number) / RESULT).get("enlarged", {})
        found |= {
            name: picture_address(project, number, told[name]["file"]) for name in missing & told.keys()
        }
    for name in missing:
        file = name.removeprefix(f"{FOLDER}/")
        if file != name and small_picture(project, file).is_file():
            found[name] = f"/added/{project.id}/{file}"
    return found


def picture_file(project: Project, look: str, file: str) -> str | None:
    """Return the path of the picture ``file`` of a look, None where there is none."""
    for number in look_numbers(project.folder):
        folder = look_folder(project.folder, number) / PICTURES
        if str(number) == look and file.removesuffix(".jpg").isdigit() and (folder / file).is_file():
            return str(folder / file)
    return None
