"""The tab of the results: what a training came to, and the trainings before it."""

from __future__ import annotations

import gradio as gr

from ui.tabs.closed import NO_TRAINING
from ui.web.words import note_html


class ResultsParts:
    """The components; to be made inside `gr.Tab`."""

    def __init__(self) -> None:
        self.results = gr.HTML(note_html(NO_TRAINING), elem_id="results")
