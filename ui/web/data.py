"""A data set's health as HTML: the verdict, bars for the classes, thumbnails, findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from ui.health_words import balance_words, training_images
from ui.web.words import join

MOST_CLASSES = 40
MOST_EXAMPLES = 5
MOST_TOGETHER = 4
MARKS = {"error": "✗ Error", "warning": "! Warning", "note": "· Note"}


def data_html(name: str, findings: Mapping[str, Any], *, shown: str = "") -> Markup:
    """Return what is known of the data set ``name``; ``findings`` as `finetune.service.analysis` writes them.

    A finding that says what is ``shown`` already is left out.
    """
    health = findings["health"]
    told = [finding for finding in health["findings"] if finding["message"] != shown]
    return join(
        _verdict(name, health),
        _class_bars(health["classes"]),
        _balance(health),
        _thumbnails(findings["thumbnails"]),
        findings_html(told, findings.get("pictures", {})) if told or not health["findings"] else "",
    )


def _verdict(name: str, health: Mapping[str, Any]) -> Markup:
    told = f"Splits: {how_split}." if (how_split := health.get("how_split")) else ""
    if not health["usable"]:
        told = "It cannot be trained on as it is."
    n_classes = len(health["classes"])
    return Markup(
        '<p class="verdict"><strong>{}</strong>: {:,} readable images in {} classes. {}</p>{}'
    ).format(name, health["n_images"], n_classes, told, _imbalance(health["classes"]))


def _imbalance(classes: Mapping[str, int]) -> Markup:
    counts = [count for count in classes.values() if count]
    if len(counts) < 2:
        return Markup()
    told = Markup('<p class="quiet">Imbalance ratio, largest class to smallest: {:.1f}.</p>')
    return told.format(max(counts) / min(counts))


def _class_bars(classes: Mapping[str, int]) -> Markup:
    most = max(classes.values(), default=1) or 1
    bars = [_bar(name, count, count / most) for name, count in list(classes.items())[:MOST_CLASSES]]
    more = len(classes) - MOST_CLASSES
    rest = Markup("<p>… and {} more classes</p>").format(more) if more > 0 else ""
    return Markup('<div class="bars" role="list" aria-label="Images in each class">{}</div>{}').format(
        join(*bars), rest
    )


def _balance(health: Mapping[str, Any]) -> Markup:
    """Return how unequal the classes are; nothing for what an older version has written."""
    if not health.get("imbalance"):
        return Markup()
    told = balance_words(health["imbalance"], training_images(health["split_folders"]))
    return Markup('<p class="quiet">{}</p>').format(told)


def _bar(name: str, count: int, share: float) -> Markup:
    return Markup(
        '<div class="bar" role="listitem"><span class="bar-name" title="{}">{}</span>'
        '<span class="bar-track"><span class="bar-fill" style="width:{:.1f}%"></span></span>'
        '<span class="bar-count">{:,}</span></div>'
    ).format(name, name, 100 * share, count)


def _thumbnails(thumbnails: Sequence[Mapping[str, str]]) -> Markup:
    figures = [
        Markup('<figure><img src="{}" alt="{}"><figcaption>{}</figcaption></figure>').format(
            image["source"], f"an image of the class {image['label']}", image["label"]
        )
        for image in thumbnails
    ]
    return Markup('<div class="thumbnails">{}</div>').format(join(*figures))


def findings_html(findings: Sequence[Mapping[str, Any]], pictures: Mapping[str, str]) -> Markup:
    """Return the list of ``findings``, each with those of its images that are in ``pictures``, by name."""
    if not findings:
        return Markup("<p>Nothing was found that needs a look.</p>")
    items = [_finding(finding, pictures) for finding in findings]
    return Markup('<ul class="findings">{}</ul>').format(join(*items))


def _finding(finding: Mapping[str, Any], pictures: Mapping[str, str]) -> Markup:
    examples = finding["examples"][:MOST_EXAMPLES]
    groups = [
        [name for name in group if name in pictures][:MOST_TOGETHER]
        for group in finding.get("images", ())[:MOST_EXAMPLES]
    ]
    if any(groups):
        shown = Markup('<div class="twins">{}</div>').format(
            join(*(_group(names, pictures, text) for names, text in zip(groups, examples, strict=False)))
        )
    else:
        shown = Markup('<div class="examples">{}</div>').format(", ".join(examples)) if examples else Markup()
    return Markup('<li class="{}"><strong>{}:</strong> {}{}</li>').format(
        finding["severity"], MARKS[finding["severity"]], finding["message"], shown
    )


def _group(names: Sequence[str], pictures: Mapping[str, str], text: str) -> Markup:
    """Return the images that belong together side by side, with what they are called below."""
    images = join(*(Markup('<img src="{}" alt="{}">').format(pictures[name], name) for name in names))
    return Markup('<figure><div>{}</div><figcaption title="{}">{}</figcaption></figure>').format(
        images, text, text
    )
