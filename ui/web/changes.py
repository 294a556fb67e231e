"""What would change the advice, in a few sentences from its own numbers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from markupsafe import Markup

from finetune.advice.contenders import CONTENDERS
from finetune.advice.rules import LARGE_FROM_IMAGES, SIMILAR_FROM_GAIN, find_rule
from finetune.words import language, t
from ui.web.words import join

MOST = 4


def changes_html(advice: Mapping[str, Any]) -> Markup:
    """Return the sentences as a list with a heading; nothing for an advice without forecasts."""
    told = list(changes(advice))[:MOST]
    if not told:
        return Markup("")
    rows = [Markup("<li>{}</li>").format(sentence) for sentence in told]
    return Markup('<h2 class="small-head">{}</h2><ul class="findings">{}</ul>').format(
        t("What would change this"), join(*rows)
    )


def changes(advice: Mapping[str, Any]) -> Iterator[str]:
    """Yield what would have to be otherwise, the likeliest first: images, time, the forecasts, the square's rule."""
    decision = advice.get("decision")
    if not decision:
        return
    for change in decision["changes"]:
        title = _title(change["contender"])
        if change["times"] is None:
            yield t("If accuracy alone counted, whatever the time, it would be {}.").format(title)
        else:
            yield t("With {} times as many images it would be {}.").format(change["times"], title)
    lead, second = decision["lead_points"], decision["runner_up"]
    if second in decision["allowed"] and lead > 0:
        yield t("If {} came out more than {:.1f} points better than forecast, it would be that.").format(
            _title(second), lead
        )
    if not decision["is_sure"]:
        yield t(
            "The forecasts are not sure which of the first two will be better: a training with each would settle it."
        )
    yield from _rules(advice)


def _title(contender: str) -> str:
    return CONTENDERS[contender].named(language())


def _rules(advice: Mapping[str, Any]) -> Iterator[str]:
    """Yield beyond which threshold the square's own rule would be another one."""
    n, gain, rule = advice["size"]["n"], advice["similarity"]["value"], advice["rule_strategy"]
    if gain >= SIMILAR_FROM_GAIN:
        other = find_rule(n, SIMILAR_FROM_GAIN - 0.01).strategy
        told = t("With a transfer gain below {} instead of {:.2f}, the square's rule would be {}, not {}.")
    else:
        other = find_rule(n, SIMILAR_FROM_GAIN).strategy
        told = t(
            "With a transfer gain of {} or more instead of {:.2f}, the square's rule would be {}, not {}."
        )
    if other != rule:
        yield told.format(SIMILAR_FROM_GAIN, gain, other, rule)
    larger = find_rule(LARGE_FROM_IMAGES, gain).strategy
    if n < LARGE_FROM_IMAGES and larger != rule:
        yield t("From {:,} training images on, the square's rule would be {}.").format(
            LARGE_FROM_IMAGES, larger
        )
