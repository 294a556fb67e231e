"""The score with its interval beside the baselines, all figures, and each class's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from finetune.page.markup import NOTHING, Cell, folded, join, paragraph, percent, section, span, table

SPLITS = {"test": "test images", "val": "validation images", "all": "images"}
BASELINES = {
    "linear_probe": "linear probe: only the head trained",
    "knn": "nearest neighbours of frozen features",
    "majority": "always the commonest class",
}
NAMES = {
    "accuracy": "accuracy",
    "balanced_accuracy": "balanced accuracy (every class counts alike)",
    "macro_f1": "macro F1",
    "log_loss": "log loss (nats, less is better)",
}
MOST_CLASSES = 30
WORST = 10


def headline_html(report: Mapping[str, Any]) -> Markup:
    """Return what a reader must know first: the score, its interval, the baselines, and what speaks against it."""
    split = report["accuracy_split"]
    n_images = sum(map(sum, report["confusion"]))
    score = Markup(
        '<div class="result"><p class="headline"><strong>{}</strong> of {:,} {} right</p>'
        "<p>With so many images, the true accuracy lies between {} % (95 % interval).{}</p></div>"
    ).format(
        percent(report["accuracy"]),
        n_images,
        SPLITS[split],
        span(report["accuracy_interval"], digits=1, scale=100).replace(" to ", " and "),
        _caution(report),
    )
    notes = [
        Markup('<p class="told-note">{}.</p>').format(f"{note[:1].upper()}{note[1:]}")
        for note in report.get("notes", ())
    ]
    return join(score, *notes, _beside(report))


def _caution(report: Mapping[str, Any]) -> str:
    if report.get("selection_split") != report["accuracy_split"]:
        return ""
    return " The epoch was chosen on these same images, so expect a little less on new ones."


def _beside(report: Mapping[str, Any]) -> Markup:
    """Return the score and the baselines as ranges one below the other."""
    baselines = report.get("baselines", {})
    rows = [("this classifier", report["accuracy"], report["accuracy_interval"], "ours")]
    rows += [
        (name, found["accuracy"], found["accuracy_interval"], "other")
        for key, name in BASELINES.items()
        if (found := baselines.get(key)) and "accuracy" in found
    ]
    left_out = [
        paragraph(f"Left out: {name}, since {found['left_out']}.", quiet=True)
        for key, name in BASELINES.items()
        if (found := baselines.get(key)) and "left_out" in found
    ]
    told = [paragraph(note, quiet=True) for note in _on_baselines(baselines)]
    ranges = Markup('<div class="ranges" role="list" aria-label="Accuracy with 95 % intervals">{}</div>')
    return join(ranges.format(join(*(_range(*row) for row in rows))), *told, *left_out)


def _on_baselines(baselines: Mapping[str, Any]) -> list[str]:
    found = baselines.get("linear_probe") or {}
    return [f"The baselines {found['how']}."] if found.get("how") else []


def _range(name: str, accuracy: float, interval: Sequence[float], kind: str) -> Markup:
    low, high = (100 * end for end in interval)
    return Markup(
        '<div class="range {0}" role="listitem"><span class="range-name">{1}</span>'
        '<span class="range-track" aria-hidden="true">'
        '<span class="range-band" style="left:{2:.1f}%;width:{3:.1f}%"></span>'
        '<span class="range-dot" style="left:{4:.1f}%"></span></span>'
        '<span class="range-value">{4:.1f} % <span class="quiet">({2:.1f} to {5:.1f})</span></span></div>'
    ).format(kind, name, low, high - low, 100 * accuracy, high)


def figures_html(report: Mapping[str, Any]) -> Markup:
    """Return all figures with their intervals."""
    if "figures" not in report:
        return Markup()
    rows = []
    for name, figure in report["figures"].items():
        told = NAMES.get(name) or f"top {figure['k']}: among the {figure['k']} likeliest"
        rows.append((told, f"{figure['value']:.3f}", span(figure["interval"])))
    drawn = report["bootstrap"]
    how = (
        f"Percentile intervals of {drawn['resamples']:,} resamples of the images (seed {drawn['seed']}); the "
        "accuracy in the headline has Wilson's, which also holds for very few mistakes."
    )
    return section(
        "Figures",
        table(("score", "value", "95 % interval"), rows, label="Figures"),
        paragraph(how, quiet=True),
    )


def classes_html(report: Mapping[str, Any]) -> Markup:
    """Return the table of classes; of many, first those with the lowest F1."""
    classes = report.get("per_class", ())
    if len(classes) <= MOST_CLASSES:
        return section("Classes", _class_table(classes, "Classes"))
    judged = [each for each in classes if each["support"]]
    worst = sorted(judged, key=lambda each: each["f1"] or 0.0)[:WORST]
    return section(
        "Classes",
        paragraph(f"The {len(worst)} of {len(classes)} classes with the lowest F1:"),
        _class_table(worst, "Classes with the lowest F1"),
        folded(f"All {len(classes)} classes", _class_table(classes, "All classes")),
    )


def _class_table(classes: Sequence[Mapping[str, Any]], label: str) -> Markup:
    rows: list[Sequence[Cell]] = [
        (
            each["class"],
            f"{each['support']:,}",
            *(_cell(each, name) for name in ("precision", "recall", "f1")),
        )
        for each in classes
    ]
    return table(("class", "images", "precision", "recall", "F1"), rows, label=label)


def _cell(row: Mapping[str, Any], name: str) -> Cell:
    if row[name] is None:
        return NOTHING
    interval = row[f"{name}_interval"]
    told = (
        Markup("")
        if interval is None
        else Markup(' <span class="span">{}</span>').format(span(interval, digits=2))
    )
    return Markup("{:.2f}{}").format(row[name], told)
