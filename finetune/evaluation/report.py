"""The report of a run: one JSON file with stable keys, and the sentence that sums it up."""

from __future__ import annotations

import importlib.metadata
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from finetune.evaluation.metrics import Metrics

SCHEMA = 1
NAMED_BASELINES = {"knn": "nearest neighbours of frozen features", "linear_probe": "linear probe"}
VERSIONED = (
    "finetune-strategies",
    "torch",
    "torchvision",
    "timm",
    "pytorch-lightning",
    "scikit-learn",
    "pillow",
)


@dataclass(frozen=True)
class Report:
    """What a run came to. ``metrics`` were measured on the images of ``accuracy_split``.

    ``selection_split`` is the split that chose the epoch, or None when nothing was chosen on a split.
    ``n_images`` counts train, val and test; ``seconds_by_phase`` are wall-clock seconds. ``weights`` holds
    source, sha256 and licence. ``combined`` holds ``averaging`` and ``wise_ft`` where weights were averaged or
    interpolated, ``corrections`` which tables dropped or relabelled how many images; ``augmentation``
    the policy, the strengths that training used, and what the class names forbid. ``notes`` are sentences that must
    be read beside the result: that training diverged, or that it kept the weights that it began with. ``judged`` is
    `Summary`'s part; ``baselines`` what is easy to get, by name; ``peak_memory`` in MB; ``hashes`` are SHA-256
    by what they are of.
    """

    strategy: str
    strategy_requested: str
    backbone: str
    weights: Mapping[str, str]
    metrics: Metrics
    accuracy_split: str
    selection_split: str | None
    n_images: Mapping[str, int]
    class_names: Sequence[str]
    trainable_share: float
    image_size: int
    seconds_by_phase: Mapping[str, float]
    seed: int
    stopped: str
    advice: Mapping[str, Any] | None
    quarantined: int
    combined: Mapping[str, Any] = field(default_factory=dict)
    corrections: Mapping[str, Any] = field(default_factory=dict)
    augmentation: Mapping[str, Any] = field(default_factory=dict)
    notes: Sequence[str] = ()
    judged: Mapping[str, Any] = field(default_factory=dict)
    baselines: Mapping[str, Any] = field(default_factory=dict)
    peak_memory: Mapping[str, float] = field(default_factory=dict)
    hashes: Mapping[str, str] = field(default_factory=dict)

    @property
    def seconds(self) -> float:
        """Return the wall-clock seconds of all phases."""
        return sum(self.seconds_by_phase.values())

    def to_json(self) -> dict[str, Any]:
        """Return the report under its stable keys."""
        metrics = self.metrics
        return {
            "schema": SCHEMA,
            "strategy": self.strategy,
            "strategy_requested": self.strategy_requested,
            "backbone": self.backbone,
            "weights": dict(self.weights),
            "accuracy": metrics.accuracy,
            "accuracy_interval": list(metrics.accuracy_interval),
            "accuracy_split": self.accuracy_split,
            "selection_split": self.selection_split,
            "n_correct": metrics.n_correct,
            "balanced_accuracy": metrics.balanced_accuracy,
            "macro_f1": metrics.macro_f1,
            "log_loss": metrics.log_loss,
            "majority_accuracy": metrics.majority_accuracy,
            "confusion": [list(row) for row in metrics.confusion],
            **self.judged,
            "baselines": dict(self.baselines),
            "n_train": self.n_images["train"],
            "n_val": self.n_images["val"],
            "n_test": self.n_images["test"],
            "n_quarantined": self.quarantined,
            **({"corrections": dict(self.corrections)} if self.corrections else {}),
            "classes": list(self.class_names),
            "trainable_share": self.trainable_share,
            "image_size": self.image_size,
            "seconds": round(self.seconds, 2),
            "seconds_by_phase": {name: round(seconds, 2) for name, seconds in self.seconds_by_phase.items()},
            "peak_memory": dict(self.peak_memory),
            "seed": self.seed,
            "hashes": dict(self.hashes),
            "stopped": self.stopped,
            "notes": list(self.notes),
            "augmentation": dict(self.augmentation),
            **self.combined,
            "advice": self.advice,
            "versions": versions(),
        }

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Report:
        """Return the report of ``values``, as `to_json` gave them."""
        names = {one.name for one in fields(cls)} - {
            "metrics",
            "n_images",
            "class_names",
            "combined",
            "quarantined",
        }
        made = cls(
            **{name: values[name] for name in names if name in values},
            metrics=Metrics.from_json(values),
            n_images={name: values[f"n_{name}"] for name in ("train", "val", "test")},
            class_names=tuple(values["classes"]),
            quarantined=values["n_quarantined"],
        )
        others = {name: value for name, value in values.items() if name not in made.to_json()}
        return replace(made, combined=others)

    @classmethod
    def read(cls, path: Path) -> Report:
        """Return the report in the file ``path``, as `write` left it."""
        return cls.from_json(json.loads(path.read_text(encoding="utf-8")))

    def write(self, path: Path) -> None:
        """Write the report as JSON."""
        path.write_text(json.dumps(self.to_json(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    def sentence(self) -> str:
        """Return the result in one sentence, with its interval and what it was selected on."""
        metrics = self.metrics
        low, high = metrics.accuracy_interval
        caution = ", selected on this split" if self.selection_split == self.accuracy_split else ""
        right = f"{metrics.n_correct} of {metrics.n_images} {self.accuracy_split} images right"
        return (
            f"{self.strategy}{self._alpha()}: {right}, "
            f"{100 * metrics.accuracy:.1f} % (95 % interval {100 * low:.1f} to {100 * high:.1f}{caution}), "
            f"macro F1 {metrics.macro_f1:.3f}; "
            f"always naming the commonest class gets {100 * metrics.majority_accuracy:.1f} %"
        )

    def beside(self) -> str:
        """Return the baselines and the calibration in one sentence; empty where neither is known."""
        told = [
            f"{name} {100 * found['accuracy']:.1f} % ({100 * low:.1f} to {100 * high:.1f})"
            for key, name in NAMED_BASELINES.items()
            if "accuracy" in (found := self.baselines.get(key, {}))
            for low, high in (found["accuracy_interval"],)
        ]
        calibration = self.judged.get("calibration", {})
        if calibration.get("fitted_on", "none") != "none":
            told.append(
                f"calibration error {calibration['ece_before']:.3f}, {calibration['ece_after']:.3f} at temperature "
                f"{calibration['temperature']:.2f}"
            )
        return f"beside it: {'; '.join(told)}" if told else ""

    def sentences(self) -> list[str]:
        """Return all that must be said of the result, the score first."""
        beside = self.beside()
        return [self.sentence(), *([beside] if beside else []), *(f"note: {note}" for note in self.notes)]

    def _alpha(self) -> str:
        """Return how far the weights went from the head alone, where it was chosen."""
        return f" (alpha {self.combined['wise_ft']['alpha']:g})" if "wise_ft" in self.combined else ""


def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that decide the numbers."""
    found = {"python": platform.python_version()}
    for name in VERSIONED:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "not installed as a package"
    return found
