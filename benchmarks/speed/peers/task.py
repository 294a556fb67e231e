"""What every contestant is given and tells: a JSON task in, one JSON line an event out. Standard library only.

The clock starts after the imports, before the first image is listed or the network is made. Events are written
to a file, since libraries print what they like.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Task:
    """The same for every contestant of a contest; ``fast`` asks for bfloat16 and channels-last.

    ``data`` holds ``train/CLASS/`` and ``val/CLASS/``, and ``split`` is the JSON list of the very same files.
    ``weights`` is a safetensors file in timm's names; ``frozen`` are the names of the parameters that do not learn.
    """

    backbone: str
    weights: str
    data: str
    split: str
    strategy: str
    epochs: int
    batch_size: int
    image_size: int
    seed: int
    frozen: tuple[str, ...]
    fast: bool
    scratch: str
    events: str

    @property
    def classes(self) -> list[str]:
        """The class names in index order."""
        return list(self._split()["classes"])

    def images(self, part: str) -> list[tuple[Path, int]]:
        """Return the files of ``train`` or ``val`` with their class index."""
        return [(Path(self.data) / name, index) for name, index in self._split()[part]]

    def _split(self) -> dict[str, Any]:
        split: dict[str, Any] = json.loads(Path(self.split).read_text(encoding="utf-8"))
        return split


class Events:
    """Writes what happened and when, in seconds since it was made."""

    def __init__(self, task: Task) -> None:
        self._file = Path(task.events)
        self._begun = time.perf_counter()
        self.epoch = 0

    def say(self, event: str, *, t: float | None = None, **facts: Any) -> None:
        """Write one event; ``t`` is now unless given."""
        now = time.perf_counter() - self._begun if t is None else t
        with self._file.open("a", encoding="utf-8") as stream:
            stream.write(json.dumps({"event": event, "t": round(now, 3), **facts}) + "\n")

    def end_epoch(self, val_accuracy: float) -> None:
        """Say that one more pass over the training images is done and judged."""
        self.epoch += 1
        self.say("epoch", epoch=self.epoch, val_accuracy=float(val_accuracy))

    def since_epoch(self, clock: float) -> float:
        """Return the seconds of this clock for a moment that ``time.time()`` gave."""
        return clock - (time.time() - (time.perf_counter() - self._begun))

    def done(self, **facts: Any) -> None:
        """Say that it is over, and how much memory it took at most."""
        self.say("done", peak_mib=peak_mib(), peak_child_mib=_rusage_mib(resource.RUSAGE_CHILDREN), **facts)


def peak_mib() -> float:
    """Return the most memory that this process held, MiB; a parent's memory before the start does not count."""
    try:
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    except OSError:
        return _rusage_mib(resource.RUSAGE_SELF)
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def _rusage_mib(who: int) -> float:
    return resource.getrusage(who).ru_maxrss / (1024**2 if sys.platform == "darwin" else 1024)


def read_task() -> Task:
    """Return the task whose file is the script's only argument."""
    fields = json.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))
    return Task(**{**fields, "frozen": tuple(fields["frozen"])})
