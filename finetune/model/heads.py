"""Classifiers to put on a network: linear, dense with hidden layers, cosine; and putting one there.

A head takes B x d features and gives B x K logits. It takes the place of timm's own classifier, so that the
network's layer groups, its ``get_classifier`` and its forward pass know it as theirs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own convention

DEFAULT_HIDDEN = (256,)
DEFAULT_SLOPE = 0.01
DENSE_DROPOUT = 0.5
COSINE_SCALE = 10.0
MOST_HIDDEN = 2
ACTIVATIONS = ("relu", "leaky-relu", "sigmoid", "tanh")


@dataclass(frozen=True)
class HeadSpec:
    """Which head: ``kind`` is ``linear``, ``dense``, ``cosine`` or ``multi-stage``.

    ``hidden`` are the widths of a dense head's one or two hidden layers, empty for the others;
    ``negative_slope`` is leaky-relu's slope below zero, in (0, 1); ``dropout`` in [0, 1). Raises ValueError.
    """

    kind: str = "linear"
    hidden: tuple[int, ...] = ()
    activation: str = "relu"
    negative_slope: float = DEFAULT_SLOPE
    dropout: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what no head can be."""
        if self.kind not in ("linear", "dense", "cosine", "multi-stage"):
            raise ValueError(f"there is no head called '{self.kind}'")
        if self.activation not in ACTIVATIONS:
            raise ValueError(f"there is no activation called '{self.activation}'")
        least, most = (1, MOST_HIDDEN) if self.kind == "dense" else (0, 0)
        if not least <= len(self.hidden) <= most or min(self.hidden, default=1) < 1:
            raise ValueError(f"a {self.kind} head has {least} to {most} hidden layers, not {self.hidden}")
        if not 0 <= self.dropout < 1 or not 0 < self.negative_slope < 1:
            raise ValueError("a head's dropout lies in [0, 1), its slope in (0, 1)")

    def to_json(self) -> dict[str, Any]:
        """Return the fields as JSON-ready values."""
        return {**asdict(self), "hidden": list(self.hidden)}

    @classmethod
    def from_json(cls, fields: Mapping[str, Any]) -> HeadSpec:
        """Return what `to_json` told; raises KeyError, TypeError or ValueError for anything else."""
        return cls(
            kind=fields["kind"],
            hidden=tuple(int(width) for width in fields["hidden"]),
            activation=fields["activation"],
            negative_slope=float(fields["negative_slope"]),
            dropout=float(fields["dropout"]),
        )


def make_activation(name: str, negative_slope: float = DEFAULT_SLOPE) -> nn.Module:
    """Return max(0, x), leaky-relu (``negative_slope`` * x below zero), 1 / (1 + exp(-x)) or tanh(x) as a module."""
    made: dict[str, nn.Module] = {
        "relu": nn.ReLU(),
        "leaky-relu": nn.LeakyReLU(negative_slope),
        "sigmoid": nn.Sigmoid(),
        "tanh": nn.Tanh(),
    }
    return made[name]


class LinearHead(nn.Linear):
    """W x + b with a share of x dropped in training; its tensors are named as timm's own classifier's."""

    def __init__(self, n_features: int, n_classes: int, *, dropout: float, bias: bool = True) -> None:
        super().__init__(n_features, n_classes, bias=bias)
        self.dropout = dropout

    def forward(self, features: Tensor) -> Tensor:
        """Return B x K logits. Inverted dropout: what is kept is scaled by 1 / (1 - p), so nothing changes later."""
        return super().forward(F.dropout(features, self.dropout, self.training))


class DenseHead(nn.Module):
    """One or two hidden layers: each linear -> activation -> dropout, then a linear layer.

    The features themselves are not dropped: with one hidden layer that is VGG's and AlexNet's placement above
    their first dense layer (Srivastava et al., JMLR 2014, for dropout and its default share of a half).
    """

    def __init__(self, n_features: int, n_classes: int, spec: HeadSpec) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        width = n_features
        for hidden in spec.hidden:
            layers += [
                nn.Linear(width, hidden),
                make_activation(spec.activation, spec.negative_slope),
                nn.Dropout(spec.dropout),
            ]
            width = hidden
        self.layers = nn.Sequential(*layers, nn.Linear(width, n_classes))
        self.spec = spec
        self.in_features, self.out_features = n_features, n_classes

    def forward(self, features: Tensor) -> Tensor:
        """Return B x K logits."""
        logits: Tensor = self.layers(features)
        return logits


class CosineHead(nn.Module):
    """scale * cos(x, w_k), with a weight vector a class and one learned scale.

    Gidaris and Komodakis, "Dynamic few-shot visual learning without forgetting", CVPR 2018, whose scale also
    begins at 10. A class cannot win by the length of its weights, as it can in a linear head when images are few.
    """

    def __init__(self, n_features: int, n_classes: int, spec: HeadSpec) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(n_classes, n_features))
        self.scale = nn.Parameter(torch.tensor(COSINE_SCALE))
        self.dropout = nn.Dropout(spec.dropout)
        self.spec = spec
        self.in_features, self.out_features = n_features, n_classes
        nn.init.normal_(self.weight, std=math.sqrt(2 / n_features))

    def forward(self, features: Tensor) -> Tensor:
        """Return B x K logits, each in [-scale, scale]."""
        return self.scale * F.linear(F.normalize(self.dropout(features)), F.normalize(self.weight))


CLASSIFIERS = (nn.Linear, DenseHead, CosineHead)
"""What can be a network's classifier; `LinearHead` is an nn.Linear."""


def make_head(spec: HeadSpec, n_features: int, n_classes: int, *, bias: bool = True) -> nn.Module:
    """Return a fresh head for B x ``n_features`` inputs, drawn from torch's own generator."""
    if spec.kind == "dense":
        return DenseHead(n_features, n_classes, spec)
    if spec.kind == "cosine":
        return CosineHead(n_features, n_classes, spec)
    return LinearHead(n_features, n_classes, dropout=spec.dropout, bias=bias)


def spec_of(classifier: nn.Module) -> HeadSpec:
    """Return the spec of a network's classifier; a linear one's dropout is of training only and left out."""
    return HeadSpec() if isinstance(classifier, nn.Linear) else classifier.spec  # type: ignore[return-value]


def replace_head(model: nn.Module, name: str, spec: HeadSpec) -> None:
    """Put a fresh head in place of the linear classifier ``name`` of ``model``, on its device."""
    former = model.get_submodule(name)
    assert isinstance(former, nn.Linear)
    head = make_head(spec, former.in_features, former.out_features, bias=former.bias is not None)
    parent, _, own = name.rpartition(".")
    setattr(model.get_submodule(parent), own, head.to(former.weight.device))
