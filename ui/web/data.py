"""A data set's health as HTML: the verdict, bars for the classes, thumbnails, findings."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from markupsafe import Markup

from finetune.words import noted, t
from ui.health_words import balance_words, training_images
from ui.web.by_hand import Hands, class_list_html, closer_html
from ui.web.finding_words import said_example, said_finding
from ui.web.words import join

MOST_CLASSES = 40
MOST_EXAMPLES = 5
MOST_TOGETHER = 4
MARKS = {"error": noted("✗ Error:"), "warning": noted("! Warning:"), "note": noted("· Note:")}


def data_html(
    name: str, findings: Mapping[str, Any], *, shown: str = "", hands: Hands | None = None
) -> Markup:
    """Return what is known of the data set ``name``; ``findings`` as `finetune.service.analysis` writes them.

    A finding that says what is ``shown`` already is left out. With ``hands`` its images can be corrected.
    """
    health = findings["health"]
    told = [finding for finding in health["findings"] if finding["message"] != shown]
    return join(
        _verdict(name, health),
        _class_bars(health["classes"]),
        _balance(health),
        _thumbnails(findings["thumbnails"]),
        findings_html(told, findings.get("pictures", {}), hands) if told or not health["findings"] else "",
    )


def _verdict(name: str, health: Mapping[str, Any]) -> Markup:
    how_split = health.get("how_split")
    told = t("Splits: {}.").format(said_finding(how_split)) if how_split else ""
    if not health["usable"]:
        told = t("It cannot be trained on as it is.")
    verdict = t(Markup("<strong>{}</strong>: {:,} readable images in {} classes.")).format(
        name, health["n_images"], len(health["classes"])
    )
    return Markup('<p class="verdict">{} {}</p>').format(verdict, told)


def _class_bars(classes: Mapping[str, int]) -> Markup:
    most = max(classes.values(), default=1) or 1
    bars = [_bar(name, count, count / most) for name, count in list(classes.items())[:MOST_CLASSES]]
    more = len(classes) - MOST_CLASSES
    rest = Markup("<p>{}</p>").format(t("… and {} more classes").format(more)) if more > 0 else ""
    return Markup('<div class="bars" role="list" aria-label="{}">{}</div>{}').format(
        t("Images in each class"), join(*bars), rest
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
            image["source"], t("an image of the class {}").format(image["label"]), image["label"]
        )
        for image in thumbnails
    ]
    return Markup('<div class="thumbnails">{}</div>').format(join(*figures))


def findings_html(
    findings: Sequence[Mapping[str, Any]], pictures: Mapping[str, str], hands: Hands | None = None
) -> Markup:
    """Return the list of ``findings``, each with those of its images that are in ``pictures``, by name."""
    if not findings:
        return Markup("<p>{}</p>").format(t("Nothing was found that needs a look."))
    items = [_finding(finding, pictures, hands or Hands()) for finding in findings]
    classes = class_list_html(hands or Hands())
    return Markup('<ul class="findings">{}</ul>{}').format(join(*items), classes)


def _finding(finding: Mapping[str, Any], pictures: Mapping[str, str], hands: Hands) -> Markup:
    examples = [said_example(example) for example in finding["examples"][:MOST_EXAMPLES]]
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
    key = hashlib.sha256(finding["message"].encode()).hexdigest()[:8]
    closer = closer_html(hands, f"{finding.get('kind', 'finding')}-{key}", shown, finding.get("images", ()))
    return Markup('<li class="{}"><strong>{}</strong> {}{}</li>').format(
        finding["severity"], t(MARKS[finding["severity"]]), said_finding(finding["message"]), closer
    )


def _group(names: Sequence[str], pictures: Mapping[str, str], text: str) -> Markup:
    """Return the images that belong together side by side, with what they are called below."""
    images = join(*(Markup('<img src="{}" alt="{}">').format(pictures[name], name) for name in names))
    return Markup('<figure><div>{}</div><figcaption title="{}">{}</figcaption></figure>').format(
        images, text, text
    )
