"""What can be deleted, and the question before it: exactly what goes, and what stays."""

from __future__ import annotations

from collections.abc import Sequence

from markupsafe import Markup

from finetune.page.markup import folded, join, paragraph, section
from finetune.words import t
from ui.web.buttons import button_html

ERASE, ALL, YES = "erase", "all", "yes"


def erase_html(data: str, shown: tuple[str, str] | None, others: Sequence[tuple[str, str]]) -> Markup:
    """Return the buttons: for the run that is shown and the others, each as number and name, and for ``data``."""
    buttons = [] if shown is None else [_of_run(*shown)]
    buttons.append(button_html(ERASE, ALL, t("Delete {} and all its runs…").format(data)))
    rest = Markup('<p class="erase">{}</p>').format(Markup(" ").join(_of_run(*each) for each in others))
    return section(
        t("Delete"),
        paragraph(t("You are told what goes, and asked once more."), quiet=True),
        Markup('<p class="erase">{}</p>').format(Markup(" ").join(buttons)),
        folded(t("Other runs"), rest) if others else "",
    )


def _of_run(number: str, name: str) -> Markup:
    return button_html(ERASE, f"run:{number}", t("Delete the run {}…").format(name))


def sure_of_run_html(number: str, name: str) -> Markup:
    """Ask whether a run shall go."""
    goes = t(
        "The folder {} goes from the disk: classifier, report, predictions and pictures, and its ONNX files."
    )
    stays = t("The images, the other runs and what you have downloaded stay.")
    return _sure(goes.format(name), stays, f"run:{number}:{YES}", t("Yes, delete the run {}").format(name))


def sure_of_all_html(data: str, runs: Sequence[str]) -> Markup:
    """Ask whether the data set shall go with its ``runs``, by their folders' names."""
    goes = t(
        "The images of {} go from this server's disk, with the copy that was unpacked from them, all that was "
        "measured on them here, and the runs with their classifiers (number of runs: {:,})."
    ).format(data, len(runs))
    stays = t(
        "What you have downloaded stays, and so do numbers without images by which later runs are quicker and "
        "forecast better; finetune cache --clear removes those."
    )
    listed = Markup("<ul>{}</ul>").format(join(*(Markup("<li>{}</li>").format(run) for run in runs)))
    return _sure(goes, stays, f"{ALL}:{YES}", t("Yes, delete {}").format(data), listed if runs else "")


def _sure(goes: str, stays: str, value: str, yes: str, listed: Markup | str = "") -> Markup:
    buttons = join(button_html(ERASE, value, yes, style="danger"), " ", button_html(ERASE, "", t("Keep it")))
    return Markup(
        '<div class="told-error sure" role="alertdialog" aria-label="{}" data-arrived>{}<p class="erase">{}</p></div>'
    ).format(
        t("Delete?"),
        join(Markup('<p tabindex="-1"><strong>{}</strong></p>').format(goes), listed, paragraph(stays)),
        buttons,
    )
