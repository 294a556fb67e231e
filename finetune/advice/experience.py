"""What the user's own finished trainings teach the forecasts. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from finetune.advice.evidence import Sizes
from finetune.advice.forecast import ForecastTable
from finetune.advice.measured import Measures


@dataclass(frozen=True)
class Training:
    """A finished training: what was measured before, and the ``accuracy`` of ``contender`` on ``n_judged`` images.

    ``key`` tells one training from another: the data's fingerprint, the backbone, the contender and the seed.
    """

    key: str
    contender: str
    sizes: Sizes
    measures: Measures
    accuracy: float
    n_judged: int

    def to_json(self) -> dict[str, Any]:
        """Return everything under the names of the fields."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Training:
        """Return what `to_json` gave; raises KeyError, TypeError or ValueError for anything else."""
        made = cls(
            str(values["key"]),
            str(values["contender"]),
            Sizes(int(values["sizes"]["n_train"]), int(values["sizes"]["n_classes"])),
            Measures.from_json(values["measures"]),
            float(values["accuracy"]),
            int(values["n_judged"]),
        )
        if not made.is_possible:
            raise ValueError(f"no training can have come to {values}")
        return made

    @property
    def is_possible(self) -> bool:
        """Whether every number that the forecasts look at lies in its range."""
        sizes, measures = self.sizes, self.measures
        gain = measures.gain
        shares = (
            self.accuracy,
            measures.last_layer,
            measures.neighbours,
            gain.accuracy_pretrained,
            *(score for _, score in measures.stages),
        )
        shift = measures.shift or (0.0, 0.0)
        return (
            min(sizes.n_train, self.n_judged, measures.n_images, len(measures.stages)) >= 1
            and sizes.n_classes >= 2
            and all(0 <= share <= 1 for share in shares)
            and -1 <= gain.value <= 1
            and min(shift) >= 0
        )


def learnt_from(table: ForecastTable, trainings: Iterable[Training]) -> ForecastTable:
    """Return ``table`` after the user's ``trainings``; those of contenders that it does not know teach nothing."""
    for one in trainings:
        if one.contender in table.beliefs:
            table = table.learn(one.contender, one.sizes, one.measures, one.accuracy, n=one.n_judged)
    return table
