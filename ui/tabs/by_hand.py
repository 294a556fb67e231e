"""The part of the tab Data where images are brought one by one, and where one comes back to earlier data sets."""

from __future__ import annotations

import gradio as gr

from finetune.words import t
from ui.clicks import pressed_text
from ui.web.by_hand import CLASS, CORRECT
from ui.web.earlier import EARLIER, earlier_html
from ui.web.own_set import REMOVE, own_set_html


class HandParts:
    """The components, made in the order they stand; to be made inside `gr.Tab`.

    ``removed``, ``corrected``, ``classed`` and ``earlier_pressed`` hear of buttons in HTML.
    """

    def __init__(self) -> None:
        with gr.Accordion(t("Make a data set here, or add images"), open=False, elem_id="own-set"):
            with gr.Row():
                with gr.Column(min_width=280):
                    self.label = gr.Textbox(
                        label=t("Class"),
                        info=t("what the images show, such as apple"),
                        max_length=80,
                        interactive=True,
                        elem_id="own-class",
                    )
                    self.files = gr.File(
                        label=t("Images, many at once"),
                        file_count="multiple",
                        height=160,
                        elem_id="own-files",
                    )
                with gr.Column(min_width=280):
                    self.picture = gr.Image(
                        type="filepath",
                        image_mode=None,
                        sources=["webcam", "clipboard"],
                        label=t("Take one with the camera, or paste one"),
                        height=220,
                        elem_id="own-picture",
                    )
            with gr.Row():
                self.add = gr.Button(t("Add to this class"), variant="primary", size="md", elem_id="own-add")
                self.fresh = gr.Button(t("Begin a new, empty set"), size="md", elem_id="own-fresh")
            self.own = gr.HTML(str(own_set_html({}, "")), elem_id="own-images")
        with gr.Accordion(t("Earlier data sets"), open=False, elem_id="earlier-sets"):
            self.earlier = gr.HTML(str(earlier_html([])), elem_id="earlier")
        self.removed = pressed_text(REMOVE)
        self.corrected = pressed_text(CORRECT)
        self.classed = pressed_text(CLASS)
        self.earlier_pressed = pressed_text(EARLIER)
