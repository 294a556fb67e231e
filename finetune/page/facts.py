"""What a result came from and what it cost: data, recipe, seconds, memory, versions, seeds, hashes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from finetune.page.markup import Cell, folded, paragraph, section, table, time_words

CORRECTED = {"drop_suspects": "left out as wrongly labelled", "relabel": "given another class"}


def data_html(report: Mapping[str, Any]) -> Markup:
    """Return how many images of each split there were, and what was left out or changed."""
    rows: list[tuple[Cell, ...]] = [
        (name, f"{report[key]:,}")
        for name, key in (("training", "n_train"), ("validation", "n_val"), ("test", "n_test"))
        if key in report
    ]
    if report.get("n_quarantined"):
        rows.append(("left out, since unreadable", f"{report['n_quarantined']:,}"))
    for field, correction in report.get("corrections", {}).items():
        rows.append((CORRECTED.get(field, field), f"{correction['count']:,}"))
    rows.append(("classes", f"{len(report['classes']):,}"))
    return section("Data", table(("", "images"), rows, label="Data"))


def recipe_html(report: Mapping[str, Any], recipe: str) -> Markup:
    """Return the choices of the run in a few rows, and the whole recipe folded."""
    if "strategy" not in report:
        return Markup()
    weights, asked = report["weights"], report["strategy_requested"]
    how = report["strategy"] + ("" if asked == report["strategy"] else f" (asked for: {asked})")
    rows: list[tuple[Cell, ...]] = [
        ("strategy", how),
        ("backbone", report["backbone"]),
        ("weights", f"{weights['source']}: {weights['origin']}"),
        ("licence of the weights", weights["licence"] or "none named"),
        ("input", f"{report['image_size']} px"),
        ("parameters trained", f"{100 * report['trainable_share']:.3g} %"),
        ("epoch chosen on", report["selection_split"] or "nothing was chosen on a split"),
        ("ended", report["stopped"]),
    ]
    whole = Markup('<pre class="wide" tabindex="0">{}</pre>').format(recipe) if recipe else Markup()
    advice = report.get("advice") or {}
    why = paragraph(advice["reason"], quiet=True) if advice.get("reason") else Markup()
    return section(
        "Recipe",
        table(("", ""), rows, label="Recipe", kind="words"),
        why,
        folded("The whole recipe (recipe.yaml)", whole),
    )


def cost_html(report: Mapping[str, Any]) -> Markup:
    """Return the seconds of each phase and the peak of memory."""
    if "seconds_by_phase" not in report:
        return Markup()
    rows: list[tuple[Cell, ...]] = [
        (name, f"{seconds:,.1f} s") for name, seconds in report["seconds_by_phase"].items()
    ]
    rows.append(("in all", f"{report['seconds']:,.1f} s ({time_words(report['seconds'])})"))
    named = {
        "process_mb": "peak memory",
        "workers_mb": "peak memory of a helper",
        "gpu_mb": "peak memory of the GPU",
    }
    memory = report.get("peak_memory", {})
    rows += [(told, f"{memory[name]:,.0f} MB") for name, told in named.items() if memory.get(name)]
    return section("Cost", table(("", ""), rows, label="Cost"))


def origin_html(report: Mapping[str, Any]) -> Markup:
    """Return what repeats the result: seed, hashes and versions."""
    rows: list[tuple[Cell, ...]] = [("seed", str(report["seed"]))] if "seed" in report else []
    hashes = dict(report.get("hashes", {}))
    if (report.get("weights") or {}).get("sha256"):
        hashes = {"pretrained weights": report["weights"]["sha256"], **hashes}
    rows += [
        (f"sha256 of the {name}", Markup("<code>{}</code>").format(value)) for name, value in hashes.items()
    ]
    rows += [(name, version) for name, version in report.get("versions", {}).items()]
    return section(
        "Seed, hashes, versions", table(("", ""), rows, label="Seed, hashes, versions", kind="words")
    )
