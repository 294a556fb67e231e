"""Compare two finished runs by what their folders keep of each test image."""

from __future__ import annotations

import json
import shlex
from pathlib import Path

from finetune.errors import RunError
from finetune.evaluation.comparison import Comparison, compare_runs
from finetune.evaluation.predictions import Predictions, read_predictions
from finetune.training.run_folder import RunFolder
from finetune.training.run_record import read_record


def compare_folders(first: Path, second: Path) -> Comparison:
    """Compare the finished runs in two folders.

    Raises RunError for a folder that is no run's or whose run has not finished, for one from before predictions were
    kept, and for runs that were judged on other images.
    """
    found = [_predictions(folder) for folder in (first, second)]
    return compare_runs(found[0], found[1], (str(first), str(second)))


def _predictions(path: Path) -> Predictions:
    folder = RunFolder(path)
    record = read_record(folder.record)
    if record.state != "finished":
        raise RunError(
            f"the run {path} has not finished; go on with it by `finetune fit --resume {shlex.quote(str(path))}`"
        )
    try:
        class_names = json.loads(folder.report.read_text(encoding="utf-8"))["classes"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise RunError(f"{folder.report} cannot be read ({error}); train again with `finetune fit`") from None
    return read_predictions(folder.predictions, folder.logits, class_names)
