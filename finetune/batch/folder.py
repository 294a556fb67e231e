"""The folder of a batch: an engine's data folder, with the table, the runs, the sample sets, and a lock besides."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock, Timeout

from finetune.batch.job import Job
from finetune.batch.ledger import Ledger
from finetune.errors import RunError
from finetune.service.engine.place import DATABASE, JOBS, LOCK

OURS = {"results.jsonl", "results.csv", "results.md", "runs", "data", "lock", JOBS, LOCK}
OURS |= {DATABASE, f"{DATABASE}-wal", f"{DATABASE}-shm"}


@dataclass(frozen=True)
class BatchFolder:
    """The paths of one batch."""

    path: Path

    @property
    def ledger(self) -> Ledger:
        """Return the rows so far."""
        return Ledger(self.path / "results.jsonl")

    @property
    def csv(self) -> Path:
        """Return the path of the table for spreadsheets."""
        return self.path / "results.csv"

    @property
    def markdown(self) -> Path:
        """Return the path of the table for people."""
        return self.path / "results.md"

    def run(self, name: str) -> Path:
        """Return the run folder called ``name``."""
        return self.path / "runs" / name

    def data_of(self, job: Job) -> Path:
        """Return where the job's images lie; a sample set is written here when it is first asked for."""
        if job.sample is None:
            return Path(job.data).expanduser()
        target = self.path / "data" / job.sample
        if not target.exists():
            from finetune.data.samples import write_sample

            write_sample(job.sample, target)
        return target

    def free_run(self, name: str, taken: Collection[str]) -> Path:
        """Return a run folder that is still free: ``name``, else ``name-2`` and on; no name in ``taken``."""
        number, candidate = 1, name
        while not _is_free(self.run(candidate)) or (number > 1 and candidate.casefold() in taken):
            number += 1
            candidate = f"{name}-{number}"
        return self.run(candidate)

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """Hold the folder for one batch; raises RunError when another holds it or the folder is foreign."""
        self._make()
        lock = FileLock(self.path / "lock")
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise RunError(
                f"another batch is at work in {self.path}; wait for it, or give this one another --out"
            ) from None
        try:
            yield
        finally:
            lock.release()

    def _make(self) -> None:
        try:
            self.path.mkdir(parents=True, exist_ok=True)
            found = {entry.name for entry in self.path.iterdir()}
        except (FileExistsError, NotADirectoryError):
            raise RunError(
                f"--out {self.path} is, or lies below, a file; give a folder that is empty, new or a batch's"
            ) from None
        if "results.jsonl" not in found and found - OURS:
            raise RunError(
                f"--out {self.path} is neither empty nor the folder of a batch; choose another folder"
            )


def _is_free(folder: Path) -> bool:
    return not folder.exists() or (folder.is_dir() and next(folder.iterdir(), None) is None)
