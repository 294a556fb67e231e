"""The advice in words and the four strategies as cards, each with a strip of what it freezes and trains."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from finetune.advice.language import duration
from strategies import STRATEGIES
from ui.web.square import square_svg
from ui.web.words import join


def advice_html(findings: Mapping[str, Any]) -> Markup:
    """Return the advice: the strategy, the reason with its numbers, the square, and what to keep in mind."""
    advice = findings["advice"]
    if advice["cell"] is None:
        text = Markup('<p class="headline">Advised: <strong>{}</strong></p><p>{}.</p>')
        return text.format(advice["strategy"], advice["reason"])
    warnings = [Markup("<li>{}</li>").format(warning) for warning in advice["warnings"]]
    return Markup(
        '<div class="advice"><div><p class="headline">Advised: <strong>{}</strong></p><p>{}</p>'
        "<p>The runner-up is {}.</p>{}<details><summary>The reason with its numbers</summary><p>{}</p></details>"
        "</div>{}</div>"
    ).format(
        advice["strategy"],
        _in_short(findings),
        advice["runner_up"],
        Markup('<ul class="findings">{}</ul>').format(join(*warnings)) if warnings else "",
        advice["reason"],
        square_svg(advice),
    )


def _in_short(findings: Mapping[str, Any]) -> str:
    advice = findings["advice"]
    size = "few" if advice["cell"]["size"] == "small" else "many"
    looks = {
        "similar": "look to the network like what it has learned from ImageNet",
        "different": "differ from what the network has learned from ImageNet",
    }[advice["cell"]["similarity"]]
    return (
        f"Your {advice['size']['n']:,} training images are {size}, and they {looks} (transfer gain "
        f"{advice['similarity']['value']:.2f}; 0.5 or more counts as similar). {_rule(advice)}"
        f"So {advice['strategy']}: {STRATEGIES[advice['strategy']].summary}."
    )


def _rule(advice: Mapping[str, Any]) -> str:
    """Return what overruled the square's rule, empty where nothing did."""
    rule = advice.get("rule_strategy", advice["strategy"])
    if rule == advice["strategy"]:
        return ""
    return f"The square's rule is {rule}, but what was measured and many trainings on other data speak against it. "


def card_html(name: str, findings: Mapping[str, Any], *, chosen: bool) -> Markup:
    """Return the card of the strategy ``name``: what it does, its strip of layers, and what share trains."""
    advice, strip = findings["advice"], findings["strips"].get(name)
    if strip is None:
        return _closed_card(name, findings, chosen=chosen)
    badge = {advice["strategy"]: "advised", advice["runner_up"]: "runner-up"}.get(name, "")
    total = sum(row["n_parameters"] for row in strip)
    expected = _expected(name, advice)
    trained = sum(row["share"] for row in strip if row["lr_multiplier"] > 0)
    return Markup(
        '<div class="card{}"><p class="card-name"><strong>{}</strong>{}</p><p>{}</p>{}{}'
        '<p class="quiet">{:.3g} % of {:.1f} M parameters train{}</p></div>'
    ).format(
        " chosen" if chosen else "",
        name,
        Markup('<span class="badge">{}</span>').format(badge) if badge else "",
        _sentence(STRATEGIES[name].summary),
        expected,
        strip_html(strip),
        100 * trained,
        total / 1e6,
        ", from random weights" if STRATEGIES[name].weights == "random" else "",
    )


def _expected(name: str, advice: Mapping[str, Any]) -> Markup:
    """Return what is forecast of the strategy, by its better form where it has two; nothing where nothing is."""
    rows = [row for row in advice.get("forecast", {}).values() if row["strategy"] == name]
    if not rows:
        return Markup("")
    row = max(rows, key=lambda row: row["utility"])
    low, high = row["interval"]
    form = "".join(f" ({value} {option})" for option, value in row["options"].items())
    return Markup(
        '<p class="expected"><strong>{:.1f} %</strong> expected{}, 80 % interval {:.1f} – {:.1f}; about {}; best '
        "with probability {:.0f} %</p>"
    ).format(
        100 * row["accuracy"],
        form,
        100 * low,
        100 * high,
        duration(row["seconds"], "en"),
        100 * row["p_best"],
    )


def _closed_card(name: str, findings: Mapping[str, Any], *, chosen: bool) -> Markup:
    """Return the card of a strategy that needs pretrained weights, for a network that has none."""
    return Markup(
        '<div class="card{}"><p class="card-name"><strong>{}</strong></p><p>{}</p>'
        '<p class="quiet">Needs pretrained weights, and {} has none.</p></div>'
    ).format(" chosen" if chosen else "", name, _sentence(STRATEGIES[name].summary), findings["backbone"])


def _sentence(summary: str) -> str:
    return summary[:1].upper() + summary[1:] + "."


def strip_html(rows: Sequence[Mapping[str, Any]]) -> Markup:
    """Return the layer groups from the input to the head: hatched where frozen, filled where trained."""
    frozen = [row["name"] for row in rows if row["lr_multiplier"] == 0]
    label = f"Layers from input to output: {', '.join(row['name'] for row in rows)}. "
    label += f"Frozen: {', '.join(frozen)}." if frozen else "None is frozen."
    cells = [_layer(row, is_last=rank == len(rows) - 1) for rank, row in enumerate(rows)]
    return Markup(
        '<div class="strip" role="img" aria-label="{}">{}</div>'
        '<p class="strip-ends" aria-hidden="true"><span>input</span>'
        '<span class="key frozen"></span>frozen <span class="key trains"></span>trains<span>head</span></p>'
    ).format(label, join(*cells))


def _layer(row: Mapping[str, Any], *, is_last: bool) -> Markup:
    multiplier = row["lr_multiplier"]
    told = "frozen" if multiplier == 0 else f"trains, learning rate × {multiplier:.2g}"
    # The slower a layer learns, the paler it is.
    style = "" if multiplier == 0 else f"opacity:{0.35 + 0.65 * multiplier:.2f}"
    return Markup('<span class="layer {}{}" style="{}" title="{}: {}, {:,} parameters"></span>').format(
        "frozen" if multiplier == 0 else "trains",
        " head" if is_last else "",
        style,
        row["name"],
        told,
        row["n_parameters"],
    )
