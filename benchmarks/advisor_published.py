"""Does the shipped advisor order the strategies of published tables as they are, from their summary numbers?

    python benchmarks/advisor_published.py [--docs]

It is told the number of images and of classes and the frozen accuracy, and takes everything else as usual. Counted
are the pairs of strategies, more than a point apart, that it orders as published.
"""

from __future__ import annotations

import argparse
import math
from itertools import combinations

import numpy as np
from advisor.published import FULL_SETS, FullSet
from common import ROOT, markdown_table, replace_between

from finetune.advice.evidence import logit, share_of
from finetune.advice.forecast import ForecastTable
from finetune.advice.table import shipped_table

TOLD_APART = 1.0
NAMES = {"freeze-all": "frozen", "full-finetune": "tuned", "from-scratch": "scratch"}


def expected(table: ForecastTable, one: FullSet) -> dict[str, float]:
    """Return the expected accuracies in per cent."""
    probe = logit(one.frozen / 100, n=one.n)
    known = {"log_images": math.log10(one.n), "log_classes": math.log10(one.k), "probe": probe}
    readings = np.array([[known.get(name, math.nan) for name in table.readings]])
    x = table.standardise(readings)
    return {name: 100 * share_of(probe + float(table.beliefs[name].expected(x)[0])) for name in NAMES}


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--docs", action="store_true", help="write the table into docs/advisor.md")
    options = parser.parse_args()
    table, lines, right, pairs = shipped_table(), [], 0, 0
    for one in FULL_SETS:
        found = expected(table, one)
        truth = {name: float(getattr(one, field)) for name, field in NAMES.items()}
        for first, second in combinations(NAMES, 2):
            gap = truth[first] - truth[second]
            if abs(gap) > TOLD_APART:
                pairs += 1
                right += (gap > 0) == (found[first] > found[second])
        lines.append([one.name, f"{one.n:,}", *(f"{found[name]:.1f} / {truth[name]:.1f}" for name in NAMES)])
    header = ("data", "images", *(f"{name}: expected / published" for name in NAMES))
    counted = f"{right} of {pairs} pairs more than a point apart are in the published order."
    text = f"{markdown_table(header, lines)}\n\n{counted}"
    print(text)
    if options.docs:
        replace_between(ROOT / "docs" / "advisor.md", "published", text)


if __name__ == "__main__":
    main()
