"""The record of a run at work: each change is on disk when it has been made."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from finetune.recipe import Recipe
from finetune.training.durable import write_text
from finetune.training.edited_recipe import recipe_hash
from finetune.training.run_folder import RunFolder
from finetune.training.run_record import RunRecord, write_record


class Journal:
    """Holds the newest `RunRecord` and keeps it in the run's folder, from `place` on if that comes later."""

    def __init__(self, folder: RunFolder | None, record: RunRecord) -> None:
        self._folder = folder
        self.record = record
        self._phase = ""
        self._phase_started = time.perf_counter()
        self.update()

    @property
    def folder(self) -> RunFolder:
        """Return the run's folder."""
        assert self._folder is not None
        return self._folder

    def place(self, folder: RunFolder) -> None:
        """Keep the record in ``folder`` from now on."""
        self._folder = folder
        self.update()

    @property
    def minutes(self) -> float:
        """Return the minutes of the phases that have ended."""
        return sum(self.record.seconds.values()) / 60

    @contextmanager
    def phase(self, name: str) -> Iterator[None]:
        """Count the block's wall-clock seconds under ``name``, beside those of before an interruption."""
        self._phase, self._phase_started = name, time.perf_counter()
        try:
            yield
        finally:
            self._count()

    def note_epoch(self, epoch: int) -> None:
        """Write down that ``epoch`` epochs are done, and the seconds so far."""
        self._count()
        self.update(epochs_done=epoch)

    def write_recipe(self, recipe: Recipe) -> None:
        """Write ``recipe``, which is filled, to the record and the run's recipe.yaml; raises OSError.

        The text's hash is on disk before the text: a run that is killed in between knows either text as its own.
        """
        text = recipe.to_yaml()
        hashes = dict.fromkeys((*self.record.recipe_hashes, recipe_hash(text)))
        self.update(recipe=recipe.model_dump(mode="json"), recipe_hashes=tuple(hashes))
        write_text(self.folder.recipe, text)

    def _count(self) -> None:
        """Add what the phase took since it was last counted."""
        now = time.perf_counter()
        seconds = self.record.seconds.get(self._phase, 0.0) + now - self._phase_started
        self.record = self.record.model_copy(
            update={"seconds": {**self.record.seconds, self._phase: seconds}}
        )
        self._phase_started = now

    def update(self, **changes: Any) -> None:
        """Change fields of the record and write it; raises OSError."""
        self.record = self.record.model_copy(update=changes)
        if self._folder is not None:
            write_record(self._folder.record, self.record)
