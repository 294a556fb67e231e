"""The tab that tries the classifier: one image in depth, or many at once."""

from __future__ import annotations

import gradio as gr
from markupsafe import Markup

from finetune.words import t
from ui.clicks import pressed_text
from ui.tabs.closed import NO_CLASSIFIER
from ui.web.trial import NO_ANSWER
from ui.web.trial_many import ASKED, HELD_OUT
from ui.web.words import note_html


class TrialParts:
    """The components, made in the order they stand; to be made inside `gr.Tab`.

    ``truth`` is what each browser tab knows of the image that it asks about: its file's name, and its true label.
    ``pressed_held_out`` and ``pressed_asked`` are the number of the image that was chosen last among those.
    """

    def __init__(self) -> None:
        self.truth = gr.State({})
        self.pressed_held_out, self.pressed_asked = pressed_text(HELD_OUT), pressed_text(ASKED)
        self.closed_trial = gr.HTML(note_html(t(NO_CLASSIFIER)))
        with gr.Row(visible=False) as self.trial_row:
            with gr.Column(min_width=280):
                self.image = gr.Image(
                    type="filepath",
                    image_mode=None,
                    sources=["upload", "webcam", "clipboard"],
                    label=t("Drop, paste or photograph an image"),
                    height=280,
                    elem_id="image",
                )
                self.held_out = gr.HTML(elem_id="held-out")
            with gr.Column(min_width=280):
                self.answer = gr.HTML(note_html(t(NO_ANSWER)), elem_id="answer")
                self.trouble = gr.HTML(elem_id="trouble")
                self.ask_why = gr.Button(t("Why?"), size="sm", visible=False, elem_id="ask-why")
                self.why = gr.HTML(elem_id="why")
                with gr.Row(visible=False, elem_id="add-row") as self.add_row:
                    self.label = gr.Dropdown(
                        [],
                        label=t("Add this image to the data set as"),
                        info=t("a class of it, or write the name of a new one"),
                        allow_custom_value=True,
                        interactive=True,
                        elem_id="add-as",
                    )
                    self.add = gr.Button(t("Add"), size="md", scale=0, min_width=90, elem_id="add-to-data")
                self.added = gr.HTML(elem_id="added")
                self.asked = gr.HTML(elem_id="asked")
        with gr.Column(visible=False) as self.many_column:
            gr.HTML(Markup("<h2>{}</h2>").format(t("Many images at once")))
            self.many = gr.File(
                label=t("Images, or a zip of them"), file_count="multiple", height=160, elem_id="many-images"
            )
            self.stop_many = gr.Button(
                t("Stop"), variant="stop", size="md", visible=False, elem_id="stop-many"
            )
            self.many_trouble = gr.HTML(elem_id="many-trouble")
            self.answers = gr.HTML(elem_id="many")
