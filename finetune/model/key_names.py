"""Translate the tensor names of a weights file into timm's: a pure function of names and shapes.

torchvision and timm name a ResNet's tensors alike. A VGG's three dense layers are `classifier.0`, `.3` and
`.6` in torchvision; timm has them as `pre_logits.fc1`, `pre_logits.fc2` (convolutions of 7×7 and 1×1) and
`head.fc`, as in `checkpoint_filter_fn` of timm's `models/vgg.py`. Wrappers put a prefix before every name.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import prod

Shape = tuple[int, ...]

WRAPPERS = ("module.", "_orig_mod.", "model.")
"""What DataParallel, torch.compile and a LightningModule put before every name."""

VGG_LAYERS = {"classifier.0": "pre_logits.fc1", "classifier.3": "pre_logits.fc2", "classifier.6": "head.fc"}
VGG_MARK = "pre_logits.fc1.weight"


@dataclass(frozen=True)
class Place:
    """Where a tensor of the file belongs: its name in the network, and the shape that it takes there."""

    name: str
    shape: Shape


def places(found: Mapping[str, Shape], wanted: Mapping[str, Shape]) -> dict[str, Place]:
    """Say for every tensor of a file where it belongs in the network whose tensors are ``wanted``.

    Every name of ``found`` gets a place of its own, in the same order. A tensor that belongs nowhere keeps its
    name and shape, so that whoever compares names and shapes can refuse it. Shapes change only where the
    number of elements does not.
    """
    prefix = common_wrappers(found, wanted)
    vgg = VGG_LAYERS if VGG_MARK in wanted else {}
    result = {}
    for name, shape in found.items():
        layer, dot, kind = name.removeprefix(prefix).rpartition(".")
        new = vgg.get(layer, layer) + dot + kind
        result[name] = Place(new, _reshaped(shape, wanted.get(new, shape)))
    if len({place.name for place in result.values()}) < len(result):
        return {name: Place(name, shape) for name, shape in found.items()}
    return result


def common_wrappers(found: Iterable[str], wanted: Iterable[str] = ()) -> str:
    """Return the wrappers' prefixes that stand before every name of ``found`` (``"module._orig_mod."``), or ``""``.

    A prefix that the network's own names all carry is part of them and no wrapper.
    """
    names, own = list(found), list(wanted)
    prefix = ""
    while names:
        rest = [name.removeprefix(prefix) for name in names]
        more = next((w for w in WRAPPERS if all(len(n) > len(w) and n.startswith(w) for n in rest)), None)
        if more is None or (own and all(name.startswith(more) for name in own)):
            break
        prefix += more
    return prefix


def _reshaped(shape: Shape, wanted: Shape) -> Shape:
    """Return the shape of a convolution for the matrix of a dense layer with as many outputs and inputs."""
    is_dense = len(shape) == 2 and len(wanted) == 4
    return wanted if is_dense and shape[0] == wanted[0] and prod(shape) == prod(wanted) else shape
