"""What the advisor has to reach, written down before the grid was run.

Regret is the best strategy's test accuracy less the advised one's, in points, on data sets that the advisor has
not seen in any form. A race may spend the given share of what training all strategies costs.
"""

from __future__ import annotations

MEAN_REGRET_WITH_RACE = 1.0
P95_REGRET_WITH_RACE = 4.0
RACE_SHARE = 0.10
MEAN_REGRET_WITHOUT_RACE = 2.0
MEASURING_SHARE = 0.01
BETTER_THAN_THE_PLAIN_RULE = 2.0
WORSE_THAN_ALWAYS_FULL = 0.3
SHARE_OF_ALWAYS_FULL_SECONDS = 0.40
COVERAGE_OF_80_PERCENT = (0.75, 0.85)
MEDIAN_ERROR_OF_SECONDS = 0.25
