"""Go on with a run that was interrupted, killed or failed, to the result that it would have had."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from finetune.data.places import from_anywhere
from finetune.errors import ResourceError, RunError
from finetune.evaluation.report import versions
from finetune.progress import SILENT, Reporter
from finetune.training.complete import Run, complete
from finetune.training.data_check import refuse_other_images
from finetune.training.edited_recipe import keep_edited_recipe
from finetune.training.journal import Journal
from finetune.training.run_folder import RunFolder, refuse_inside_data
from finetune.training.run_log import RunLog
from finetune.training.run_record import RunRecord, read_record, this_process, write_record
from finetune.training.setup import Setup, set_up
from finetune.training.stop import listening
from finetune.training.train import note_setup

LOCK = ".resume.lock"


def resume(
    run: str | Path,
    *,
    data: str | Path | None = None,
    offline: bool = False,
    pause_after: int | None = None,
    reporter: Reporter = SILENT,
) -> Run:
    """Go on with the run in the folder ``run`` and return it finished.

    Training goes on from the end of the last whole epoch and comes to the same weights, bit for bit on the
    same machine, as without the interruption. ``data`` says where the images are now, if they have moved. A
    recipe.yaml that was edited meanwhile changes nothing: it is kept as recipe.edited.yaml, and a warning says so.
    ``pause_after`` is that of `fit`.

    Raises:
        RunError: not a run, finished, still at work, half-written, or begun with other images or weights.
        DataError: the images are gone.
        Interrupted: asked to end once more.
    """
    folder, log = RunFolder(Path(run)), RunLog(reporter)
    with listening(pause_after) as stop:
        with _taken_over(folder) as former:
            where = former.data if data is None else str(data)
            refuse_inside_data(folder.path, where)
            away = offline or former.offline
            digests = refuse_other_images(folder, former, where, offline=away, reporter=log)
            journal = Journal(folder, _again(former, where))
            recipe = former.goes_on_with
            _warn_of_other_versions(former, log)
            keep_edited_recipe(folder, journal.record, log)
            with journal.phase("prepare"):
                setup = set_up(where, recipe, offline=away, reporter=log)
            _refuse_other_weights(setup, former, folder)
            note_setup(journal, setup, digests)
            _sweep(folder)
        return complete(setup, journal, stop=stop, log=log)


@contextmanager
def _taken_over(folder: RunFolder) -> Iterator[RunRecord]:
    """Give the record of a run that can be gone on with, now under this process; put it back on an error."""
    former = _take(folder)
    try:
        yield former
    except BaseException:
        if folder.path.is_dir():
            write_record(folder.record, former)
        raise


def _take(folder: RunFolder) -> RunRecord:
    record = read_record(folder.record)
    _refuse(record, folder)
    try:
        # Of two that would go on with it at once, the second must see the first at work.
        with FileLock(folder.path / LOCK, timeout=10):
            record = read_record(folder.record)
            _refuse(record, folder)
            write_record(folder.record, _again(record, record.data))
    except Timeout:
        raise RunError(f"another process is taking up the run {folder.path}; wait for it") from None
    except OSError as error:
        raise ResourceError(
            f"cannot write to {folder.path}: {error.strerror}; check its permissions"
        ) from None
    finally:
        (folder.path / LOCK).unlink(missing_ok=True)
    return record


def _refuse(record: RunRecord, folder: RunFolder) -> None:
    if record.state == "finished":
        raise RunError(
            f"the run {folder.path} is finished, there is nothing to go on with; "
            "see its report.json, or start a new run"
        )
    if record.is_running:
        raise RunError(
            f"the run {folder.path} is still at work (process {record.pid}); wait for it, or stop it first"
        )


def _again(record: RunRecord, where: str) -> RunRecord:
    changes = {
        "state": "running",
        "error": None,
        "ended": None,
        "data": from_anywhere(where),
    }
    return record.model_copy(update={**changes, **this_process()})


def _warn_of_other_versions(former: RunRecord, reporter: Reporter) -> None:
    now = versions()
    changed = [
        f"{name} {former.versions[name]}"
        for name in former.versions
        if now.get(name) != former.versions[name]
    ]
    if changed:
        reporter.say(
            f"warning: the run began with {', '.join(changed)}, which is another version now; "
            "its result may differ from an uninterrupted run's"
        )


def _refuse_other_weights(setup: Setup, former: RunRecord, folder: RunFolder) -> None:
    found = setup.prepared.weights
    if former.recipe is not None and found.sha256 != former.weights_sha256:
        raise RunError(
            f"the weights {found.origin} are not those that the run {folder.path} began with "
            f"(sha256 {found.sha256[:12]}… instead of {former.weights_sha256[:12]}…); use those, or start a new run"
        )


def _sweep(folder: RunFolder) -> None:
    """Remove what a killed process left unfinished."""
    for left_over in folder.path.glob(".*.tmp"):
        shutil.rmtree(left_over, ignore_errors=True)
