"""Finished English sentences and their Chinese: told by the form of a sentence, whatever was put into it.

An error's text is made where the error is raised, often in another process, and comes here whole. A form is such a
sentence with ``{}`` where something was put in; its Chinese has the same places, in another order where it numbers
them: ``{1} … {0}``.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass

JOIN = "; "
_PLACES = re.compile("{}|‹[^›]*›")
MOST_JOINS = 8
"""More parts than this are not looked for: their number of ways to be joined grows with each."""


class Forms:
    """Sentences by their English forms; a form is made a regular expression once a text has all its words."""

    def __init__(self, words: Mapping[str, str]) -> None:
        self._forms = [Form(english, chinese) for english, chinese in words.items()]

    def said(self, text: str) -> str:
        """Return ``text`` in Chinese, what was put into it too where that is a sentence; else as it is."""
        best = self._best(text, {})
        return text if best is None else best.chinese

    def form_of(self, text: str) -> Form | None:
        """Return the one form that ``text`` as a whole has, None where there is none."""
        fitting = [form for form in self._forms if form.fits(text)]
        return max(fitting, key=lambda form: form.n_letters, default=None)

    def _best(self, text: str, known: dict[str, _Told | None]) -> _Told | None:
        """Return the telling that takes most letters of ``text`` for its own: of a whole, or of parts joined."""
        if text in known:
            return known[text]
        known[text] = None
        form = self.form_of(text)
        found: _Told | None = None
        if form is not None:
            inside = [self._best(value, known) for value in form.values(text)]
            values = [
                value if told is None else told.chinese
                for value, told in zip(form.values(text), inside, strict=True)
            ]
            n_inside = sum(told.n_letters for told in inside if told is not None)
            found = _Told(form.n_letters + n_inside, form.chinese.format(*values))
        cuts = [place.start() for place in re.finditer(JOIN, text)]
        for cut in cuts if len(cuts) <= MOST_JOINS else ():
            first, rest = self._best(text[:cut], known), self._best(text[cut + len(JOIN) :], known)
            if first is None or rest is None:
                continue
            n_letters = first.n_letters + rest.n_letters + len(JOIN)
            if found is None or n_letters > found.n_letters:
                found = _Told(n_letters, f"{first.chinese}；{rest.chinese}")
        known[text] = found
        return found


@dataclass(frozen=True)
class _Told:
    n_letters: int
    chinese: str


class Form:
    """One sentence: its words, and how to say it in Chinese.

    ``‹s|›`` stands for one of some words that its Chinese does not tell apart, here a plural's ending or none.
    """

    def __init__(self, english: str, chinese: str) -> None:
        self.english, self.chinese = english, chinese
        self.words = tuple(words for words in _PLACES.split(english) if words)
        self.n_letters = sum(map(len, self.words))

    def fits(self, text: str) -> bool:
        """Whether ``text`` is such a sentence."""
        # Looking for words is much quicker than to make a regular expression, and nearly always enough.
        return all(words in text for words in self.words) and self._pattern.fullmatch(text) is not None

    def values(self, text: str) -> tuple[str, ...]:
        """Return what was put into ``text``, which fits."""
        found = self._pattern.fullmatch(text)
        assert found is not None
        return found.groups()

    @functools.cached_property
    def _pattern(self) -> re.Pattern[str]:
        parts = re.split(f"({_PLACES.pattern})", self.english)
        return re.compile("".join(map(_expression, parts)), re.DOTALL)


def _expression(part: str) -> str:
    if part == "{}":
        return "(.*?)"
    if part.startswith("‹"):
        return f"(?:{'|'.join(map(re.escape, part[1:-1].split('|')))})"
    return re.escape(part)
