"""The tab of the training: the strategies as cards, the options, and how far the training is."""

from __future__ import annotations

import gradio as gr

from finetune.recipe.fields import entry
from strategies import STRATEGIES
from ui.expert import OWN, ExpertParts
from ui.tabs.closed import NO_DATA
from ui.web.words import note_html

OWN_SIZE = "the network's own"
NO_LIMIT = "none"
IMAGE_SIZES = (OWN_SIZE, "64", "96", "128", "160", "224")
MINUTES = (NO_LIMIT, "1", "2", "5", "10", "30", "60")
AUGMENTATIONS = (OWN, *entry("augment").choices)


class TrainParts:
    """The components, made in the order they stand; to be made inside `gr.Tab`."""

    def __init__(self) -> None:
        self.closed_training = gr.HTML(note_html(NO_DATA))
        self.cards: dict[str, gr.HTML] = {}
        self.choices: dict[str, gr.Button] = {}
        with gr.Row(visible=False, elem_id="cards") as self.card_row:
            for name in STRATEGIES:
                with gr.Column(min_width=230):
                    self.cards[name] = gr.HTML(elem_id=f"card-{name}")
                    self.choices[name] = gr.Button("Choose", size="sm", elem_id=f"choose-{name}")
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
            self.see = gr.Button("See the results", variant="primary", visible=False, elem_id="go-to-results")
