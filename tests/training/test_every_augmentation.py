"""Each augmentation with each strategy: it changes what is trained on, or it is refused by name."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from learners import CLASS_NAMES, learner_in, recipe_of
from numpy.typing import NDArray

from finetune.data.augmentation.family import FAMILY, MIXED, PER_IMAGE, flag
from finetune.data.augmentation.policies import strengths_of
from finetune.errors import OptionError
from finetune.model.backbones import find_backbone
from finetune.progress import SILENT
from finetune.recipe import Recipe
from finetune.recipe.augmentations import mixes, switches
from finetune.training.frozen import view_features
from finetune.training.learner import Learner
from finetune.training.loaders import train_batches
from finetune.training.objective import Objective
from finetune.training.resolve import resolve
from strategies import STRATEGIES

WAYS: dict[str, dict[str, Any]] = {
    **{strategy: {"strategy": strategy} for strategy in STRATEGIES},
    "freeze-all, stepped": {"strategy": "freeze-all", "head": "dense"},
}
"""Every way of training: those of a strategy's own, and steps on frozen features."""

REFUSED = {(way, name) for way in ("freeze-all", "freeze-all, stepped") for name in MIXED}


def strongest(name: str) -> Any:
    row = FAMILY[name]
    return True if row.kind == "switch" else int(row.most) if row.kind == "whole" else row.most


def recipe_for(way: str, **changes: Any) -> Recipe:
    if way == "freeze-all":
        return Recipe.make(**WAYS[way], workers=0, cache="off", **changes)
    return recipe_of(**WAYS[way], **changes)


def trained_on(learner: Learner, recipe: Recipe) -> NDArray[np.float32]:
    """What the first step, or the solution of the head, is given of the training images."""
    if recipe.strategy == "freeze-all" and recipe.head is None:
        features, _ = view_features(learner, recipe, reporter=SILENT)
        return features[: len(learner.split.train)]
    objective = Objective(
        learner.model, learner.grouping, learner.plan, recipe, n_classes=len(CLASS_NAMES), class_counts=None
    )
    images, targets = next(iter(train_batches(learner, recipe)))
    torch.manual_seed(0)
    mixed: NDArray[np.float32] = objective.mix(images, torch.as_tensor(targets))[0].numpy()
    return mixed


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """What a way of training is given without any option, and the learner it is given to."""
    folder: Path = tmp_path_factory.mktemp("ways")

    @cache
    def made(way: str) -> tuple[Learner, NDArray[np.float32]]:
        learner = learner_in(folder / way, WAYS[way]["strategy"])
        return learner, trained_on(learner, recipe_for(way))

    return made


@pytest.mark.parametrize("name", FAMILY)
@pytest.mark.parametrize("way", WAYS)
def test_an_augmentation_that_is_named_is_applied_or_refused(way: str, name: str, shown: Any) -> None:
    if (way, name) in REFUSED:
        with pytest.raises(OptionError, match=rf"^{flag(name)} has no effect with strategy 'freeze-all', "):
            recipe_for(way, **{name: strongest(name)})
        return
    learner, without = shown(way)
    seen = trained_on(learner, recipe_for(way, **{name: strongest(name)}))
    assert seen.shape == without.shape
    changed = (seen != without).reshape(len(seen), -1).any(axis=1)
    assert changed.any()


@pytest.mark.parametrize("name", FAMILY)
@pytest.mark.parametrize("way", WAYS)
def test_beside_no_policy_what_is_done_to_an_image_is_refused_and_what_mixes_is_applied(
    way: str, name: str, shown: Any
) -> None:
    chosen = {"augment": "none", name: strongest(name)}
    if name in PER_IMAGE:
        with pytest.raises(OptionError, match=rf"^{flag(name)}( \S+)? has no effect with --augment none, "):
            recipe_for(way, **chosen)
    elif (way, name) not in REFUSED:
        learner, _ = shown(way)
        plain = trained_on(learner, recipe_for(way, augment="none"))
        assert (trained_on(learner, recipe_for(way, **chosen)) != plain).any()


@pytest.mark.parametrize("name", FAMILY)
@pytest.mark.parametrize("strategy", STRATEGIES)
def test_under_an_advised_strategy_it_is_applied_or_a_note_names_it(strategy: str, name: str) -> None:
    resolved = resolve(
        Recipe.make(**{name: strongest(name)}),
        strategy=strategy,
        backbone=find_backbone("resnet18"),
        weights="none" if strategy == "from-scratch" else "hub",
        n_train=100,
    )
    kept = dict((*switches(resolved.recipe), *mixes(resolved.recipe)))
    if (strategy, name) in REFUSED:
        assert not kept
        (note,) = resolved.notes
        assert note.startswith(f"note: {flag(name)} not used: freeze-all ")
    else:
        assert kept == {name: float(strongest(name))}
        assert resolved.notes == ()


@pytest.mark.parametrize("name", PER_IMAGE)
@pytest.mark.parametrize("way", WAYS)
def test_what_is_switched_off_is_off_whatever_the_policy_holds(way: str, name: str) -> None:
    off = False if FAMILY[name].kind == "switch" else 0
    recipe = recipe_for(way, augment="strong", **{name: off})
    assert strengths_of("strong", switches(recipe))[name] == 0


@pytest.mark.parametrize("name", MIXED)
def test_mixing_by_nothing_is_refused(name: str) -> None:
    with pytest.raises(OptionError, match=rf"^{flag(name)} is 0: input should be greater than 0$"):
        Recipe.make(**{name: 0})
