"""Advice for the terminal: the choice, what each strategy promises, the square, the reason. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from finetune.advice.contenders import CONTENDERS
from finetune.advice.kept_words import kept_sentence
from finetune.advice.language import Language, duration
from finetune.data.health.findings import amount
from ui.present import table

if TYPE_CHECKING:
    from finetune.advice.advise import Advice
    from finetune.advice.outlook import Outlook

HEADS = {
    "en": (
        "strategy",
        "expected accuracy",
        "80 % interval",
        "best",
        "within 1 point",
        "time",
        "memory",
        "trains",
    ),
    "zh": ("策略", "预计准确率", "80% 区间", "最佳", "相差 1 分内", "时间", "内存", "训练占比"),
}
CHOICE = {"en": ("strategy", "runner-up"), "zh": ("策略", "其次")}


SQUARE = {
    "en": {"similar": "similar (gain ≥ {})", "different": "different (gain < {})", "or": " or "},
    "zh": {"similar": "相似（增益 ≥ {}）", "different": "不同（增益 < {}）", "or": " 或 "},
}
ROWS = {
    "en": {"small": "small (< {:,})", "large": "large (≥ {:,})"},
    "zh": {"small": "小（< {:,}）", "large": "大（≥ {:,}）"},
}


def square(advice: Advice, language: Language = "en") -> Table:
    """Draw the size x similarity square with the user's cell marked."""
    from finetune.advice.rules import LARGE_FROM_IMAGES, RULES, SIMILAR_FROM_GAIN

    made = Table(show_lines=True)
    made.add_column("")
    words = SQUARE[language]
    for column in ("similar", "different"):
        made.add_column(words[column].format(SIMILAR_FROM_GAIN), justify="center")
    for size, row in ROWS[language].items():
        cells = []
        for is_similar in (True, False):
            rules = [
                rule for rule in RULES if rule.size == size and (rule.similarity == "similar") == is_similar
            ]
            here = advice.rule in rules
            names = [advice.rule.strategy] if here else dict.fromkeys(rule.strategy for rule in rules)
            text = words["or"].join(names)
            cells.append(f"[bold reverse] ● {text} [/]" if here else text)
        made.add_row(row.format(LARGE_FROM_IMAGES), *cells)
    return made


def advice_view(advice: Advice, language: Language = "en") -> RenderableType:
    """Show the chosen strategy, what each promises, the square, and the reason."""
    first, second = CHOICE[language]
    title = CONTENDERS[advice.contender].named(language)
    head = Text(f"{first}: {title}   {second}: {advice.runner_up}", style="bold")
    reason, told = advice.said(language)
    warnings = [Text(f"! {warning}", style="yellow") for warning in told]
    if advice.outlook is None:
        return Group(head, "", "", square(advice, language), Text(reason), *warnings)
    shown = forecast_table(advice.outlook, language)
    kept = kept_sentence(advice.outlook.kept, language)
    notes = [Text(kept, style="dim")] if kept else []
    return Group(head, "", shown, "", square(advice, language), Text(reason), *warnings, *notes)


def forecast_table(outlook: Outlook, language: Language = "en") -> Table:
    """List what each contender promises, the best utility first."""
    names = HEADS[language]
    made = table(*names, right=names[1:])
    ranked = sorted(outlook.forecasts, key=lambda name: -outlook.decision.utilities[name])
    for name in ranked:
        found, cost = outlook.forecasts[name], outlook.costs[name]
        mark = "● " if name == outlook.decision.strategy else "  "
        made.add_row(
            mark + CONTENDERS[name].named(language),
            f"{100 * found.accuracy:.1f} %",
            f"{100 * found.low:.1f} – {100 * found.high:.1f}",
            f"{100 * found.p_best:.0f} %",
            f"{100 * found.p_within_one:.0f} %",
            duration(cost.seconds, language),
            f"{cost.peak_bytes / 1e9:.1f} GB",
            f"{100 * cost.trainable_share:.3g} %",
            style="bold" if name == outlook.decision.strategy else "",
        )
    return made


def experience_table(values: Mapping[str, Any]) -> RenderableType:
    """List the user's own trainings; ``values`` are those of ``finetune experience --json``."""
    if values["file"] is None:
        return Text("switched off by FINETUNE_EXPERIENCE=off")
    made = table(
        "strategy", "images", "classes", "accuracy", "judged on", right=("images", "classes", "accuracy")
    )
    for row in values["trainings"]:
        made.add_row(
            CONTENDERS[row["contender"]].title if row["contender"] in CONTENDERS else row["contender"],
            f"{row['n_train']:,}",
            str(row["n_classes"]),
            f"{100 * row['accuracy']:.1f} %",
            f"{row['n_judged']:,} images",
        )
    return Group(Text(f"{amount(len(values['trainings']), 'training')} in {values['file']}"), made)
