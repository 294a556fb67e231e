"""The features that the advice is measured on, from the cache that training reads, where they stay for it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

import numpy as np

from finetune.data.transforms import TrainingTransform
from finetune.model.build import build
from finetune.model.describe import plan_for
from finetune.model.features import Features, FloatArray
from finetune.model.heads import HeadSpec
from finetune.model.layers import layer_groups
from finetune.model.multi_stage import MultiStageClassifier
from finetune.progress import SILENT, Advance, Reporter
from finetune.recipe import Recipe
from finetune.training.feature_cache import Frozen
from finetune.training.frozen import feature_precision
from finetune.training.learner import Learner
from finetune.training.prepared import Prepared
from finetune.training.resolve import preprocessing_of
from strategies import make_strategy


class MeasuredFeatures:
    """An `advice.measure.Extractor` of the pretrained network at the size that ``recipe`` trains at.

    What it computes is kept for `freeze-all` and for heads that are fitted first, with a head on the last layer or
    on every stage, unless ``uses_cache`` or the recipe's is off. The network is built when it is first needed.
    """

    def __init__(self, prepared: Prepared, recipe: Recipe, *, uses_cache: bool = True) -> None:
        self._prepared = prepared
        self._uses_cache = uses_cache and recipe.cache != "off"
        self._recipe = recipe
        self._side = recipe.image_size or prepared.backbone.image_size

    @property
    def wide(self) -> int:
        """Return the width of all stages together."""
        return self._model.num_features

    @property
    def width(self) -> int:
        """Return the width of the classifier's input."""
        return self.wide - sum(self._model.widths.values())

    @cached_property
    def _learner(self) -> Learner:
        return self._with_head("multi-stage")

    @property
    def _model(self) -> MultiStageClassifier:
        model = self._learner.model
        assert isinstance(model, MultiStageClassifier)
        return model

    def __call__(self, paths: Sequence[Path], advance: Callable[[int], None]) -> Features:
        """Return the features of ``paths`` in their order."""
        counting = _Counting(len(paths), advance)
        rows = self._frozen(self._learner, counting).features(paths, views=1)
        counting.finish()
        penultimate = rows[:, -self.width :]
        self._frozen(self._with_head("linear"), SILENT).keep(paths, penultimate)
        return Features(penultimate, self._stages(rows, penultimate))

    def _stages(self, rows: FloatArray, penultimate: FloatArray) -> dict[str, FloatArray]:
        """Return each stage's columns of ``rows``; the last stage's are what the classifier gets."""
        names = [group.name for group in self._learner.grouping.groups[:-1]]
        widths = self._model.widths
        ends = np.cumsum([0, *widths.values()])
        stages = {name: rows[:, ends[rank] : ends[rank + 1]] for rank, name in enumerate(widths)}
        return {**stages, names[-1]: penultimate}

    def _with_head(self, kind: str) -> Learner:
        prepared = self._prepared
        model = build(
            prepared.backbone,
            n_classes=len(prepared.split.class_names),
            weights=prepared.weights,
            seed=self._recipe.seed,
            image_size=self._side,
            head=HeadSpec(kind),
        )
        grouping = layer_groups(model)
        plan = plan_for(make_strategy("freeze-all"), grouping)
        preprocessing = preprocessing_of(prepared.backbone, self._side)
        return Learner(model, grouping, plan, prepared.split, preprocessing)

    def _frozen(self, learner: Learner, reporter: Reporter) -> Frozen:
        recipe = self._recipe
        return Frozen(
            learner,
            TrainingTransform(learner.preprocessing, "none", recipe.seed),
            feature_precision(learner, recipe),
            use_cache=self._uses_cache,
            workers=recipe.workers,
            max_minutes=None,
            reporter=reporter,
        )


class _Counting:
    """A reporter that says nothing and hands on how many of ``total`` images are done; kept ones are done at once."""

    def __init__(self, total: int, advance: Callable[[int], None]) -> None:
        self._total, self._advance, self._done = total, advance, 0

    def say(self, text: str) -> None:
        """Drop the text: it is about training."""

    @contextmanager
    def track(self, title: str) -> Iterator[Advance]:  # noqa: ARG002
        """Give a function that hands on by how much the count has grown."""
        yield self._take

    def finish(self) -> None:
        """Count the rest as done."""
        self._take(self._total, self._total)

    def _take(self, done: int, _total: int) -> None:
        self._advance(done - self._done)
        self._done = done
