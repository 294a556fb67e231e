"""May a mirrored or turned image belong to another class? Decided by the class names, in English and Chinese.

Names tell of digits, letters, sides and signs; they do not tell of, say, X-rays, whose sides matter too. So this is a
default that a choice by name overrules, and the sentence says so. Pure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from finetune.data.augmentation.spelling import (
    is_bare_number,
    is_in_digits,
    is_letter,
    is_long_number,
    is_syllable,
    number_of,
    word_set,
    words,
)

WRITING = word_set("digit digits letter letters alphabet glyph glyphs handwriting handwritten text")
CHINESE_WRITING = ("字母", "数字", "字符", "文字", "手写", "汉字")
SIDES = word_set(
    "left right leftward rightward clockwise counterclockwise anticlockwise up down upward downward"
)
CHINESE_SIDES = ("左", "右", "顺时针", "逆时针", "向上", "向下", "朝上", "朝下")
SIGNS = word_set("sign signs roadsign signpost arrow arrows stop yield uturn turn speedlimit noentry oneway")
SIGN_PHRASES = (
    "speed limit",
    "no entry",
    "no parking",
    "no passing",
    "no overtaking",
    "one way",
    "u turn",
    "give way",
    "priority road",
    "road work",
)
"""Signs of more than one word, none of which tells of a sign alone."""

CHINESE_SIGNS = (
    *(
        "标志",
        "标识",
        "路标",
        "指示牌",
        "箭头",
        "限速",
        "禁止",
        "禁行",
        "让行",
        "停车",
        "掉头",
        "转弯",
        "单行",
    ),
)
PAIRS = (
    ("6", "9", "turned"),
    ("six", "nine", "turned"),
    ("六", "九", "turned"),
    ("b", "d", "mirrored"),
    ("p", "q", "mirrored"),
    ("n", "u", "turned"),
    ("m", "w", "turned"),
    ("left", "right", "mirrored"),
    ("左", "右", "mirrored"),
    ("up", "down", "turned"),
)
"""Classes that look like each other when one is turned or mirrored, named where both are there."""

SHOWN = 3


@dataclass(frozen=True)
class Caution:
    """Class names of one kind, and ``why`` that forbids mirroring and turning, as half a sentence."""

    kind: str
    names: tuple[str, ...]
    why: str


def caution(class_names: Sequence[str]) -> Caution | None:
    """Return why images of these classes should stay as they lie, or None where no name forbids to turn them.

    Two names that are digits (0 to 99, unless other names are longer numbers: then they are mere ids), number words
    or single letters forbid it, five that are kana, and one that tells of writing, of a side or of a sign.
    """
    are_ids = any(map(is_long_number, class_names))
    for kind, least, holds in KINDS:
        names = tuple(name for name in class_names if holds(name))
        if are_ids and kind in ("digits", "numbers"):
            names = tuple(name for name in names if not is_bare_number(name))
        if len(names) >= least:
            return Caution(kind, names, _why(kind, names, class_names))
    return None


def _tells(known: frozenset[str], chinese: Sequence[str]) -> Callable[[str], bool]:
    return lambda name: not known.isdisjoint(words(name)) or any(part in name for part in chinese)


def _is_sign(name: str) -> bool:
    spaced = f" {' '.join(words(name))} "
    return _tells(SIGNS, CHINESE_SIGNS)(name) or any(f" {phrase} " in spaced for phrase in SIGN_PHRASES)


KINDS: tuple[tuple[str, int, Callable[[str], bool]], ...] = (
    ("digits", 2, is_in_digits),
    ("numbers", 2, lambda name: number_of(name) is not None),
    ("letters", 2, is_letter),
    ("kana", 5, is_syllable),
    ("sides", 1, _tells(SIDES, CHINESE_SIDES)),
    ("signs", 1, _is_sign),
    ("writing", 1, _tells(WRITING, CHINESE_WRITING)),
)
"""Each kind, how many classes of it forbid turning, and how a name of it is told; the first that holds is named."""

_TELLS = {
    "digits": "are digits",
    "numbers": "are numbers",
    "letters": "are letters",
    "kana": "are syllables in writing",
    "sides": "tell sides apart",
    "signs": "are signs",
    "writing": "are writing",
}


def _why(kind: str, names: tuple[str, ...], class_names: Sequence[str]) -> str:
    quoted = ", ".join(f"'{name}'" for name in names[:SHOWN]) + (", …" if len(names) > SHOWN else "")
    tells = (
        _TELLS[kind]
        if len(names) > 1
        else _TELLS[kind].replace("are", "tells of", 1).replace("tell ", "tells ")
    )
    subject = "the class names" if len(names) > 1 else "the class name"
    pair = _pair(class_names)
    return f"{subject} {quoted} {tells}{f' ({pair})' if pair else ''}"


def _pair(class_names: Sequence[str]) -> str:
    """Return a pair of classes that look alike when one is turned, as ``a turned '6' is a '9'``."""
    by_word = {word: name for name in reversed(class_names) for word in words(name)}
    by_word |= {part: name for name in class_names for part in ("左", "右") if part in name}
    for one, other, how in PAIRS:
        named = [by_word.get(word, "") for word in (one, other)]
        # A capital B mirrored is no D: single letters must stand there as they are.
        if all(
            name and (len(word) > 1 or word in name) for word, name in zip((one, other), named, strict=True)
        ):
            return f"{how}, '{named[0]}' looks like '{named[1]}'"
    return ""
