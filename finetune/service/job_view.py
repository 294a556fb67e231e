"""What may be told of a job: where it is, its numbers, its log; without a path of this computer."""

from __future__ import annotations

import csv
import io
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finetune.service.answers_file import rows_done
from finetune.service.engine.job import AGAIN, Job
from finetune.service.engine.standing import standing
from finetune.service.result import RESULT, read_result
from finetune.service.status import Status, read_status

METRICS, LOG, RECORD = "metrics.csv", "log.txt", "run.json"
MOST_LOG_BYTES = 64 * 1024


@dataclass(frozen=True)
class JobView:
    """A job, the folder of its present attempt, and below which folder no path may be told."""

    job: Job
    folder: Path
    root: Path

    @property
    def run(self) -> Path | None:
        """Return the run folder, None for a job that has none."""
        return Path(self.job.request["out"]) if "out" in self.job.request else None

    @property
    def status(self) -> Status | None:
        """Return what its process has told last, in this attempt."""
        return read_status(self.folder / "status.json")

    @property
    def result(self) -> dict[str, Any]:
        """Return what came out of it so far, as JSON-ready values."""
        return read_result(self.folder / RESULT, self._names())

    @property
    def can_resume(self) -> bool:
        """Whether it ended early and left something to go on with."""
        if self.job.state not in AGAIN:
            return False
        if self.job.kind == "predict":
            return rows_done(self.folder, self.job.request["file_format"]) > 0
        return self.run is not None and (self.run / RECORD).is_file()

    @property
    def error(self) -> str:
        """Return why it failed or what became of it when it was stopped, in a sentence; "" for neither."""
        told = standing(self.folder, self.job).error if self.job.has_ended else self.job.error
        return self.readable(told)

    def readable(self, text: str) -> str:
        """Return ``text`` with names in the place of paths."""
        for path, name in self._names().items():
            text = text.replace(path, name) if path else text
        return text

    def _names(self) -> dict[str, str]:
        """Return what is said in the place of which path, of where it was asked for too; the longest are first."""
        data, bundle = (str(self.job.request.get(name, "")) for name in ("data", "bundle"))
        names = {
            data: Path(data).name,
            bundle: "the model",
            str(self.run or ""): "the run",
            f"{self.folder}/": "",
            str(self.root): "",
        }
        home = self.job.home
        if not home or home == str(self.root):
            return names
        return names | {path.replace(str(self.root), home): name for path, name in names.items()}

    def metrics(self, since: int = 0) -> list[dict[str, float | None]]:
        """Return the rows after the first ``since``: numbers after each epoch, or of the regularisation path."""
        try:
            text = "" if self.run is None else (self.run / METRICS).read_text(encoding="utf-8")
        except OSError:
            return []
        whole, _, _ = text.rpartition("\n")  # the last line may be on its way
        rows = list(csv.DictReader(io.StringIO(whole)))
        return [{name: _number(value) for name, value in row.items()} for row in rows[since:]]

    def log(self, offset: int = 0) -> tuple[str, int]:
        """Return whole lines of the run's log from the byte ``offset`` on, and the offset to ask for next."""
        if self.run is None:
            return "", 0
        try:
            with (self.run / LOG).open("rb") as stream:
                stream.seek(offset)
                piece = stream.read(MOST_LOG_BYTES)
        except OSError:
            return "", offset
        whole, line_end, _ = piece.rpartition(b"\n")
        taken = whole + line_end if line_end or len(piece) < MOST_LOG_BYTES else piece
        return self.readable(taken.decode("utf-8", "replace")), offset + len(taken)

    def to_json(self) -> dict[str, Any]:
        """Return the job as JSON-ready values."""
        job = self.job
        return {
            **{name: getattr(job, name) for name in ("id", "kind", "title", "state", "attempt")},
            **{name: getattr(job, name) for name in ("created", "started", "ended", "cancel_asked")},
            "error": self.error,
            "can_resume": self.can_resume,
            "progress": self._progress(),
        }

    def _progress(self) -> dict[str, Any] | None:
        status = self.status
        if status is None:
            return None
        return {
            "phase": self.readable(status.phase),
            "done": status.done,
            "total": status.total,
            "left_s": status.left_s if self.job.state == "running" else None,
            "said": [self.readable(text) for text in status.said],
        }


def _number(text: str | None) -> float | None:
    try:
        number = float(text or "nan")
    except ValueError:
        return None
    return number if math.isfinite(number) else None
