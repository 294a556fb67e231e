"""Join the trained grid with what was measured before: one cell a data set, size and seed."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from common import RESULTS, read_rows

from advisor.fit import STRATEGIES, Cell
from finetune.advice.evidence import Sizes
from finetune.advice.measured import Measures

GRID, MEASURES = RESULTS / "advisor-grid.jsonl", RESULTS / "advisor-measures.jsonl"


def cells() -> list[Cell]:
    """Return the cells for which every strategy was trained and the measures were taken."""
    trained: dict[tuple[str, int, int], dict[str, dict[str, Any]]] = defaultdict(dict)
    for row in read_rows(GRID):
        trained[row["set"], row["n"], row["seed"]][row["strategy"]] = row
    found = []
    for row in read_rows(MEASURES):
        rows = trained[row["set"], row["n"], row["seed"]]
        if not rows.keys() >= set(STRATEGIES):
            continue
        one = rows[STRATEGIES[0]]
        found.append(
            Cell(
                row["set"],
                row["base"],
                row["seed"],
                Sizes(one["n_train"], row["n_classes"]),
                Measures.from_json(row["measures"]),
                {name: rows[name]["accuracy"] for name in STRATEGIES},
                {name: rows[name]["processor_seconds"] for name in STRATEGIES},
                one["n_test"],
                {name: rows[name]["val_accuracy"] for name in STRATEGIES},
                {name: rows[name]["epochs"] for name in STRATEGIES},
                one["n_val"],
            )
        )
    return found
