"""The tab of the results: the runs, and what the one that is looked at came to."""

from __future__ import annotations

import gradio as gr

from finetune.words import t
from ui.clicks import pressed_text
from ui.tabs.closed import NO_TRAINING
from ui.web.words import note_html


class ResultsParts:
    """The components, in the order they stand; to be made inside `gr.Tab`.

    ``cell`` has the images behind a cell of the matrix while one is open.
    """

    def __init__(self) -> None:
        self.results = gr.HTML(note_html(t(NO_TRAINING)), elem_id="results")
        self.runs = gr.HTML(elem_id="runs")
        self.comparison = gr.HTML(elem_id="comparison")
        self.matrix = gr.HTML(elem_id="matrix")
        self.cell = gr.HTML(elem_id="cell")
        self.details = gr.HTML(elem_id="details")
        self.run_pressed = pressed_text("run")
        self.beside_pressed = pressed_text("beside")
        self.cell_pressed = pressed_text("cell")
