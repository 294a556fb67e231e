"""The page, put together: the parts, the handlers, and which event calls which."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from finetune.service.service import Service
from ui.handlers import Handlers
from ui.layout import Parts
from ui.updates import shown

POLL_EVERY_S = 1.0


def build_page(service: Service, *, upload_gb: float) -> gr.Blocks:
    """Return the page over ``service``, which says that a zip may have ``upload_gb`` GB.

    It asks once a second what is on disk, so a reload loses nothing.
    """
    with gr.Blocks(title="Fine-tune an image classifier") as blocks:
        parts = Parts(upload_gb=upload_gb)
        timer = gr.Timer(POLL_EVERY_S)
        _wire(blocks, timer, parts, Handlers(service, parts))
    page: gr.Blocks = blocks
    return page


def _wire(blocks: gr.Blocks, timer: gr.Timer, parts: Parts, do: Handlers) -> None:
    state = [parts.project_id, parts.chosen, parts.seen]
    _on(blocks.load, do.show, state, shown(parts))
    _on(blocks.load, do.open, [parts.tab], [parts.tabs])
    for name, tab in parts.each.items():
        _on(tab.select, _remembering(name), [], [parts.tab])
    _on(parts.data_tab.go_on.click, _opening("Train"), [], [parts.tabs, parts.tab])
    _on(parts.train_tab.see.click, _opening("Results"), [], [parts.tabs, parts.tab])
    _on(timer.tick, do.show, state, shown(parts))
    own = [
        parts.project_id,
        parts.chosen,
        parts.data_tab.upload,
        parts.notice,
        parts.data_tab.deal,
        parts.data_tab.which,
    ]
    everything = [*own, *shown(parts)]
    _on(
        parts.data_tab.upload.upload,
        do.take_upload,
        [*state, parts.data_tab.upload, parts.data_tab.backbone],
        everything,
    )
    for name, button in parts.data_tab.samples.items():
        _on(button.click, do.taking_sample(name), [*state, parts.data_tab.backbone], everything)
    for name, button in parts.train_tab.choices.items():
        _on(button.click, do.choosing(name), state, everything)
    options = [
        parts.train_tab.size,
        parts.train_tab.minutes,
        parts.train_tab.augment,
        *parts.train_tab.expert.inputs,
    ]
    _on(
        parts.train_tab.train.click,
        do.train,
        [*state, parts.data_tab.deal, parts.data_tab.which, *options],
        everything,
    )
    _on(parts.train_tab.preview.click, do.preview, [*state, *options], everything)
    _on(parts.data_tab.search.click, do.find_suspects, state, everything)
    _on(parts.data_tab.clean.click, do.clean, state, everything)
    _on(parts.data_tab.stop.click, do.stop, state, everything)
    _on(parts.train_tab.cancel.click, do.cancel, state, everything)
    _on(parts.train_tab.resume.click, do.resume, state, everything)
    asked = [parts.project_id, parts.test_tab.image]
    _on(
        parts.test_tab.image.change,
        do.classify,
        asked,
        [parts.test_tab.answer, parts.test_tab.trouble],
        preprocess=False,
    )
    _on(parts.test_tab.image.change, lambda: "", [], [parts.test_tab.why])
    _on(parts.test_tab.ask_why.click, do.why, asked, [parts.test_tab.why], preprocess=False)


def _remembering(tab: str) -> Callable[[], str]:
    """Return what tells the browser which tab is open."""
    return lambda: tab


def _opening(tab: str) -> Callable[[], tuple[Any, str]]:
    """Return what opens the tab."""
    return lambda: (gr.Tabs(selected=tab), tab)


def _on(
    event: Callable[..., Any],
    handler: Callable[..., Any],
    inputs: Sequence[Any],
    outputs: Sequence[Any],
    *,
    preprocess: bool = True,
) -> None:
    """Wire an event by plain requests, without Gradio's queue.

    The queue drops a tab's waiting events when the tab closes its stream, which it does after each answer: a button
    pressed in that moment did nothing. Nothing here takes long, for all long work runs in processes of its own.
    """
    event(
        handler,
        list(inputs),
        list(outputs),
        queue=False,
        preprocess=preprocess,
        show_progress="hidden",
        api_visibility="private",
    )
