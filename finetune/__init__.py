"""Fine-tune an ImageNet network on your own images, and know why it was done that way.

The flow, step by step:

1. `open_source` finds the images: a folder per class, an archive, a manifest, arrays, or a set by its name.
2. `inspect_source` decodes each one and reports what is unreadable, doubled, leaking or too small.
3. `split_images` cuts train, val and test: seeded, stratified, duplicates on one side.
4. `measure_transfer_gain` measures how much ImageNet's features help on these images.
5. `advise` places size and similarity in the square and picks one of the four `strategies`.
6. `Recipe` holds every choice of a run, checked once, at birth.
7. `build` makes the network, `layer_groups` cuts it into stages, the strategy plans, `apply_plan` freezes.
8. `fit` does all of it and trains, in a run folder.
9. `resume` goes on with a run that was interrupted, to the same result.
10. `Report` says what came out, with intervals.
11. `load_bundle` and `predict` use the result, `write_predictions` does for many images, and `explain_image` says why
    it answers so.

`run_batch` does it for many a `Job`, unattended.

Names are loaded when first used, so importing this package does not load torch.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from finetune.errors import FinetuneError

if TYPE_CHECKING:
    from finetune.advice.advise import Advice, advise
    from finetune.advice.similarity import measure_transfer_gain
    from finetune.batch.job import Job
    from finetune.batch.run import run_batch
    from finetune.bundle.bundle import Bundle, load_bundle
    from finetune.bundle.evaluate import evaluate
    from finetune.bundle.predict import Prediction, predict
    from finetune.data.health import HealthReport, inspect_source
    from finetune.data.sources import Source, open_source
    from finetune.data.split import Split, split_images
    from finetune.evaluation.report import Report
    from finetune.explain.explanation import Explanation, explain_image
    from finetune.model.build import build
    from finetune.model.freezing import apply_plan
    from finetune.model.layers import layer_groups
    from finetune.prediction.write import Written, write_predictions
    from finetune.recipe import Recipe
    from finetune.training.complete import Run
    from finetune.training.resume import resume
    from finetune.training.train import fit

__version__ = "0.1.0"

_HOMES = {
    "Advice": "finetune.advice.advise",
    "Bundle": "finetune.bundle.bundle",
    "Explanation": "finetune.explain.explanation",
    "HealthReport": "finetune.data.health",
    "Job": "finetune.batch.job",
    "Prediction": "finetune.bundle.predict",
    "Recipe": "finetune.recipe",
    "Report": "finetune.evaluation.report",
    "Run": "finetune.training.complete",
    "Source": "finetune.data.sources",
    "Split": "finetune.data.split",
    "Written": "finetune.prediction.write",
    "advise": "finetune.advice.advise",
    "apply_plan": "finetune.model.freezing",
    "build": "finetune.model.build",
    "evaluate": "finetune.bundle.evaluate",
    "explain_image": "finetune.explain.explanation",
    "fit": "finetune.training.train",
    "inspect_source": "finetune.data.health",
    "layer_groups": "finetune.model.layers",
    "load_bundle": "finetune.bundle.bundle",
    "measure_transfer_gain": "finetune.advice.similarity",
    "open_source": "finetune.data.sources",
    "predict": "finetune.bundle.predict",
    "resume": "finetune.training.resume",
    "run_batch": "finetune.batch.run",
    "split_images": "finetune.data.split",
    "write_predictions": "finetune.prediction.write",
}

__all__ = [
    "Advice",
    "Bundle",
    "Explanation",
    "FinetuneError",
    "HealthReport",
    "Job",
    "Prediction",
    "Recipe",
    "Report",
    "Run",
    "Source",
    "Split",
    "Written",
    "advise",
    "apply_plan",
    "build",
    "evaluate",
    "explain_image",
    "fit",
    "inspect_source",
    "layer_groups",
    "load_bundle",
    "measure_transfer_gain",
    "open_source",
    "predict",
    "resume",
    "run_batch",
    "split_images",
    "write_predictions",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used."""
    if name not in _HOMES:
        raise AttributeError(f"module 'finetune' has no attribute '{name}'")
    return getattr(importlib.import_module(_HOMES[name]), name)
