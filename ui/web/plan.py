"""What the training that is set up will be: how long, with what changed, and its learning rate as a drawing."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from markupsafe import Markup

from finetune.page.curves import PLANNED, chart
from finetune.service.presets import PRESETS, Foreseen, Preset
from finetune.words import noted, t
from ui.option_names import label_of
from ui.web.words import join, note_html, time_words

TITLES: Mapping[Preset, str] = {
    "recommended": noted("Recommended"),
    "fast": noted("Fast"),
    "thorough": noted("Thorough"),
}
SAYS: Mapping[Preset, str] = {
    "recommended": noted("what suits most data"),
    "fast": noted("a first look: smaller images and a third of the epochs"),
    "thorough": noted(
        "when time does not matter: twice the epochs, and images varied more; for freeze-all, a surer score"
    ),
}
MOST_POINTS = 240


def preset_labels(seconds: Mapping[Preset, float | None]) -> list[tuple[str, Preset]]:
    """Return the choices with the time that each takes, where that is known."""
    return [(_label(preset, seconds.get(preset)), preset) for preset in PRESETS]


def _label(preset: Preset, seconds: float | None) -> str:
    title = t(TITLES[preset])
    return title if seconds is None else t("{}, about {}").format(title, time_words(seconds))


def plan_html(plan: Foreseen, n_train: int, options: Mapping[str, Any], measured_side: int) -> Markup:
    """Return the plan; ``options`` are the recipe's fields that the user has changed.

    ``measured_side`` is the side in px of the images that the forecasts of the cards come from.
    """
    other_side = t("The percentages and times on the cards hold for {} px; at {} px expect others.")
    return join(
        Markup('<p role="status">{}</p>').format(_sentence(plan, n_train)),
        note_html(other_side.format(measured_side, plan.side)) if plan.side != measured_side else "",
        note_html(t("Changed: {}.").format(t(", ").join(_changed(options)))) if options else "",
        _schedule(plan),
    )


def _sentence(plan: Foreseen, n_train: int) -> str:
    about = "" if plan.seconds is None else time_words(plan.seconds)
    if plan.epochs is None:
        told = t(
            "The new classifier is computed at once from {:,} training images at {} px, without epochs "
            "(passes over the images)."
        ).format(n_train, plan.side)
    else:
        told = t(
            "{} epochs (passes over the {:,} training images, at {} px) at most: it ends early when nothing improves."
        ).format(plan.epochs, n_train, plan.side)
    if not about:
        return told
    return t(
        "{} About {} on this computer by the forecast, and some seconds to start and to judge the result; the "
        "training measures it again."
    ).format(told, about)


def _changed(options: Mapping[str, Any]) -> list[str]:
    flat = {**options, **options.get("strategy_options", {})}
    flat.pop("strategy_options", None)
    return [t("{} = {}").format(t(label_of(name)), _value(value)) for name, value in flat.items()]


def _value(value: Any) -> str:
    if isinstance(value, bool):
        return t("yes") if value else t("no")
    return ", ".join(value) if isinstance(value, tuple) else str(value)


def _schedule(plan: Foreseen) -> Markup:
    """Draw the learning rate over the epochs; of one that is still to be found, as a share of its peak."""
    if plan.curve is None or plan.epochs is None:
        return Markup("")
    total = plan.epochs * plan.steps_per_epoch
    stride = max(1, total // MOST_POINTS)
    peak = 1.0 if plan.lr is None else plan.lr
    points = [
        (step / plan.steps_per_epoch, peak * plan.curve(min(step, total - 1)))
        for step in (*range(0, total, stride), total)
    ]
    title = (
        t("Learning rate, as a share of the peak that is found") if plan.lr is None else t("Learning rate")
    )
    return chart(title, {PLANNED: points}, t("epoch"), dots=False, least=0.0)
