"""The side of the network's input over the epochs: small images first, the full size in the end."""

from __future__ import annotations

import statistics
from dataclasses import dataclass

N_STAGES = 4
"""As many as EfficientNetV2 was trained in (Tan and Le, ICML 2021, table 6)."""

MULTIPLE_PX = 16
"""The sides between the first and the last are multiples of this: odd ones leave most networks odd maps."""


@dataclass(frozen=True)
class Growth:
    """``epochs`` epochs in four equal stages, from ``first_px`` to ``last_px``, which is larger.

    Stage i of 4, counted from 0, has the side first + (last - first) i / 3 (progressive learning, Tan and Le,
    ICML 2021, algorithm 1), rounded to a multiple of 16 pixels in the two stages between. Below four epochs each is
    a stage of its own, and a single one has the full size.
    """

    first_px: int
    last_px: int
    epochs: int

    def side(self, epoch: int) -> int:
        """Return the side in pixels in ``epoch``, counted from 0."""
        n_stages = min(N_STAGES, self.epochs)
        stage = min(n_stages - 1, n_stages * epoch // self.epochs)
        if stage == n_stages - 1:
            return self.last_px
        exact = self.first_px + (self.last_px - self.first_px) * stage / (n_stages - 1)
        rounded = MULTIPLE_PX * round(exact / MULTIPLE_PX)
        return min(max(rounded, self.first_px), self.last_px) if stage else self.first_px

    @property
    def grown_at(self) -> int:
        """Return the first epoch, counted from 0, at full size."""
        return next(epoch for epoch in range(self.epochs) if self.side(epoch) == self.last_px)

    @property
    def area_share(self) -> float:
        """Return the mean input area over the epochs as a share of the full one: about what training costs."""
        return statistics.fmean((self.side(epoch) / self.last_px) ** 2 for epoch in range(self.epochs))
