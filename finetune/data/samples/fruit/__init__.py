"""A drawn set of eight kinds of fruit: each picture a still life of its own, close to a photograph."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from .kinds import KINDS
from .noise import Noise
from .scene import photograph

PER_KIND = 60


def write(folder: Path, *, seed: int, progress: Callable[[int, int], None]) -> None:
    """Write ``folder/<kind>/<kind>-<number>.jpg``, colour, 224×224 px."""
    noise = Noise(np.random.default_rng([seed, 0]))
    jobs = [(kind, i) for kind in KINDS for i in range(PER_KIND)]
    for kind in KINDS:
        (folder / kind).mkdir()
    with ThreadPoolExecutor(min(4, os.cpu_count() or 1)) as pool:
        try:
            pictures = pool.map(lambda job: write_picture(folder, job[0], job[1], seed, noise), jobs)
            for done, _ in enumerate(pictures, start=1):
                progress(done, len(jobs))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def write_picture(folder: Path, kind: str, number: int, seed: int, noise: Noise) -> Path:
    """Write one picture; its random stream is its own, so no other picture, and no thread, changes it."""
    rng = np.random.default_rng([seed, 1, list(KINDS).index(kind), number])
    path = folder / kind / f"{kind}-{number:03d}.jpg"
    photograph(kind, rng, noise).save(path, quality=int(rng.integers(80, 93)))
    return path
