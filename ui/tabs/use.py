"""The tab of what can be done with a classifier outside the page."""

from __future__ import annotations

import gradio as gr

from finetune.words import t
from ui.clicks import pressed_text
from ui.tabs.closed import NOTHING_TO_USE
from ui.web.words import note_html


class UseParts:
    """The components, in the order they stand; to be made inside `gr.Tab`.

    ``sure`` asks once more before something is deleted.
    """

    def __init__(self) -> None:
        self.download = gr.HTML(note_html(t(NOTHING_TO_USE)), elem_id="download")
        self.exports = gr.HTML(elem_id="exports")
        self.lines = gr.HTML(elem_id="lines")
        with gr.Accordion(t("Model card"), open=False, visible=False, elem_id="card-fold") as self.card_fold:
            self.card = gr.Markdown(elem_id="card", header_links=False, latex_delimiters=[])
        self.erase = gr.HTML(elem_id="erase")
        self.sure = gr.HTML(elem_id="sure")
        self.onnx_pressed = pressed_text("onnx")
        self.erase_pressed = pressed_text("erase")
