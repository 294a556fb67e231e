"""What a run said of each test image, kept beside its report: as a table for people, the logits for comparison."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from finetune.errors import ResourceError, RunError
from finetune.evaluation.calibration import UNCALIBRATED, Calibration, Logits
from finetune.evaluation.metrics import Probabilities, Targets

COLUMNS = ("path", "label", "predicted", "probability", "digest")


@dataclass(frozen=True)
class Predictions:
    """The n x K ``logits`` of images by ``names`` (below the data's root), their ``targets``, and the K class names.

    ``digests`` tell the images' bytes in hex, empty where nobody has looked.
    """

    names: tuple[str, ...]
    targets: Targets
    logits: Logits
    class_names: tuple[str, ...]
    digests: tuple[str, ...] = ()

    @property
    def called(self) -> Targets:
        """Return the likeliest class of each image."""
        called: Targets = self.logits.argmax(axis=1)
        return called

    @property
    def hits(self) -> NDArray[np.bool_]:
        """Return of each image whether its class is the likeliest."""
        hits: NDArray[np.bool_] = self.called == self.targets
        return hits

    def probabilities(self, calibration: Calibration = UNCALIBRATED) -> Probabilities:
        """Return n x K probabilities in float64."""
        return calibration.probabilities(self.logits)


def write_predictions(
    predictions: Predictions, *, table: Path, logits: Path, calibration: Calibration = UNCALIBRATED
) -> None:
    """Write ``table``, a CSV row an image with its calibrated probability, and ``logits``, a .safetensors file.

    That holds ``test_logits`` n x K float32 and ``targets`` n, in the rows' order. Raises OSError; ResourceError when
    there is no room for the logits.
    """
    from safetensors.numpy import save

    shares = predictions.probabilities(calibration).max(axis=1)
    # A name that is not UTF-8 keeps its row.
    with table.open("w", newline="", encoding="utf-8", errors="backslashreplace") as stream:
        writer = csv.writer(stream)
        writer.writerow(COLUMNS)
        classes, digests = predictions.class_names, predictions.digests or ("",) * len(shares)
        for name, target, called, share, digest in zip(
            predictions.names, predictions.targets, predictions.called, shares, digests, strict=True
        ):
            writer.writerow([name, classes[target], classes[called], f"{share:.6f}", digest])
    tensors: dict[str, NDArray[Any]] = {
        "test_logits": np.ascontiguousarray(predictions.logits),
        "targets": np.ascontiguousarray(predictions.targets, np.int64),
    }
    try:
        logits.write_bytes(save(tensors))  # not by save_file, whose files nobody but their owner may read
    except OSError as error:
        raise ResourceError(f"cannot write {logits} ({error}); free some space") from None


def read_predictions(table: Path, logits: Path, class_names: Sequence[str]) -> Predictions:
    """Return what `write_predictions` wrote of a run with ``class_names``.

    Raises RunError when a file is missing or damaged, or when they do not belong together.
    """
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        tensors = load_file(logits)
        with table.open(newline="", encoding="utf-8") as stream:
            rows = list(csv.DictReader(stream))
        found = Predictions(
            tuple(row["path"] for row in rows),
            tensors["targets"],
            tensors["test_logits"],
            tuple(class_names),
            tuple(row["digest"] for row in rows) if all(row["digest"] for row in rows) else (),
        )
        labels = [class_names[target] for target in found.targets]
    except FileNotFoundError as error:
        raise RunError(
            f"{error.filename or logits} is missing, so what the run said of each image is not known; "
            "train again with `finetune fit`"
        ) from None
    except (OSError, KeyError, IndexError, ValueError, SafetensorError) as error:
        raise RunError(f"{table} or {logits} is damaged ({error}); train again with `finetune fit`") from None
    is_whole = found.logits.shape == (len(rows), len(class_names)) and len(rows) > 0
    if not is_whole or labels != [row["label"] for row in rows]:
        raise RunError(f"{table} and {logits} do not belong together; train again with `finetune fit`")
    return found
