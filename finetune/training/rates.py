"""The optimizer that is used where none was chosen, and each other's rate in proportion to it. No torch."""

from __future__ import annotations

DEFAULT_OPTIMIZER = "adamw"
DEFAULT_MOMENTUM = 0.9

LR_FACTORS = {
    # Steps along the gradient itself, whose norm is clipped at 1, not along one scaled entry by entry.
    "sgd": 50.0,
    "sgdp": 50.0,
    "sgdw": 50.0,
    "adagrad": 3.0,
    "lamb": 10.0,
    # The step is a thousandth (the trust coefficient) of the weights' own norm (You et al., 2017).
    "lars": 2000.0,
    # All entries step by the full rate; 3 to 10 times less is advised (Chen et al., NeurIPS 2023, section 5).
    "lion": 1 / 3,
    # The gradient is scaled by its norm over the whole tensor (Ginsburg et al., 2019).
    "novograd": 30.0,
    # The rate is held back for the first hundreds of steps (Liu et al., ICLR 2020).
    "radam": 3.0,
    "rmsprop": 0.3,
}
"""How many times AdamW's peak learning rate suits an optimizer; 1 where nothing stands here.

Each was chosen among one to four tried (``sgdp`` and ``sgdw`` take SGD's), by the loss on 300 hand signs after the
last stage and the head of EfficientNet-Lite0 had learned 60 steps of 32 from 400 others; ``lion`` and ``radam`` lie
below their best, which a short training favours. A place to start from, no optimum.
"""

HIGHEST_LR = 10.0


def default_lr(optimizer: str, adamw_lr: float) -> float:
    """Return the peak learning rate for ``optimizer`` where ``adamw_lr`` suits AdamW."""
    return min(HIGHEST_LR, adamw_lr * LR_FACTORS.get(optimizer, 1.0))


def default_weight_decay(optimizer: str, adamw_weight_decay: float) -> float:
    """Return the decay that shrinks weights as fast under ``optimizer``: its product with the rate is the same."""
    return adamw_weight_decay / LR_FACTORS.get(optimizer, 1.0)
