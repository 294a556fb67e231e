"""What one class name spells: its words, and the number, the letter or the syllable that is left of them. Pure."""

from __future__ import annotations

import re
import unicodedata


def word_set(text: str) -> frozenset[str]:
    """Return the words of a line of a table."""
    return frozenset(text.split())


UNITS = (
    *(
        "zero",
        "one",
        "two",
        "three",
        "four",
        "five",
        "six",
        "seven",
        "eight",
        "nine",
        "ten",
        "eleven",
        "twelve",
    ),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
)
TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
NUMBER_WORDS = (
    {word: value for value, word in enumerate(UNITS)}
    | {ten: 10 * value for value, ten in enumerate(TENS, start=2)}
    | {
        f"{ten}-{UNITS[unit]}": 10 * value + unit
        for value, ten in enumerate(TENS, start=2)
        for unit in range(1, 10)
    }
)
_TEN_BEFORE_UNIT = re.compile(rf"\b({'|'.join(TENS)}) (?=(?:{'|'.join(UNITS[1:10])})\b)")

CHINESE_DIGITS = {
    **{numeral: value for value, numeral in enumerate("零一二三四五六七八九")},
    **{numeral: value for value, numeral in enumerate("壹贰叁肆伍陆柒捌玖", start=1)},
    **{"〇": 0, "两": 2},
}
CHINESE_UNITS = {"十": 10, "拾": 10, "百": 100}

CARRIERS = word_set(
    "digit digits number num no letter letters char character sign symbol lower upper capital lowercase uppercase "
    "case"
) | {"数字", "数", "字母", "字符", "字", "号", "手势", "大写", "小写"}
"""Words that may stand beside a digit or a letter: ``digit-3``, ``letter_b``, ``a - lower``, ``数字 5``."""

IDEOGRAPHS = ("CJK", "HANGUL SYLLABLE")
"""How Unicode begins to name a single character that may be a whole word; others without case are letters."""

KANA_IN_LATIN = word_set(
    "a i u e o ka ki ku ke ko sa shi su se so ta chi tsu te to na ni nu ne no ha hi fu he ho ma mi mu me mo ya yu yo "
    "ra ri ru re ro wa wi we wo n ga gi gu ge go za ji zu ze zo da de do ba bi bu be bo pa pi pu pe po"
)


def words(name: str) -> list[str]:
    """Return the words of a class name, folded: full-width forms, case and separators make no difference."""
    spaced = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", unicodedata.normalize("NFKC", name)).casefold()
    spaced = re.sub(r"(?<=[^\W\d_])(?=\d)|(?<=\d)(?=[^\W\d_])", " ", spaced)
    return re.findall(r"[^\W_]+", spaced)


def number_of(name: str) -> int | None:
    """Return the number that ``name`` is, 0 to 99 as digits or any in words, or None where it is something else.

    It may be written more than once, as in MNIST's ``7 - seven``; two numbers, such as ``1-2``, are none.
    """
    kept = _TEN_BEFORE_UNIT.sub(r"\1-", " ".join(_without_carriers(name))).split()
    values = {_value(word) for word in kept}
    return values.pop() if len(values) == 1 else None


def is_in_digits(name: str) -> bool:
    """Whether ``name`` is a number and has it in digits, perhaps beside its word."""
    return number_of(name) is not None and any(map(_is_digits, words(name)))


def is_bare_number(name: str) -> bool:
    """Whether ``name`` is a number in digits without its word."""
    return is_in_digits(name) and all(map(_is_digits, _without_carriers(name)))


def is_long_number(name: str) -> bool:
    """Whether ``name`` is a number of three digits or more: a mere id."""
    kept = set(_without_carriers(name))
    return len(kept) == 1 and re.fullmatch(r"\d{3,}", kept.pop()) is not None


def is_letter(name: str) -> bool:
    """Whether ``name`` is a single letter of any alphabet, perhaps in both cases; no character that is a word."""
    kept = set(_without_carriers(name))
    letter = kept.pop() if len(kept) == 1 else ""
    return len(letter) == 1 and letter.isalpha() and not unicodedata.name(letter, "").startswith(IDEOGRAPHS)


def is_syllable(name: str) -> bool:
    """Whether ``name`` is one syllable of the Japanese kana in Latin letters, as in KMNIST."""
    return len(words(name)) == 1 and words(name)[0] in KANA_IN_LATIN


def _without_carriers(name: str) -> list[str]:
    return [word for word in words(name) if word not in CARRIERS]


def _is_digits(word: str) -> bool:
    return re.fullmatch(r"\d{1,2}", word) is not None


def _value(word: str) -> int | None:
    if _is_digits(word):
        return int(word)
    return NUMBER_WORDS[word] if word in NUMBER_WORDS else _chinese(word)


def _chinese(word: str) -> int | None:
    """Return the value of Chinese numerals, read by place where no ten or hundred stands among them."""
    total = unit = 0
    for numeral in word:
        if numeral in CHINESE_UNITS:
            total, unit = total + max(unit, 1) * CHINESE_UNITS[numeral], 0
        elif numeral in CHINESE_DIGITS:
            unit = 10 * unit + CHINESE_DIGITS[numeral]
        else:
            return None
    return total + unit
