"""The tab where an image is classified."""

from __future__ import annotations

import gradio as gr

from ui.tabs.closed import NO_CLASSIFIER
from ui.web.words import note_html


class TrialParts:
    """The components, made in the order they stand; to be made inside `gr.Tab`."""

    def __init__(self) -> None:
        self.closed_trial = gr.HTML(note_html(NO_CLASSIFIER))
        with gr.Row(visible=False) as self.trial_row:
            with gr.Column(min_width=280):
                self.image = gr.Image(
                    type="filepath",
                    image_mode=None,
                    sources=["upload", "clipboard"],
                    label="Drop or paste an image",
                    height=280,
                    elem_id="image",
                )
            with gr.Column(min_width=280):
                self.answer = gr.Label(label="What it is", num_top_classes=5, elem_id="answer")
                self.trouble = gr.HTML(elem_id="trouble")
                self.ask_why = gr.Button("Why?", size="sm", elem_id="ask-why")
                self.why = gr.HTML(elem_id="why")
                self.asked = gr.HTML(elem_id="asked")
