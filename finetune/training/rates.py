"""The optimizer that is used where none was chosen, and each other's rate in proportion to it. No torch."""

from __future__ import annotations

DEFAULT_OPTIMIZER = "adamw"
DEFAULT_MOMENTUM = 0.9

LR_FACTORS = {
    # Without a step normalised by the gradient's own size, the rate must be larger.
    "sgd": 20.0,
    "sgdp": 20.0,
    "sgdw": 20.0,
    "adagrad": 10.0,
    # The step is a thousandth (the trust coefficient) of the weights' own norm (You et al., 2017).
    "lars": 2000.0,
    # The step's length is the sign's, 3 to 10 times as long (Chen et al., NeurIPS 2023, section 5).
    "lion": 0.2,
}
"""How many times AdamW's peak learning rate suits an optimizer; 1 where nothing stands here."""

HIGHEST_LR = 10.0


def default_lr(optimizer: str, adamw_lr: float) -> float:
    """Return the peak learning rate for ``optimizer`` where ``adamw_lr`` suits AdamW."""
    return min(HIGHEST_LR, adamw_lr * LR_FACTORS.get(optimizer, 1.0))


def default_weight_decay(optimizer: str, adamw_weight_decay: float) -> float:
    """Return the decay that shrinks weights as fast under ``optimizer``: its product with the rate is the same."""
    return adamw_weight_decay / LR_FACTORS.get(optimizer, 1.0)
