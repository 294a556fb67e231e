"""The loss on a batch is its formula, mixed, smoothed or weighted, and its gradient is that of the formula."""

import math
from collections import Counter

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from networks import batch
from sklearn.utils.class_weight import compute_class_weight
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own convention

from finetune.data.augmentation.mixing import Mixing, mixing_of
from finetune.recipe import Recipe
from finetune.recipe.augmentations import mixes
from finetune.training.objective import balanced_weights, classification_loss

N_CLASSES = 4
WEIGHTS = torch.tensor([0.5, 2.0, 1.0, 0.25], dtype=torch.float64)


def logits_and_targets(n_images: int = 6) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(n_images, N_CLASSES, generator=generator, dtype=torch.float64)
    return logits, torch.randint(N_CLASSES, (n_images,), generator=generator)


def shares(n_images: int = 6) -> Tensor:
    generator = torch.Generator().manual_seed(1)
    return torch.rand(n_images, N_CLASSES, generator=generator, dtype=torch.float64).softmax(dim=1)


def by_hand(logits: Tensor, shares: Tensor, smoothing: float, weights: Tensor) -> float:
    """Written out over images and classes, with nothing but log, exp and sums."""
    total = 0.0
    for row, share in zip(logits.tolist(), shares.tolist(), strict=True):
        normaliser = math.log(sum(math.exp(value) for value in row))
        for k in range(N_CLASSES):
            target = (1 - smoothing) * share[k] + smoothing / N_CLASSES
            total -= float(weights[k]) * target * (row[k] - normaliser)
    return total / len(logits)


@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("weights", [None, WEIGHTS])
@pytest.mark.parametrize("is_soft", [False, True])
def test_the_loss_is_its_formula_and_so_is_its_gradient(
    smoothing: float, weights: Tensor | None, is_soft: bool
) -> None:
    logits, classes = logits_and_targets()
    soft = shares() if is_soft else F.one_hot(classes, N_CLASSES).double()
    targets = soft if is_soft else classes
    found = classification_loss(logits, targets, label_smoothing=smoothing, class_weights=weights)
    ones = torch.ones(N_CLASSES)
    assert found.item() == pytest.approx(
        by_hand(logits, soft, smoothing, ones if weights is None else weights)
    )

    def loss(values: Tensor) -> Tensor:
        return classification_loss(values, targets, label_smoothing=smoothing, class_weights=weights)

    assert torch.autograd.gradcheck(loss, (logits.requires_grad_(),))


def test_an_image_weighs_the_same_in_whatever_batch_it_lies() -> None:
    """torch's own mean divides by the batch's weights: a batch of rare images would count no more than any."""
    logits, targets = logits_and_targets(6)
    whole = classification_loss(logits, targets, class_weights=WEIGHTS)
    halves = [
        classification_loss(logits[part], targets[part], class_weights=WEIGHTS)
        for part in (slice(0, 3), slice(3, 6))
    ]
    assert whole.item() == pytest.approx(sum(half.item() for half in halves) / 2, rel=1e-12)
    theirs = [F.cross_entropy(logits[part], targets[part], WEIGHTS) for part in (slice(0, 3), slice(3, 6))]
    assert F.cross_entropy(logits, targets, WEIGHTS).item() != pytest.approx(sum(theirs).item() / 2, rel=1e-3)


@given(st.lists(st.integers(1, 500), min_size=2, max_size=12))
def test_balanced_weights_are_those_of_scikit_learn_and_average_to_one(counts: list[int]) -> None:
    labels = np.repeat(np.arange(len(counts)), counts)
    found = balanced_weights(counts)
    theirs = compute_class_weight("balanced", classes=np.arange(len(counts)), y=labels)
    assert found == pytest.approx(theirs.tolist(), rel=1e-12)
    assert np.mean([found[label] for label in labels]) == pytest.approx(1)


def mixing(**choices: float) -> Mixing:
    made = mixing_of(mixes(Recipe.make(**choices)), n_classes=3)
    assert made is not None
    return made


def test_without_mixup_or_cutmix_nothing_is_mixed() -> None:
    assert mixing_of(mixes(Recipe()), n_classes=3) is None


@pytest.mark.parametrize("alpha", [0.2, 1.0, 5.0])
def test_mixup_blends_each_image_with_its_neighbour_and_the_targets_alike(alpha: float) -> None:
    images, targets = batch(1, 6)
    mixed, soft = mixing(mixup=alpha)(images, targets)
    one_hot = F.one_hot(targets, 3).float()
    rolled = F.one_hot(targets.roll(1), 3).float()
    share = ((soft - rolled)[one_hot > 0] / (one_hot - rolled)[one_hot > 0]).mean().item()
    assert 0 <= share <= 1
    assert torch.allclose(soft, share * one_hot + (1 - share) * rolled, atol=1e-6)
    assert torch.allclose(mixed, share * images + (1 - share) * images.roll(1, 0), atol=1e-5)
    assert torch.allclose(soft.sum(dim=1), torch.ones(6))


def test_cutmix_pastes_a_box_of_the_neighbour_and_the_targets_by_its_share() -> None:
    images, targets = batch(1, 6)
    for seed in range(8):
        torch.manual_seed(seed)
        mixed, soft = mixing(cutmix=1.0)(images, targets)
        pasted = (mixed != images).all(dim=1)
        assert torch.equal(mixed[:, :, pasted[0]], images.roll(1, 0)[:, :, pasted[0]])
        share = pasted.float().mean(dim=(1, 2))
        assert torch.allclose(1 - soft.gather(1, targets[:, None]).squeeze(1), share, atol=1e-5)
        assert torch.allclose(soft.gather(1, targets.roll(1)[:, None]).squeeze(1), share, atol=1e-5)


def test_of_both_each_batch_gets_one_at_random_drawn_from_torchs_generator() -> None:
    images, targets = batch(1, 6)
    mix = mixing(mixup=1.0, cutmix=1.0)
    kinds: Counter[bool] = Counter()
    for seed in range(40):
        torch.manual_seed(seed)
        mixed, soft = mix(images, targets)
        torch.manual_seed(seed)
        again = mix(images, targets)
        assert torch.equal(mixed, again[0])
        assert torch.equal(soft, again[1])
        from_one = (mixed == images) | (mixed == images.roll(1, 0))
        kinds["cutmix" if from_one.all() else "mixup"] += 1
    assert min(kinds["cutmix"], kinds["mixup"]) >= 8


def test_alphas_that_cannot_be_are_refused_by_the_recipe() -> None:
    from finetune.errors import OptionError

    with pytest.raises(OptionError, match=r"^--mixup is -1: input should be greater than 0$"):
        Recipe.make(mixup=-1)
