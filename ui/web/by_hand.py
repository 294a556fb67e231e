"""What a person can do with one image of a data set, as HTML: leave it out, give it another class, undo that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from markupsafe import Markup

from finetune.words import noted, t
from ui.web.buttons import button_html
from ui.web.words import join

CORRECT, CLASS = "correct", "class"
"""What `ui.clicks` hears: a verb and an image's name; and the number of a class and an image's name."""
OUT, KEEP, SUGGESTED, UNDO = "out", "keep", "suggested", "undo"
MOST_LISTED = 200
MOST_WRITTEN = 30
"""Of more classes than these, the list is not written beside each image but once, for the browser to fill in."""
CLASS_LIST = "class-list"
SEEN = noted("What stands above counts them already.")
NOT_SEEN = noted("Press Look again to have the health and the advice count them too.")


@dataclass(frozen=True)
class Hands:
    """What can be done: ``corrections`` are (own class, class to be, empty for left out) by the image's name.

    ``larger`` has for each image that may be corrected the address of a picture, its class and its split.
    ``classes`` are those that an image can be given, ``others`` the addresses of pictures of other corrected images.
    """

    larger: Mapping[str, tuple[str, str, str]] = field(default_factory=dict)
    corrections: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    classes: Sequence[str] = ()
    others: Mapping[str, str] = field(default_factory=dict)


def fate_html(hands: Hands, name: str) -> Markup:
    """Return what was decided about an image and how to undo it; empty before."""
    if name not in hands.corrections:
        return Markup()
    own, to = hands.corrections[name]
    if not to:
        told = t("Left out")
    elif to == own:
        told = t("Keeps its class")
    else:
        told = t("Now: {}").format(to)
    undo = button_html(
        CORRECT, f"{UNDO}:{name}", t("Undo"), label=t("Undo the correction of {}").format(name), style="small"
    )
    return Markup('<span class="fate">{} {}</span>').format(told, undo)


def choices_html(hands: Hands, name: str, label: str) -> Markup:
    """Return the buttons for an image of the class ``label``, or what was decided."""
    if decided := fate_html(hands, name):
        return decided
    out = button_html(
        CORRECT, f"{OUT}:{name}", t("Leave out"), label=t("Leave {} out").format(name), style="small"
    )
    if all(each == label for each in hands.classes):
        return out
    is_long = len(hands.classes) > MOST_WRITTEN
    give = Markup(
        '<span class="recast"><select aria-label="{}"{}>{}</select>'
        '<button type="button" class="press small" data-click="{}:{}" data-choice aria-label="{}">{}</button></span>'
    ).format(
        t("Another class for {}").format(name),
        Markup(' data-list="{}"').format(CLASS_LIST) if is_long else "",
        _options(hands.classes, label) if not is_long else _no_option(),
        CLASS,
        name,
        t("Give {} this class").format(name),
        t("Give this class"),
    )
    return join(out, give)


def _options(classes: Sequence[str], label: str | None = None) -> Markup:
    return join(
        *(
            Markup('<option value="{}">{}</option>').format(number, each)
            for number, each in enumerate(classes)
            if each != label
        )
    )


def _no_option() -> Markup:
    return Markup('<option value="" disabled selected>{}</option>').format(t("another class…"))


def class_list_html(hands: Hands) -> Markup:
    """Return the list that the selections of `choices_html` are filled in from; empty where they hold their own."""
    if len(hands.classes) <= MOST_WRITTEN:
        return Markup()
    return Markup('<template id="{}">{}</template>').format(CLASS_LIST, _options(hands.classes))


def suspect_choices_html(hands: Hands, name: str, suggested: str) -> Markup:
    """Return the buttons for an image whose label is suspicious, or what was decided."""
    if decided := fate_html(hands, name):
        return decided
    return join(
        button_html(
            CORRECT, f"{KEEP}:{name}", t("Keep"), label=t("Keep {} as it is").format(name), style="small"
        ),
        button_html(
            CORRECT, f"{OUT}:{name}", t("Leave out"), label=t("Leave {} out").format(name), style="small"
        ),
        button_html(
            CORRECT,
            f"{SUGGESTED}:{name}",
            f"\N{RIGHTWARDS ARROW} {suggested}",
            label=t("Make {} a {}").format(name, suggested),
            style="small",
        ),
    )


def closer_html(hands: Hands, key: str, small: Markup, groups: Sequence[Sequence[str]]) -> Markup:
    """Return a fold that opens by a press of its ``small`` pictures: the images of ``groups``, large, side by side.

    ``key`` tells it from other folds.
    """
    shown = [[name for name in group if name in hands.larger] for group in groups]
    figures = [
        Markup('<div class="side-by-side">{}</div>').format(join(*(_large(hands, name) for name in group)))
        for group in shown
        if group
    ]
    if not figures:
        return small
    return Markup(
        '<details class="closer" id="closer-{}"><summary>{}<span class="more">{}</span></summary>{}</details>'
    ).format(key, small, t("Look closer and correct"), join(*figures))


def _large(hands: Hands, name: str) -> Markup:
    address, label, split = hands.larger[name]
    place = f"{label} · {split}" if split else label
    return Markup(
        '<figure><img src="{}" alt="{}" loading="lazy"><figcaption><strong>{}</strong> {}</figcaption>'
        '<div class="choices">{}</div></figure>'
    ).format(address, name, place, name, choices_html(hands, name, label))


def corrections_html(hands: Hands, *, seen: str) -> Markup:
    """Return how many corrections are in force, whether a look has ``seen`` them, and all; empty without any."""
    if not hands.corrections:
        return Markup()
    fates = list(hands.corrections.values())
    n_out = sum(not to for _, to in fates)
    n_kept = sum(own == to for own, to in fates)
    told = t(
        Markup(
            "Corrections that count in every training from now on: <strong>{}</strong> ({} left out, {} given "
            "another class, {} kept as they are)."
        )
    ).format(len(fates), n_out, len(fates) - n_out - n_kept, n_kept)
    rows = [
        Markup("<li>{} <span>{}</span> {}</li>").format(_mini(hands, name), name, fate_html(hands, name))
        for name in reversed(list(hands.corrections))
    ]
    everything = button_html(CORRECT, f"{UNDO}:", t("Undo all corrections"), style="small")
    return Markup(
        '<div class="in-force" role="status"><p>{} {}</p></div><details class="fold" id="all-corrections">'
        '<summary>{}</summary><ul class="corrected">{}</ul>{}</details>'
    ).format(told, seen, t("All corrections"), join(*rows[:MOST_LISTED]), everything)


def _mini(hands: Hands, name: str) -> Markup:
    address = hands.larger[name][0] if name in hands.larger else hands.others.get(name)
    return Markup('<img src="{}" alt="" loading="lazy">').format(address) if address else Markup()
