"""The page, put together: the parts, the handlers, and which event calls which."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import gradio as gr

from finetune.advice.language import Language
from finetune.service.service import Service
from finetune.words import speaking, t
from ui.backbones import wire_backbones
from ui.data_handlers import wire_data
from ui.handlers import Handlers
from ui.layout import Parts
from ui.results_handlers import wire_results
from ui.signed_in import add_signed_in
from ui.train_handlers import wire_train
from ui.trial_handlers import TrialHandlers, wire_trial
from ui.updates import shown
from ui.use_handlers import wire_use
from ui.wiring import on as _on


def build_page(
    service: Service, *, upload_gb: float, language: Language = "en", signs_in: bool = False
) -> gr.Blocks:
    """Return the page over ``service`` in ``language``, which says that a zip may have ``upload_gb`` GB.

    It asks every few seconds what is on disk, each second while jobs are at work, so a reload loses nothing.
    Where one ``signs_in`` it says as whom.
    """
    with speaking(language), gr.Blocks(title=t("Fine-tune an image classifier")) as blocks:
        if signs_in:
            add_signed_in(blocks, language)
        parts = Parts(upload_gb=upload_gb)
        _wire(blocks, parts, service)
        wire_trial(parts, TrialHandlers(service, parts.test_tab))
    page: gr.Blocks = blocks
    return page


def _wire(blocks: gr.Blocks, parts: Parts, service: Service) -> None:
    do = Handlers(service, parts)
    data, train = parts.data_tab, parts.train_tab
    state = [parts.project_id, parts.chosen, parts.seen]
    _on(blocks.load, do.show, state, shown(parts))
    _on(blocks.load, do.open, [parts.tab], [parts.tabs])
    for name, tab in parts.each.items():
        _on(tab.select, _remembering(name), [], [parts.tab])
    _on(data.go_on.click, _opening("Train"), [], [parts.tabs, parts.tab])
    _on(train.see.click, _opening("Results"), [], [parts.tabs, parts.tab])
    _on(parts.timer.tick, do.show, state, shown(parts))
    own = [
        parts.project_id,
        parts.chosen,
        data.upload,
        parts.notice,
        data.deal,
        data.which,
    ]
    everything = [*own, *shown(parts)]
    _on(
        data.upload.upload,
        do.take_upload,
        [*state, data.upload, data.backbone],
        everything,
    )
    for name, button in data.samples.items():
        _on(button.click, do.taking_sample(name), [*state, data.backbone], everything)
    for name, button in train.choices.items():
        _on(button.click, do.choosing(name), state, everything)
    wire_train(blocks, parts, service, do, everything)
    wire_backbones(parts, service, do, everything)
    wire_results(parts, service, do.show)
    wire_use(parts, service, do.show)
    wire_data(blocks, parts, service, do, everything)
    _on(data.search.click, do.find_suspects, state, everything)
    _on(data.clean.click, do.clean, state, everything)
    _on(data.stop.click, do.stop, state, everything)


def _remembering(tab: str) -> Callable[[], str]:
    """Return what tells the browser which tab is open."""
    return lambda: tab


def _opening(tab: str) -> Callable[[], tuple[Any, str]]:
    """Return what opens the tab."""
    return lambda: (gr.Tabs(selected=tab), tab)
