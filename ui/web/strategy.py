"""The advice in words and the four strategies as cards, each with a strip of what it freezes and trains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from finetune.advice.contenders import CONTENDERS
from finetune.advice.language import duration
from finetune.advice.rules import SIMILAR_FROM_GAIN
from finetune.words import language, noted, t
from strategies import STRATEGIES
from ui.web.changes import changes_html
from ui.web.more_images import more_images_html
from ui.web.square import square_svg
from ui.web.words import join


def advice_html(findings: Mapping[str, Any]) -> Markup:
    """Return the advice: the strategy, the reason with its numbers, the square, and what to keep in mind."""
    advice = findings["advice"]
    headline = t(Markup("Advised: <strong>{}</strong>")).format(advice["strategy"])
    if advice["cell"] is None:
        return Markup('<p class="headline">{}</p><p>{}</p>').format(
            headline, t("{}.").format(_told(advice, "reason"))
        )
    told = _told(advice, "warnings") or ()
    warnings = [Markup("<li>{}</li>").format(warning) for warning in told]
    return Markup(
        '<div class="advice"><div><p class="headline">{}</p><p>{}</p>'
        "<p>{}</p>{}{}{}<details><summary>{}</summary><p>{}</p></details>"
        '</div><div class="advice-pictures">{}{}</div></div>'
    ).format(
        headline,
        _in_short(findings),
        t("The runner-up is {}.").format(advice["runner_up"]),
        Markup('<ul class="findings">{}</ul>').format(join(*warnings)) if warnings else "",
        changes_html(advice),
        _probes_html(advice),
        t("The reason with its numbers"),
        _told(advice, "reason"),
        square_svg(advice),
        more_images_html(advice),
    )


def _told(advice: Mapping[str, Any], name: str) -> Any:
    """Return the reason or the warnings in the language that is spoken, as far as the advice has them in it."""
    chinese = advice.get(f"{name}_zh") if language() == "zh" else None
    return chinese or advice[name]


def _probes_html(advice: Mapping[str, Any]) -> Markup:
    """Return where to freeze and which augmentation helps, where that was measured."""
    said = [parts[language()] for parts in advice.get("said", {}).values()]
    if not said:
        return Markup("")
    end = t("{}.")
    # Here it is an option of the tab Train, not one of a command.
    told = (text.replace("--set stages=", "partial, stages = ") for text in said)
    rows = [Markup("<li>{}</li>").format(end.format(text[:1].upper() + text[1:])) for text in told]
    return Markup('<h2 class="small-head">{}</h2><ul class="findings">{}</ul>').format(
        t("What probes of the layers say"), join(*rows)
    )


LOOKS = {
    ("small", "similar"): noted(
        "Your {:,} training images are few, and they look to the network like what it has learned from ImageNet "
        "(transfer gain {:.2f}, of 1 at most; {} or more counts as similar)."
    ),
    ("small", "different"): noted(
        "Your {:,} training images are few, and they differ from what the network has learned from ImageNet "
        "(transfer gain {:.2f}, of 1 at most; {} or more counts as similar)."
    ),
    ("large", "similar"): noted(
        "Your {:,} training images are many, and they look to the network like what it has learned from ImageNet "
        "(transfer gain {:.2f}, of 1 at most; {} or more counts as similar)."
    ),
    ("large", "different"): noted(
        "Your {:,} training images are many, and they differ from what the network has learned from ImageNet "
        "(transfer gain {:.2f}, of 1 at most; {} or more counts as similar)."
    ),
}
"""By the cell of the square."""


def _in_short(findings: Mapping[str, Any]) -> str:
    advice = findings["advice"]
    cell, strategy = advice["cell"], advice["strategy"]
    looks = t(LOOKS[cell["size"], cell["similarity"]]).format(
        advice["size"]["n"], advice["similarity"]["value"], SIMILAR_FROM_GAIN
    )
    so = t("So {}: {}.").format(strategy, t(STRATEGIES[strategy].summary))
    return ("" if language() == "zh" else " ").join(part for part in (looks, _rule(advice), so) if part)


def _rule(advice: Mapping[str, Any]) -> str:
    """Return what overruled the square's rule, empty where nothing did."""
    rule = advice.get("rule_strategy", advice["strategy"])
    if rule == advice["strategy"]:
        return ""
    return t(
        "The square's rule is {}, but what was measured and many trainings on other data speak against it."
    ).format(rule)


def card_html(name: str, findings: Mapping[str, Any], *, chosen: bool) -> Markup:
    """Return the card of the strategy ``name``: what it does, its strip of layers, and what share trains."""
    advice, strip = findings["advice"], findings["strips"].get(name)
    if strip is None:
        return _closed_card(name, findings, chosen=chosen)
    badge = {advice["strategy"]: t("advised"), advice["runner_up"]: t("runner-up")}.get(name, "")
    total = sum(row["n_parameters"] for row in strip)
    trained = sum(row["share"] for row in strip if row["lr_multiplier"] > 0)
    random = STRATEGIES[name].weights == "random"
    share = (
        t("{:.3g} % of {:.1f} M parameters train, from random weights")
        if random
        else t("{:.3g} % of {:.1f} M parameters train")
    )
    return Markup(
        '<div class="card{}"><p class="card-name"><strong>{}</strong>{}</p><p>{}</p>{}{}'
        '<p class="quiet">{}</p></div>'
    ).format(
        " chosen" if chosen else "",
        name,
        Markup('<span class="badge">{}</span>').format(badge) if badge else "",
        _sentence(STRATEGIES[name].summary),
        _expected(name, findings),
        strip_html(strip),
        share.format(100 * trained, total / 1e6),
    )


def _expected(name: str, findings: Mapping[str, Any]) -> Markup:
    """Return what is forecast of the strategy, by its better form where it has two; nothing where nothing is.

    The forecast holds for the size that the images were measured at.
    """
    forecast = findings["advice"].get("forecast", {})
    rows = {contender: row for contender, row in forecast.items() if row["strategy"] == name}
    if not rows:
        return Markup("")
    contender, row = max(rows.items(), key=lambda pair: pair[1]["utility"])
    low, high = row["interval"]
    form = CONTENDERS[contender].named(language()).removeprefix(name).strip()
    facts = (
        (t("80 % interval"), f"{100 * low:.1f} – {100 * high:.1f} %"),
        (t("best of all, probability"), f"{100 * row['p_best']:.0f} %"),
        (t("time"), t("about {}").format(duration(row["seconds"], language()))),
        (t("memory at its peak"), f"{row['peak_bytes'] / 1e9:.1f} GB"),
    )
    return Markup('<p class="expected">{}{}</p><dl class="facts">{}</dl>').format(
        t(Markup("<strong>{:.1f} %</strong> expected at {} px")).format(
            100 * row["accuracy"], findings["image_size"]
        ),
        f" {form}" if form else "",
        join(*(Markup("<div><dt>{}</dt><dd>{}</dd></div>").format(*fact) for fact in facts)),
    )


def _closed_card(name: str, findings: Mapping[str, Any], *, chosen: bool) -> Markup:
    """Return the card of a strategy that needs pretrained weights, for a network that has none."""
    return Markup(
        '<div class="card{}"><p class="card-name"><strong>{}</strong></p><p>{}</p><p class="quiet">{}</p></div>'
    ).format(
        " chosen" if chosen else "",
        name,
        _sentence(STRATEGIES[name].summary),
        t("Needs pretrained weights, and {} has none.").format(findings["backbone"]),
    )


def _sentence(summary: str) -> str:
    told = t(summary)
    return t("{}.").format(told[:1].upper() + told[1:])


def strip_html(rows: Sequence[Mapping[str, Any]]) -> Markup:
    """Return the layer groups from the input to the head: hatched where frozen, filled where trained."""
    frozen = [row["name"] for row in rows if row["lr_multiplier"] == 0]
    label = t("Layers from input to output: {}.").format(", ".join(row["name"] for row in rows))
    label += " " + (t("Frozen: {}.").format(", ".join(frozen)) if frozen else t("None is frozen."))
    cells = [_layer(row, is_last=rank == len(rows) - 1) for rank, row in enumerate(rows)]
    return Markup(
        '<div class="strip" role="img" aria-label="{}">{}</div>'
        '<p class="strip-ends" aria-hidden="true"><span>{}</span>'
        '<span class="key frozen"></span>{} <span class="key trains"></span>{}<span>{}</span></p>'
    ).format(label, join(*cells), t("input"), t("frozen"), t("trains"), t("head"))


def _layer(row: Mapping[str, Any], *, is_last: bool) -> Markup:
    multiplier = row["lr_multiplier"]
    told = t("frozen") if multiplier == 0 else t("trains, learning rate × {:.2g}").format(multiplier)
    # The slower a layer learns, the paler it is.
    style = "" if multiplier == 0 else f"opacity:{0.35 + 0.65 * multiplier:.2f}"
    return Markup('<span class="layer {}{}" style="{}" title="{}"></span>').format(
        "frozen" if multiplier == 0 else "trains",
        " head" if is_last else "",
        style,
        t("{}: {}, {:,} parameters").format(row["name"], told, row["n_parameters"]),
    )
