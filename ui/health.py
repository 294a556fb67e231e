"""A data set's health, for the terminal. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.table import Table
from rich.text import Text

from ui.health_words import WHOSE_CHANNELS, balance_words, check_words, training_images
from ui.present import BAR_CELLS, MOST_CLASSES_SHOWN, SEVERITY_MARKS, table

if TYPE_CHECKING:
    from finetune.data.health import HealthReport
    from finetune.model.backbones import Backbone


def backbone_channels(backbone: Backbone) -> dict[str, Any]:
    """Return the channel statistics that the weights of ``backbone`` expect, as `inspect --json` has them."""
    return {"name": backbone.name, "mean": list(backbone.mean), "std": list(backbone.std)}


def health_view(report: HealthReport, backbone: Mapping[str, Any] | None = None) -> RenderableType:
    """Show the verdict, the class bars, how splits were understood, the findings and the channels.

    ``backbone`` is what `backbone_channels` gives.
    """
    n_images = len(report.images)
    verdict = "can be trained on" if report.usable else "cannot be trained on"
    lines: list[RenderableType] = [
        Text(f"{report.where}: {n_images} readable images, {verdict}", style="bold")
    ]
    lines.append(Text(f"splits: {report.how_split}"))
    lines += ["", _class_bars(report.classes)]
    if report.imbalance is not None:
        lines.append(Text(balance_words(report.imbalance._asdict(), training_images(report.split_folders))))
    lines += ["", *_findings(report)]
    check = None if report.feature_check is None else report.feature_check._asdict()
    if told := check_words(check, backbone):
        lines.append(Text(told))
    return Group(*lines, *_channels(report, backbone))


def _channels(report: HealthReport, backbone: Mapping[str, Any] | None) -> list[RenderableType]:
    """Return the mean and deviation of each channel of what training can draw on, with the backbone's below."""
    if report.channels is None:
        return []
    whose = training_images(report.split_folders)
    lines: list[RenderableType] = [
        "",
        _channel_line(whose, report.channels.mean, report.channels.std),
    ]
    if backbone is not None:
        lines.append(_channel_line(backbone["name"], backbone["mean"], backbone["std"]))
        lines.append(Text(WHOSE_CHANNELS, style="dim"))
    return lines


def _channel_line(who: str, mean: Sequence[float], std: Sequence[float]) -> Text:
    means, deviations = (", ".join(f"{value:.3f}" for value in values) for values in (mean, std))
    return Text(f"red, green, blue of {who}: mean {means}; deviation {deviations}")


def _class_bars(classes: Mapping[str, int]) -> Table:
    made = table("class", "images", "", right=("images",))
    most = max(classes.values(), default=0) or 1
    for name, count in list(classes.items())[:MOST_CLASSES_SHOWN]:
        made.add_row(escape(name), str(count), "█" * max(1 if count else 0, round(BAR_CELLS * count / most)))
    if len(classes) > MOST_CLASSES_SHOWN:
        made.add_row(f"… and {len(classes) - MOST_CLASSES_SHOWN} more classes", "", "")
    return made


def _findings(report: HealthReport) -> list[RenderableType]:
    if not report.findings:
        return ["nothing found that needs a look"]
    lines: list[RenderableType] = []
    for finding in report.findings:
        lines.append(Text.from_markup(f"{SEVERITY_MARKS[finding.severity]}: ") + Text(finding.message))
        lines += [Text(f"    {example}", style="dim") for example in finding.examples[:5]]
    return lines
