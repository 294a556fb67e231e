"""What several views of an image bring, as a table for the terminal. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.table import Table

from ui.present import table

if TYPE_CHECKING:
    from finetune.bundle.views import ViewsReport


def views_table(report: ViewsReport) -> Table:
    """Show each choice of views with its accuracy and log loss beside those of the image as it is."""
    right = ("right", "difference", "log loss")
    made = table("views", *right, "by several views", right=right)
    for way in report.ways:
        difference = ""
        if way.paired is not None:
            low, high = way.paired.interval
            difference = f"{100 * way.paired.difference:+.1f} points ({100 * low:+.1f} to {100 * high:+.1f})"
        made.add_row(
            " + ".join(way.views),
            f"{100 * way.metrics.accuracy:.1f} %",
            difference,
            f"{way.metrics.log_loss:.3f}",
            way.verdict,
        )
    return made
