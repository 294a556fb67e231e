"""The score with its interval beside the baselines, all figures, and each class's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from finetune.page.markup import NOTHING, Cell, folded, join, paragraph, percent, section, span, table
from finetune.words import noted, retold, t

SPLITS = {"test": noted("test images"), "val": noted("validation images"), "all": noted("images")}
OF_ITSELF = noted("this classifier is one itself")
"""Why a run leaves its probe out, as `finetune.training.baselines` says it."""
BASELINES = {
    "linear_probe": noted("linear probe: only the head trained"),
    "knn": noted("nearest neighbours of frozen features"),
    "majority": noted("always the commonest class"),
}
NAMES = {
    "accuracy": noted("accuracy"),
    "balanced_accuracy": noted("balanced accuracy (every class counts alike)"),
    "macro_f1": noted("macro F1"),
    "log_loss": noted("log loss (nats, less is better)"),
}
MOST_CLASSES = 30
WORST = 10


def headline_html(report: Mapping[str, Any]) -> Markup:
    """Return what a reader must know first: the score, its interval, the baselines, and what speaks against it."""
    split = report["accuracy_split"]
    n_images = sum(map(sum, report["confusion"]))
    score = Markup('<div class="result"><p class="headline">{}</p><p>{}{}</p></div>').format(
        t(Markup("<strong>{}</strong> of {:,} {} right")).format(
            percent(report["accuracy"]), n_images, t(SPLITS[split])
        ),
        t("With so many images, the true accuracy lies between {:.1f} and {:.1f} % (95 % interval).").format(
            *(100 * end for end in report["accuracy_interval"])
        ),
        _caution(report),
    )
    notes = [
        Markup('<p class="told-note">{}.</p>').format(f"{note[:1].upper()}{note[1:]}")
        for note in map(retold, report.get("notes", ()))
    ]
    return join(score, *notes, _beside(report))


def _caution(report: Mapping[str, Any]) -> str:
    if report.get("selection_split") != report["accuracy_split"]:
        return ""
    return t(" The epoch was chosen on these same images, so expect a little less on new ones.")


def _beside(report: Mapping[str, Any]) -> Markup:
    """Return the score and the baselines as ranges one below the other."""
    baselines = report.get("baselines", {})
    rows = [(t("this classifier"), report["accuracy"], report["accuracy_interval"], "ours")]
    rows += [
        (t(name), found["accuracy"], found["accuracy_interval"], "other")
        for key, name in BASELINES.items()
        if (found := baselines.get(key)) and "accuracy" in found
    ]
    left_out = [
        paragraph(t("Left out: {}, since {}.").format(t(name), t(found["left_out"])), quiet=True)
        for key, name in BASELINES.items()
        if (found := baselines.get(key)) and "left_out" in found
    ]
    told = [paragraph(note, quiet=True) for note in _on_baselines(baselines)]
    ranges = Markup('<div class="ranges" role="list" aria-label="{}">{}</div>').format(
        t("Accuracy with 95 % intervals"), join(*(_range(*row) for row in rows))
    )
    return join(ranges, *told, *left_out)


def _on_baselines(baselines: Mapping[str, Any]) -> list[str]:
    found = baselines.get("linear_probe") or {}
    return [t("The baselines {}.").format(retold(found["how"]))] if found.get("how") else []


def _range(name: str, accuracy: float, interval: Sequence[float], kind: str) -> Markup:
    low, high = (100 * end for end in interval)
    value = t(Markup('{:.1f} % <span class="quiet">({:.1f} to {:.1f})</span>'))
    return Markup(
        '<div class="range {0}" role="listitem"><span class="range-name">{1}</span>'
        '<span class="range-track" aria-hidden="true">'
        '<span class="range-band" style="left:{2:.1f}%;width:{3:.1f}%"></span>'
        '<span class="range-dot" style="left:{4:.1f}%"></span></span>'
        '<span class="range-value">{5}</span></div>'
    ).format(kind, name, low, high - low, 100 * accuracy, value.format(100 * accuracy, low, high))


def figures_html(report: Mapping[str, Any]) -> Markup:
    """Return all figures with their intervals."""
    if "figures" not in report:
        return Markup()
    rows = []
    for name, figure in report["figures"].items():
        top = t("top {0}: among the {0} likeliest")
        told = t(NAMES[name]) if name in NAMES else top.format(figure["k"])
        rows.append((told, f"{figure['value']:.3f}", span(figure["interval"])))
    drawn = report["bootstrap"]
    how = t(
        "Percentile intervals of {:,} resamples of the images (seed {}); the accuracy in the headline has "
        "Wilson's, which also holds for very few mistakes."
    ).format(drawn["resamples"], drawn["seed"])
    return section(
        t("Figures"),
        table((t("score"), t("value"), t("95 % interval")), rows, label=t("Figures")),
        paragraph(how, quiet=True),
    )


def classes_html(report: Mapping[str, Any]) -> Markup:
    """Return the table of classes, those that are found least often first; of many, all of them folded."""
    classes = sorted(
        report.get("per_class", ()), key=lambda each: (not each["support"], each["recall"] or 0.0)
    )
    if len(classes) <= MOST_CLASSES:
        return section(t("Classes"), _class_table(classes, t("Classes")))
    worst = [each for each in classes if each["support"]][:WORST]
    told = t("The {} of {} classes with the lowest recall:").format(len(worst), len(classes))
    return section(
        t("Classes"),
        paragraph(told),
        _class_table(worst, t("Classes with the lowest recall")),
        folded(t("All {} classes").format(len(classes)), _class_table(classes, t("All classes"))),
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
    heads = (t("class"), t("images"), t("precision"), t("recall"), t("F1"))
    return table(heads, rows, label=label)


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
