"""WiSE-FT: go back from the fine-tuned weights towards the head alone, as far as validation likes it.

Wortsman et al., Robust fine-tuning of zero-shot models (CVPR 2022): W = (1 - alpha) W_head-only + alpha W_fine-tuned
over all tensors. The head-only network is the pretrained one with its solved head, which training began with.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import torch
from torch import Tensor, nn

from finetune.errors import OptionError
from finetune.evaluation.interpolation import Interpolation, InterpolationRow
from finetune.evaluation.scores import Scores

ALPHAS = (0.0, 0.25, 0.5, 0.75, 1.0)

State = Mapping[str, Tensor]


def refuse_without_solved_head(strategy: str, *, head_first: bool) -> None:
    """Raise OptionError unless training begins with a solved head, which one end of the line needs."""
    if not head_first:
        raise OptionError(
            f"--wise-ft goes back to a head solved on the pretrained features, but strategy '{strategy}' is set to "
            "train without one; use --head-first, or leave --wise-ft out"
        )


def between(start: State, end: State, alpha: float) -> dict[str, Tensor]:
    """Return (1 - alpha) ``start`` + alpha ``end``, equal to either to the bit at 0 and at 1.

    Tensors of whole numbers (batch norm's counts) are the end's, but at 0.
    """
    if alpha in (0.0, 1.0):
        return dict(end if alpha else start)
    return {
        name: torch.lerp(start[name], tensor, alpha) if tensor.is_floating_point() else tensor
        for name, tensor in end.items()
    }


def interpolate(model: nn.Module, start: State, *, score: Callable[[], Scores]) -> Interpolation:
    """Leave ``model``, now fine-tuned, with the weights between ``start`` and its own that score best.

    ``score`` measures the model on val. Of weights that score alike, those nearer to the fine-tuned are taken.
    """
    end = {name: tensor.detach().cpu().clone() for name, tensor in model.state_dict().items()}
    rows = []
    for alpha in ALPHAS:
        model.load_state_dict(between(start, end, alpha))
        found = score()
        rows.append(InterpolationRow(alpha, found.val_loss, found.val_accuracy, found.val_score))
    interpolation = Interpolation(tuple(rows))
    model.load_state_dict(between(start, end, interpolation.best.alpha))
    return interpolation
