"""Adaptive average pooling as two matrix products, where the exporter knows no operator for it.

VGG pools 2 x 2 or 3 x 3 outputs of small images up to the 7 x 7 that its dense layers take; ONNX has average pooling
with whole windows alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F  # noqa: N812 - torch's own convention
from torch.overrides import TorchFunctionMode


def window_means(n_in: int, n_out: int) -> Tensor:
    """Return the ``n_out`` x ``n_in`` matrix of torch's windows.

    Row i averages the inputs from floor(i * n_in / n_out) up to ceil((i + 1) * n_in / n_out).
    """
    matrix = torch.zeros(n_out, n_in)
    for row in range(n_out):
        start, end = row * n_in // n_out, -((row + 1) * n_in // -n_out)
        matrix[row, start:end] = 1 / (end - start)
    return matrix


class MatrixPooling(TorchFunctionMode):
    """Within it, pooling to sides that do not divide the input's is done by matrices, and all else as ever."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        """Take over `F.adaptive_avg_pool2d` where it is needed."""
        if func is F.adaptive_avg_pool2d:
            images, wanted = args[0], args[1] if len(args) > 1 else (kwargs or {})["output_size"]
            height, width = (int(side) for side in images.shape[-2:])
            rows, columns = _sides(wanted, height, width)
            if height % rows or width % columns:
                return window_means(height, rows) @ images @ window_means(width, columns).T
        return func(*args, **(kwargs or {}))


def _sides(wanted: Any, height: int, width: int) -> tuple[int, int]:
    """Read ``output_size``: one number or two, where None keeps a side."""
    rows, columns = (wanted, wanted) if isinstance(wanted, int) else wanted
    return rows or height, columns or width
