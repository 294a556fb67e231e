"""Nested training state as JSON and tensors, and back, so that no pickle is ever read."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor


def pack(tree: Any) -> tuple[str, dict[str, Tensor]]:
    """Return ``tree`` as JSON text and its tensors by the names that the text uses for them.

    Holds None, bool, int, float, str, lists, tuples, dicts with such keys, and tensors; NaN and infinities
    too. Tensors come out on the CPU, contiguous, each with memory of its own. Raises TypeError for all else.
    """
    tensors: dict[str, Tensor] = {}
    return json.dumps(_packed(tree, tensors), allow_nan=False), tensors


def unpack(text: str, tensors: Mapping[str, Tensor]) -> Any:
    """Return the tree that `pack` was given; raises ValueError when text and tensors do not fit."""
    try:
        return _unpacked(json.loads(text), tensors)
    except (KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"no state is packed in it ({type(error).__name__}: {error})") from None


def _packed(value: Any, tensors: dict[str, Tensor]) -> Any:
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else {"float": str(value)}
    if isinstance(value, Tensor):
        return _packed_tensor(value, tensors)
    if isinstance(value, list):
        return [_packed(item, tensors) for item in value]
    if isinstance(value, tuple):
        return {"tuple": [_packed(item, tensors) for item in value]}
    if isinstance(value, Mapping):
        return {"dict": [[_packed(key, tensors), _packed(item, tensors)] for key, item in value.items()]}
    raise TypeError(f"{type(value).__name__} is no part of a training state")


def _packed_tensor(value: Tensor, tensors: dict[str, Tensor]) -> dict[str, str]:
    # An optimizer steps through memory in its tensors' own order: another order may round differently.
    is_channels_last = (
        value.dim() == 4
        and not value.is_contiguous()
        and value.is_contiguous(memory_format=torch.channels_last)
    )
    name = str(len(tensors))
    tensors[name] = value.detach().cpu().clone(memory_format=torch.contiguous_format)
    return {"channels_last" if is_channels_last else "tensor": name}


def _unpacked(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    if isinstance(value, list):
        return [_unpacked(item, tensors) for item in value]
    if not isinstance(value, dict):
        return value
    ((kind, content),) = value.items()
    if kind == "tensor":
        return tensors[content]
    if kind == "channels_last":
        return tensors[content].to(memory_format=torch.channels_last)
    if kind == "float":
        return float(content)
    if kind == "tuple":
        return tuple(_unpacked(item, tensors) for item in content)
    if kind == "dict":
        return {_unpacked(key, tensors): _unpacked(item, tensors) for key, item in content}
    raise ValueError(f"no state has a part called '{kind}'")
