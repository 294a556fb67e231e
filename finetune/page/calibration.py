"""Whether probabilities mean what they say: the reliability plot, and the error before and after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from finetune.page.markup import NOTHING, folded, join, paragraph, percent, section, table
from finetune.words import noted, t

WIDTH, HEIGHT = 400, 340
LEFT, RIGHT, TOP, BOTTOM = 56, 388, 30, 272
FITTED_ON = {
    "val": noted("the validation images alone"),
    "out-of-fold": noted("the training images, each judged by a head that was solved without it"),
}


def calibration_html(report: Mapping[str, Any]) -> Markup:
    """Return the calibration of a report, nothing where it has none."""
    found = report.get("calibration")
    if not found or found.get("ece_before") is None:
        return Markup()
    bins = found.get("reliability", {})
    before, after = bins.get("before", ()), bins.get("after", ())
    rows = [
        (when, *(NOTHING if found[name] is None else f"{found[name]:.3f}" for name in names))
        for when, names in (
            (t("before"), ("ece_before", "log_loss_before")),
            (t("after"), ("ece_after", "log_loss_after")),
        )
    ]
    heads = ("", t("expected calibration error"), t("log loss (nats)"))
    return section(
        t("Calibration"),
        paragraph(_told(found)),
        table(heads, rows, label=t("Calibration")),
        reliability_svg(before, after),
        folded(t("The plot as a table"), join(_bins(before, t("before")), _bins(after, t("after")))),
    )


def _told(found: Mapping[str, Any]) -> str:
    if found["fitted_on"] == "none":
        why = found.get("reason") or t("nothing was there to fit it to")
        return t("The probabilities are as the network gives them (T = 1): {}.").format(why)
    kind = t("overconfident") if found["temperature"] > 1 else t("underconfident")
    own = t(" Each image is judged at a temperature fitted without it.") if found.get("crossed") else ""
    told = t(
        "The network is {}; its logits are divided by T = {:.2f}, fitted on {} ({:,} of them). "
        "No label changes by it."
    )
    fitted_on = t(FITTED_ON[found["fitted_on"]])
    return told.format(kind, found["temperature"], fitted_on, found["n_images"]) + own


def _bins(bins: Sequence[Mapping[str, Any]], when: str) -> Markup:
    rows = [
        (
            t("{:.0f} to {:.0f} %").format(100 * each["low"], 100 * each["high"]),
            f"{each['n']:,}",
            percent(each["confidence"]),
            percent(each["accuracy"]),
        )
        for each in bins
    ]
    heads = (t("confidence, {}").format(when), t("images"), t("mean confidence"), t("right"))
    return table(heads, rows, label=t("Reliability {} calibration").format(when))


def reliability_svg(before: Sequence[Mapping[str, Any]], after: Sequence[Mapping[str, Any]]) -> Markup:
    """Return accuracy over confidence before and after, a dot a bin, the larger the more images it holds."""
    if not before and not after:
        return Markup()
    label = t("Reliability: accuracy over confidence; on the diagonal a probability means what it says")
    ticks = [
        Markup(
            '<text class="axis" x="{:.1f}" y="{}" text-anchor="middle">{:.0f}</text>'
            '<text class="axis" x="{}" y="{:.1f}" text-anchor="end">{:.0f}</text>'
        ).format(_x(share), BOTTOM + 16, 100 * share, LEFT - 6, _y(share) + 4, 100 * share)
        for share in (0, 0.25, 0.5, 0.75, 1)
    ]
    frame = Markup(
        '<path class="thin" fill="none" d="M{0} {1}V{2}H{3}"/>'
        '<path class="thin" stroke-dasharray="2 4" d="M{0} {2}L{3} {1}"/>'
        '<text class="axis-title" x="{0}" y="16">{5}</text>'
        '<text class="axis" x="{3}" y="{4}" text-anchor="end">{6}</text>'
    ).format(LEFT, TOP, BOTTOM, RIGHT, BOTTOM + 34, t("Right (%)"), t("confidence (%)"))
    lines = join(_line(before, "second", t("before"), 0), _line(after, "first", t("after"), 1))
    return Markup('<svg class="chart" viewBox="0 0 {} {}" role="img" aria-label="{}">{}{}{}</svg>').format(
        WIDTH, HEIGHT, label, frame, join(*ticks), lines
    )


def _x(share: float) -> float:
    return LEFT + (RIGHT - LEFT) * share


def _y(share: float) -> float:
    return BOTTOM - (BOTTOM - TOP) * share


def _line(bins: Sequence[Mapping[str, Any]], kind: str, name: str, rank: int) -> Markup:
    total = sum(each["n"] for each in bins) or 1
    places = [(_x(each["confidence"]), _y(each["accuracy"]), each["n"] / total) for each in bins]
    dots = [
        Markup('<circle class="{}" cx="{:.1f}" cy="{:.1f}" r="{:.1f}" fill-opacity="0.75"/>').format(
            kind, x, y, 2 + 8 * share**0.5
        )
        for x, y, share in places
    ]
    path = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in places)
    sign = "●╌" if kind == "second" else "●—"
    return Markup(
        '<polyline class="{0}" points="{1}"/>{2}<text class="key {0}" x="{3}" y="{4}">{5} {6}</text>'
    ).format(kind, path, join(*dots), LEFT + 130 * rank, HEIGHT - 6, sign, name)
