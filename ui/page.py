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
    _on(timer.tick, do.show, state, shown(parts))
    own = [parts.project_id, parts.chosen, parts.upload, parts.notice, parts.deal, parts.which]
    everything = [*own, *shown(parts)]
    _on(parts.upload.upload, do.take_upload, [*state, parts.upload, parts.backbone], everything)
    for name, button in parts.samples.items():
        _on(button.click, do.taking_sample(name), [*state, parts.backbone], everything)
    for name, button in parts.choices.items():
        _on(button.click, do.choosing(name), state, everything)
    options = [parts.size, parts.minutes, parts.augment, *parts.expert.inputs]
    _on(parts.train.click, do.train, [*state, parts.deal, parts.which, *options], everything)
    _on(parts.preview.click, do.preview, [*state, *options], everything)
    _on(parts.search.click, do.find_suspects, state, everything)
    _on(parts.clean.click, do.clean, state, everything)
    _on(parts.stop.click, do.stop, state, everything)
    _on(parts.cancel.click, do.cancel, state, everything)
    _on(parts.resume.click, do.resume, state, everything)
    asked = [parts.project_id, parts.image]
    _on(parts.image.change, do.classify, asked, [parts.answer, parts.trouble], preprocess=False)
    _on(parts.image.change, lambda: "", [], [parts.why])
    _on(parts.ask_why.click, do.why, asked, [parts.why], preprocess=False)


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
