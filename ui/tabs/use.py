"""The tab of what can be done with a classifier outside the page."""

from __future__ import annotations

import gradio as gr

from ui.tabs.closed import NOTHING_TO_USE
from ui.web.words import note_html


class UseParts:
    """The components; to be made inside `gr.Tab`."""

    def __init__(self) -> None:
        self.download = gr.HTML(note_html(NOTHING_TO_USE), elem_id="download")
