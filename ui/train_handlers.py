"""What the buttons and options of the tab Train do, and the wiring of its events."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from typing import Any

import gradio as gr

from finetune.errors import FinetuneError, OptionError
from finetune.service.presets import PRESETS, Preset, foresee, with_preset
from finetune.service.projects import Project
from finetune.service.service import Service
from finetune.service.suspects_choice import SuspectsChoice
from finetune.service.trainings import recipe_of
from ui.handlers import Answer, Handlers
from ui.layout import Parts
from ui.options import kept_values, preset_of, recipe_fields, to_keep
from ui.tabs.data import DEALS
from ui.tabs.train import first_values, option_names
from ui.view import make_view
from ui.web.plan import plan_html, preset_labels
from ui.web.words import note_html, spoken
from ui.wiring import on


class TrainHandlers:
    """The handlers of one page's tab Train; those that change something end as `Handlers.act` does.

    ``values`` are those of `TrainParts.options`.
    """

    def __init__(self, service: Service, parts: Parts, do: Handlers) -> None:
        self._service = service
        self._train = parts.train_tab
        self._do = do
        self._names = option_names(self._train.expert)
        self._firsts = first_values(self._train.expert)

    def train(self, project_id: str, chosen: str, seen: str, deal: str, which: str, *values: Any) -> Answer:
        """Start to train with the chosen strategy.

        ``deal`` is one of `DEALS` and ``which`` says for which of the suspects.
        """

        def start(project: Project) -> None:
            strategy = make_view(project, chosen).chosen
            field = DEALS.get(deal)
            suspects = None if field is None else SuspectsChoice(field, which)
            self._service.train(project, strategy, _fields(project, strategy, values), suspects=suspects)

        return self._do.act(project_id, chosen, seen, start)

    def preview(self, project_id: str, chosen: str, seen: str, *values: Any) -> Answer:
        """Start to draw what the augmentation that is chosen would do."""

        def start(project: Project) -> None:
            strategy = make_view(project, chosen).chosen
            self._service.preview(project, strategy, _fields(project, strategy, values))

        return self._do.act(project_id, chosen, seen, start)

    def pause(self, project_id: str, chosen: str, seen: str) -> Answer:
        """Stop the training at the next safe point, keeping its state."""
        return self._do.act(project_id, chosen, seen, self._service.cancel)

    def resume(self, project_id: str, chosen: str, seen: str) -> Answer:
        """Go on with the training that was paused."""
        return self._do.act(project_id, chosen, seen, self._service.resume)

    def cancel(self, project_id: str, chosen: str, seen: str) -> Answer:
        """Stop the training for good and delete what it has."""
        return self._do.act(project_id, chosen, seen, self._service.discard_training)

    def plan(self, project_id: str, chosen: str, *values: Any) -> tuple[str, dict[str, Any], dict[str, Any]]:
        """Return what the training that is set up will be, what the browser is to keep, and the presets.

        These say how long each takes with what is chosen.
        """
        kept = to_keep(self._names, self._firsts, values)
        project = self._service.find(project_id)
        if project is None or "advice" not in (findings := project.findings):
            return "", kept, gr.skip()
        strategy = make_view(project, chosen).chosen
        try:
            options = recipe_fields(strategy, values)
            made = recipe_of(project, strategy, with_preset(preset_of(values), findings, strategy, options))
            plan = foresee(made, findings)
            n_train, side = findings["sizes"]["train"], int(findings["image_size"])
            labels = preset_labels(_seconds(project, findings, strategy, options))
            return str(plan_html(plan, n_train, options, side)), kept, gr.update(choices=labels)
        except FinetuneError as error:
            return str(note_html(f"⚠ {spoken(str(error))}")), kept, gr.skip()

    def put_back(self, kept: Any) -> list[Any]:
        """Return the options as the browser has kept them."""
        return kept_values(self._names, self._firsts, kept)

    def reset(self) -> list[Any]:
        """Return the options as they are at first; the preset stays."""
        return self._firsts[1:]


def _seconds(
    project: Project, findings: Mapping[str, Any], strategy: str, options: Mapping[str, Any]
) -> dict[Preset, float | None]:
    """Return how long each preset takes with ``options``; None where these cannot go with it."""
    found: dict[Preset, float | None] = {}
    for preset in PRESETS:
        try:
            made = recipe_of(project, strategy, with_preset(preset, findings, strategy, options))
            found[preset] = foresee(made, findings).seconds
        except OptionError:
            found[preset] = None
    return found


def _fields(project: Project, strategy: str, values: Sequence[Any]) -> dict[str, Any]:
    findings = project.findings
    options = recipe_fields(strategy, values)
    if "advice" not in findings:
        return options
    return with_preset(preset_of(values), findings, strategy, options)


def wire_train(
    blocks: gr.Blocks, parts: Parts, service: Service, do: Handlers, everything: Sequence[Any]
) -> None:
    """Wire the tab's events; ``everything`` is what a handler that acts may change."""
    train, own = parts.train_tab, TrainHandlers(service, parts, do)
    state = [parts.project_id, parts.chosen, parts.seen]
    on(blocks.load, own.put_back, [parts.options], train.options)
    suspects = [parts.data_tab.deal, parts.data_tab.which]
    on(train.train.click, own.train, [*state, *suspects, *train.options], everything)
    on(train.preview.click, own.preview, [*state, *train.options], everything)
    for button, handler in (
        (train.pause, own.pause),
        (train.resume, own.resume),
        (train.cancel, own.cancel),
    ):
        on(button.click, handler, state, everything)
    on(train.reset.click, own.reset, [], train.options[1:])
    changing = [part.change for part in (train.basis, *train.options)]
    on(
        functools.partial(gr.on, changing),
        own.plan,
        [*state[:2], *train.options],
        [train.plan, parts.options, train.preset],
        trigger_mode="always_last",
    )
