"""Which epoch's weights are kept: by what validation says, or simply the last."""

from __future__ import annotations

import math
from collections.abc import Mapping

from finetune.recipe.names import Monitored, Select

WATCHED: Mapping[Select, Monitored] = {
    "accuracy": "val_score",
    "macro-f1": "val_macro_f1",
    "loss": "val_loss",
    "last": "none",
}
"""What early stopping watches where nothing is said: what the epoch is chosen by."""

TIE_BREAK = 1e-6
"""Less than the smallest step of a macro F1 of fewer than a thousand classes and images a class: it breaks ties."""


def merit(select: Select, logged: Mapping[str, float], *, epoch: int) -> float:
    """Return what the kept epoch has the highest of; nan where the weights are no good.

    ``logged`` are the scores of validation by name. Ties in macro F1 go to the lower loss, as those in accuracy do.
    """
    loss = float(logged["val_loss"])
    if select == "last":
        return float(epoch) if math.isfinite(loss) else math.nan
    if select == "loss":
        return -loss
    if select == "macro-f1":
        return float(logged["val_macro_f1"]) + TIE_BREAK / (1 + loss)
    return float(logged["val_score"])


def chooses_on_val(select: Select, early_stopping: Monitored) -> bool:
    """Whether the number of epochs that the kept weights were trained for is chosen on val."""
    return select != "last" or early_stopping.startswith("val")
