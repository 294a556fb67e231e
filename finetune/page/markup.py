"""Small pieces that the pages share: joining, sections, tables, pictures, numbers with their intervals."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from pathlib import Path

from markupsafe import Markup

from finetune.words import t

HERE = Path(__file__).parent
NOTHING = "–"

Cell = Markup | str


def join(*parts: Markup | str) -> Markup:
    """Return the parts one after the other; plain text is escaped."""
    return Markup("").join(parts)


def style_sheets(*names: str) -> Markup:
    """Return the text of the style sheets of this folder by their names."""
    return Markup("\n".join((HERE / name).read_text(encoding="utf-8") for name in names))


def document(title: str, style: Markup, body: Markup) -> str:
    """Return a whole HTML file that asks nobody for anything."""
    page = Markup(
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        "<title>{}</title>\n<style>\n{}</style></head>\n<body><main>{}</main></body></html>\n"
    )
    return str(page.format(title, style, body))


def section(title: str, *content: Cell) -> Markup:
    """Return a section with a heading, nothing where there is no content."""
    inside = join(*content)
    return Markup("<section><h2>{}</h2>{}</section>").format(title, inside) if inside else Markup()


def folded(title: str, content: Markup) -> Markup:
    """Return what a reader may open."""
    fold = Markup('<details class="fold"><summary>{}</summary>{}</details>')
    return fold.format(title, content) if content else Markup()


def table(
    heads: Sequence[str], rows: Iterable[Sequence[Cell]], *, label: str, kind: str = "numbers"
) -> Markup:
    """Return a table that scrolls sideways where it is too wide, with each row's first cell as its head.

    ``label`` names it; one whose ``kind`` is ``words`` is aligned to the left.
    """
    top = Markup("<thead><tr>{}</tr></thead>").format(table_heads(heads)) if any(heads) else ""
    body = [
        Markup('<tr><th scope="row">{}</th>{}</tr>').format(
            first, join(*(Markup("<td>{}</td>").format(cell) for cell in rest))
        )
        for first, *rest in rows
    ]
    if not body:
        return Markup()
    return Markup(
        '<div class="wide" tabindex="0" role="group" aria-label="{}"><table class="{}">{}'
        "<tbody>{}</tbody></table></div>"
    ).format(label, kind, top, join(*body))


def table_heads(heads: Iterable[str]) -> Markup:
    """Return the cells above a table's columns; above one without a name is no head, which nobody could read out."""
    named = Markup('<th scope="col">{}</th>')
    return join(*(named.format(head) if head else Markup("<td></td>") for head in heads))


def paragraph(text: Cell, *, quiet: bool = False) -> Markup:
    """Return a paragraph, nothing for an empty text."""
    if not text:
        return Markup()
    return Markup('<p class="quiet">{}</p>' if quiet else "<p>{}</p>").format(text)


def picture(path: Path, alt: str) -> Markup:
    """Return a PNG file inside the page; nothing where it is gone."""
    try:
        encoded = base64.b64encode(path.read_bytes()).decode()
    except OSError:
        return Markup()
    return Markup('<img class="picture" src="data:image/png;base64,{}" alt="{}">').format(encoded, alt)


def percent(share: float | None) -> str:
    """Return a share of 1 in percent: ``83.3 %``."""
    return NOTHING if share is None else f"{100 * share:.1f} %"


def span(interval: Sequence[float] | None, *, digits: int = 3, scale: float = 1) -> str:
    """Return an interval: ``0.751 to 0.892``."""
    if interval is None:
        return NOTHING
    low, high = (f"{scale * end:.{digits}f}" for end in interval)
    return t("{} to {}").format(low, high)


def short(text: str, most: int = 18) -> str:
    """Return ``text`` in at most ``most`` characters: names often differ at their end, so the middle goes."""
    head = most // 2
    return text if len(text) <= most else f"{text[:head]}…{text[len(text) - (most - head - 1) :]}"


def time_words(seconds: float) -> str:
    """Return a length of time in words: ``8 s``, ``3 min``, ``2 h 5 min``."""
    if seconds < 90:
        return t("{} s").format(max(1, round(seconds)))
    minutes = round(seconds / 60)
    return t("{} min").format(minutes) if minutes < 90 else t("{} h {} min").format(*divmod(minutes, 60))
