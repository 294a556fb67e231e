"""The page's parts: five tabs. Nothing here does anything; `ui.page` wires the parts to `ui.handlers`."""

from __future__ import annotations

import gradio as gr
from markupsafe import Markup

from finetune.words import language, noted, t
from ui.languages import switch_html
from ui.tabs.data import DataParts
from ui.tabs.results import ResultsParts
from ui.tabs.train import TrainParts
from ui.tabs.trial import TrialParts
from ui.tabs.use import UseParts

TABS = (noted("Data"), noted("Train"), noted("Results"), noted("Test"), noted("Use"))
"""The tabs' ids: what they are called in English."""
INTRODUCTION = noted(
    "Teach a network that has seen a million photographs to tell your images apart. Bring them as a zip, a folder "
    "for each class. The page measures them, advises how much of the network to train and what to keep as it is "
    "(frozen), trains, and gives you a classifier. Nothing leaves this computer."
)


ASKS_EVERY_S = 1.0
ASKS_AT_REST_EVERY_S = 4.0
"""While no job is at work, things change by what this page is told, which it shows at once, or by another window."""


class Parts:
    """The components, made in the order they stand on the page; to be made inside `gr.Blocks`.

    ``seen`` is a hidden text that each browser tab holds for itself: what it shows already. ``tab`` is the id of the
    page's tab that is open, kept by the browser, since a page that is loaded again has forgotten it;
    so are the ids of the data sets that are ``known``, the strategy that was ``chosen`` and the ``options`` of a
    training, by their names. A tab's own components would not do: what the browser keeps comes to those of an open
    tab alone. ``timer`` is how often the page asks what is on disk.
    """

    def __init__(self, *, upload_gb: float) -> None:
        self.project_id = gr.BrowserState("", storage_key="finetune-project", secret="finetune")
        self.known = gr.BrowserState([], storage_key="finetune-projects", secret="finetune")
        self.tab = gr.BrowserState(TABS[0], storage_key="finetune-tab", secret="finetune")
        self.chosen = gr.BrowserState("", storage_key="finetune-strategy", secret="finetune")
        self.options = gr.BrowserState({}, storage_key="finetune-options", secret="finetune")
        self.seen = gr.Textbox("", visible="hidden", elem_id="seen", show_label=False)
        gr.HTML(
            Markup('<div class="masthead"><h1>{}</h1>{}</div><p>{}</p>').format(
                t("Fine-tune an image classifier"), switch_html(language()), t(INTRODUCTION)
            )
        )
        self.timer = gr.Timer(ASKS_EVERY_S)
        self.notice = gr.HTML(elem_id="notice")
        with gr.Tabs(elem_id="tabs") as self.tabs:
            self.each = {name: gr.Tab(t(name), id=name, render_children=True) for name in TABS}
        with self.each["Data"]:
            self.data_tab = DataParts(upload_gb=upload_gb)
        with self.each["Train"]:
            self.train_tab = TrainParts()
        with self.each["Results"]:
            self.results_tab = ResultsParts()
        with self.each["Test"]:
            self.test_tab = TrialParts()
        with self.each["Use"]:
            self.use_tab = UseParts()
