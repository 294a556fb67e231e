"""Backbones ranked on a data set, as a table for the terminal. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from ui.present import table

if TYPE_CHECKING:
    from finetune.training.ranking import AgainstFirst, Ranking, Sample, Standing

NUMBERS = ("probe", "95 % interval", "last layer", "kNN", "parameters", "ms an image", "cost")


def ranking_view(ranking: Ranking) -> RenderableType:
    """Show what was measured on, a row for each backbone, why some have no numbers, and what to do."""
    made = table("", "backbone", *NUMBERS[:2], "against the first", *NUMBERS[2:], right=("", *NUMBERS))
    for standing in ranking.standings:
        _add(made, standing)
    for failed in ranking.failed:
        size = "–" if failed.n_parameters is None else _millions(failed.n_parameters)
        made.add_row("–", failed.name, "–", "–", "[red]not measured[/]", "–", "–", size, "–", "–")
    reasons = [Text(f"✗ {failed.name}: {failed.error}", style="red") for failed in ranking.failed]
    sentence = ranking.sentence()
    return Group(
        Text(_measured_on(ranking.sample), style="bold"),
        made,
        *reasons,
        Text(sentence[0].upper() + sentence[1:], style="yellow" if ranking.is_hopeless else ""),
    )


def _add(made: Table, standing: Standing) -> None:
    scores, (low, high) = standing.scores, standing.interval
    made.add_row(
        str(standing.place),
        standing.name,
        f"{100 * scores.accuracy:.1f} %",
        f"{100 * low:.1f} to {100 * high:.1f}",
        _compared(standing.against_first),
        f"{100 * scores.last_layer:.1f} %",
        f"{100 * scores.neighbours:.1f} %",
        _millions(scores.n_parameters),
        f"{scores.ms_per_image:.1f}",
        f"× {standing.relative_cost:.2f}",
    )


def _compared(against: AgainstFirst | None) -> str:
    if against is None:
        return "the first"
    low, high = (100 * bound for bound in against.paired.interval)
    told = "" if against.is_told_apart else ", cannot be told apart"
    return f"{100 * against.paired.difference:+.1f} ({low:+.1f} to {high:+.1f}){told}"


def _millions(n_parameters: int) -> str:
    return f"{n_parameters / 1e6:.1f} M"


def _measured_on(sample: Sample) -> str:
    classes = f"{sample.n_classes}"
    if sample.n_classes < sample.n_classes_all:
        classes += f" of {sample.n_classes_all}"
    return (
        f"measured on {sample.n_images:,} of {sample.n_train:,} training images in {classes} classes; always naming "
        f"the commonest is right for {100 * sample.majority:.1f} %"
    )
