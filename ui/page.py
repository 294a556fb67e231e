"""The page: what stands where, and what each button does. Words and drawings come from `ui.view`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import gradio as gr
from gradio.data_classes import ImageData

from finetune.data.samples import SAMPLES
from finetune.errors import FinetuneError
from finetune.model.backbones import CATALOGUE
from finetune.service.projects import Project
from finetune.service.service import Service, trained
from strategies import STRATEGIES
from ui.view import NO_DATA, NO_TRAINING, View, make_view
from ui.web.words import error_html, note_html

STYLE = Path(__file__).parent / "web" / "style.css"
BLUE, WHITE = "#0072B2", "#FFFFFF"
POLL_EVERY_S = 1.0
OWN_SIZE = "the network's own"
NO_LIMIT = "none"
IMAGE_SIZES = (OWN_SIZE, "64", "96", "128", "160", "224")
MINUTES = (NO_LIMIT, "1", "2", "5", "10", "30", "60")
AUGMENTATIONS = ("crop", "crop-flip", "none")

INTRODUCTION = """
<h1>Fine-tune an image classifier</h1>
<p>Bring a folder of labelled images as a zip. The page measures them, says which layers of a pretrained network to
freeze and why, trains, and gives you a classifier. Nothing leaves this computer.</p>
"""


def make_theme() -> gr.themes.Base:
    """Return the page's look: Monochrome, the one theme whose contrast passes everywhere, with a blue main button."""
    theme = gr.themes.Monochrome(
        font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"], radius_size="sm"
    )
    return theme.set(
        layout_gap="12px",
        button_primary_background_fill=BLUE,
        button_primary_background_fill_hover="#005A8D",
        button_primary_text_color=WHITE,
        button_primary_text_color_hover=WHITE,
        button_primary_background_fill_dark=BLUE,
        button_primary_background_fill_hover_dark="#005A8D",
        button_primary_text_color_dark=WHITE,
        button_primary_text_color_hover_dark=WHITE,
    )


def _path_of(payload: ImageData | None) -> str | None:
    """Return the uploaded file as it was given, so that one that cannot be read gets our own sentence."""
    return None if payload is None else payload.path


def _heading(step: int, text: str) -> gr.HTML:
    return gr.HTML(f'<h2><span class="step">{step}</span>{text}</h2>')


class Page:
    """The components of one page over ``service``, and the handlers that fill them.

    Every handler ends in `_show`, which returns only what has changed since this tab last saw it.
    """

    def __init__(self, service: Service) -> None:
        self._service = service
        self._warmed = ""
        with gr.Blocks(title="Fine-tune an image classifier") as self.blocks:
            self._project_id = gr.BrowserState("", storage_key="finetune-project", secret="finetune")
            self._chosen = gr.State("")
            self._seen: gr.State = gr.State({})
            self._timer = gr.Timer(POLL_EVERY_S)
            gr.HTML(INTRODUCTION)
            self._place_data()
            self._place_advice()
            self._place_training()
            self._place_trial()
            self._wire()

    def _place_data(self) -> None:
        _heading(1, "Your images")
        with gr.Row():
            with gr.Column(min_width=280):
                gr.HTML(note_html("Put the images of each class into a folder of its own, and zip them:"))
                self._upload = gr.File(label="A zip of your images", elem_id="upload", height=160)
            with gr.Column(min_width=280):
                gr.HTML(note_html("No images at hand? Try a sample set:"))
                self._samples = {
                    name: gr.Button(f"{sample.title} ({sample.n_images:,} images)", elem_id=f"sample-{name}")
                    for name, sample in SAMPLES.items()
                }
                with gr.Accordion("Which network", open=False):
                    self._backbone = gr.Dropdown(
                        ["auto", *CATALOGUE],
                        value="auto",
                        label="Backbone",
                        info="auto: ResNet-18 if its weights can be had, else the one that is installed",
                        elem_id="backbone",
                    )
        self._data = gr.HTML(elem_id="data")

    def _place_advice(self) -> None:
        _heading(2, "Which layers to freeze")
        self._advice = gr.HTML(note_html(NO_DATA), elem_id="advice")
        self._cards: list[gr.HTML] = []
        self._choices: dict[str, gr.Button] = {}
        with gr.Row(visible=False, elem_id="cards") as self._card_row:
            for name in STRATEGIES:
                with gr.Column(min_width=230):
                    self._cards.append(gr.HTML(elem_id=f"card-{name}"))
                    self._choices[name] = gr.Button("Choose", size="sm", elem_id=f"choose-{name}")

    def _place_training(self) -> None:
        _heading(3, "Train")
        self._closed_training = gr.HTML(note_html(NO_DATA))
        with gr.Column(visible=False) as self._training_column:
            with gr.Accordion("Options", open=False), gr.Row():
                self._size = gr.Dropdown(
                    IMAGE_SIZES, value=OWN_SIZE, label="Side of the input, px", elem_id="image-size"
                )
                self._minutes = gr.Dropdown(
                    MINUTES, value=NO_LIMIT, label="Time limit, minutes", elem_id="minutes"
                )
                self._augment = gr.Dropdown(
                    AUGMENTATIONS,
                    value="crop",
                    label="Augmentation",
                    info="crop-flip only if mirrored images keep their class",
                    elem_id="augment",
                )
            with gr.Row():
                self._train = gr.Button("Train", variant="primary", elem_id="train")
                self._cancel = gr.Button("Cancel", variant="stop", visible=False, elem_id="cancel")
                self._resume = gr.Button("Resume", visible=False, elem_id="resume")
            self._training = gr.HTML(elem_id="training")

    def _place_trial(self) -> None:
        _heading(4, "Try it")
        self._closed_trial = gr.HTML(note_html(NO_TRAINING))
        with gr.Row(visible=False) as self._trial_row:
            with gr.Column(min_width=280):
                self._image = gr.Image(
                    type="filepath",
                    image_mode=None,
                    sources=["upload", "clipboard"],
                    label="Drop or paste an image",
                    height=280,
                    elem_id="image",
                )
                # Not by a subclass: Gradio writes a stub file beside the source of each.
                self._image.preprocess = _path_of  # type: ignore[method-assign]
            with gr.Column(min_width=280):
                self._answer = gr.Label(label="What it is", num_top_classes=5, elem_id="answer")
                self._trouble = gr.HTML(elem_id="trouble")
                self._asked = gr.HTML(elem_id="asked")
        _heading(5, "Take it with you")
        self._download = gr.HTML(note_html(NO_TRAINING), elem_id="download")

    def _wire(self) -> None:
        state = [self._project_id, self._chosen, self._seen]
        shown = [*state, *self._all_shown()]
        gr.on(
            [self.blocks.load, self._timer.tick],
            self._show,
            state,
            shown,
            queue=False,
            show_progress="hidden",
            api_visibility="private",
        )
        self._on(self._upload.upload, self._take_upload, [*state, self._upload, self._backbone], shown)
        for name, button in self._samples.items():
            self._on(button.click, self._taking_sample(name), [*state, self._backbone], shown)
        for name, button in self._choices.items():
            self._on(button.click, self._choosing(name), state, shown)
        options = [self._size, self._minutes, self._augment]
        self._on(self._train.click, self._start, [*state, *options], shown)
        self._on(self._cancel.click, self._stop, state, shown)
        self._on(self._resume.click, self._continue, state, shown)
        self._on(
            self._image.change, self._classify, [self._project_id, self._image], [self._answer, self._trouble]
        )

    @staticmethod
    def _on(
        event: Callable[..., Any], handler: Callable[..., Any], inputs: list[Any], outputs: list[Any]
    ) -> None:
        event(handler, inputs, outputs, show_progress="hidden", api_visibility="private")

    def _all_shown(self) -> list[Any]:
        return [
            self._upload,
            self._data,
            self._advice,
            self._card_row,
            *self._cards,
            *self._choices.values(),
            self._closed_training,
            self._training_column,
            self._train,
            self._cancel,
            self._resume,
            self._training,
            self._closed_trial,
            self._trial_row,
            self._asked,
            self._image,
            self._answer,
            self._trouble,
            self._download,
        ]

    def _show(self, project_id: str, chosen: str, seen: dict[str, Any]) -> dict[Any, Any]:
        """Return the updates that bring a tab that has ``seen`` earlier values up to date."""
        view = make_view(self._service.find(project_id), chosen)
        self._warm(view, project_id)
        wanted = self._wanted(view)
        changed = {
            component: update for key, (component, update) in wanted.items() if seen.get(key) != update
        }
        now = {key: update for key, (_, update) in wanted.items()}
        updates = {component: gr.update(**update) for component, update in changed.items()}
        if self._asked in changed:  # an answer of another classifier must not stay
            updates |= {self._image: None, self._answer: None, self._trouble: ""}
        return {**updates, self._seen: now}

    def _wanted(self, view: View) -> dict[str, tuple[Any, dict[str, Any]]]:
        """Return for every part of the page its component and the properties it should have."""
        is_open = bool(view.cards)
        wanted: dict[str, tuple[Any, dict[str, Any]]] = {
            "data": (self._data, {"value": str(view.data)}),
            "advice": (self._advice, {"value": str(view.advice)}),
            "cards": (self._card_row, {"visible": is_open}),
            "closed training": (self._closed_training, {"visible": not is_open}),
            "training column": (self._training_column, {"visible": is_open}),
            "train": (
                self._train,
                {"value": f"Train with {view.chosen}", "visible": view.can_train or not is_open},
            ),
            "cancel": (self._cancel, {"visible": view.is_training}),
            "resume": (self._resume, {"visible": view.can_resume}),
            "training": (self._training, {"value": str(view.training)}),
            "closed trial": (self._closed_trial, {"visible": not view.address}),
            "trial": (self._trial_row, {"visible": bool(view.address)}),
            "asked": (self._asked, {"value": str(note_html(f"Asked: {view.asked_name}"))}),
            "download": (self._download, {"value": _download_html(view)}),
        }
        for card, name, text in zip(self._cards, STRATEGIES, view.cards, strict=False):
            is_chosen = name == view.chosen
            label = "Chosen ✓" if is_chosen else f"Choose {name}"
            wanted[f"card {name}"] = (card, {"value": str(text)})
            wanted[f"choice {name}"] = (
                self._choices[name],
                {"value": label, "variant": "primary" if is_chosen else "secondary"},
            )
        return wanted

    def _warm(self, view: View, project_id: str) -> None:
        """Load a new classifier before the first image comes."""
        if view.asked and view.asked != self._warmed:
            self._warmed = view.asked
            project = self._service.find(project_id)
            if project is not None and (training := trained(project)) is not None:
                self._service.warm(training)

    def _take_upload(
        self, project_id: str, _chosen: str, seen: dict[str, Any], upload: str | None, backbone: str
    ) -> dict[Any, Any]:
        if upload is None:
            return self._show(project_id, "", seen)
        project = self._service.take_upload(Path(upload), backbone=backbone)
        # The file has moved, so the upload field lets go of it.
        return {**self._new(project, seen), self._upload: gr.update(value=None)}

    def _taking_sample(self, name: str) -> Callable[..., dict[Any, Any]]:
        def take(_project_id: str, _chosen: str, seen: dict[str, Any], backbone: str) -> dict[Any, Any]:
            return self._new(self._service.take_sample(name, backbone=backbone), seen)

        return take

    def _new(self, project: Project, seen: dict[str, Any]) -> dict[Any, Any]:
        return {**self._show(project.id, "", seen), self._project_id: project.id, self._chosen: ""}

    def _choosing(self, name: str) -> Callable[..., dict[Any, Any]]:
        def choose(project_id: str, _chosen: str, seen: dict[str, Any]) -> dict[Any, Any]:
            return {**self._show(project_id, name, seen), self._chosen: name}

        return choose

    def _start(
        self,
        project_id: str,
        chosen: str,
        seen: dict[str, Any],
        size: str,
        minutes: str,
        augment: str,
    ) -> dict[Any, Any]:
        options: dict[str, Any] = {
            "image_size": None if size == OWN_SIZE else int(size),
            "max_minutes": None if minutes == NO_LIMIT else float(minutes),
            "augment": augment,
        }

        def start(project: Project) -> None:
            strategy = make_view(project, chosen).chosen
            self._service.train(project, strategy, options)

        return self._act(project_id, chosen, seen, start)

    def _stop(self, project_id: str, chosen: str, seen: dict[str, Any]) -> dict[Any, Any]:
        return self._act(project_id, chosen, seen, self._service.cancel)

    def _continue(self, project_id: str, chosen: str, seen: dict[str, Any]) -> dict[Any, Any]:
        return self._act(project_id, chosen, seen, self._service.resume)

    def _act(
        self, project_id: str, chosen: str, seen: dict[str, Any], act: Callable[[Project], object]
    ) -> dict[Any, Any]:
        """Do something with the tab's project; what cannot be done is said and nothing is lost."""
        project = self._service.find(project_id)
        try:
            if project is not None:
                act(project)
        except FinetuneError as error:
            gr.Warning(str(error), title="Not done")
        return self._show(project_id, chosen, seen)

    def _classify(self, project_id: str, image: str | None) -> tuple[dict[str, float] | None, str]:
        project = self._service.find(project_id)
        training = trained(project) if project is not None else None
        if image is None or training is None:
            return None, ""
        try:
            answer = self._service.predict(training, Path(image))
        except FinetuneError as error:
            return None, str(error_html(str(error)))
        return (None, str(error_html(answer.error))) if answer.error else (dict(answer.top), "")


def _download_html(view: View) -> str:
    if not view.address:
        return str(note_html(NO_TRAINING))
    return (
        f'<p><a class="download" href="{view.address}" download>Download the classifier (zip)</a></p>'
        "<p class='quiet'>Weights as safetensors, class names and preprocessing as JSON. "
        "<code>finetune predict FOLDER IMAGE</code> uses it, and so does timm.</p>"
    )


def build_page(service: Service) -> gr.Blocks:
    """Return the page over ``service``."""
    blocks: gr.Blocks = Page(service).blocks
    return blocks
