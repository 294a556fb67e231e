"""Made-up measures, tables, costs and outlooks: what the advice is made of, without an image or a network."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from finetune.advice.advise import Advice, DatasetProfile, advise
from finetune.advice.contenders import CONTENDERS
from finetune.advice.costs import Cost, Pace, StepPace, Task
from finetune.advice.evidence import Sizes
from finetune.advice.forecast import ForecastTable, Remaining
from finetune.advice.measured import Measures
from finetune.advice.measures.certainty import Certainty
from finetune.advice.measures.learning_curve import fit_curve
from finetune.advice.outlook import Outlook, look_ahead
from finetune.advice.race import Rung
from finetune.advice.regression import Belief
from finetune.advice.similarity import TransferGain

SIZES = Sizes(800, 4)
MEASURES = Measures(
    n_images=400,
    gain=TransferGain(0.6, 0.8, 0.5, 400),
    neighbours=0.65,
    last_layer=0.7,
    stages=(("stem", 0.4), ("middle", 0.75), ("last", 0.7)),
    log_me=0.1,
    h_score=1.5,
    shift=(0.3, 0.1),
    certainty=Certainty(0.6, 0.3),
    curve=fit_curve([50, 100, 200], [0.5, 0.4, 0.33]),
    majority=0.25,
)
NAMES = tuple(CONTENDERS)
LIFTS = {"freeze-all": 0.0, "multi-stage": 0.2, "partial": 0.3, "full-finetune": 0.5, "from-scratch": -2.0}
"""How far above the probe's logit each contender lies in a table where nobody asks for other lifts."""
SECONDS = {
    "freeze-all": 10.0,
    "multi-stage": 12.0,
    "partial": 80.0,
    "full-finetune": 320.0,
    "from-scratch": 960.0,
}
PACE = Pace(
    load_s=0.01,
    crop_s=0.001,
    forward_s=0.02,
    steps={
        "full-finetune": StepPace(0.08, 0.0, 1e6, trained=10_000, parameters=10_000),
        "partial": StepPace(0.04, 0.015, 4e5, trained=4_000, parameters=10_000),
    },
    base_bytes=10**8,
    width=100,
    wide=300,
)
TASK = Task(n_train=200, n_val=50, n_test=40, n_classes=4)


def measures_of(*, gain: float = 0.6, pretrained: float = 0.8, **changes: Any) -> Measures:
    """`MEASURES` with another transfer gain, accuracy of the probe on all stages, or anything else."""
    return replace(MEASURES, gain=TransferGain(gain, pretrained, 0.5, 400), **changes)


def table_of(
    lifts: Mapping[str, float] | None = None,
    *,
    noise: float = 0.0025,
    by_reading: Mapping[str, Mapping[str, float]] | None = None,
    remaining: Mapping[str, Sequence[Remaining]] | None = None,
) -> ForecastTable:
    """A table in which each contender lies so much above the probe: ``lifts`` in logits, changes to `LIFTS`.

    ``by_reading`` holds, by reading and contender, what one standard deviation of the reading adds: the readings
    are centred on `MEASURES` of `SIZES`, with deviation 1.
    """
    from finetune.advice.evidence import read

    asked = {**LIFTS, **(lifts or {})}
    readings = tuple(by_reading or {"transfer_gain": {}})
    deviations = np.full(1 + len(readings), 0.02)
    weights = {
        name: np.array([asked[name], *((by_reading or {}).get(one, {}).get(name, 0.0) for one in readings)])
        for name in NAMES
    }
    return ForecastTable(
        version=0,
        origin="made up",
        readings=readings,
        centre=read(SIZES, MEASURES, readings),
        scale=np.ones(len(readings)),
        beliefs={name: Belief.independent(weights[name], deviations, noise=noise) for name in NAMES},
        correlation=np.eye(len(NAMES)),
        widening=dict.fromkeys(NAMES, 1.0),
        n_trainings=1_234,
        remaining={name: tuple(rows) for name, rows in (remaining or {}).items()},
    )


def best_is(name: str) -> ForecastTable:
    """A table in which ``name`` is better than all others by far."""
    return table_of({**dict.fromkeys(NAMES, -1.0), name: 3.0})


def costs_of(seconds: Mapping[str, float] | None = None) -> dict[str, Cost]:
    """Costs of all contenders: ``seconds`` are changes to `SECONDS`."""
    return {name: Cost(spent, 5e8, 0.5) for name, spent in {**SECONDS, **(seconds or {})}.items()}


def outlook_of(
    table: ForecastTable | None = None,
    measures: Measures = MEASURES,
    *,
    sizes: Sizes = SIZES,
    costs: Mapping[str, Cost] | None = None,
    rungs: Sequence[Rung] = (),
    **choices: Any,
) -> Outlook:
    """The outlook of made-up measures; ``choices`` are those of `look_ahead`."""
    return look_ahead(table or table_of(), sizes, measures, costs or costs_of(), rungs=rungs, **choices)


def advice_of(outlook: Outlook, *, sizes: Sizes = SIZES, **facts: Any) -> Advice:
    """The advice of an outlook, whose profile has ``sizes`` and the outlook's transfer gain."""
    profile = DatasetProfile(sizes.n_train, sizes.n_classes, "wasps", 37, outlook.measures.gain)
    return advise(profile, **{"where": "my photos", "backbone": "resnet18", **facts}, outlook=outlook)
