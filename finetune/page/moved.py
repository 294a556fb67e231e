"""What moved in a training: a bar for each layer group, readable in any language and on a phone."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from finetune.page.markup import join
from finetune.words import t


def moved_bars_html(rows: Sequence[Mapping[str, Any]]) -> Markup:
    """Return the groups of ``what_moved.json`` from the input to the head, with how far the weights of each moved."""
    shares = [abs(row["relative_change"] or 0.0) for row in rows]
    largest = max((share for share in shares if math.isfinite(share)), default=0.0) or 1.0
    bars = [_bar(row, share / largest) for row, share in zip(rows, shares, strict=True)]
    if not bars:
        return Markup()
    return Markup('<div class="moved" role="list" aria-label="{}">{}</div>').format(
        t("Change of each layer group's weights"), join(*bars)
    )


def _bar(row: Mapping[str, Any], share: float) -> Markup:
    change = row["relative_change"]
    told = t("learnt from 0") if change is None else f"{100 * change:.2g} %"
    width = 100 * share if math.isfinite(share) and change is not None else 100
    return Markup(
        '<div class="moved-row{}" role="listitem"><span class="bar-name" title="{}">{}</span>'
        '<span class="bar-track" aria-hidden="true"><span class="bar-fill" style="width:{:.1f}%"></span></span>'
        "<span>{}</span></div>"
    ).format(
        " frozen" if row["frozen"] else "",
        row["group"],
        row["group"],
        width,
        t("frozen") if row["frozen"] else told,
    )
