"""Below the advice on the tab Data: other backbones, ranked on the same images when that is asked for."""

from __future__ import annotations

import gradio as gr

from finetune.words import t
from ui.clicks import pressed_text


class BackboneParts:
    """The components, made in the order they stand; to be made inside `gr.Tab`."""

    def __init__(self) -> None:
        with gr.Column(visible=False, elem_id="backbones") as self.column:
            self.why = gr.HTML(elem_id="backbones-why")
            with gr.Row():
                self.compare = gr.Button(
                    t("Compare backbones on these images"), size="md", elem_id="compare-backbones"
                )
                self.stop = gr.Button(
                    t("Stop comparing"), variant="stop", size="md", visible=False, elem_id="stop-comparing"
                )
            self.table = gr.HTML(elem_id="backbones-table")
        self.taken = pressed_text("backbone")
