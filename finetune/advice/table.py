"""The table of forecasts that is shipped: what the trainings of ``benchmarks/advisor_grid.py`` have taught."""

from __future__ import annotations

import json
from functools import cache
from importlib.resources import files

from finetune.advice.forecast import ForecastTable

FILE = "forecast_table.json"


@cache
def shipped_table() -> ForecastTable:
    """Return the table of this version."""
    return ForecastTable.from_json(json.loads((files("finetune.advice") / FILE).read_text(encoding="utf-8")))
