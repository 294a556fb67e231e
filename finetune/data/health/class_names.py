"""Find class names that probably mean one class: case, plural and spelling twins."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Iterator
from itertools import combinations

_SHORTEST_TYPO = 6
"""Below this many letters a letter's difference is a different word: cat and bat, horse and house."""


def similar_names(names: Iterable[str]) -> tuple[tuple[str, str, str], ...]:
    """Return ``(name, name, why)`` for each two names that look like one, sorted; takes linear time.

    Twins differ by case or separators, by a plural, or by one letter of at least six. A difference in digits
    or in a part of one letter never counts: class1 and class2, type_a and type_b are meant.
    """
    known = sorted(set(names))
    found: dict[tuple[str, str], str] = {}
    for why, keys in _TWIN_KEYS:
        for pair in _sharing(known, keys):
            if why != _TYPO or _is_typo(*pair):
                found.setdefault(pair, why)
    return tuple((first, second, why) for (first, second), why in sorted(found.items()))


def _sharing(names: Iterable[str], keys: Callable[[str], Iterable[Hashable]]) -> Iterator[tuple[str, str]]:
    buckets: defaultdict[Hashable, list[str]] = defaultdict(list)
    for name in names:
        for key in set(keys(name)):
            buckets[key].append(name)
    for bucket in buckets.values():
        yield from combinations(bucket, 2)


def _words(name: str) -> tuple[str, ...]:
    return tuple(re.findall(r"[^\W_]+", name.casefold()))


def _joined(name: str) -> Iterable[Hashable]:
    # A name of signs only ("+", "-") keeps them.
    return ["".join(_words(name)) or name]


def _singular(name: str) -> Iterable[Hashable]:
    joined = "".join(_words(name)) or name
    endings = (("ies", "y"), ("es", ""), ("s", ""))
    return [joined, *(joined.removesuffix(old) + new for old, new in endings if joined.endswith(old))]


def _one_letter_less(name: str) -> Iterable[Hashable]:
    joined = "".join(_words(name))
    if len(joined) < _SHORTEST_TYPO:
        return []
    return [joined, *(joined[:i] + joined[i + 1 :] for i in range(len(joined)))]


def _is_typo(first: str, second: str) -> bool:
    """Whether two names, one deletion each apart, differ in a letter that could be a slip."""
    odd = set(_words(first)) ^ set(_words(second))
    return all(len(word) > 1 and not any(map(str.isdigit, word)) for word in odd)


_TYPO = "spelled nearly alike"
_TWIN_KEYS: tuple[tuple[str, Callable[[str], Iterable[Hashable]]], ...] = (
    ("the same but for case or separators", _joined),
    ("singular and plural", _singular),
    (_TYPO, _one_letter_less),
)
