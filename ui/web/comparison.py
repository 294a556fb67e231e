"""Two runs compared on the same images, as HTML: the difference with its interval, and their curves on one scale."""

from __future__ import annotations

from typing import TYPE_CHECKING

from markupsafe import Markup

from finetune.page.markup import paragraph, percent, section, table
from finetune.page.overlay import Columns, overlaid_html
from finetune.words import noted, t
from ui.web.words import note_html

if TYPE_CHECKING:
    from finetune.evaluation.comparison import Comparison

SCORES = {
    "balanced_accuracy": noted("balanced accuracy"),
    "macro_f1": noted("macro F1"),
    "log_loss": noted("log loss (nats, less is better)"),
}


def comparison_html(comparison: Comparison, columns: tuple[Columns, Columns]) -> Markup:
    """Return the comparison of the run that is shown with another, whose name comes second."""
    first, second = comparison.names
    paired = comparison.paired
    told = (
        t(Markup("<strong>{} is better</strong> than {} on the same {:,} images."))
        if comparison.better is not None
        else t(Markup("<strong>Cannot be told apart</strong>: {} and {} on the same {:,} images."))
    )
    order = (second, first) if comparison.better == second else (first, second)
    alone = t("{} alone is right about {:,} images, {} alone about {:,} (McNemar's p = {:.2g}).")
    return section(
        t("{} beside {}").format(first, second),
        Markup('<p class="headline">{}</p>').format(told.format(*order, paired.n_images)),
        _difference(comparison),
        paragraph(
            alone.format(first, paired.only_first, second, paired.only_second, paired.p_value), quiet=True
        ),
        _scores(comparison),
        _curves(columns, (first, second)),
    )


def not_comparable_html(why: str) -> Markup:
    """Say why two runs cannot be compared."""
    return section(t("Comparison"), note_html(why))


def _difference(comparison: Comparison) -> Markup:
    """Return the difference as a range on a scale with 0 in its middle."""
    difference = 100 * comparison.paired.difference
    low, high = (100 * end for end in comparison.paired.interval)
    reach = max(abs(low), abs(high), 1.0) * 1.1

    def at(points: float) -> float:
        return 50 + 50 * points / reach

    told = t("{} less {}: {:+.1f} points (95 % interval {:+.1f} to {:+.1f})").format(
        comparison.names[1], comparison.names[0], difference, low, high
    )
    return Markup(
        '<div class="difference"><span class="range-track" aria-hidden="true"><span class="zero"></span>'
        '<span class="range-band" style="left:{:.1f}%;width:{:.1f}%"></span>'
        '<span class="range-dot" style="left:{:.1f}%"></span></span><p>{}</p></div>'
    ).format(at(low), at(high) - at(low), at(difference), told)


def _scores(comparison: Comparison) -> Markup:
    first, second = comparison.accuracies
    low, high = comparison.paired.interval
    span = t("{:+.3f} ({:+.3f} to {:+.3f})")
    rows = [(t("accuracy"), percent(first), percent(second), span.format(second - first, low, high))]
    for name, found in comparison.differences.items():
        difference = span.format(found.second - found.first, *found.interval)
        rows.append((t(SCORES[name]), f"{found.first:.3f}", f"{found.second:.3f}", difference))
    heads = (t("score"), *comparison.names, t("difference (95 % interval)"))
    return table(heads, rows, label=t("Scores of both runs"))


def _curves(columns: tuple[Columns, Columns], names: tuple[str, str]) -> Markup:
    drawn = overlaid_html(columns, names)
    if not drawn:
        return paragraph(
            t("Only runs that were trained in epochs have curves to lay over each other."), quiet=True
        )
    return Markup('<div class="curves">{}</div>').format(drawn)
