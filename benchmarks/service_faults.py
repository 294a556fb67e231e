"""Kill the trainers and the supervisor of queued trainings at random moments, and fill their disk.

``python benchmarks/service_faults.py [N] [--write]`` makes N kills more (default 40) by SIGKILL, in rounds of five
queued trainings: each hits the process that trains or the one that supervises, at a moment drawn over the length of a
training, until the round's share of kills is used up; then every training must be done, with the bits of one that
nobody disturbed. At last a memory disk is filled to its last byte (as root, on Linux): the job must end as failed and
say so, and be done when it is tried again. Rows go to ``results/service_faults.jsonl``; a round that was interrupted
is made again. ``--write`` puts the table into docs/serve.md (with 0 kills only that).
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from common import RESULTS, ROOT, append_row, machine, markdown_table, read_rows, replace_between

from finetune.service.engine.going_on import progress_of
from finetune.service.engine.job import Job
from finetune.service.engine.place import DATABASE, job_folder
from finetune.service.engine.store import JobStore

sys.path[:0] = [str(Path(__file__).resolve().parents[1] / "tests" / "flow")]

ROWS = RESULTS / "service_faults.jsonl"
N_JOBS = 5
KILLS_A_ROUND = 10
EPOCHS = 40
DISK_MB = 48
PATIENCE_S = 1800
RECIPE = {
    "strategy": "from-scratch",
    "backbone": "test_resnet",
    "image_size": 32,
    "workers": 0,
    "batch_size": 8,
    "epochs": EPOCHS,
    "lr": 4e-4,
}
# So many kills without progress are no fault of the job here.
SUPERVISE = (
    "import sys, threading\nfrom pathlib import Path\nfrom finetune.service.engine import supervisor\n"
    "supervisor.MOST_WITHOUT_PROGRESS = 10**6\n"
    "supervisor.Supervisor(Path(sys.argv[1])).run(threading.Event())"
)


class Service:
    """A supervisor in a process of its own over the data folder ``root``, and the trainings queued there."""

    def __init__(self, root: Path, photos: Path, seeds: range) -> None:
        self.root, self.photos = root, photos
        self.store = JobStore(root / DATABASE)
        self.jobs = [self._queue(seed) for seed in seeds]
        self.supervisor = self._start()

    def _queue(self, seed: int) -> Job:
        request = {"data": str(self.photos), "recipe": {**RECIPE, "seed": seed}, "offline": True}
        request["out"] = str(self.root / "runs" / str(seed))
        return self.store.add("fit", request, title=str(seed))

    def _start(self) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "OMP_NUM_THREADS": "1", "FINETUNE_EXPERIENCE": "off"}
        with (self.root / "supervisor.txt").open("ab") as output:
            return subprocess.Popen(
                [sys.executable, "-c", SUPERVISE, str(self.root)], env=environment, stderr=output
            )

    def rows(self) -> list[Job]:
        """Return the trainings as the table has them."""
        return [self.store.get(job.id) for job in self.jobs]

    def have_ended(self) -> bool:
        """Whether nothing more happens."""
        return all(row.has_ended for row in self.rows())

    def at_work(self) -> Job | None:
        """Return the training whose process is at work."""
        return next((row for row in self.rows() if row.state == "running" and row.pid), None)

    def kill(self, victim: str) -> Job | None:
        """Kill the trainer or the supervisor, which is started anew; return the job that was at work."""
        job = self.at_work()
        if victim == "supervisor":
            self.supervisor.kill()
            self.supervisor.wait()
            self.supervisor = self._start()
        elif job is not None and job.pid is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(job.pid, signal.SIGKILL)
        return job

    def weights(self, job: Job) -> str:
        """Return the hash of the trained weights, empty while there are none."""
        path = Path(job.request["out"]) / "bundle" / "model.safetensors"
        return hashlib.sha256(path.read_bytes()).hexdigest() if path.exists() else ""

    def stop(self) -> None:
        """Kill the supervisor."""
        self.supervisor.kill()
        self.supervisor.wait()


@contextlib.contextmanager
def serving(root: Path, photos: Path, seeds: range) -> Iterator[Service]:
    root.mkdir(parents=True, exist_ok=True)
    service = Service(root, photos, seeds)
    try:
        yield service
    finally:
        service.stop()


def wait_for(what: Callable[[], Any], *, at_most_s: float = PATIENCE_S) -> bool:
    """Wait until ``what`` is true; return whether it came so far in time."""
    deadline = time.monotonic() + at_most_s
    while not what():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def undisturbed(work: Path, photos: Path, seeds: range) -> tuple[dict[str, str], float]:
    """Return the weights' hash of each training that nobody disturbs, by its title, and the seconds of one."""
    started = time.monotonic()
    with serving(work / "whole", photos, seeds) as service:
        if not wait_for(service.have_ended):
            sys.exit("the trainings that nobody disturbed did not end")
        found = {job.title: service.weights(job) for job in service.jobs}
    return found, (time.monotonic() - started) / len(seeds)


def one_round(
    number: int, n_kills: int, work: Path, photos: Path, expected: dict[str, str], length_s: float
) -> list[dict[str, Any]]:
    """Return a row for each kill of a round and one for each of its trainings."""
    chance, rows = random.Random(number), []
    with serving(work / f"round-{number}", photos, range(len(expected))) as service:
        while len(rows) < n_kills and not service.have_ended():
            after_s, victim = chance.uniform(0, length_s), chance.choice(("trainer", "supervisor"))
            if wait_for(service.have_ended, at_most_s=after_s):
                break
            job = service.kill(victim)
            row = {"what": "kill", "round": number, "victim": victim, "after_s": round(after_s, 2)}
            rows.append(
                row
                | {"epochs_done": None if job is None else progress_of(job, job_folder(service.root, job))}
            )
            print(rows[-1], flush=True)
        wait_for(service.have_ended)
        for job in service.rows():
            same = service.weights(job) == expected[job.title]
            told = {"state": job.state, "attempts": job.attempt, "identical": same, "error": job.error}
            rows.append({"what": "job", "round": number, "job": job.title, **told})
            print(rows[-1], flush=True)
    return rows


def full_disk(work: Path, photos: Path, expected: dict[str, str]) -> dict[str, Any]:
    """Fill the disk under a training and return what became of it."""
    root = work / "small"
    root.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={DISK_MB}m", "tmpfs", str(root)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        return {"what": "full disk", "skipped": mounted.stderr.decode().strip()}
    try:
        with serving(root, photos, range(1)) as service:
            (job,) = service.jobs
            run = Path(job.request["out"])
            wait_for(lambda: progress_of(job, job_folder(service.root, job)) >= 2)
            ballast = root / "ballast"
            fill(ballast)
            # Where the table has no room either, its row is written once there is some.
            wait_for(service.have_ended, at_most_s=60)
            shown_while_full = service.store.get(job.id).state
            ballast.unlink()
            wait_for(lambda: service.have_ended() or service.supervisor.poll() is not None)
            failed = service.store.get(job.id)
            row = {"what": "full disk", "while_full": shown_while_full, "state": failed.state}
            row |= {
                "error": failed.error.replace(str(run), "RUN"),
                "lives": service.supervisor.poll() is None,
            }
            if failed.state == "failed":
                service.store.retry(job.id)
                wait_for(service.have_ended)
            ended = service.store.get(job.id)
            return row | {"again": ended.state, "identical": service.weights(ended) == expected[job.title]}
    finally:
        subprocess.run(["umount", "-l", str(root)], check=False)


def fill(path: Path) -> None:
    """Write until nothing more goes onto the disk."""
    with path.open("wb", buffering=0) as stream, contextlib.suppress(OSError):
        for size in (1 << 20, 1 << 12):
            with contextlib.suppress(OSError):
                while True:
                    stream.write(b"\0" * size)


def table() -> str:
    """Return what all rows come to, as Markdown."""
    rows = read_rows(ROWS)
    kills, jobs = ([row for row in rows if row["what"] == what] for what in ("kill", "job"))
    lines = [
        [f"kill -9 of the {victim}", str(sum(row["victim"] == victim for row in kills)), "goes on"]
        for victim in ("trainer", "supervisor")
    ]
    done = sum(row["state"] == "done" for row in jobs)
    same = sum(row["identical"] for row in jobs)
    lines.append(["trainings queued", str(len(jobs)), f"{done} done, {same} with the undisturbed bits"])
    for row in rows:
        if row["what"] == "full disk":
            bits = ", with the undisturbed bits" if row.get("identical") else ""
            said = row["error"].partition(":")[0] if row["state"] == "failed" else row["state"]
            told = row.get("skipped") or f"failed: {said}; tried again: {row['again']}{bits}"
            lines.append(["disk full to its last byte", "1", told])
    return markdown_table(("what", "times", "what became of it"), lines)


def make(kills: int, seeds: range, epochs: int) -> None:
    """Kill ``kills`` times and fill the disk once, and append the rows."""
    from killing import draw_hard

    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        photos = draw_hard(work / "photos")
        expected, length_s = undisturbed(work, photos, seeds)
        print(f"a training that nobody disturbs takes {length_s:.1f} s", flush=True)
        left = kills
        number = 1 + max((row["round"] for row in read_rows(ROWS) if "round" in row), default=0)
        while left > 0:
            rows = one_round(number, min(left, KILLS_A_ROUND), work, photos, expected, length_s)
            for row in rows:
                append_row(ROWS, {**row, "epochs": epochs, "machine": machine()["processor"]})
            left -= sum(row["what"] == "kill" for row in rows)
            shutil.rmtree(work / f"round-{number}")
            number += 1
        append_row(ROWS, full_disk(work, photos, expected))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("kills", nargs="?", type=int, default=40, help="how many more kills (default 40)")
    parser.add_argument("--epochs", type=int, default=EPOCHS, help=f"of each training (default {EPOCHS})")
    parser.add_argument("--jobs", type=int, default=N_JOBS, help=f"in a round (default {N_JOBS})")
    parser.add_argument("--write", action="store_true", help="put the table into docs/serve.md")
    options = parser.parse_args()
    RECIPE["epochs"] = options.epochs
    if options.kills:
        make(options.kills, range(options.jobs), options.epochs)
    print(table())
    if options.write:
        replace_between(ROOT / "docs" / "serve.md", "faults", table())


if __name__ == "__main__":
    main()
