"""How much an owner may keep in the page: data sets, and bytes of them all together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from finetune.errors import ResourceError
from finetune.service.projects import Project, list_projects


@dataclass(frozen=True)
class Room:
    """At most ``projects`` projects, ``kept`` bytes of uploads and what was made of them; runs are not counted."""

    kept: int
    projects: int

    def refuse_beyond(self, home: Path, owner: str, coming: int) -> None:
        """Raise ResourceError where ``coming`` bytes more, or another project, would be more than the owner may."""
        own = list_projects(home, owner)
        if len(own) >= self.projects:
            sets = "data set" if len(own) == 1 else "data sets"
            raise ResourceError(f"you have {len(own)} {sets} here, which is the most; delete some first")
        if sum(map(bytes_of, own)) + coming > self.kept:
            raise ResourceError(
                f"your data sets here would take more than {self.kept / 1e9:g} GB; delete some first"
            )


def bytes_of(project: Project) -> int:
    """Return what the project's folder takes."""
    return size_of(project.folder)


def size_of(folder: Path) -> int:
    """Return the bytes of all files below ``folder``."""
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_size if path.is_file() else 0
        except OSError:
            continue  # deleted meanwhile
    return total
