"""Run a recipe on a data set, from images to a run folder with a report and a bundle."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from finetune.advice.language import Language
from finetune.data.fingerprint import fingerprint_of, image_digests
from finetune.progress import SILENT, Reporter
from finetune.recipe import Recipe
from finetune.training.complete import Run, complete
from finetune.training.data_check import note_images
from finetune.training.journal import Journal
from finetune.training.prepare import open_data
from finetune.training.run_folder import (
    CHECKPOINTS,
    claim_folder,
    claim_next_folder,
    refuse_inside_data,
)
from finetune.training.run_log import RunLog
from finetune.training.run_record import new_record
from finetune.training.setup import Setup, set_up
from finetune.training.stop import listening

__all__ = ["Run", "fit", "note_setup"]


def fit(
    where: str | Path,
    recipe: Recipe | None = None,
    *,
    out: str | Path | None = None,
    offline: bool = False,
    pause_after: int | None = None,
    reporter: Reporter = SILENT,
    language: Language = "en",
) -> Run:
    """Fine-tune on the images of ``where`` and return the finished run.

    ``out`` is the run's folder itself and must be empty or absent; the default is the next free
    ``checkpoints/<data>-<strategy>-<n>``. A run that fails before training begins leaves no folder behind.
    Ctrl-C, SIGTERM and SIGHUP raise Interrupted after the current step, with the best so far in the bundle;
    `resume` goes on from there, as it does after a crash. A training by steps raises Paused after ``pause_after``
    epochs, if there are more to do. An advice is told in ``language``.
    Raises FinetuneError, whose subclasses tell data, weights, options, resources and run state apart.
    """
    recipe = recipe or Recipe()
    out = None if out is None else Path(out)
    log = RunLog(reporter)
    refuse_inside_data(out or CHECKPOINTS, where)
    record = new_record(where, recipe, offline=offline)
    folder = None if out is None else claim_folder(out)
    with listening(pause_after) as stop:
        try:
            journal = Journal(folder, record)
            with journal.phase("prepare"):
                setup = set_up(where, recipe, offline=offline, reporter=log, language=language)
                digests = image_digests(open_data(where, recipe, offline=offline)[0])
        except BaseException:
            if folder is not None:
                folder.discard()
            raise
        journal.place(folder or claim_next_folder(str(where), setup.resolved.recipe.strategy))
        note_setup(journal, setup, digests)
        return complete(setup, journal, stop=stop, log=log)


def note_setup(journal: Journal, setup: Setup, digests: Mapping[str, str]) -> None:
    """Write down what going on with the run will need: the choices, and what images and weights they met.

    An advice that was measured once stays; the choice that it led to is in the recipe.
    """
    note_images(journal.folder, digests)
    advice = setup.prepared.advice
    journal.update(
        fingerprint=fingerprint_of(digests),
        recipe=setup.resolved.recipe.model_dump(mode="json"),
        advice=journal.record.advice if advice is None else advice.to_json(),
        weights_sha256=setup.prepared.weights.sha256,
    )
