"""Nouns to tables and sentences, for the terminal. Pure: nothing is read, measured or decided here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.markup import escape
from rich.panel import Panel
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from finetune.bundle.predict import Prediction
    from finetune.data.samples import Sample
    from finetune.model.backbones import Backbone
    from finetune.model.describe import StageRow
    from finetune.model.layer_table import LayerRow
    from strategies import Strategy

BAR_CELLS = 24
CARD_CELLS = 100
MOST_CLASSES_SHOWN = 40
NONE_OF_THESE = "none of these"
SEVERITY_MARKS = {"error": "[red]✗ error[/]", "warning": "[yellow]! warning[/]", "note": "· note"}


def table(*columns: str, right: Iterable[str] = ()) -> Table:
    """Return an empty table; the columns named in ``right`` are right-aligned."""
    made = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for column in columns:
        made.add_column(column, justify="right" if column in set(right) else "left", overflow="fold")
    return made


def samples_table(samples: Mapping[str, Sample]) -> Table:
    """List the sample sets."""
    made = table("name", "images", "classes", "what it is", right=("images", "classes"))
    for sample in samples.values():
        made.add_row(sample.name, str(sample.n_images), str(sample.n_classes), escape(sample.about))
    return made


def cache_table(values: Mapping[str, Any]) -> Table:
    """List what is kept between runs; ``values`` are those of ``finetune cache --json``."""
    title = f"{values['folder']}: {values['bytes'] / 1e6:,.1f} MB of at most {values['limit_bytes'] / 1e6:,.0f} MB"
    made = table("what", "MB", "rows served", "last used", right=("MB", "rows served"))
    made.title = escape(title)
    for row in values["stores"]:
        made.add_row(
            escape(row["what"]), f"{row['bytes'] / 1e6:,.1f}", f"{row['rows_served']:,}", row["last_used"]
        )
    if values["checked_images"]["bytes"]:
        made.add_row("checked images", f"{values['checked_images']['bytes'] / 1e6:,.1f}", "", "")
    for found in values["sets"]:
        what = f"{found['images']:,} images of {found['source']}"
        made.add_row(escape(what), f"{found['bytes'] / 1e6:,.1f}", "", found["last_used"])
    return made


def tokens_table(rows: Iterable[Mapping[str, Any]]) -> Table:
    """List tokens; ``rows`` are those of ``finetune token list --json``."""
    made = table("name", "id", "owner", "made", "expires", "state")
    for row in rows:
        state = "good" if row["good"] else "revoked" if row["revoked"] else "expired"
        expires = row["expires"] or "never"
        made.add_row(escape(row["name"]), row["id"], escape(row["owner"]), row["created"], expires, state)
    return made


def users_table(rows: Iterable[Mapping[str, Any]]) -> Table:
    """List users; ``rows`` are those of ``finetune user list --json``."""
    made = table("name", "added", "password of", "sessions", "last seen", right=("sessions",))
    for row in rows:
        seen = row["seen"] or "signed out"
        made.add_row(escape(row["name"]), row["created"], row["changed"], str(row["sessions"]), seen)
    return made


def backbones_table(backbones: Iterable[tuple[Backbone, str]]) -> Table:
    """List backbones with where their weights are: ``packaged``, ``in cache`` or ``needs download``."""
    made = table(
        "backbone", "weights tag", "parameters", "input", "licence", "weights", right=("parameters", "input")
    )
    for backbone, where in backbones:
        made.add_row(
            backbone.name,
            backbone.tag,
            f"{backbone.n_parameters / 1e6:.1f} M",
            f"{backbone.image_size} px",
            backbone.licence,
            where,
        )
    return made


def schedules_table(epochs: Sequence[int], rates: Mapping[str, Sequence[float]]) -> Table:
    """List each schedule's learning rate, as a share of its peak, at ``epochs``."""
    made = table("epoch", *rates, right=("epoch", *rates))
    for row, epoch in enumerate(epochs):
        made.add_row(str(epoch), *(f"{values[row]:.4f}" for values in rates.values()))
    return made


def strategy_cards(strategies: Mapping[str, type[Strategy]]) -> RenderableType:
    """Show each strategy's card with its options and their defaults."""
    cards = []
    for name, kind in strategies.items():
        options = ", ".join(f"{option}={getattr(kind(), option)}" for option in kind.option_names())
        card = kind.card() + (f"\n\nOptions: {options} (--set NAME=VALUE)" if options else "")
        paragraphs = "\n\n".join(" ".join(part.split()) for part in card.split("\n\n"))
        cards.append(Panel(Text(paragraphs), title=name, title_align="left", width=CARD_CELLS))
    return Group(*cards)


def stages_table(rows: Sequence[StageRow], *, strategy: str) -> RenderableType:
    """Show a network's layer groups under the strategy of that name, and the share that trains."""
    made = table(
        "stage", "output", "parameters", "share", "learning rate", "state", right=("parameters", "share")
    )
    for row in rows:
        state = "[bold]training[/]" if row.lr_multiplier > 0 else "frozen"
        if row.statistics_held and row.lr_multiplier > 0 and row.has_batch_norm:
            state += ", statistics held"
        rate = f"× {row.lr_multiplier:.3g}" if row.lr_multiplier else "–"
        share = f"{100 * row.share:.1f} %"
        made.add_row(row.name, row.output, f"{row.n_parameters:,}", share, rate, state)
    trained = sum(row.share for row in rows if row.lr_multiplier > 0)
    total = sum(row.n_parameters for row in rows)
    return Group(
        made, "", Text(f"{strategy}: {100 * trained:.2f} % of {total:,} parameters train", style="bold")
    )


def layers_table(rows: Sequence[LayerRow]) -> RenderableType:
    """Show a network layer by layer with each window and the size that it gives, and how that is computed."""
    made = table(
        *("layer", "kind", "kernel", "stride", "padding", "output", "parameters"),
        right=("kernel", "stride", "padding", "parameters"),
    )
    for row in rows:
        output = " x ".join(map(str, row.output))
        parameters = f"{row.n_parameters:,}" if row.n_parameters else ""
        made.add_row(row.name, row.kind, row.kernel, row.stride, row.padding, output, parameters)
    total = sum(row.n_parameters for row in rows)
    formula = "height and width after a kernel K, stride S and padding P: floor((H - K + 2P) / S) + 1"
    return Group(made, "", Text(f"{len(rows)} layers with {total:,} parameters; {formula}", style="bold"))


def prediction_line(prediction: Prediction) -> str:
    """Return one image's answer as one line."""
    if prediction.error:
        return f"{prediction.path}: {prediction.error}"
    others = ", ".join(f"{label} {100 * share:.1f} %" for label, share in prediction.top[1:])
    best = f"{prediction.label} {100 * (prediction.probability or 0):.1f} %"
    unknown = f"{NONE_OF_THESE}, nearest: " if prediction.known is False else ""
    return f"{prediction.path}: {unknown}{best}" + (f" ({others})" if others else "")


def predictions_table(predictions: Iterable[Prediction]) -> Table:
    """Show many answers, a row each."""
    made = table("image", "label", "probability", "next", right=("probability",))
    for prediction in predictions:
        if prediction.error:
            made.add_row(escape(str(prediction.path)), "[red]error[/]", "", escape(prediction.error))
            continue
        following = ", ".join(f"{label} {100 * share:.1f} %" for label, share in prediction.top[1:])
        probability = f"{100 * (prediction.probability or 0):.1f} %"
        label = escape(prediction.label)
        if prediction.known is False:
            label = f"{NONE_OF_THESE}, nearest: {label}"
        made.add_row(escape(str(prediction.path)), label, probability, escape(following))
    return made
