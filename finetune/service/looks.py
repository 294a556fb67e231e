"""The looks at a project's images: the first, and one more each time that they are to be looked at again.

``PROJECT/analysis/`` is the first one's job folder, ``PROJECT/analyses/<n>/`` are those of the later. What look n
saw, where that is more than the data that was brought, lies in ``PROJECT/versions/<n>/``: nothing changes it any
more, so that a training goes on with what it began with.
"""

from __future__ import annotations

from pathlib import Path

from finetune.service.jobs import read_job

FIRST = 1


def look_folder(project: Path, number: int) -> Path:
    """Return the job folder of a look at the project in the folder ``project``."""
    return project / "analysis" if number == FIRST else project / "analyses" / str(number)


def look_numbers(project: Path) -> list[int]:
    """Return the numbers of all looks, in order; a project that has not been looked at has none."""
    later = sorted(int(path.name) for path in (project / "analyses").glob("*") if path.name.isdigit())
    return ([FIRST] if look_folder(project, FIRST).is_dir() else []) + later


def valid_look(project: Path) -> int:
    """Return the newest look that came to its end; before that the newest, and the first before any."""
    numbers = look_numbers(project)
    for number in reversed(numbers[1:]):
        status = read_job(look_folder(project, number))
        if status is not None and status.state == "finished":
            return number
    first = read_job(look_folder(project, FIRST))
    return FIRST if len(numbers) < 2 or (first is not None and first.state == "finished") else numbers[-1]


def version(project: Path, number: int, stem: str) -> Path:
    """Return where the manifest of what a look saw lies, if it saw more than the data that was brought."""
    return (project / "versions" / str(number) / f"{stem}.csv").resolve()
