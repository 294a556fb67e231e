"""Which of a project's runs the user has chosen: its classifier answers, and which run it is compared with.

``PROJECT/choice.json`` holds the number of the ``training``, of the one ``beside`` it, and ``of``, the newest that
could be asked when it was chosen: one that has ended since then answers instead, until the user chooses again.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from finetune.service.projects import Project, Training
from finetune.service.result import read_result, write_result

CHOICE = "choice.json"


def choose(project: Project, training: Training, ready: Sequence[Training]) -> None:
    """Let ``training``, one of those that are ``ready`` to be asked (the newest first), answer from now on."""
    _change(project, training=training.number, of=ready[0].number)


def choose_beside(project: Project, training: Training | None) -> None:
    """Compare the run that is shown with that of ``training``, or with none."""
    _change(project, beside="" if training is None else training.number)


def chosen_of(project: Project, ready: Sequence[Training]) -> Training | None:
    """Return who answers of those that are ``ready``, the newest first; None where there is none."""
    choice = read_result(project.folder / CHOICE)
    newest = ready[0] if ready else None
    of = str(choice.get("of", ""))
    if newest is None or not of.isdecimal() or int(newest.number) > int(of):
        return newest
    return next((each for each in ready if each.number == choice.get("training")), newest)


def beside_of(project: Project) -> str:
    """Return the number of the training to compare with, empty for none."""
    return str(read_result(project.folder / CHOICE).get("beside", ""))


def _change(project: Project, **changes: Any) -> None:
    path = project.folder / CHOICE
    write_result(path, {**read_result(path), **changes})
