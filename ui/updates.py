"""From a view to the updates of one tab: only what has changed since the tab last said what it shows."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import gradio as gr

from ui.backbones import wanted_of_backbones
from ui.data_tools import DataTools
from ui.data_view import wanted_of_data
from ui.layout import ASKS_EVERY_S, Parts
from ui.results_updates import outdated, wanted_results, wanted_use
from ui.train_view import wanted_of_train
from ui.trial_updates import no_answer, wanted_trial
from ui.view import View

Properties = dict[str, Any]
DIGEST_LENGTH = 8


def updates(parts: Parts, view: View, seen: str, *, asks_every_s: float = ASKS_EVERY_S) -> dict[Any, Any]:
    """Return component to update for a tab that has ``seen``; what it shows then travels with the answer.

    From now on it asks again ``asks_every_s``.

    The tab itself holds ``seen``: an answer that got lost on its way is thus sent again with the next.
    """
    before = _parsed(seen)
    wanted = {**_wanted(parts, view), "timer": (parts.timer, {"value": asks_every_s})}
    now = {name: _digest(properties) for name, (_, properties) in wanted.items()}
    changed = [name for name in wanted if before.get(name) != now[name]]
    answer: dict[Any, Any] = {wanted[name][0]: gr.update(**wanted[name][1]) for name in changed}
    if "asked" in changed:  # an answer of another classifier must not stay
        answer |= {parts.test_tab.image: None, **no_answer(parts.test_tab)}
    answer |= outdated(parts, changed)
    if changed:
        answer[parts.seen] = json.dumps(now)
    return answer or {parts.seen: gr.skip()}


def shown(parts: Parts) -> list[Any]:
    """Return every component that `updates` may change."""
    empty = View("", "", (), "", "", "", "")
    fixed = [component for component, _ in _wanted(parts, empty).values()]
    cards = [*parts.train_tab.cards.values(), *parts.train_tab.choices.values()]
    return [
        *fixed,
        parts.timer,
        *cards,
        parts.test_tab.image,
        *no_answer(parts.test_tab),
        *outdated(parts, ("matrix", "erase")),
        parts.seen,
    ]


def _parsed(seen: str) -> dict[str, str]:
    try:
        found = json.loads(seen or "{}")
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _digest(properties: Properties) -> str:
    content = json.dumps(properties, sort_keys=True).encode()
    return hashlib.sha256(content).hexdigest()[:DIGEST_LENGTH]


def _wanted(parts: Parts, view: View) -> dict[str, tuple[Any, Properties]]:
    """Return for every part of the page its component and the properties it should have."""
    is_open = bool(view.cards)
    wanted: dict[str, tuple[Any, Properties]] = {
        "data": (parts.data_tab.data, {"value": str(view.data)}),
        **_wanted_tools(parts, view.tools),
        "advice": (parts.data_tab.advice, {"value": str(view.advice)}),
        **wanted_of_train(parts.train_tab, view),
        **wanted_of_data(parts.data_tab, view.by_hand),
        **wanted_of_backbones(parts.data_tab.other_backbones, view),
        "go on": (parts.data_tab.go_on, {"visible": is_open}),
        **wanted_results(parts, view.results),
        **wanted_trial(parts.test_tab, view),
        **wanted_use(parts, view.use),
    }
    return wanted


def _wanted_tools(parts: Parts, tools: DataTools) -> dict[str, tuple[Any, Properties]]:
    return {
        "tools": (parts.data_tab.tool_row, {"visible": tools.is_open}),
        "links": (parts.data_tab.links, {"value": str(tools.links)}),
        "clean": (parts.data_tab.clean, {"visible": tools.can_clean}),
        "search": (parts.data_tab.search, {"visible": tools.can_search}),
        "stop": (parts.data_tab.stop, {"value": tools.stops, "visible": bool(tools.stops)}),
        "cleaned": (parts.data_tab.cleaned, {"value": str(tools.cleaned)}),
        "suspects": (parts.data_tab.suspects, {"value": str(tools.suspects)}),
        "suspects choice": (parts.data_tab.suspects_row, {"visible": tools.has_suspects}),
        "sheet": (parts.train_tab.sheet, {"value": str(tools.preview), "visible": bool(tools.preview)}),
    }
