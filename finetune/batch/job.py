"""A job of a batch: a name, a data set and a recipe, checked at birth."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finetune.data.samples import SAMPLES
from finetune.errors import OptionError, nearest
from finetune.recipe import Recipe

SAMPLE = "sample:"
"""``sample:fruit`` as a data set stands for the sample set of that name."""
LONGEST_NAME = 100
MOST_BYTES = 200
"""A name becomes a folder's, of at most 255 bytes with what is added to it."""

_NO_FILE_NAME = re.compile(r"[/\\:*?\"<>|\x00-\x1f\x7f]")
_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


@dataclass(frozen=True, init=False)
class Job:
    """One training: ``data`` is a folder, a zip or ``sample:NAME``; the name becomes the run folder's.

    ``recipe`` may be given as a `Recipe`, as a mapping of its settings, or as the path of a YAML file; left out,
    everything is chosen by the program. ``cell`` places the job in a table of data sets × recipes. Raises
    OptionError, with the job's name, for whatever cannot be.
    """

    name: str
    data: str
    recipe: Recipe
    cell: tuple[str, str] | None = None

    def __init__(
        self,
        name: str,
        data: str | Path,
        recipe: Recipe | Mapping[str, Any] | str | Path | None = None,
        *,
        cell: tuple[str, str] | None = None,
    ) -> None:
        check_name(name)
        try:
            values = {"name": name, "data": _data(data), "recipe": make_recipe(recipe), "cell": cell}
        except OptionError as error:
            raise OptionError(f"job '{name}': {error}") from None
        for field, value in values.items():
            object.__setattr__(self, field, value)

    @property
    def sample(self) -> str | None:
        """The name of the sample set to train on, None for data of the user's own."""
        return self.data.removeprefix(SAMPLE) if self.data.startswith(SAMPLE) else None


def check_jobs(jobs: Sequence[Job]) -> None:
    """Raise OptionError when there are no jobs, or when two would share a folder."""
    if not jobs:
        raise OptionError("there are no jobs; add one with a name, data and a recipe")
    refuse_twins([job.name for job in jobs])


def refuse_twins(names: Collection[str]) -> None:
    """Raise OptionError for a name that is there twice; where case counts for nothing, so do `a` and `A`."""
    counts = Counter(name.casefold() for name in names)
    twins = [name for name in names if counts[name.casefold()] > 1]
    if len(set(twins)) == 1:
        raise OptionError(f"two jobs are named '{twins[0]}'; give each a name of its own")
    if twins:
        other = next(name for name in twins[1:] if name.casefold() == twins[0].casefold())
        raise OptionError(
            f"the jobs '{twins[0]}' and '{other}' differ in case alone, and would share a folder on some systems; "
            "rename one"
        )


def check_name(name: object) -> None:
    """Raise OptionError for a name that cannot be a folder's on every system."""
    if not isinstance(name, str):
        raise OptionError(f"the name {name!r} is no text; put it in quotes")
    if why := _why_no_name(name):
        raise OptionError(f"the name {name!r} {why}; it becomes a folder's name, so choose another")


def _why_no_name(name: str) -> str:
    if not name.strip():
        return "is empty"
    if len(name) > LONGEST_NAME or len(name.encode("utf-8", "replace")) > MOST_BYTES:
        return f"has more than {LONGEST_NAME} characters or {MOST_BYTES} bytes"
    if found := _NO_FILE_NAME.search(name):
        return f"holds {found.group()!r}"
    if name.encode("utf-8", "ignore").decode() != name:
        return "is not UTF-8"
    if name[0] in ".- " or name[-1] in ". ":
        return "begins with a dot, dash or blank, or ends with a dot or blank"
    return "is a device's on Windows" if _DEVICES.fullmatch(name) else ""


def make_recipe(given: object) -> Recipe:
    """Turn what stands for a recipe into one; raises OptionError."""
    if given is None:
        return Recipe()
    if isinstance(given, Recipe):
        return given
    if isinstance(given, str | Path):
        return Recipe.read(Path(given).expanduser())
    if isinstance(given, Mapping):
        return Recipe.make(**{str(key): value for key, value in given.items()})
    raise OptionError(
        f"the recipe is {given!r}; write its settings, such as `strategy: partial`, or a file's path"
    )


def _data(given: object) -> str:
    if not isinstance(given, str | Path) or not str(given).strip():
        raise OptionError(f"data is {given!r}; give a folder, a zip or {SAMPLE}{'|'.join(SAMPLES)}")
    data = str(given)
    name = data.removeprefix(SAMPLE)
    if data.startswith(SAMPLE) and name not in SAMPLES:
        raise OptionError(
            f"no sample set is called '{name}'{nearest(name, SAMPLES)}; choose from {', '.join(SAMPLES)}"
        )
    return data
