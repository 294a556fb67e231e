"""Write and read a bundle: everything that a prediction needs, and nothing that can run code.

``model.safetensors`` and ``config.json`` are what timm's ``local-dir:`` loads; ``classes.json`` lists the class
names in index order; ``preprocess.json`` says how an image becomes an input. A head that timm does not know lies
in files of its own (`finetune.bundle.parts`), and what timm loads is then the network below it. ``files.json``
holds the hashes of all (`finetune.bundle.manifest`), ``reference.safetensors`` what the bundle tests itself against
(`finetune.bundle.reference`).
"""

from __future__ import annotations

import contextlib
import json
import shutil
import threading
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.torch import load_file
from torch import Tensor, nn

from finetune.bundle.manifest import MANIFEST, SCHEMA, SCHEMA_KEY, schema_of, seal, verify
from finetune.bundle.parts import HEAD_FILES, Parts, put_together, take_apart
from finetune.bundle.reference import (
    ORIGIN,
    REFERENCE,
    make_references,
    read_references,
    refuse_mismatch,
    write_references,
)
from finetune.bundle.refusals import checked_names, refuse_incomplete, refuse_no_folder, refuse_other_width
from finetune.data.transforms import Preprocessing
from finetune.errors import FinetuneError, RunError
from finetune.evaluation.metrics import Probabilities, softmax
from finetune.known.calibration import Calibration, read_calibration
from finetune.model.backbones import Backbone, name_of
from finetune.model.device import best_device
from finetune.model.inference import inference_precision, inferring
from finetune.model.layers import classifier_name
from finetune.model.multi_stage import MultiStageClassifier
from finetune.model.precision import Concrete
from finetune.model.tensors import save_tensors

FILES = ("model.safetensors", "config.json", "classes.json", "preprocess.json")
"""What every bundle has, also one from before there was a schema."""
SAFEGUARDS = (MANIFEST, REFERENCE, ORIGIN)
"""What a bundle has besides since schema 1."""


@dataclass(frozen=True)
class Bundle:
    """A classifier ready to predict: ``model`` in eval mode, its K ``class_names`` and ``preprocessing``.

    ``precision`` is what it computes in, None for what suits the machine (see `finetune.model.inference`).
    ``calibration`` says how far its answers can be trusted; a bundle of an older version has nothing in it.
    """

    folder: Path
    model: nn.Module
    class_names: tuple[str, ...]
    preprocessing: Preprocessing
    backbone: str
    precision: Concrete | None = None
    calibration: Calibration = field(default_factory=Calibration)

    def logits(self, images: Tensor) -> Tensor:
        """Return B x K float32 logits, on the CPU, of preprocessed ``images``, B x 3 x side x side float32."""
        images = images.to(best_device()).contiguous(memory_format=torch.channels_last)
        with inferring(self.precision or inference_precision(self.model)):
            logits: Tensor = self.model(images)
            return logits.float().cpu()

    def outputs(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the `logits` of ``images`` and what the classifier took in for them, B x d float32, on the CPU."""
        heard: list[Tensor] = []
        thread = threading.get_ident()

        def keep(_module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            if threading.get_ident() == thread:  # a pass in another thread is not overheard
                heard.append(inputs[0].float().cpu())

        hook = self.model.get_submodule(classifier_name(self.model)).register_forward_pre_hook(keep)
        try:
            logits = self.logits(images)
        finally:
            hook.remove()
        return logits, heard[0]

    def probabilities(self, logits: NDArray[np.float32]) -> Probabilities:
        """Return n x K probabilities of n x K ``logits``, at the temperature that was fitted after training."""
        return softmax(logits / self.calibration.temperature)


def write_bundle(
    folder: Path,
    model: nn.Module,
    *,
    backbone: Backbone,
    class_names: Sequence[str],
    preprocessing: Preprocessing,
    references: Sequence[Path] = (),
) -> None:
    """Write ``model`` and what belongs to it as the new ``folder``, which appears when it is complete.

    The first five readable images of ``references`` are kept in it as what it tests itself against; without any,
    pictures are drawn.
    """
    unfinished = folder.with_name(f".{folder.name}.tmp")
    unfinished.mkdir(parents=True)
    try:
        parts = take_apart(model, n_classes=len(class_names))
        save_tensors(parts.body, unfinished / "model.safetensors")
        if parts.head_json is not None:
            save_tensors(parts.head, unfinished / "head.safetensors")
            _write_json(unfinished / "head.json", parts.head_json)
        timm_classes = class_names if parts.head_json is None else ()
        config = _timm_config(backbone, class_names, preprocessing, model, n_classes=len(timm_classes))
        _write_json(unfinished / "config.json", config)
        _write_json(unfinished / "classes.json", list(class_names))
        _write_json(unfinished / "preprocess.json", preprocessing.to_json())
        write_references(unfinished, make_references(model, preprocessing, references))
        seal(unfinished)
        unfinished.rename(folder)
    except BaseException:
        shutil.rmtree(unfinished, ignore_errors=True)
        raise


def bundle_folder(folder: str | Path) -> Path:
    """Return ``folder``, or its ``bundle`` folder when a run is given."""
    folder = Path(folder)
    return folder / "bundle" if (folder / "bundle").is_dir() else folder


def load_bundle(folder: str | Path, *, checked: bool = True) -> Bundle:
    """Read the bundle in ``folder``, or in its ``bundle`` folder when a run is given.

    Without ``checked`` its files' hashes and its answers on the reference images are taken on trust: for loading
    again what was loaded before. A bundle from before schema 1 has neither.

    Raises RunError (exit code 6) when it is no folder, when a file is missing, damaged, changed or foreign, when the
    bundle is of a later schema, when ``classes.json`` names a class twice or another number of classes than the
    weights decide between, and when the network no longer gives the logits that it was written with.
    """
    folder = bundle_folder(folder)
    refuse_no_folder(folder)
    refuse_incomplete(folder, FILES)
    config = _read_json(folder / "config.json")
    if not isinstance(config, dict):
        raise RunError(f"the bundle {folder} is damaged (config.json is no table); write it again")
    schema = schema_of(config, folder)
    if checked:
        verify(folder, schema)
    class_names = checked_names(folder, _read_json(folder / "classes.json"))
    with _damaged(folder):
        preprocessing = _preprocessing(_read_json(folder / "preprocess.json"))
        parts = _read_parts(folder, is_whole=config["num_classes"] > 0)
        model = put_together(
            config["architecture"],
            n_classes=(parts.head_json or {"n_classes": config["num_classes"]})["n_classes"],
            image_size=preprocessing.image_size,
            model_args=config.get("model_args", {}),
            parts=parts,
        )
        refuse_other_width(folder, model, class_names)
    model.eval()
    model.requires_grad_(False)
    model.to(best_device()).to(memory_format=torch.channels_last)
    bundle = Bundle(
        folder,
        model,
        class_names,
        preprocessing,
        name_of(config["architecture"]),
        calibration=read_calibration(folder),
    )
    if checked:
        _test_itself(bundle)
    return bundle


def _test_itself(bundle: Bundle) -> None:
    """Put the reference images through the whole path; raises RunError when the answers are others."""
    references = read_references(bundle.folder)
    if references is None:
        return
    with _damaged(bundle.folder):
        inputs = torch.stack([bundle.preprocessing(image) for image in references.images()])
        # As they were written: what bf16 rounds away may be much to a head that was solved on images of noise.
        refuse_mismatch(bundle.folder, references, replace(bundle, precision="fp32").logits(inputs))


@contextlib.contextmanager
def _damaged(folder: Path) -> Iterator[None]:
    """Turn whatever values that somebody changed lead to, in timm, torch and Pillow too, into a RunError."""
    try:
        yield
    except (FinetuneError, OSError, MemoryError):
        raise
    except Exception as error:  # noqa: BLE001
        raise RunError(f"the bundle {folder} is damaged ({_first_line(error)}); write it again") from None


def _read_parts(folder: Path, *, is_whole: bool) -> Parts:
    body = load_file(folder / "model.safetensors")
    if is_whole:
        return Parts(body, {}, None)
    refuse_incomplete(folder, HEAD_FILES)
    return Parts(body, load_file(folder / "head.safetensors"), _read_json(folder / "head.json"))


def _timm_config(
    backbone: Backbone,
    class_names: Sequence[str],
    preprocessing: Preprocessing,
    model: nn.Module,
    *,
    n_classes: int,
) -> dict[str, Any]:
    size = preprocessing.image_size
    model_args = {"img_size": size} if backbone.fixed_size else {}
    return {
        SCHEMA_KEY: SCHEMA,
        "architecture": backbone.timm_name,
        "num_classes": n_classes,
        "num_features": getattr(model, "num_features", None),
        "label_names": list(class_names),
        "model_args": {**model_args, **getattr(model, "model_args", {})},
        "pretrained_cfg": {
            "tag": backbone.tag,
            "license": backbone.licence,
            "input_size": [3, size, size],
            "fixed_input_size": backbone.fixed_size,
            "interpolation": preprocessing.interpolation,
            "crop_pct": preprocessing.crop,
            "crop_mode": "center",
            "mean": list(preprocessing.mean),
            "std": list(preprocessing.std),
            "num_classes": n_classes,
            "first_conv": _first_conv(model),
            "classifier": classifier_name(model) if n_classes else None,
        },
    }


def _first_conv(model: nn.Module) -> str | None:
    body = model.backbone if isinstance(model, MultiStageClassifier) else model
    convolutions = (str(name) for name, module in body.named_modules() if isinstance(module, nn.Conv2d))
    return next(convolutions, None)


def _preprocessing(fields: dict[str, Any]) -> Preprocessing:
    """Return what ``preprocess.json`` says; one without ``resize_to`` is of a version that rounded it."""
    found = Preprocessing(
        image_size=int(fields["image_size"]),
        mean=_three(fields["mean"]),
        std=_three(fields["std"]),
        interpolation=fields["interpolation"],
        crop=float(fields["crop"]),
    )
    resize_to = int(fields.get("resize_to", round(found.image_size / found.crop)))
    return found if found.resize_to == resize_to else replace(found, shorter_side=resize_to)


def _three(values: Sequence[Any]) -> tuple[float, float, float]:
    red, green, blue = map(float, values)
    return red, green, blue


def _write_json(path: Path, value: Any) -> None:
    path.write_text(json.dumps(value, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _read_json(path: Path) -> Any:
    try:
        return json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise RunError(f"{path} is damaged ({_first_line(error)}); write the bundle again") from None


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0] if str(error) else type(error).__name__
