"""A recipe.yaml that somebody edited in the folder of an unfinished run: told, and kept beside the run's own.

A run goes on with the choices that it began with, whatever its recipe.yaml says by now: its saved states hold the
optimizer, the schedule and the network of just those choices, and the promise is the result of an undisturbed run.
So the run writes its own recipe.yaml again. Whoever edited it wanted something, though: the edited text is kept,
comments included, in a file of its own, and one warning says how to train with it. An edit counts by the bytes:
`RunRecord.recipe_hashes` tells what the run itself wrote.
"""

from __future__ import annotations

import hashlib
import shlex
from pathlib import Path

from finetune.errors import OptionError
from finetune.progress import Reporter
from finetune.recipe import Recipe
from finetune.training.run_folder import RunFolder
from finetune.training.run_record import RunRecord

STEM = "recipe.edited"


def recipe_hash(text: str | bytes) -> str:
    """Return the SHA-256 of a recipe's text, 64 hex digits."""
    return hashlib.sha256(text.encode() if isinstance(text, str) else text).hexdigest()


def keep_edited_recipe(folder: RunFolder, record: RunRecord, reporter: Reporter) -> Path | None:
    """Keep a recipe.yaml that the run did not write as recipe.edited.yaml, warn once, and return where it is.

    None where it is the run's own or gone. A further edit gets ``recipe.edited-2.yaml``, and so on; a text that is
    kept already is not kept again. Raises OSError.
    """
    try:
        content = folder.recipe.read_bytes()
    except FileNotFoundError:
        return None
    if _is_own(content, folder, record):
        return None
    kept = _place_of(content, folder)
    kept.write_bytes(content)
    command = f"finetune fit {shlex.quote(record.data)} --recipe {shlex.quote(str(kept))}"
    reporter.say(
        f"warning: {folder.recipe} was edited, but the run goes on with the recipe that it began with; the edited "
        f"one is kept, to train with it start a new run: {command}"
    )
    return kept


def _is_own(content: bytes, folder: RunFolder, record: RunRecord) -> bool:
    """Whether the run wrote ``content`` itself; a record without hashes tells it by what the recipe says."""
    if record.recipe_hashes:
        return recipe_hash(content) in record.recipe_hashes
    try:
        return Recipe.read(folder.recipe) == record.goes_on_with
    except OptionError:
        return False


def _place_of(content: bytes, folder: RunFolder) -> Path:
    """Return the first free name for ``content``, or that of the file that holds it already."""
    number = 1
    while True:
        path = folder.path / (f"{STEM}.yaml" if number == 1 else f"{STEM}-{number}.yaml")
        if not path.exists() or (path.is_file() and path.read_bytes() == content):
            return path
        number += 1
