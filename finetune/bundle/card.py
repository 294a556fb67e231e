"""The model card: what a person who gets the classifier must know, with the model hub's metadata on top.

The sections follow Mitchell et al., "Model cards for model reporting", FAT* 2019; the metadata is the hub's
(https://huggingface.co/docs/hub/model-cards).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from finetune.data.transforms import Preprocessing

CARD = "MODEL_CARD.md"
UNSTATED = "not stated; whoever shares this model must state it here"
SHOWN_CLASSES = 100
METRICS = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy",
    "macro_f1": "macro F1",
    "log_loss": "log loss",
}
"""The report's keys and their names; accuracy has its 95 % interval beside it, the others in ``figures``."""
_HUB_METRICS = {"accuracy": "accuracy", "macro_f1": "f1"}


def card_text(
    report: Mapping[str, Any],
    *,
    preprocessing: Preprocessing,
    base_model: str = "",
    data: str = "",
    hub_set: str = "",
) -> str:
    """Return the card of the classifier that ``report`` (the values of ``report.json``) tells of.

    ``base_model`` is the pretrained weights' repository on the hub, ``data`` the name of the data set, and
    ``hub_set`` its repository there; each is empty when there is none.
    """
    pretrained = report["weights"]["source"] != "none"
    base = base_model if pretrained else ""
    parts = [
        f"---\n{_metadata(report, base, data, hub_set)}\n---",
        f"# Image classifier: {data or report['backbone']}",
        _sentence(report, base),
        "## Results\n\n" + _results(report),
        "## Data\n\n" + _data(report, data),
        "## Use\n\n" + _use(preprocessing),
        "## Limits\n\n" + _limits(report),
        "## Licences\n\n" + _licences(report, base),
        "## Classes\n\n" + _classes(report["classes"]),
    ]
    return "\n\n".join(parts) + "\n"


def _metadata(report: Mapping[str, Any], base: str, data: str, hub_set: str) -> str:
    from huggingface_hub import EvalResult, ModelCardData

    results = [
        EvalResult(
            task_type="image-classification",
            dataset_type=hub_set or "imagefolder",
            dataset_name=data or "images",
            dataset_split=report["accuracy_split"],
            metric_type=kind,
            metric_name=METRICS[key],
            metric_value=round(report[key], 4),
        )
        for key, kind in _HUB_METRICS.items()
        if report.get(key) is not None
    ]
    metadata = ModelCardData(
        license=report["weights"]["licence"] if base else None,
        library_name="timm",
        pipeline_tag="image-classification",
        tags=["image-classification", "timm", "finetune-strategies", report["strategy"]],
        base_model=base or None,
        datasets=[hub_set] if hub_set else None,
        metrics=list(_HUB_METRICS.values()),
        model_name=data or report["backbone"],
        eval_results=results,
    )
    return str(metadata.to_yaml())


def _sentence(report: Mapping[str, Any], base: str) -> str:
    begun = f"pretrained weights ({base})" if base else "random weights"
    return (
        f"{report['backbone']} with {len(report['classes'])} classes, trained from {begun} by the strategy "
        f"`{report['strategy']}`."
    )


def _results(report: Mapping[str, Any]) -> str:
    split = report["accuracy_split"]
    rows = [f"| on {report[f'n_{split}']} {split} images | value | 95 % interval |", "| --- | --- | --- |"]
    for key, name in METRICS.items():
        if report.get(key) is not None:
            rows.append(_row(name, report[key], _interval(report, key)))
    if top := report.get("figures", {}).get("top_k"):
        rows.append(_row(f"top {top['k']}", top["value"], top["interval"]))
    rows.append(_row("always naming the commonest class", report["majority_accuracy"], None))
    if report["selection_split"] == split:
        rows.append("\nThe epoch was selected on these images, so that the figures are optimistic.")
    return "\n".join(rows)


def _interval(report: Mapping[str, Any], key: str) -> list[float] | None:
    """Return the 95 % interval, or None where a report of an earlier version has none."""
    beside: list[float] | None = report.get(f"{key}_interval")
    return beside or report.get("figures", {}).get(key, {}).get("interval")


def _row(name: str, value: float, low_high: Sequence[float] | None) -> str:
    interval = f"{low_high[0]:.3f} to {low_high[1]:.3f}" if low_high else ""
    return f"| {name} | {value:.3f} | {interval} |"


def _data(report: Mapping[str, Any], data: str) -> str:
    counts = ", ".join(f"{report[f'n_{split}']} {split}" for split in ("train", "val", "test"))
    return f"{data or 'A set of images'}: {counts} images. Licence of the data: {UNSTATED}."


def _use(preprocessing: Preprocessing) -> str:
    return (
        "To name the one class that an image shows, among those below, for images like the ones it learnt from. "
        f"An image is resized ({preprocessing.interpolation}, shorter side {preprocessing.resize_to} px) and cropped "
        f"to {preprocessing.image_size} px.\n\n"
        "`finetune predict FOLDER IMAGE` does it all; timm loads the network alone with `timm.create_model"
        '("local-dir:FOLDER", pretrained=True)`, and `finetune export FOLDER` writes an ONNX file.'
    )


def _limits(report: Mapping[str, Any]) -> str:
    lines = [
        "Not for decisions about people's health, safety or rights without a check of its own for that use.",
        "Images of another camera, place or time than the training images may be judged far worse.",
        "An image of none of the classes is given one of them all the same; where the folder holds "
        "`known.safetensors`, `finetune predict` says of most such images that they are not `known`.",
        *report.get("notes", ()),
    ]
    return "\n".join(f"- {line}" for line in lines)


def _licences(report: Mapping[str, Any], base: str) -> str:
    weights = f"{report['weights']['licence']} ({base})" if base else "none were used"
    return f"- Pretrained weights: {weights}.\n- Data: see above."


def _classes(names: list[str]) -> str:
    more = f" and {len(names) - SHOWN_CLASSES} more (`classes.json`)" if len(names) > SHOWN_CLASSES else ""
    return ", ".join(f"`{name}`" for name in names[:SHOWN_CLASSES]) + more
