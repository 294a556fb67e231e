"""Read a jobs file: YAML with a list of jobs, or with data sets and recipes to be combined, or with both.

::

    data: {fruit: sample:fruit, bees: bees.zip}      # every data set ...
    recipes: {head: {strategy: freeze-all}}          # ... with every recipe: fruit-head, bees-head
    jobs:                                            # and these besides
      - {name: special, data: bees.zip, recipe: special.yaml}

Paths are relative to the file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from finetune.batch.job import SAMPLE, Job, check_jobs, check_name, make_recipe
from finetune.data.places import from_anywhere, is_named
from finetune.errors import OptionError, nearest
from finetune.recipe import Recipe
from finetune.recipe.strict_yaml import load_yaml

KEYS = ("jobs", "data", "recipes")
JOB_KEYS = ("name", "data", "recipe")


def read_jobs(path: Path) -> list[Job]:
    """Return the jobs in the file; raises OptionError, which names the file, for whatever is wrong in it."""
    text = _text_of(path)
    try:
        fields = _fields(text)
        jobs = [*_product(fields, path.parent), *_listed(fields, path.parent)]
        check_jobs(jobs)
    except OptionError as error:
        raise OptionError(f"{path}: {error}") from None
    return jobs


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except OSError as error:
        raise OptionError(f"cannot read the jobs file {path}: {error.strerror}; check the path") from None
    except UnicodeDecodeError:
        raise OptionError(f"the jobs file {path} is no UTF-8 text; save it as UTF-8") from None


def _fields(text: str) -> Mapping[str, Any]:
    found = load_yaml(text)
    if found is None:
        raise OptionError("the file is empty; write jobs with a name, data and a recipe")
    return _mapping(found, "the file", KEYS)


def _mapping(found: object, what: str, known: tuple[str, ...] = ()) -> Mapping[str, Any]:
    """Return ``found`` if it is a mapping by text, with keys in ``known`` if that is given."""
    if not isinstance(found, Mapping):
        raise OptionError(f"{what} holds {found!r:.80}, not `key: value` lines; see `finetune batch --help`")
    for key in found:
        if known and key not in known:
            raise OptionError(
                f"{what} has an unknown key '{key}'; the keys are {', '.join(known)}{nearest(str(key), known)}"
            )
    return found


def _listed(fields: Mapping[str, Any], base: Path) -> Iterator[Job]:
    found = fields.get("jobs", [])
    if not isinstance(found, list):
        raise OptionError(f"jobs is {found!r:.80}, not a list; begin each job with a dash")
    for number, entry in enumerate(found, start=1):
        job = _mapping(entry, f"job {number}", JOB_KEYS)
        for key in ("name", "data"):
            if key not in job:
                raise OptionError(f"job {number} has no {key}; add one")
        yield _job(job["name"], job["data"], job.get("recipe"), base)


def _product(fields: Mapping[str, Any], base: Path) -> Iterator[Job]:
    """Combine every data set with every recipe, all recipes of a data set in a row."""
    if ("data" in fields) != ("recipes" in fields):
        given, lacking = ("data", "recipes") if "data" in fields else ("recipes", "data")
        raise OptionError(f"there are {given}, but no {lacking} to combine them with; add `{lacking}:`")
    if "data" not in fields:
        return
    sets, recipes = (_mapping(fields[key], key) for key in ("data", "recipes"))
    for name in (*sets, *recipes):
        check_name(name)
    for data_name, data in sets.items():
        for recipe_name, recipe in recipes.items():
            yield _job(f"{data_name}-{recipe_name}", data, recipe, base, cell=(data_name, recipe_name))


def _job(name: str, data: Any, recipe: Any, base: Path, cell: tuple[str, str] | None = None) -> Job:
    if isinstance(data, str) and data.strip() and not data.startswith(SAMPLE):
        data = from_anywhere(data, base) if is_named(data) else _below(base, data)
    job = Job(name, data, {}, cell=cell)
    try:
        made = make_recipe(_below(base, recipe) if isinstance(recipe, str) else recipe)
        return Job(name, data, _rooted(made, base), cell=cell)
    except OptionError as error:
        raise OptionError(f"job '{job.name}': {error}") from None


def _rooted(recipe: Recipe, base: Path) -> Recipe:
    return recipe.with_files_below(base)


def _below(base: Path, path: str) -> str:
    return str(base / Path(path).expanduser())
