"""How forecasts compare with what was reached, on base sets that the table had not seen; and a picture of it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy.stats import norm

from advisor.fit import STRATEGIES, Cell, fit
from finetune.advice.evidence import reached_logit
from finetune.advice.forecast import expect, forecast

LEVELS = tuple(level / 100 for level in range(50, 100, 5))
MARKS = dict(zip(STRATEGIES, ("o", "s", "^", "D", "v"), strict=True))
COLOURS = dict(zip(STRATEGIES, ("#0072B2", "#56B4E9", "#009E73", "#D55E00", "#000000"), strict=True))


class Judged(NamedTuple):
    """One forecast: the ``expected`` accuracy with its 80 % interval, the one ``reached``, and at which quantile of
    the forecast's distribution that lies."""

    strategy: str
    expected: float
    low: float
    high: float
    reached: float
    quantile: float


def judge(found: Sequence[Cell]) -> list[Judged]:
    """Return the forecasts of all cells, each by a table fitted without its base set."""
    judged = []
    for base in dict.fromkeys(cell.base for cell in found):
        table = fit([cell for cell in found if cell.base != base])
        for cell in (cell for cell in found if cell.base == base):
            expected = expect(table, cell.sizes, cell.measures)
            said = forecast(table, cell.sizes, cell.measures)
            for rank, name in enumerate(expected.names):
                distance = reached_logit(cell.accuracy[name], n=cell.n_test) - expected.middles[rank]
                quantile = float(norm.cdf(distance / expected.spreads[rank]))
                one = said[name]
                judged.append(Judged(name, one.accuracy, one.low, one.high, cell.accuracy[name], quantile))
    return judged


def covered(judged: Sequence[Judged], level: float) -> float:
    """Return how often the central interval of ``level`` held what was reached."""
    return float(np.mean([abs(one.quantile - 0.5) <= level / 2 for one in judged]))


def draw(judged: Sequence[Judged], path: Path) -> None:
    """Write the picture: forecasts against what was reached, and how often intervals of each width held."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 4.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    for name in STRATEGIES:
        own = [one for one in judged if one.strategy == name]
        expected, reached = np.array([(one.expected, one.reached) for one in own]).T * 100
        sides = np.array([(one.expected - one.low, one.high - one.expected) for one in own]).T * 100
        left.errorbar(reached, expected, yerr=np.abs(sides), fmt="none", ecolor=COLOURS[name], alpha=0.25)
        left.plot(reached, expected, MARKS[name], color=COLOURS[name], ms=5, label=name)
        right.plot(
            [100 * level for level in LEVELS],
            [100 * covered(own, level) for level in LEVELS],
            marker=MARKS[name],
            color=COLOURS[name],
            ms=4,
            lw=1,
            label=name,
        )
    left.plot([0, 100], [0, 100], color="grey", lw=1, ls="--")
    left.set(
        xlabel="accuracy reached, %",
        ylabel="forecast with its 80 % interval, %",
        xlim=(0, 101),
        ylim=(0, 101),
    )
    left.legend(fontsize=8, loc="upper left")
    right.plot([50, 100], [50, 100], color="grey", lw=1, ls="--")
    right.set(xlabel="interval, %", ylabel="how often it held, %", xlim=(48, 97), ylim=(30, 102))
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(path, dpi=110)
