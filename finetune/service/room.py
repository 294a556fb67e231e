"""How much an owner keeps, and may: data sets, and bytes of them all together, in the page and by the API."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from finetune.errors import ResourceError
from finetune.service.projects import Project, list_projects


@dataclass(frozen=True)
class Kept:
    """So many data sets, and so many bytes of them and of what was made of them."""

    sets: int = 0
    size_bytes: int = 0

    def __add__(self, other: Kept) -> Kept:
        return Kept(self.sets + other.sets, self.size_bytes + other.size_bytes)


KeptBy = Callable[[str], Kept]
"""Tells what an owner keeps."""


def nothing(_owner: str) -> Kept:
    """Return that nothing is kept."""
    return Kept()


def kept_in_page(home: Path, owner: str) -> Kept:
    """Return what the owner keeps in the page whose projects are in ``home``; runs are not counted."""
    own = list_projects(home, owner) if home.is_dir() else []
    return Kept(len(own), sum(map(bytes_of, own)))


@dataclass(frozen=True)
class Room:
    """At most ``projects`` data sets of ``kept`` bytes, with what the owner keeps elsewhere in the service."""

    kept: int
    projects: int
    elsewhere: KeptBy = nothing

    def refuse_beyond(self, home: Path, owner: str, coming: int, *, is_new: bool = False) -> None:
        """Raise ResourceError where ``coming`` bytes more would be more than the owner may keep.

        Also where they are a new project, and there are as many as there may be.
        """
        kept = kept_in_page(home, owner) + self.elsewhere(owner)
        if is_new and kept.sets >= self.projects:
            sets = "data set" if kept.sets == 1 else "data sets"
            raise ResourceError(f"you have {kept.sets} {sets} here, which is the most; delete some first")
        if kept.size_bytes + coming > self.kept:
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
