"""The bundle's ``calibration.json``, as far as an export needs it: the temperature that logits are divided by."""

from __future__ import annotations

import json
import math
from pathlib import Path

from finetune.errors import RunError

CALIBRATION = "calibration.json"


def read_temperature(folder: Path) -> float:
    """Return the ``temperature``, above 0; 1 for a bundle that is not calibrated.

    Raises RunError for a damaged file.
    """
    try:
        temperature = float(json.loads((folder / CALIBRATION).read_text(encoding="utf-8"))["temperature"])
    except FileNotFoundError:
        return 1.0
    except (ValueError, KeyError, TypeError):
        temperature = math.nan
    if not (0 < temperature < math.inf):
        raise RunError(f"{folder / CALIBRATION} tells no temperature above 0; calibrate again")
    return temperature
