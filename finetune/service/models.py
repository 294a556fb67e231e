"""Classifiers that jobs have made: a finished fine-tuning and its run folder, under the job's id."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finetune.errors import ResourceError, RunError
from finetune.python import command, environment
from finetune.service.engine.job import Job
from finetune.service.engine.store import JobStore
from finetune.service.packing import zip_bundle
from finetune.service.result import read_result

BUNDLE, REPORT, ONNX, CALIBRATION = "bundle", "report.json", "model.onnx", "calibration.json"
EXPORT_WITHIN_S = 900.0
TOLD = (
    *("strategy", "backbone", "accuracy", "accuracy_interval", "accuracy_split", "selection_split"),
    *(
        "balanced_accuracy",
        "macro_f1",
        "n_train",
        "n_val",
        "n_test",
        "classes",
        "trainable_share",
        "image_size",
    ),
    *("seconds", "seed", "versions"),
)
"""Of a report, what everybody who may see the model may know; paths of this computer are not among it."""

_exporting = threading.Lock()


@dataclass(frozen=True)
class Model:
    """A classifier in the run folder ``run``, made by ``job``."""

    job: Job
    run: Path

    @property
    def bundle(self) -> Path:
        """Return the folder of the bundle."""
        return self.run / BUNDLE

    @property
    def report(self) -> dict[str, Any]:
        """Return what the report tells of it."""
        report = read_result(self.run / REPORT)
        return {name: report[name] for name in TOLD if name in report}

    @property
    def stem(self) -> str:
        """Return the beginning of its files' names."""
        return f"model-{self.job.id[:12]}"


def model_of(job: Job) -> Model | None:
    """Return what a job has made, None while it has no whole classifier."""
    if job.kind != "fit" or job.state != "done":
        return None
    run = Path(job.request["out"])
    return Model(job, run) if (run / BUNDLE / "config.json").is_file() else None


def tells_sets(model: Model) -> bool:
    """Whether it tells which classes are plausible for an image."""
    return "conformal" in read_result(model.bundle / CALIBRATION)


def refuse_in_use(job: Job, store: JobStore) -> None:
    """Raise RunError where a job is still to classify with the model that ``job`` has made."""
    for other in store.list(owner=job.owner, states=("queued", "running")):
        if other.request.get("model") == job.id:
            raise RunError(f"the job {other.id} is still to use this model; cancel it, or wait")


def zipped(model: Model) -> Path:
    """Return the bundle as a zip."""
    return zip_bundle(model.bundle, model.run / f"{model.stem}.zip")


def in_onnx(model: Model) -> Path:
    """Return the ONNX file with the preprocessing inside, written and compared with the bundle when first asked for.

    One is written at a time. Raises ResourceError while another is being written, and RunError where the network
    cannot be exported or no image is left to compare on.
    """
    path = model.run / ONNX
    if not path.is_file():
        with _one_at_a_time():
            _export(model.run, path)
    return path


def delete(model: Model) -> None:
    """Delete the classifier and all of its run: reports, predictions and pictures."""
    # First what makes it a model.
    (model.bundle / "config.json").unlink(missing_ok=True)
    shutil.rmtree(model.run, ignore_errors=True)


@contextlib.contextmanager
def _one_at_a_time() -> Iterator[None]:
    if not _exporting.acquire(blocking=False):
        raise ResourceError("another model is being exported; ask again in a while")
    try:
        yield
    finally:
        _exporting.release()


def _export(run: Path, path: Path) -> None:
    words = command("finetune", "export", str(run), "--out", str(path), "--json", "--offline")
    try:
        done = subprocess.run(
            words,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            env=environment(),
            timeout=EXPORT_WITHIN_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise ResourceError("the export took too long; download the bundle and export it yourself") from None
    if done.returncode != 0:
        told = [
            line.removeprefix("error: ") for line in done.stderr.splitlines() if line.startswith("error: ")
        ]
        raise RunError((told or ["the model cannot be exported; download the bundle"])[-1])
