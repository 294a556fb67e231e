"""Read the tensors of a weights file: .safetensors, a pickled state dict, or the installed package's."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from finetune.errors import WeightsError
from finetune.model.key_names import Shape, places
from finetune.model.pickled import SUFFIXES as PICKLED_SUFFIXES
from finetune.model.pickled import read_pickled

if TYPE_CHECKING:
    from torch import Tensor

SAFE_SUFFIX = ".safetensors"
SUFFIXES = (SAFE_SUFFIX, *PICKLED_SUFFIXES)


def read_state(path: Path, sha256: str, wanted: Mapping[str, Shape]) -> dict[str, Tensor]:
    """Return the tensors of ``path`` under the names, and in the shapes, of the network's tensors ``wanted``.

    What has no place in the network keeps its own name and shape. Raises WeightsError for an unreadable file.
    """
    state = read_pickled(path, sha256)[0] if path.suffix in PICKLED_SUFFIXES else _read_safe(path)
    placed = places({name: tuple(tensor.shape) for name, tensor in state.items()}, wanted)
    return {placed[name].name: tensor.reshape(placed[name].shape) for name, tensor in state.items()}


def _read_safe(path: Path) -> dict[str, Tensor]:
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return dict(load_file(path))
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path} is not a readable .safetensors file ({error}); fetch it again") from None


def read_packaged(path: Path, wanted: Mapping[str, Shape]) -> dict[str, Tensor]:
    """Map the package's tensors onto timm's names: one to one, in order, the classifier last."""
    import torch

    tensors = torch.load(path, map_location="cpu", weights_only=True)
    return dict(zip(wanted, tensors.values(), strict=True))
