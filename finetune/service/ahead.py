"""What is done while no job is at work: sample sets are drawn and looked at, so that their advice is there at once.

All of it goes to the cache, where the analysis of a project finds it: to look at the set of fruit for the first time
takes half a minute of computing, to find it looked at a second or two.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from finetune.data.kept_files import kept_files, remove_stale
from finetune.data.samples import SAMPLES
from finetune.data.unpacking import kept_set, sets_folder
from finetune.errors import FinetuneError
from finetune.progress import SILENT
from finetune.recipe import AUTO, Recipe
from finetune.service.drawn_samples import drawn_by, kept_sample

PARENT_ASKED_EVERY_S = 0.5


def draw_and_look() -> None:
    """Draw every sample set, then look at each with the network that the page would take; nothing is downloaded."""
    for name in SAMPLES:
        remove_stale(sets_folder(), f"looked-{name}")  # what was cut off earlier
        remove_stale(sets_folder(), f"sample-{name}")
    for name in SAMPLES:
        kept_sample(name, _unheard)
    for name in SAMPLES:
        look_at_sample(name)


def look_at_sample(name: str, *, backbone: str = AUTO) -> Path:
    """Look at the sample set ``name`` as the page does, once; return the folder in the cache with what was seen.

    Raises as `finetune.service.analysis.analyse` does.
    """
    from finetune.service.analysis import analyse
    from finetune.training.prepare import find_weights

    found, weights = find_weights(Recipe.make(backbone=backbone), offline=True, reporter=SILENT)

    def look(folder: Path) -> None:
        drawn = str(kept_sample(name, _unheard))
        analyse(folder, SILENT, data=drawn, sample="", backbone=backbone, offline=True)

    key = f"looked-{name}-{drawn_by()}-{found.name}-{weights.sha256[:8]}"
    return kept_files(kept_set(key), look, what=f"what was seen of the sample set {name}")


def _unheard(_done: int, _total: int) -> None:
    """Take a count that nobody asks for."""


@contextlib.contextmanager
def meanwhile(work: Callable[[], None]) -> Iterator[None]:
    """Have a forked process do ``work`` until the context ends, which ends it and all that it has started.

    This process must have loaded its libraries and computed nothing yet, so that no thread of theirs is cut off.
    Where processes cannot be forked, nothing is done.
    """
    if not hasattr(os, "fork"):
        yield
        return
    parent = os.getpid()
    number = os.fork()
    if number == 0:
        try:
            os.setpgid(0, 0)
            threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
            _ready_torch()
            with contextlib.suppress(FinetuneError, OSError):
                work()
        finally:
            os._exit(0)
    with contextlib.suppress(OSError):  # it may have done so itself
        os.setpgid(number, number)
    try:
        yield
    finally:
        with contextlib.suppress(OSError):
            os.killpg(number, signal.SIGKILL)
        os.waitpid(number, 0)


def _ready_torch() -> None:
    """Give this process a thread pool: torch is not ready for two threads that ask for the first at once."""
    import torch

    torch.set_num_threads(torch.get_num_threads())


def _end_with(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(PARENT_ASKED_EVERY_S)
    os.killpg(0, signal.SIGKILL)
