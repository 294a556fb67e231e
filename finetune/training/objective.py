"""What training makes small: the loss on a batch, mixed, smoothed and weighted as the recipe says, and penalties."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own convention

from finetune.data.augmentation.mixing import mixing_of
from finetune.model.layers import Grouping
from finetune.recipe import Recipe
from finetune.recipe.augmentations import mixes
from finetune.training.penalties import Penalties
from strategies import Plan


class Objective(nn.Module):
    """The objective of one run, in the steps that a training step takes: `mix`, `data_loss`, `penalty`.

    ``class_counts`` are the training images of each class, in the classes' order; they are needed for
    ``class_balance: weights``. About ``model``, see `Penalties`: it must be as it was built.
    """

    def __init__(
        self,
        model: nn.Module,
        grouping: Grouping,
        plan: Plan,
        recipe: Recipe,
        *,
        n_classes: int,
        class_counts: Sequence[int] | None = None,
    ) -> None:
        super().__init__()
        self._smoothing = recipe.label_smoothing or 0.0
        self._mixing = mixing_of(mixes(recipe), n_classes=n_classes)
        self._penalties = Penalties(model, grouping, plan, recipe)
        weights = None
        if recipe.class_balance == "weights":
            assert class_counts is not None
            weights = torch.tensor(balanced_weights(class_counts))
        self.register_buffer("_class_weights", weights, persistent=False)

    def mix(self, images: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Return the batch to train on: ``targets`` B in [0, K) as they are, or mixed, B x K shares.

        Draws from torch's own generator on the CPU, which the caller has seeded.
        """
        return (images, targets) if self._mixing is None else self._mixing(images, targets)

    def data_loss(self, logits: Tensor, targets: Tensor) -> Tensor:
        """Return the loss of one batch in nats, without penalties."""
        weights: Tensor | None = self.get_buffer("_class_weights")
        return classification_loss(logits, targets, label_smoothing=self._smoothing, class_weights=weights)

    def penalty(self, model: nn.Module) -> Tensor | None:
        """Return what ``model``'s weights cost, or None where no penalty was chosen."""
        penalty: Tensor | None = self._penalties(model)
        return penalty


def classification_loss(
    logits: Tensor, targets: Tensor, *, label_smoothing: float = 0.0, class_weights: Tensor | None = None
) -> Tensor:
    """Return the mean cross-entropy in nats of B x K ``logits``; ``targets`` B in [0, K), or B x K shares.

    ``label_smoothing`` in [0, 1) of each target is spread over all classes (Szegedy et al., CVPR 2016). With
    ``class_weights``, K of mean 1 over the images, each image counts by its target's weights. The sum is then
    divided by B, not by the batch's own weights, so that equal images count alike in whatever batch they lie.
    """
    if class_weights is None:
        return F.cross_entropy(logits, targets, label_smoothing=label_smoothing)
    summed = F.cross_entropy(
        logits, targets, weight=class_weights, label_smoothing=label_smoothing, reduction="sum"
    )
    return summed / len(targets)


def balanced_weights(class_counts: Sequence[int]) -> list[float]:
    """Return n / (K n_k) for each of the K classes, as scikit-learn's ``balanced``; each count must be >= 1."""
    return [sum(class_counts) / (len(class_counts) * count) for count in class_counts]
