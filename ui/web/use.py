"""What can be done with a classifier outside the page, as HTML: files to take."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from finetune.page.markup import Cell, join, paragraph, percent, section
from finetune.service.status import Status
from finetune.words import noted, t
from ui.web.buttons import button_html
from ui.web.words import error_html, progress_html

PRECISIONS = {
    "fp32": (
        noted("Full precision (fp32)"),
        noted(
            "Gives the labels that this page gives; that is checked on your own images before you get the file."
        ),
    ),
    "int8": (
        noted("Eight bits (int8)"),
        noted(
            "About a quarter of the size, and often faster; a few labels may change, and you are told how many."
        ),
    ),
}


def downloads_html(name: str, report: Mapping[str, Any], addresses: Mapping[str, str]) -> Markup:
    """Return which classifier this is, and the files that are there; ``addresses`` by bundle, report and card."""
    told = t(Markup("<strong>{}</strong>: {}, {} of the {} images right.")).format(
        name,
        report.get("strategy", ""),
        percent(report.get("accuracy")),
        t("test") if report.get("accuracy_split") == "test" else t("validation"),
    )
    links = [
        ("bundle", "", t("Download the classifier (zip)")),
        ("report", "second", t("Download the full report")),
        ("card", "second", t("Download the model card")),
    ]
    made = [
        Markup('<a class="download {}" href="{}" download>{}</a>').format(kind, addresses[what], text)
        for what, kind, text in links
        if addresses.get(what)
    ]
    about = t(
        "The zip is the whole classifier, to keep or to hand on; to try it without writing code, stay on the tab "
        "Test. It holds the weights as safetensors, class names and preprocessing as JSON; timm loads the network "
        "from it, and the lines below use all of it. Another run? Choose it on the tab Results."
    )
    return join(
        paragraph(told) if report else Markup(),
        Markup('<p class="downloads">{}</p>').format(Markup(" ").join(made)),
        paragraph(about, quiet=True),
    )


def export_html(
    number: str, precision: str, *, status: Status | None, error: str, result: Mapping[str, Any], address: str
) -> Markup:
    """Return one kind of ONNX file of the run of training ``number``: a button, how far it is, or the file.

    ``status`` is that of the newest job that wrote it, None before the first; ``address`` is empty without a file.
    """
    title, about = PRECISIONS[precision]
    button = button_html(
        "onnx", f"{number}:{precision}", t("Write this file"), label=t("Write {}").format(t(title))
    )
    state: Cell
    if address:
        state = _written(result, address)
    elif status is not None and not status.has_ended:
        state = progress_html(status)
    else:
        state = join(error_html(error) if error else "", button)
    return Markup('<div class="export"><p><strong>{}</strong> {}</p>{}</div>').format(
        t(title), t(about), state
    )


def _written(result: Mapping[str, Any], address: str) -> Markup:
    link = Markup('<p><a class="download second" href="{}" download>{}</a></p>').format(
        address, t("Download ({:.1f} MB)").format(result["bytes"] / 1e6)
    )
    checked = t("Compared on {:,} images: {:,} other labels, largest difference of a logit {:.2g}.")
    told = checked.format(result["checked"], result["flips"], result["max_abs_dlogit"])
    return join(link, paragraph(told, quiet=True))


def exports_html(exports: Sequence[Markup]) -> Markup:
    """Return all kinds of ONNX file."""
    about = t(
        "One file with the preprocessing inside, which ONNX Runtime runs without this program, in any language."
    )
    return section(t("As an ONNX file"), paragraph(about, quiet=True), *exports)
