"""The tab of the training: the strategies as cards, the options, and how far the training is."""

from __future__ import annotations

from typing import Any

import gradio as gr

from finetune.recipe.fields import entry
from finetune.words import noted, t
from strategies import STRATEGIES
from ui.expert import OWN, ExpertParts, said
from ui.tabs.closed import NO_DATA
from ui.web.plan import SAYS, TITLES, preset_labels
from ui.web.words import note_html

OWN_SIZE = noted("the network's own")
NO_LIMIT = noted("no limit")
IMAGE_SIZES = (OWN_SIZE, "64", "96", "128", "160", "224")
MINUTES = (NO_LIMIT, "1", "2", "5", "10", "30", "60")
AUGMENTATIONS = (OWN, *entry("augment").choices)
FIRST = "recommended"


class TrainParts:
    """The components, made in the order they stand; to be made inside `gr.Tab`.

    ``basis`` is a hidden text that says what a plan rests on: another one, and the plan is made anew.
    """

    def __init__(self) -> None:
        self.basis = gr.Textbox("", visible="hidden", elem_id="plan-basis", show_label=False)
        self.closed_training = gr.HTML(note_html(t(NO_DATA)))
        self.cards: dict[str, gr.HTML] = {}
        self.choices: dict[str, gr.Button] = {}
        with gr.Row(visible=False, elem_id="cards") as self.card_row:
            for name in STRATEGIES:
                with gr.Column(min_width=230):
                    self.cards[name] = gr.HTML(elem_id=f"card-{name}")
                    self.choices[name] = gr.Button(t("Choose"), size="sm", elem_id=f"choose-{name}")
        with gr.Column(visible=False) as self.training_column:
            self.preset = gr.Radio(
                preset_labels({}),
                value=FIRST,
                label=t("How thoroughly"),
                info=_presets_said(),
                interactive=True,
                elem_id="preset",
            )
            self._options()
            self.plan = gr.HTML(elem_id="plan")
            with gr.Row(elem_id="train-buttons"):
                self.train = gr.Button(t("Train"), variant="primary", elem_id="train")
                self.pause = gr.Button(t("Pause"), visible=False, elem_id="pause")
                self.resume = gr.Button(t("Resume"), variant="primary", visible=False, elem_id="resume")
                self.cancel = gr.Button(t("Cancel"), variant="stop", visible=False, elem_id="cancel")
            self.training = gr.HTML(elem_id="training")
            with gr.Accordion(t("Log"), open=False, visible=False, elem_id="log") as self.log_fold:
                self.log = gr.HTML(elem_id="log-lines")
            self.see = gr.Button(
                t("See the results"), variant="primary", visible=False, elem_id="go-to-results"
            )

    def _options(self) -> None:
        with gr.Accordion(t("Options"), open=False), gr.Row():
            self.size = gr.Dropdown(
                said(*IMAGE_SIZES), value=OWN_SIZE, label=t("Image size, px"), elem_id="image-size"
            )
            self.minutes = gr.Dropdown(
                said(*MINUTES), value=NO_LIMIT, label=t("Time limit, minutes"), elem_id="minutes"
            )
            self.augment = gr.Dropdown(
                said(*AUGMENTATIONS),
                value=OWN,
                label=t("Augmentation"),
                info=t(
                    "images are varied while training; light, medium and strong mirror them, but not digits, "
                    "letters or signs"
                ),
                elem_id="augment",
            )
            self.preview = gr.Button(t("Preview the augmentation"), size="sm", elem_id="preview-augment")
        self.sheet = gr.HTML(visible=False, elem_id="augment-sheet")
        with gr.Accordion(t("All options"), open=False, elem_id="all-options"):
            self.reset = gr.Button(t("Put all options back"), size="sm", elem_id="reset-options")
            self.expert = ExpertParts()

    @property
    def options(self) -> list[Any]:
        """Return the components whose values make the recipe, in the order that handlers take them in."""
        return [self.preset, self.size, self.minutes, self.augment, *self.expert.inputs]


def option_names(expert: ExpertParts) -> list[str]:
    """Return what each of `TrainParts.options` is kept by."""
    return ["preset", "image_size", "max_minutes", "augment", *expert.names]


def first_values(expert: ExpertParts) -> list[Any]:
    """Return what each of `TrainParts.options` holds before anything is chosen."""
    return [FIRST, OWN_SIZE, NO_LIMIT, OWN, *expert.firsts]


def _presets_said() -> str:
    return t("; ").join(t("{}: {}").format(t(TITLES[preset]), t(says)) for preset, says in SAYS.items())
