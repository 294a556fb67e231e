"""Export a bundle to ONNX, compare both on the user's images, and keep the file only if it answers alike."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from numpy.typing import NDArray

from finetune.bundle.bundle import Bundle, bundle_folder, load_bundle
from finetune.data.health.findings import amount
from finetune.data.images import load_rgb
from finetune.errors import DataError, ImageError, OptionError, ResourceError, RunError
from finetune.evaluation.report import versions
from finetune.export.assemble import assemble
from finetune.export.check import Parity, compare
from finetune.export.network import network_graph
from finetune.export.precision import Precision, in_eight_bits, in_half
from finetune.export.samples import CALIBRATION, FEWEST, choose_samples, run_split, samples_in, spread
from finetune.model.backbones import find_backbone
from finetune.progress import SILENT, Reporter

FORMAT = "onnx"
SUFFIX = ".onnx"


@dataclass(frozen=True)
class Exported:
    """The file ``path``, its ``precision``, and how its answers compare with the bundle's."""

    path: Path
    precision: Precision
    parity: Parity

    def to_json(self) -> dict[str, Any]:
        """Return the values under the stable keys of ``export --json``."""
        return {
            "path": str(self.path),
            "format": FORMAT,
            "precision": self.precision,
            **self.parity.to_json(),
            "bytes": self.path.stat().st_size,
        }

    def sentence(self) -> str:
        """Return the result in one sentence."""
        parity = self.parity
        return (
            f"{self.path}: {self.path.stat().st_size / 1e6:.1f} MB, {_other_labels(parity)} of "
            f"{amount(parity.n_images, 'image')}, largest difference of a logit {parity.max_abs_dlogit:.3g}"
            f"{_accuracies(parity)}"
        )


def export(
    where: Path,
    *,
    out: Path | None = None,
    precision: Precision = "fp32",
    check: str | None = None,
    calibrate: str | None = None,
    max_flips: int | None = None,
    offline: bool = False,
    reporter: Reporter = SILENT,
) -> Exported:
    """Write the bundle in ``where`` (or that of the run) to the ONNX file ``out`` and return what that came to.

    Both are run from file to label on images of the run, or of ``check``. In fp32 no label may differ; in fp16 and
    int8 at most ``max_flips`` of them. int8 is calibrated on training images of the run, or on ``calibrate``.
    ``out`` is whole or as it was before.

    Raises:
        OptionError: a choice without effect, or an ``out`` that is no ``.onnx`` file.
        DataError: there are no images to compare or calibrate on.
        RunError: the bundle is damaged, the network cannot be exported, or labels differ.
        ResourceError: ``out`` cannot be written.
    """
    target = _target(where, out, precision)
    _refuse_choices(precision, calibrate, max_flips)
    bundle = load_bundle(where)
    needs_run = check is None or (precision == "int8" and calibrate is None)
    split = _split_if_there(where, check, calibrate, offline, reporter) if needs_run else None
    samples = choose_samples(where, check, split, offline=offline, reporter=reporter)
    if len(samples) < FEWEST:
        reporter.say(f"note: compared on {amount(len(samples), 'image')} only; --check DATA gives more")
    network = network_graph(bundle.model, bundle.preprocessing.image_size)
    if precision == "fp16":
        network = in_half(network)
    elif precision == "int8":
        images = _calibration_images(calibrate, split, offline, reporter)
        reporter.say(f"calibrating on {amount(len(images), 'image')}")
        network = in_eight_bits(network, _batches(bundle, images))
    model = assemble(
        network,
        bundle.preprocessing,
        class_names=bundle.class_names,
        temperature=bundle.calibration.temperature,
        facts=_facts(bundle, precision),
    )
    unfinished = target.with_name(f".{target.name}.tmp")
    try:
        _save(model, unfinished, target)
        with reporter.track("comparing with the bundle") as advance:
            parity = compare(bundle, unfinished, samples, advance=advance)
        _refuse_flips(parity, precision, max_flips, check or str(where))
        unfinished.replace(target)
    finally:
        unfinished.unlink(missing_ok=True)
    if parity.unreadable:
        reporter.say(
            f"warning: {amount(len(parity.unreadable), 'unreadable image')} left out (first: {parity.unreadable[0]})"
        )
    return Exported(target, precision, parity)


def _target(where: Path, out: Path | None, precision: str) -> Path:
    """Return the file to write: ``out``, else one beside the bundle; raises OptionError and ResourceError."""
    folder = bundle_folder(where)
    if out is None:
        ending = SUFFIX if precision == "fp32" else f".{precision}{SUFFIX}"
        stem = "model" if folder.name == "bundle" else _real(folder).name
        return folder.parent / f"{stem}{ending}"
    if out.suffix.lower() != SUFFIX or out.is_dir():
        raise OptionError(f"--out {out} is no {SUFFIX} file; give a name that ends in {SUFFIX}")
    if _real(out).parent == _real(folder):
        raise OptionError(
            f"--out {out} lies in the bundle, which holds its own files alone; put it elsewhere"
        )
    if not out.parent.is_dir():
        raise ResourceError(f"no folder {out.parent} for --out {out}; make it first")
    return out


def _real(path: Path) -> Path:
    """Return where ``path`` leads. Of links in a circle, where Path.resolve raises, loading tells better."""
    return Path(os.path.realpath(path))


def _refuse_choices(precision: str, calibrate: str | None, max_flips: int | None) -> None:
    if precision != "int8" and calibrate is not None:
        raise OptionError("--calibrate has an effect only with --precision int8; leave it out")
    if precision == "fp32" and max_flips is not None:
        raise OptionError(
            "--max-flips has an effect only with --precision fp16 or int8: fp32 may change no label"
        )


def _split_if_there(
    where: Path, check: str | None, calibrate: str | None, offline: bool, reporter: Reporter
) -> Any:
    """Return the run's images; None for a bundle alone, and where they are gone but may be done without."""
    try:
        return run_split(where, offline=offline, reporter=reporter)
    except DataError as error:
        missing = "--check DATA" if check is None else "--calibrate DATA" if calibrate is None else ""
        raise DataError(f"the images of this run cannot be opened ({error}); give {missing}") from None


def _calibration_images(
    calibrate: str | None, split: Any, offline: bool, reporter: Reporter
) -> Sequence[Path]:
    if calibrate is not None:
        samples = samples_in(calibrate, offline=offline, reporter=reporter)
        return [sample.image for sample in spread(samples, CALIBRATION) if isinstance(sample.image, Path)]
    if split is None:
        raise DataError(
            "int8 needs training images to calibrate on, and this bundle lies in no run; give --calibrate DATA"
        )
    return [image.path for image in spread(split.train, CALIBRATION)]


def _batches(bundle: Bundle, paths: Sequence[Path]) -> Iterator[NDArray[np.float32]]:
    """Yield the network's input for each readable image, 1 x 3 x S x S."""
    for path in paths:
        try:
            pixels = bundle.preprocessing(load_rgb(path))
        except ImageError:
            continue
        yield torch.unsqueeze(pixels, 0).contiguous().numpy()


def _facts(bundle: Bundle, precision: str) -> dict[str, str]:
    return {
        "backbone": bundle.backbone,
        "licence": find_backbone(bundle.backbone).licence,
        "image_size": str(bundle.preprocessing.image_size),
        "precision": precision,
        "version": versions()["finetune-strategies"],
    }


def _save(model: onnx.ModelProto, unfinished: Path, target: Path) -> None:
    try:
        onnx.save(model, unfinished)
    except (OSError, ValueError) as error:
        raise ResourceError(
            f"cannot write {target} ({error}); free some space or choose another --out"
        ) from None


def _refuse_flips(parity: Parity, precision: str, max_flips: int | None, where: str) -> None:
    if not parity.n_images:
        raise DataError(
            f"no image of {where} can be read, so that nothing could be compared; give --check DATA"
        )
    if len(parity.flips) <= (max_flips or 0):
        return
    first = parity.flips[0]
    found = (
        f"the {precision} file gives {_other_labels(parity)} of {amount(parity.n_images, 'image')} "
        f"({first.name}: {first.exported} instead of {first.bundle}){_accuracies(parity)}; nothing was written"
    )
    if precision == "fp32":
        raise RunError(f"{found}; use the bundle itself, or update onnxruntime")
    raise RunError(f"{found}; --max-flips {len(parity.flips)} would accept it")


def _other_labels(parity: Parity) -> str:
    return f"another label to {len(parity.flips)}" if parity.flips else "the same label to all"


def _accuracies(parity: Parity) -> str:
    if parity.accuracy is None:
        return ""
    bundle, exported = (f"{100 * share:.1f} %" for share in parity.accuracy)
    return f", {exported} right instead of {bundle}" if bundle != exported else f", {bundle} right as before"
