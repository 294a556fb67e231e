"""What more training images would bring, with an interval, and how many images a wish would take. Pure.

All is said of the linear probe that the learning curve was measured with: its frozen features gain from more
images what the curve's form lets them gain; a network that is trained further may gain more.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from finetune.advice.language import Language, points
from finetune.advice.measures.curve_interval import slope_interval
from finetune.advice.measures.learning_curve import LearningCurve

CONFIDENCE = 0.8
SMALL_FROM_HUNGER = 0.01
"""A set is small for its task where doubling it would raise the accuracy by more: one percentage point."""

TIMES = (2, 4)
"""How many times as many images the growth is told for: the curve says little about more."""

MOST_IMAGES = 1_000_000_000
"""What would take more images than this cannot be had."""


@dataclass(frozen=True)
class MoreImages:
    """Growing from ``n_now`` to ``n_then`` training images raises the accuracy, in [0, 1], by ``gain``.

    The true rise lies in ``interval`` with probability `CONFIDENCE`; both ends are at least 0.
    """

    n_now: int
    n_then: int
    gain: float
    interval: tuple[float, float]

    @property
    def is_doubling(self) -> bool:
        """Whether the images become twice as many."""
        return self.n_then == 2 * self.n_now

    def sentence(self, language: Language = "en") -> str:
        """Return the gain and its interval in words, both in percentage points."""
        gain, low, high = points(self.gain), 100 * self.interval[0], 100 * self.interval[1]
        if language == "zh":
            growing = f"图像增加{'一倍' if self.is_doubling else ''}到 {self.n_then:,} 张"
            return f"{growing}：{gain} 个百分点，80% 区间 {low:.1f}–{high:.1f}"
        growing = f"{'doubling' if self.is_doubling else 'growing'} to {self.n_then:,} images"
        return f"{growing}: {gain} points, 80 % interval {low:.1f}–{high:.1f}"

    def to_json(self) -> dict[str, Any]:
        """Return the numbers under the names of the fields."""
        return {**asdict(self), "interval": list(self.interval)}


def more_images(
    curve: LearningCurve, *, n_now: int, n_measured: int, n_then: int | None = None
) -> MoreImages:
    """Return what ``n_then`` training images, by default twice the ``n_now``, would bring.

    ``n_measured`` images went into the curve, at most ``n_now``. The gain is the curve's own, e(n_now) - e(n_then),
    so that for a doubling it is the data hunger h; the interval is that of the slope
    (`measures.curve_interval.slope_interval`) times 1 / sqrt(n_now) - 1 / sqrt(n_then), widened to the gain where
    the two fits differ. It tells how well the slope is known, not whether the error falls as 1 / sqrt(n) so far
    beyond the images at hand: the larger n_then / n_now, the less it can promise.

    Raises ValueError where ``n_then`` is below ``n_now``, or the curve knows of no image left out.
    """
    n_then = 2 * n_now if n_then is None else n_then
    if not n_measured <= n_now <= n_then:
        raise ValueError(f"{n_measured} images measured of {n_now} cannot grow to {n_then}")
    gain = curve.error(n_now) - curve.error(n_then)
    low, high = slope_interval(curve, n_measured=n_measured, confidence=CONFIDENCE)
    step = 1 / math.sqrt(n_now) - 1 / math.sqrt(n_then)
    return MoreImages(n_now, n_then, gain, (min(gain, low * step), max(gain, high * step)))


def growth(curve: LearningCurve, *, n_now: int, n_measured: int) -> list[dict[str, Any]]:
    """Return the probe's accuracy at ``n_now`` images and at each of `TIMES` as many, with its interval.

    The first has none of its own: the intervals are of the gain over it.
    """
    now = 1 - curve.error(n_now)
    rows: list[dict[str, Any]] = [{"n": n_now, "accuracy": now, "interval": [now, now]}]
    for times in TIMES:
        more = more_images(curve, n_now=n_now, n_measured=n_measured, n_then=times * n_now)
        low, high = (min(1.0, now + end) for end in more.interval)
        rows.append({"n": more.n_then, "accuracy": now + more.gain, "interval": [low, high]})
    return rows


def is_small(curve: LearningCurve, n_now: int) -> bool:
    """Whether ``n_now`` images are few for this task: the data hunger h is above `SMALL_FROM_HUNGER`."""
    return curve.gain_of_doubling(n_now) > SMALL_FROM_HUNGER


def images_for_accuracy(curve: LearningCurve, target: float) -> int | None:
    """Return the least number of training images that reach the accuracy ``target`` in [0, 1].

    n = (slope / (1 - target - floor))^2. None where the curve's floor forbids it, or `MOST_IMAGES` are too few.
    """
    allowed = 1 - target
    if allowed >= 1:
        return 1
    spare = allowed - curve.floor
    if curve.slope == 0:
        return 1 if spare >= 0 else None
    if spare <= 0 or curve.slope > spare * math.sqrt(MOST_IMAGES):
        return None
    return max(1, math.ceil((curve.slope / spare) ** 2))


def images_for(curve: LearningCurve, gain: float, *, n_now: int) -> int | None:
    """Return how many training images, in all, raise the accuracy of ``n_now`` by ``gain`` in [0, 1].

    None where the curve's floor forbids it, or `MOST_IMAGES` are too few.
    """
    if gain <= 0:
        return n_now
    needed = images_for_accuracy(curve, 1 - curve.error(n_now) + gain)
    return None if needed is None else max(n_now, needed)
