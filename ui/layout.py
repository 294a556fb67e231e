"""The page's parts: what stands where. Nothing here does anything; `ui.page` wires the parts to `ui.handlers`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import gradio as gr

from finetune.data.samples import SAMPLES
from finetune.model.backbones import CATALOGUE
from finetune.recipe.fields import entry
from finetune.service.suspects_choice import ALL
from strategies import STRATEGIES
from ui.expert import OWN, ExpertParts
from ui.view import NO_DATA, NO_TRAINING
from ui.web.words import note_html

OWN_SIZE = "the network's own"
NO_LIMIT = "none"
IMAGE_SIZES = (OWN_SIZE, "64", "96", "128", "160", "224")
MINUTES = (NO_LIMIT, "1", "2", "5", "10", "30", "60")
AUGMENTATIONS = (OWN, *entry("augment").choices)
KEEP = "keep as they are"
DEALS: Mapping[str, Literal["drop_suspects", "relabel"] | None] = {
    KEEP: None,
    "leave out": "drop_suspects",
    "relabel as suggested": "relabel",
}
"""What can become of images whose label is probably wrong, with the field of a recipe that does it."""

HOW_TO_ZIP = (
    "Put the images of each class into a folder of its own, and zip them (up to {:g} GB; a tar, an .npz or "
    "a .parquet of images is taken too; for more, finetune fit takes a folder):"
)
INTRODUCTION = """
<h1>Fine-tune an image classifier</h1>
<p>Bring a folder of labelled images as a zip. The page measures them, says which layers of a pretrained network to
freeze and why, trains, and gives you a classifier. Nothing leaves this computer.</p>
"""


class Parts:
    """The components, made in the order they stand on the page; to be made inside `gr.Blocks`.

    ``seen`` is a hidden text that each tab holds for itself: what it shows already.
    """

    def __init__(self, *, upload_gb: float) -> None:
        self.project_id = gr.BrowserState("", storage_key="finetune-project", secret="finetune")
        self.chosen = gr.State("")
        self.seen = gr.Textbox("", visible="hidden", elem_id="seen", show_label=False)
        gr.HTML(INTRODUCTION)
        self.notice = gr.HTML(elem_id="notice")
        self._place_data(upload_gb)
        self._place_advice()
        self._place_training()
        self._place_trial()

    def _place_data(self, upload_gb: float) -> None:
        _heading(1, "Your images")
        with gr.Row():
            with gr.Column(min_width=280):
                gr.HTML(note_html(HOW_TO_ZIP.format(upload_gb)))
                self.upload = gr.File(label="A zip of your images", elem_id="upload", height=160)
            with gr.Column(min_width=280):
                gr.HTML(note_html("No images at hand? Try a sample set:"))
                self.samples = {
                    name: gr.Button(f"{sample.title} ({sample.n_images:,} images)", elem_id=f"sample-{name}")
                    for name, sample in SAMPLES.items()
                }
                with gr.Accordion("Which network", open=False):
                    self.backbone = gr.Dropdown(
                        ["auto", *(name for name, row in CATALOGUE.items() if row.has_weights)],
                        value="auto",
                        label="Backbone",
                        info="auto: ResNet-18 if its weights can be had, else the one that is installed",
                        elem_id="backbone",
                    )
        self.data = gr.HTML(elem_id="data")
        with gr.Row(visible=False, elem_id="data-tools") as self.tool_row:
            self.links = gr.HTML(elem_id="data-links")
            self.clean = gr.Button("Make a cleaned copy", size="md", elem_id="clean")
            self.search = gr.Button("Find wrong labels", size="md", elem_id="find-suspects")
            self.stop = gr.Button("Stop", variant="stop", size="md", visible=False, elem_id="stop-data-jobs")
        self.cleaned = gr.HTML(elem_id="cleaned")
        self.suspects = gr.HTML(elem_id="suspects")
        with gr.Row(visible=False, elem_id="suspects-choice") as self.suspects_row:
            self.deal = gr.Radio(
                list(DEALS),
                value=KEEP,
                label="These images in the next training",
                interactive=True,
                elem_id="suspects-deal",
            )
            self.which = gr.Textbox(
                ALL,
                label="Which of them",
                info="all, or numbers of the list such as 1-5, 8",
                interactive=True,
                elem_id="suspects-which",
            )

    def _place_advice(self) -> None:
        _heading(2, "Which layers to freeze")
        self.advice = gr.HTML(note_html(NO_DATA), elem_id="advice")
        self.cards: dict[str, gr.HTML] = {}
        self.choices: dict[str, gr.Button] = {}
        with gr.Row(visible=False, elem_id="cards") as self.card_row:
            for name in STRATEGIES:
                with gr.Column(min_width=230):
                    self.cards[name] = gr.HTML(elem_id=f"card-{name}")
                    self.choices[name] = gr.Button("Choose", size="sm", elem_id=f"choose-{name}")

    def _place_training(self) -> None:
        _heading(3, "Train")
        self.closed_training = gr.HTML(note_html(NO_DATA))
        with gr.Column(visible=False) as self.training_column:
            with gr.Accordion("Options", open=False), gr.Row():
                self.size = gr.Dropdown(
                    IMAGE_SIZES, value=OWN_SIZE, label="Side of the input, px", elem_id="image-size"
                )
                self.minutes = gr.Dropdown(
                    MINUTES, value=NO_LIMIT, label="Time limit, minutes", elem_id="minutes"
                )
                self.augment = gr.Dropdown(
                    AUGMENTATIONS,
                    value=OWN,
                    label="Augmentation",
                    info="light, medium, strong mirror images unless the classes are digits, letters or signs",
                    elem_id="augment",
                )
                self.preview = gr.Button("Preview the augmentation", size="sm", elem_id="preview-augment")
            self.sheet = gr.HTML(elem_id="augment-sheet")
            with gr.Accordion("All options", open=False, elem_id="all-options"):
                self.expert = ExpertParts()
            with gr.Row():
                self.train = gr.Button("Train", variant="primary", elem_id="train")
                self.cancel = gr.Button("Cancel", variant="stop", visible=False, elem_id="cancel")
                self.resume = gr.Button("Resume", visible=False, elem_id="resume")
            self.training = gr.HTML(elem_id="training")

    def _place_trial(self) -> None:
        _heading(4, "Try it")
        self.closed_trial = gr.HTML(note_html(NO_TRAINING))
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
        _heading(5, "Take it with you")
        self.download = gr.HTML(note_html(NO_TRAINING), elem_id="download")


def _heading(step: int, text: str) -> gr.HTML:
    return gr.HTML(f'<h2><span class="step">{step}</span>{text}</h2>')
