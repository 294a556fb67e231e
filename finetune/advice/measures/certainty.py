"""How sure ImageNet's own classifier is of the images. Needs no labels, and means nothing at another image size."""

from __future__ import annotations

import math
from dataclasses import dataclass

from torch import Tensor


@dataclass(frozen=True)
class Certainty:
    """``entropy`` in [0, 1]: the mean entropy of the classifier's answers as a share of the greatest possible;
    ``confidence`` in [0, 1]: the mean probability of its first answer."""

    entropy: float
    confidence: float


def certainty_of(logits: Tensor) -> Certainty:
    """Return how sure the n x K ``logits`` are: mean H(p) / ln K and mean max p (Hendrycks and Gimpel, ICLR 2017)."""
    log_p = logits.double().log_softmax(dim=1)
    entropy = -(log_p.exp() * log_p).sum(dim=1).mean()
    return Certainty(float(entropy) / math.log(logits.shape[1]), float(log_p.exp().amax(dim=1).mean()))
