"""How a run ends that does not finish: the best so far is kept, the record says how it ended and how to go on."""

from __future__ import annotations

import contextlib
import shlex
from collections.abc import Callable
from pathlib import Path

from safetensors import safe_open
from safetensors.torch import load_file

from finetune.errors import Interrupted, Paused, RunError
from finetune.training.journal import Journal
from finetune.training.run_folder import RunFolder
from finetune.training.run_log import RunLog
from finetune.training.run_record import now
from finetune.training.saved_states import SavedStates
from finetune.training.setup import Setup
from finetune.training.stop import PauseReached, Stop, StopAsked

Keep = Callable[[RunFolder, Setup], None]


def ended_early(
    error: BaseException, setup: Setup, journal: Journal, stop: Stop, log: RunLog, *, keep: Keep
) -> BaseException:
    """Return the error to leave with; ``keep`` writes the network that the set-up holds as the bundle.

    An interruption becomes Interrupted, whose sentence says what is kept; a folder that is gone, RunError.
    """
    folder = journal.folder
    if not folder.path.is_dir():
        return RunError(
            f"the run folder {folder.path} was removed while the run was at work, so nothing is kept; "
            "start it again with `finetune fit`"
        )
    if not isinstance(error, (KeyboardInterrupt, StopAsked)):
        _note(journal, log, "failed", str(error) or type(error).__name__)
        return error
    kept = ""
    # A second Ctrl-C ends at once: what is kept lies in the saved states too.
    with contextlib.suppress(KeyboardInterrupt):
        kept = "" if stop.times_asked > 1 else _keep_best(setup, journal, keep)
    command = f"finetune fit --resume {shlex.quote(str(folder.path))}"
    is_pause = isinstance(error, PauseReached)
    sentence = f"{'paused' if is_pause else 'interrupted'} {_when(journal)}; {kept}go on with: {command}"
    _note(journal, log, "interrupted", sentence)
    return Paused(sentence) if is_pause else Interrupted(sentence)


def _when(journal: Journal) -> str:
    record = journal.record
    if record.epochs_done:
        return f"after epoch {record.epochs_done} of {record.epochs_planned}"
    return "before the first epoch's end" if record.planned else "before training began"


def _note(journal: Journal, log: RunLog, state: str, sentence: str) -> None:
    """Write down how it ended, as far as the disk lets us."""
    with contextlib.suppress(OSError):
        journal.update(state=state, error=sentence, ended=now())
    with contextlib.suppress(OSError):
        log.note(f"ended early: {sentence}")


def _keep_best(setup: Setup, journal: Journal, keep: Keep) -> str:
    """Write the best weights so far as the bundle and say so; a network without any training is not kept."""
    folder, head_first = journal.folder, bool(setup.resolved.recipe.head_first)
    found = SavedStates(folder.states).newest_best()
    if found is None or not (found[0] or head_first or journal.record.epochs_done):
        return ""
    epoch, path = found
    setup.learner.model.load_state_dict(load_file(path))
    keep(folder, setup)
    before = "the solved head" if head_first else "before the first epoch"
    when = f"epoch {epoch}" if epoch else before
    return (
        f"the best so far ({when}, {100 * _accuracy(path):.1f} % of val right) is kept in {folder.bundle}, "
        "without a report until the run is finished; "
    )


def _accuracy(path: Path) -> float:
    with safe_open(path, framework="pt") as file:
        return float(file.metadata()["val_accuracy"])
