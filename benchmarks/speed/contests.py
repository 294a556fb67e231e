"""What is measured against what: one row a contest, one row a contestant."""

from __future__ import annotations

from dataclasses import dataclass

OURS = "ours"


@dataclass(frozen=True)
class Contest:
    """One data set, one network with one set of weights, one strategy, so many epochs of so large batches.

    ``weights`` is ``packaged`` (ImageNet's) or ``random`` (a file of random numbers: only times mean something).
    ``contestants`` are the peers besides ours, each with whether it is given bfloat16 and channels-last.
    """

    name: str
    data: str
    backbone: str
    weights: str
    strategy: str
    epochs: int
    contestants: tuple[tuple[str, bool], ...]
    batch_size: int = 32
    image_size: int = 224
    seed: int = 0

    @property
    def judges_accuracy(self) -> bool:
        """Whether the weights are such that an accuracy means something."""
        return self.weights != "random"


@dataclass(frozen=True)
class Peer:
    """What a peer's environment gets; no packages: it runs in the environment that runs this script."""

    script: str
    packages: tuple[str, ...] = ()


NOT_MIXED = "torch!=2.13.0+cpu"
"""Where a folder of wheels offers this one, torchvision comes built for CUDA and does not load beside it."""

PEERS = {
    OURS: Peer("ours.py"),
    "plain": Peer("plain.py"),
    "fastai": Peer("fastai_.py", ("fastai", "timm", "safetensors")),
    "transformers": Peer("transformers_.py", ("transformers[torch]", "timm", "safetensors")),
    "autogluon": Peer("autogluon_.py", ("autogluon.multimodal", "safetensors", NOT_MIXED)),
    "autotimm": Peer("autotimm_.py", ("autotimm", "safetensors")),
}
"""The plain loop needs nothing that we do not need ourselves, so both run on the very same torch and timm."""

_LIBRARIES = (
    *((peer, fast) for peer in ("plain", "fastai", "transformers", "autotimm") for fast in (False, True)),
    ("autogluon", False),  # it takes no bfloat16 on a processor
)
_LOOPS = (("plain", False), ("plain", True))

CONTESTS = (
    Contest(
        "freeze-all-hymenoptera",
        "hymenoptera",
        "tf_efficientnet_lite0",
        "packaged",
        "freeze-all",
        5,
        _LIBRARIES,
    ),
    Contest(
        "freeze-all-sign-digits",
        "sign-digits",
        "tf_efficientnet_lite0",
        "packaged",
        "freeze-all",
        5,
        _LIBRARIES,
    ),
    Contest("partial-epochs", "hymenoptera", "resnet18", "random", "partial", 12, _LOOPS),
    Contest("full-epoch", "hymenoptera", "resnet18", "random", "full-finetune", 4, _LOOPS),
)
"""fastai's `fine_tune` adds one epoch of the head alone, by its default."""
