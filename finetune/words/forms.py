"""Finished English sentences and their Chinese: told by the form of a sentence, whatever was put into it.

An error's text is made where the error is raised, often in another process, and comes here whole. A form is such a
sentence with ``{}`` where something was put in; its Chinese has the same places, in another order where it numbers
them: ``{1} … {0}``.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

JOIN = "; "
PART = "…"
_PLACES = re.compile("{}|‹[^›]*›")
MOST_JOINS = 8
"""More parts than this are not looked for: their number of ways to be joined grows with each."""


class Forms:
    """Sentences by their English forms; a form is made a regular expression once a text has all its words."""

    def __init__(self, words: Mapping[str, str]) -> None:
        self._forms = [Form(english, chinese) for english, chinese in words.items()]

    def said(self, text: str, *, inside: bool = False) -> str:
        """Return ``text`` in Chinese, what was put into it too where that is a sentence; else as it is.

        ``inside`` says that it stood within another sentence, where it may be a part of one only.
        """
        best = self._best(text, inside, {})
        return text if best is None else best.chinese

    def _best(self, text: str, inside: bool, known: _Known) -> _Told | None:
        """Return the telling that takes most letters of ``text`` for its own: as a whole, or as parts joined."""
        if (text, inside) not in known:
            found = (*self._wholes(text, inside, known), *self._joined(text, inside, known))
            known[text, inside] = max(found, key=lambda each: each.n_letters, default=None)
        return known[text, inside]

    def _wholes(self, text: str, inside: bool, known: _Known) -> Iterator[_Told]:
        for form in self._forms:
            if (inside or not form.is_part) and form.fits(text):
                values = form.values(text)
                told = [self._best(value, True, known) or _Told(0, value) for value in values]
                n_letters = form.n_letters + sum(each.n_letters for each in told)
                yield _Told(n_letters, form.chinese.format(*(each.chinese for each in told)))

    def _joined(self, text: str, inside: bool, known: _Known) -> Iterator[_Told]:
        cuts = [place.start() for place in re.finditer(JOIN, text)]
        for cut in cuts if len(cuts) <= MOST_JOINS else ():
            first = self._best(text[:cut], inside, known)
            rest = None if first is None else self._best(text[cut + len(JOIN) :], inside, known)
            if first is not None and rest is not None:
                yield _Told(first.n_letters + rest.n_letters + len(JOIN), f"{first.chinese}；{rest.chinese}")


@dataclass(frozen=True)
class _Told:
    """What a text is in Chinese, and how many letters of the English were known words."""

    n_letters: int
    chinese: str


_Known = dict[tuple[str, bool], _Told | None]


class Form:
    """One sentence: its words, and how to say it in Chinese.

    ``‹s|›`` stands for one of some words that its Chinese does not tell apart, here a plural's ending or none. What
    begins with ``…`` is no sentence, but stands in the place of one.
    """

    def __init__(self, english: str, chinese: str) -> None:
        self.english, self.chinese = english, chinese
        self.is_part = english.startswith(PART)
        self._text = english.removeprefix(PART)
        self.words = tuple(words for words in _PLACES.split(self._text) if words)
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
        parts = re.split(f"({_PLACES.pattern})", self._text)
        return re.compile("".join(map(_expression, parts)), re.DOTALL)


def _expression(part: str) -> str:
    if part == "{}":
        return "(.*?)"
    if part.startswith("‹"):
        return f"(?:{'|'.join(map(re.escape, part[1:-1].split('|')))})"
    return re.escape(part)
