"""Which strategy to take: accuracy against time, one knob, and whether the forecasts suffice to say."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

from finetune.advice.forecast import Forecast

TIME_WEIGHT = 0.2
"""Points of accuracy that a doubling of the training time has to bring."""
SURE = 0.9
"""So probable must it be that the choice is within a point of the best; below that only a race tells."""


@dataclass(frozen=True)
class Decision:
    """The choice and its runner-up, by how many points of utility it leads, and whether the forecasts suffice.

    ``utilities`` are in points for each strategy. ``is_sure`` is false where the forecasts cannot tell the best ones
    apart within a point.
    """

    strategy: str
    runner_up: str
    lead: float
    is_sure: bool
    utilities: Mapping[str, float]


def utility(
    accuracy: float, seconds: float, least_seconds: float, *, time_weight: float = TIME_WEIGHT
) -> float:
    """Return 100 ``accuracy`` - ``time_weight`` log2(``seconds`` / ``least_seconds``), in points."""
    return 100 * accuracy - time_weight * math.log2(seconds / least_seconds)


def decide(
    forecasts: Mapping[str, Forecast], seconds: Mapping[str, float], *, time_weight: float = TIME_WEIGHT
) -> Decision:
    """Choose among ``forecasts``, whose training takes ``seconds``; 0 weight asks for accuracy alone.

    Where there is one alone, it is its own runner-up.
    """
    least = min(seconds[name] for name in forecasts)
    utilities = {
        name: utility(found.accuracy, seconds[name], least, time_weight=time_weight)
        for name, found in forecasts.items()
    }
    ranked = sorted(utilities, key=lambda name: -utilities[name])
    first, second = ranked[0], ranked[min(1, len(ranked) - 1)]
    return Decision(
        first,
        second,
        utilities[first] - utilities[second],
        forecasts[first].p_within_one >= SURE,
        utilities,
    )
