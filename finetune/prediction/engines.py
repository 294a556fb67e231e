"""What runs a bundle's network over many images: torch or ONNX Runtime, whichever was measured to be faster."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

import torch
from torch import Tensor

from finetune.bundle.answers import Engine
from finetune.bundle.bundle import Bundle
from finetune.bundle.predict import BATCH_SIZE, read_views
from finetune.bundle.views import PLAIN
from finetune.errors import OptionError, RunError
from finetune.export.network import FEATURES, LOGITS, PIXELS, network_graph
from finetune.export.session import open_session
from finetune.model.device import best_device

EngineName = Literal["torch", "onnxruntime"]
EngineChoice = Literal["auto", "torch", "onnxruntime"]

WORTH_S = 20.0
"""Expected seconds of torch's below which writing the network for the other engine and timing both takes too long."""

MARGIN = 0.9
"""ONNX Runtime is chosen when it needs less than this share of torch's time: what is a tie stays with torch."""


@dataclass(frozen=True)
class Chosen:
    """The ``engine``, its ``name``, and why it was chosen."""

    engine: Engine
    name: EngineName
    why: str


class OnnxEngine:
    """A bundle's network in ONNX Runtime on the processor, in fp32."""

    def __init__(self, bundle: Bundle) -> None:
        """Write the network of ``bundle`` as a graph; raises RunError for one that cannot be."""
        graph = network_graph(bundle.model, bundle.preprocessing.image_size, with_features=True)
        self._session = open_session(graph.SerializeToString())

    def logits(self, images: Tensor) -> Tensor:
        """See `Engine.logits`."""
        return self._run([LOGITS], images)[0]

    def outputs(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """See `Engine.outputs`."""
        logits, features = self._run([LOGITS, FEATURES], images)
        return logits, features

    def _run(self, names: list[str], images: Tensor) -> list[Tensor]:
        pixels = images.contiguous().numpy()
        return [torch.from_numpy(values) for values in self._session.run(names, {PIXELS: pixels})]


def check_engine(name: str) -> EngineChoice:
    """Return ``name`` if an engine is called so; raises OptionError."""
    for choice in get_args(EngineChoice):
        if name == choice:
            return choice  # type: ignore[no-any-return]
    raise OptionError(f"unknown engine '{name}'; choose from {', '.join(get_args(EngineChoice))}")


def choose_engine(bundle: Bundle, paths: list[Path], choice: EngineChoice = "auto") -> Chosen:
    """Return what shall run the network of ``bundle`` for ``paths``.

    ``auto`` times both on the first images that can be read, where there are enough to make up for it, and chooses
    torch where a GPU does the work or the network cannot be written as a graph.
    Raises RunError when ``onnxruntime`` is asked for a network that it cannot run.
    """
    if choice == "torch":
        return Chosen(bundle, "torch", "asked for")
    if choice == "onnxruntime":
        return Chosen(OnnxEngine(bundle), "onnxruntime", "asked for")
    if best_device().type != "cpu":
        return Chosen(bundle, "torch", f"it runs on {best_device()}")
    sample = _sample(bundle, paths) if len(paths) > BATCH_SIZE else None
    if sample is None:
        return Chosen(bundle, "torch", "there are few images")
    return _faster(bundle, sample, n_images=len(paths))


def _sample(bundle: Bundle, paths: Iterable[Path]) -> Tensor | None:
    """Return a batch of inputs, of the first paths that are images; None where the first hundreds are not."""
    inputs: list[Tensor] = []
    for _, path in zip(range(8 * BATCH_SIZE), paths, strict=False):
        views = read_views(bundle, path, PLAIN)
        if isinstance(views, Tensor):
            inputs.append(views[0])
        if len(inputs) == BATCH_SIZE:
            return torch.stack(inputs)
    return None


def _faster(bundle: Bundle, sample: Tensor, *, n_images: int) -> Chosen:
    torch_s = _seconds_an_image(bundle, bundle, sample)
    if torch_s * n_images < WORTH_S:
        return Chosen(bundle, "torch", f"{1 / torch_s:,.0f} images/s need no other")
    try:
        onnx = OnnxEngine(bundle)
    except RunError as error:
        return Chosen(bundle, "torch", str(error))
    onnx_s = _seconds_an_image(bundle, onnx, sample)
    rates = f"torch {1 / torch_s:,.0f} images/s, onnxruntime {1 / onnx_s:,.0f}"
    if onnx_s < MARGIN * torch_s:
        return Chosen(onnx, "onnxruntime", rates)
    return Chosen(bundle, "torch", rates)


def _seconds_an_image(bundle: Bundle, engine: Engine, sample: Tensor, *, times: int = 3) -> float:
    """Return the least of several times after one that warms up."""
    run: Callable[[Tensor], object] = engine.outputs if bundle.calibration.can_judge else engine.logits
    taken = []
    for _ in range(times + 1):
        start = time.perf_counter()
        run(sample)
        taken.append(time.perf_counter() - start)
    return min(taken[1:]) / len(sample)
