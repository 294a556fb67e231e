"""A classifier on features of every stage: the mean of each stage's output beside the network's own features.

Low stages keep colours and textures that the last one has let go. It only makes sense on frozen layers.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn

from finetune.model.features import channel_means
from finetune.model.heads import HeadSpec
from finetune.model.layers import Grouping, layer_groups
from strategies.base import LayerGroup

BODY = "backbone"
HEAD = "head"


class MultiStageClassifier(nn.Module):
    """``backbone`` without its classifier, and a linear ``head`` on what its stages give.

    ``widths`` maps each stage that is read to its number of channels, in network order; the last one is left
    out, since its mean is what the network's own pooling gives. ``grouping`` are the layer groups, the
    backbone's own with the new head. Takes B x 3 x H x W and gives B x K logits.
    """

    def __init__(self, backbone: nn.Module, *, n_classes: int, image_size: int) -> None:
        super().__init__()
        self.spec = HeadSpec("multi-stage")
        inner = layer_groups(backbone)
        timm_model: Any = backbone
        timm_model.reset_classifier(0)
        self.backbone = backbone
        self._exits = dict(list(inner.exits.items())[:-1])
        *stages, last = self._measure_widths(image_size)
        self.widths = dict(zip(self._exits, stages, strict=True))
        self.num_features = sum(stages) + last
        self.head = nn.Linear(self.num_features, n_classes)
        self.grouping = _with_head(inner, self.head)

    def get_classifier(self) -> nn.Module:
        """Return the linear head."""
        return self.head

    def forward(self, images: Tensor) -> Tensor:
        """Return B x K logits."""
        logits: Tensor = self.head(torch.cat(self._parts(images), dim=1))
        return logits

    def _parts(self, images: Tensor) -> list[Tensor]:
        """Return B x channels of every stage that is read, then the backbone's own B x d features."""
        with self._listening() as heard:
            last = self.backbone(images)
        return [*(channel_means(heard[exit]) for exit in self._exits.values()), last]

    @contextmanager
    def _listening(self) -> Iterator[dict[str, Tensor]]:
        """Collect the exits' outputs within the block; a pass in another thread is not overheard."""
        heard: dict[str, Tensor] = {}
        thread = threading.get_ident()

        def keep(exit: str) -> Callable[..., None]:
            def hook(_module: nn.Module, _inputs: tuple[Tensor, ...], output: Tensor) -> None:
                if threading.get_ident() == thread:
                    heard[exit] = output

            return hook

        hooks = [
            self.backbone.get_submodule(exit).register_forward_hook(keep(exit))
            for exit in self._exits.values()
        ]
        try:
            yield heard
        finally:
            for handle in hooks:
                handle.remove()

    @torch.no_grad()
    def _measure_widths(self, image_size: int) -> list[int]:
        was_training = self.training
        self.eval()
        device = next(self.backbone.parameters()).device
        widths = [
            part.shape[1] for part in self._parts(torch.zeros(1, 3, image_size, image_size, device=device))
        ]
        self.train(was_training)
        return widths


def _with_head(inner: Grouping, head: nn.Linear) -> Grouping:
    """Return the backbone's groups under their names here, with the new head in place of its own."""
    n_parameters = sum(parameter.numel() for parameter in head.parameters())
    group_of = {
        f"{BODY}.{tensor}": group for tensor, group in inner.group_of.items() if group != inner.head.name
    }
    return Grouping(
        (*inner.groups[:-1], LayerGroup(HEAD, "head", n_parameters)),
        {**group_of, **{f"{HEAD}.{name}": HEAD for name in head.state_dict()}},
        {group: f"{BODY}.{exit}" for group, exit in inner.exits.items()},
    )
