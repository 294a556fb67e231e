"""The tab of the images: bringing them, what they are like, and what may become of wrong labels."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import gradio as gr

from finetune.data.samples import SAMPLES
from finetune.model.backbones import CATALOGUE
from finetune.service.suspects_choice import ALL
from finetune.words import noted, t
from ui.tabs.backbones import BackboneParts
from ui.tabs.by_hand import HandParts
from ui.tabs.closed import NO_ADVICE
from ui.web.words import note_html

KEEP = noted("keep as they are")
DEALS: Mapping[str, Literal["drop_suspects", "relabel"] | None] = {
    KEEP: None,
    noted("leave out"): "drop_suspects",
    noted("relabel as suggested"): "relabel",
}
"""What can become of images whose label is probably wrong, with the field of a recipe that does it."""

TITLES = {"fruit": noted("Still lifes of fruit"), "digits": noted("Handwritten digits")}

HOW_TO_ZIP = noted(
    "Put the images of each class into a folder of its own, and zip them (up to {:g} GB; a tar, an .npz or "
    "a .parquet of images is taken too; for more, finetune fit takes a folder):"
)


class DataParts:
    """The components, made in the order they stand; to be made inside `gr.Tab`."""

    def __init__(self, *, upload_gb: float) -> None:
        with gr.Row():
            with gr.Column(min_width=280):
                gr.HTML(note_html(t(HOW_TO_ZIP).format(upload_gb)))
                self.upload = gr.File(label=t("A zip of your images"), elem_id="upload", height=160)
            with gr.Column(min_width=280):
                gr.HTML(note_html(t("No images at hand? Try a sample set:")))
                self.samples = {
                    name: gr.Button(
                        t("{} ({:,} images)").format(t(TITLES.get(name, sample.title)), sample.n_images),
                        elem_id=f"sample-{name}",
                    )
                    for name, sample in SAMPLES.items()
                }
                with gr.Accordion(t("Which network"), open=False):
                    self.backbone = gr.Dropdown(
                        ["auto", *(name for name, row in CATALOGUE.items() if row.has_weights)],
                        value="auto",
                        label=t("Backbone"),
                        info=t("auto: ResNet-18 if its weights can be had, else the one that is installed"),
                        elem_id="backbone",
                    )
        self.hand = HandParts()
        self.look_state = gr.HTML(elem_id="look-state")
        self.data = gr.HTML(elem_id="data")
        self.corrections = gr.HTML(elem_id="corrections")
        self.look = gr.Button(t("Look again"), size="md", visible=False, elem_id="look")
        with gr.Row(visible=False, elem_id="data-tools") as self.tool_row:
            self.links = gr.HTML(elem_id="data-links")
            self.clean = gr.Button(t("Make a cleaned copy"), size="md", elem_id="clean")
            self.search = gr.Button(t("Find wrong labels"), size="md", elem_id="find-suspects")
            self.stop = gr.Button(
                t("Stop"), variant="stop", size="md", visible=False, elem_id="stop-data-jobs"
            )
        self.cleaned = gr.HTML(elem_id="cleaned")
        self.suspects = gr.HTML(elem_id="suspects")
        with gr.Row(visible=False, elem_id="suspects-choice") as self.suspects_row:
            self.deal = gr.Radio(
                [(t(deal), deal) for deal in DEALS],
                value=KEEP,
                label=t("The others in the next training"),
                interactive=True,
                elem_id="suspects-deal",
            )
            self.which = gr.Textbox(
                ALL,
                label=t("Which of them"),
                info=t("all, or numbers of the list such as 1-5, 8"),
                interactive=True,
                elem_id="suspects-which",
            )
        self.advice = gr.HTML(note_html(t(NO_ADVICE)), elem_id="advice")
        self.other_backbones = BackboneParts()
        self.go_on = gr.Button(t("Go on to Train"), variant="primary", visible=False, elem_id="go-to-train")
