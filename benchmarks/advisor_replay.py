"""Replay advisors over the trained grid: each is asked about base sets that it has not seen.

    python benchmarks/advisor_replay.py [--docs] [--table]

Regret is the best strategy's test accuracy less the chosen one's, in points. Intervals are 95 % of a bootstrap over
base sets. ``--docs`` writes the tables into docs/advisor.md and draws the
picture of the forecasts, ``--table`` the forecasts' table into the package.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence

import numpy as np
from advisor import bars as wanted
from advisor.advisors import ADVISORS, RACE, Advisor
from advisor.calibration import Judged, covered, draw, judge
from advisor.cells import cells
from advisor.fit import Cell, fit
from advisor_grid import COMMON, SIDE_PX
from common import ROOT, markdown_table, replace_between

from finetune.advice.table import FILE

RESAMPLES = 2_000
BACKBONE = COMMON["backbone"]
PICTURE = ROOT / "docs" / "advisor-calibration.png"


def others(found: Sequence[Cell], base: str) -> list[Cell]:
    return [cell for cell in found if cell.base != base]


def regrets(found: Sequence[Cell], advisor: Advisor) -> tuple[np.ndarray, np.ndarray]:
    """Return the regret in points and the seconds of training, a number a cell."""
    points, seconds = [], []
    for base in dict.fromkeys(cell.base for cell in found):
        choose = advisor(others(found, base))
        for cell in (cell for cell in found if cell.base == base):
            chosen = choose(cell)
            reached = sum(share * cell.accuracy[name] for name, share in chosen.items())
            points.append(100 * (max(cell.accuracy.values()) - reached))
            seconds.append(sum(share * cell.seconds[name] for name, share in chosen.items()))
    return np.array(points), np.array(seconds)


def by_base(found: Sequence[Cell]) -> list[str]:
    """Return the base of each cell in the order of `regrets`."""
    bases = [cell.base for cell in found]
    return [base for base in dict.fromkeys(bases) for _ in range(bases.count(base))]


def interval(values: np.ndarray, bases: Sequence[str]) -> tuple[float, float]:
    """Return the 95 % interval of the mean, base sets drawn with replacement."""
    random = np.random.default_rng(0)
    groups = [values[np.array(bases) == base] for base in dict.fromkeys(bases)]
    means = [
        np.concatenate([groups[k] for k in random.integers(len(groups), size=len(groups))]).mean()
        for _ in range(RESAMPLES)
    ]
    low, high = np.quantile(means, [0.025, 0.975])
    return float(low), float(high)


def table(found: Sequence[Cell]) -> str:
    """Return one row an advisor."""
    bases = by_base(found)
    full = regrets(found, ADVISORS["always full-finetune"])[1].sum()
    rows = []
    for name, advisor in ADVISORS.items():
        points, seconds = regrets(found, advisor)
        low, high = interval(points, bases)
        rows.append(
            [
                name,
                f"{points.mean():.2f} ({low:.2f} – {high:.2f})",
                f"{np.quantile(points, 0.95):.1f}",
                f"{points.max():.1f}",
                f"{100 * seconds.sum() / full:.0f} %",
            ]
        )
    header = (
        "advisor",
        "mean regret (95 %)",
        "95th percentile",
        "worst",
        "training time against always full",
    )
    return markdown_table(header, rows)


def bars(found: Sequence[Cell], judged: Sequence[Judged]) -> str:
    """Return what was to be reached, written down before the grid was run, beside what was."""
    points = {name: regrets(found, advisor) for name, advisor in ADVISORS.items()}
    raced, plain = points[RACE][0], points["forecast"][0]
    full, full_s = points["always full-finetune"]
    share = points["forecast"][1].sum() / full_s.sum()
    held = covered(judged, 0.8)
    low, high = wanted.COVERAGE_OF_80_PERCENT
    ahead, behind = points["size x similarity rule"][0].mean() - plain.mean(), plain.mean() - full.mean()
    rows = [
        ("mean regret, with a race", f"≤ {wanted.MEAN_REGRET_WITH_RACE}", raced.mean(), "{:.2f}"),
        (
            "95th percentile, with a race",
            f"≤ {wanted.P95_REGRET_WITH_RACE}",
            np.quantile(raced, 0.95),
            "{:.1f}",
        ),
        ("mean regret, without", f"≤ {wanted.MEAN_REGRET_WITHOUT_RACE}", plain.mean(), "{:.2f}"),
        ("better than the plain rule by", f"≥ {wanted.BETTER_THAN_THE_PLAIN_RULE}", ahead, "{:.1f}"),
        ("worse than always full by", f"≤ {wanted.WORSE_THAN_ALWAYS_FULL}", behind, "{:.2f}"),
        (
            "training time against always full",
            f"≤ {wanted.SHARE_OF_ALWAYS_FULL_SECONDS:.0%}",
            share,
            "{:.0%}",
        ),
        ("80 % intervals hold", f"{low:.0%} – {high:.0%}", held, "{:.0%}"),
    ]
    return markdown_table(
        ("points, or shares", "wanted", "reached"),
        [(name, bar, form.format(value)) for name, bar, value, form in rows],
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--table", action="store_true", help="ship what all cells teach")
    parser.add_argument("--docs", action="store_true", help="write the table into docs/advisor.md")
    options = parser.parse_args()
    found = cells()
    bases = {cell.base for cell in found}
    judged = judge(found)
    text = f"{len(found)} cells of {len(bases)} base sets:\n\n{table(found)}\n\n{bars(found, judged)}"
    print(text)
    if options.table:
        origin = f"{len(found)} cells of {len(bases)} base sets, {BACKBONE} at {SIDE_PX} px"
        shipped = json.dumps(fit(found, origin=origin).to_json(), indent=1)
        (ROOT / "finetune" / "advice" / FILE).write_text(shipped + "\n", encoding="utf-8")
    if options.docs:
        replace_between(ROOT / "docs" / "advisor.md", "regret", text)
        draw(judged, PICTURE)


if __name__ == "__main__":
    main()
