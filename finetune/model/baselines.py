"""Networks without pretrained weights, to show what transfer buys: `fc2`, `fc3` and `cnn-small`.

Registered with timm when this module is imported, as ``fc2``, ``fc3`` and ``cnn_small`` (timm's names hold no
hyphen), and built like timm's own: layer groups, ``forward_features``, ``forward_head``, a classifier. A bundle of
one is loaded by timm's ``local-dir:`` only where this module was imported before.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from timm.models import build_model_with_cfg, generate_default_cfgs, register_model
from torch import Tensor, nn

from finetune.model.backbones import CATALOGUE
from finetune.model.heads import DEFAULT_SLOPE, make_activation

FC2_HIDDEN = (1024,)
FC3_HIDDEN = (1024, 512)
CNN_HIDDEN = (128,)
CNN_CHANNELS = (32, 64, 128)

default_cfgs = generate_default_cfgs(
    {
        row.timm_name: {
            "input_size": (3, row.image_size, row.image_size),
            "fixed_input_size": True,
            "mean": row.mean,
            "std": row.std,
            "interpolation": row.interpolation,
            "crop_pct": row.crop,
            "license": row.licence,
            "classifier": "classifier",
            "num_classes": 1000,
        }
        for row in CATALOGUE.values()
        if row.is_baseline
    }
)


class Baseline(nn.Module):
    """``stem``, ``blocks`` and ``pre_logits`` one after the other, then the linear ``classifier``.

    Takes B x 3 x ``img_size`` x ``img_size``. ``model_args`` build the same network anew through timm.
    """

    def __init__(
        self,
        layers: tuple[nn.Module, nn.Module, nn.Module],
        classifier: nn.Module,
        *,
        num_classes: int,
        num_features: int,
        model_args: dict[str, Any],
    ) -> None:
        super().__init__()
        self.stem, self.blocks, self.pre_logits = layers
        self.classifier = classifier
        self._has_bias = getattr(classifier, "bias", None) is not None
        self.num_classes = num_classes
        self.num_features = self.head_hidden_size = num_features
        self.model_args = model_args

    def group_matcher(self, coarse: bool = False) -> dict[str, Any]:  # noqa: ARG002 - timm's signature
        """Return timm's patterns of the layers in order."""
        return {"stem": r"^stem", "blocks": r"^blocks\.(\d+)", "pre_logits": r"^pre_logits"}

    def get_classifier(self) -> nn.Module:
        """Return the last layer."""
        return self.classifier

    def reset_classifier(self, num_classes: int) -> None:
        """Put a fresh last layer of that width, or none for 0."""
        self.num_classes = num_classes
        self.classifier = _classifier(self.num_features, num_classes, bias=self._has_bias)

    def forward_features(self, images: Tensor) -> Tensor:
        """Return what the last layer takes in, B x ``num_features``."""
        features: Tensor = self.pre_logits(self.blocks(self.stem(images)))
        return features

    def forward_head(self, features: Tensor, pre_logits: bool = False) -> Tensor:
        """Return B x K logits of B x ``num_features`` features, or these themselves."""
        logits: Tensor = features if pre_logits else self.classifier(features)
        return logits

    def forward(self, images: Tensor) -> Tensor:
        """Return B x K logits."""
        return self.forward_head(self.forward_features(images))


def _classifier(width: int, num_classes: int, *, bias: bool) -> nn.Module:
    return nn.Linear(width, num_classes, bias=bias) if num_classes else nn.Identity()


def _fully_connected(
    num_classes: int = 1000,
    img_size: int | Sequence[int] = 32,
    in_chans: int = 3,
    *,
    hidden: Sequence[int],
    activation: str = "relu",
    negative_slope: float = DEFAULT_SLOPE,
    bias: bool,
) -> Baseline:
    side = _side(img_size)
    widths = (in_chans * side**2, *hidden)
    layers = [
        (nn.Linear(taken, given, bias=bias), make_activation(activation, negative_slope))
        for taken, given in zip(widths, hidden, strict=False)
    ]
    return Baseline(
        (
            nn.Sequential(nn.Flatten(), *layers[0]),
            nn.Sequential(*(nn.Sequential(*layer) for layer in layers[1:])),
            nn.Identity(),
        ),
        _classifier(widths[-1], num_classes, bias=bias),
        num_classes=num_classes,
        num_features=widths[-1],
        model_args=_arguments(side, hidden, activation, negative_slope),
    )


def _convolutional(
    num_classes: int = 1000,
    img_size: int | Sequence[int] = 64,
    in_chans: int = 3,
    *,
    channels: Sequence[int] = CNN_CHANNELS,
    hidden: Sequence[int] = CNN_HIDDEN,
    activation: str = "relu",
    negative_slope: float = DEFAULT_SLOPE,
) -> Baseline:
    side = _side(img_size)

    def block(taken: int, given: int) -> nn.Sequential:
        act = make_activation(activation, negative_slope)
        return nn.Sequential(nn.Conv2d(taken, given, 3, padding=1), act, nn.MaxPool2d(2))

    (width,) = hidden
    flat = channels[-1] * (side // 2 ** len(channels)) ** 2
    return Baseline(
        (
            block(in_chans, channels[0]),
            nn.Sequential(*map(block, channels, channels[1:])),
            nn.Sequential(nn.Flatten(), nn.Linear(flat, width), make_activation(activation, negative_slope)),
        ),
        _classifier(width, num_classes, bias=True),
        num_classes=num_classes,
        num_features=width,
        model_args={**_arguments(side, hidden, activation, negative_slope), "channels": list(channels)},
    )


def _side(img_size: int | Sequence[int]) -> int:
    return img_size if isinstance(img_size, int) else int(math.sqrt(math.prod(img_size)))


def _arguments(side: int, hidden: Sequence[int], activation: str, negative_slope: float) -> dict[str, Any]:
    return {
        "img_size": side,
        "hidden": list(hidden),
        "activation": activation,
        "negative_slope": negative_slope,
    }


@register_model
def fc2(pretrained: bool = False, **options: Any) -> Baseline:
    """W2 max(0, W1 x + b1) + b2, or another activation; ``hidden`` has one width."""
    return _built(_fully_connected, "fc2", pretrained, {"hidden": FC2_HIDDEN, "bias": True, **options})


@register_model
def fc3(pretrained: bool = False, **options: Any) -> Baseline:
    """W3 max(0, W2 max(0, W1 x)), without biases; ``hidden`` has two widths, or one for both."""
    given = tuple(options.pop("hidden", FC3_HIDDEN))
    hidden = given if len(given) > 1 else given * 2
    return _built(_fully_connected, "fc3", pretrained, {"hidden": hidden, "bias": False, **options})


@register_model
def cnn_small(pretrained: bool = False, **options: Any) -> Baseline:
    """(convolution 3 x 3 -> activation -> max-pool 2 x 2) a width of ``channels``, then a dense layer."""
    return _built(_convolutional, "cnn_small", pretrained, options)


def _built(make: Any, name: str, pretrained: bool, options: dict[str, Any]) -> Baseline:
    model: Baseline = build_model_with_cfg(make, name, pretrained, **options)
    return model
