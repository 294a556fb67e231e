"""Scikit-learn's handwritten digits as PNG files, dark ink on white paper.

Source: E. Alpaydin and C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine Learning
Repository, 1998 (doi 10.24432/C50P49), its test part as shipped with scikit-learn.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

SIDE_PX = 64
_INK_LEVELS = 16


def write(folder: Path, *, seed: int, progress: Callable[[int, int], None]) -> None:
    """Write ``folder/<digit>/<position in scikit-learn's list>.png``, grey, 64×64 px.

    The digits are what people once wrote: ``seed`` changes nothing.
    """
    del seed
    import numpy as np
    from PIL import Image
    from sklearn.datasets import load_digits

    scans, labels = load_digits(return_X_y=True)
    for label in sorted(set(labels)):
        (folder / str(label)).mkdir()
    grey = (255 - scans.reshape(-1, 8, 8) * (255 / _INK_LEVELS)).round().astype("uint8")
    grey = np.pad(grey, ((0, 0), (1, 1), (1, 1)), constant_values=255)  # the scans' ink touches their edges
    for index, (pixels, label) in enumerate(zip(grey, labels, strict=True)):
        image = Image.fromarray(pixels).resize((SIDE_PX, SIDE_PX), Image.Resampling.BICUBIC)
        image.save(folder / str(label) / f"{index:04d}.png")
        progress(index + 1, len(grey))
