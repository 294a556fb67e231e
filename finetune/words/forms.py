"""Finished English sentences and their Chinese: told by the form of a sentence, whatever was put into it.

An error's text is made where the error is raised, often in another process, and comes here whole. A form is such a
sentence with ``{}`` where something was put in; its Chinese has the same places, in another order where it numbers
them: ``{1} … {0}``.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

JOIN = "; "
PART = "…"
MOST_JOINS = 8
"""More parts than this are not looked for: their number of ways to be joined grows with each."""


class Forms:
    """Sentences by their English forms; of several that fit, the one holds that knows most letters of a text."""

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
            read = form.read(text) if inside or not form.is_part else None
            if read is not None:
                told = [self._best(value, True, known) or _Told(0, value) for value in read[1]]
                n_letters = read[0] + sum(each.n_letters for each in told)
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
        self._variants = tuple(_Words(each.split("{}")) for each in _variants(english.removeprefix(PART)))

    def read(self, text: str) -> tuple[int, tuple[str, ...]] | None:
        """Return how many letters of ``text`` are the form's, and what was put in; None for another sentence."""
        for words in self._variants:
            values = words.between(text)
            if values is not None:
                return words.n_letters, values
        return None


def _variants(english: str) -> Iterator[str]:
    parts = re.split("‹([^›]*)›", english)
    return map("".join, itertools.product(*(part.split("|") for part in parts)))


class _Words:
    """What stands around the places of a sentence, the first from its beginning and the last to its end."""

    def __init__(self, words: Sequence[str]) -> None:
        self._words = words
        self.n_letters = sum(map(len, words))

    def between(self, text: str) -> tuple[str, ...] | None:
        """Return what stands between, as little as can be but for the last; a walk, so that no text takes long."""
        if len(self._words) == 1:
            return () if text == self._words[0] else None
        first, *middle, last = self._words
        at, end = len(first), len(text) - len(last)
        if at > end or not (text.startswith(first) and text.endswith(last)):
            return None
        values = []
        for words in middle:
            place = text.find(words, at, end)
            if place < 0:
                return None
            values.append(text[at:place])
            at = place + len(words)
        return (*values, text[at:end])
