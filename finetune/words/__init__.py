"""The language that the page speaks: English sentences in the code, their Chinese in `finetune.words.chinese`.

As with gettext, the English sentence is the key, placeholders and all: ``t("{} of {} right").format(3, 4)``. Which
language is spoken holds for the handler of one event (`speaking`), like a context of `decimal`.
"""

from __future__ import annotations

import contextlib
import functools
from collections.abc import Iterator
from contextvars import ContextVar

from markupsafe import Markup

from finetune.advice.language import Language
from finetune.words.chinese import CHINESE
from finetune.words.forms import Forms

_spoken: ContextVar[Language] = ContextVar("language", default="en")


def language() -> Language:
    """Return the language that is spoken here and now."""
    return _spoken.get()


@contextlib.contextmanager
def speaking(wanted: Language) -> Iterator[None]:
    """Speak ``wanted`` within."""
    before = _spoken.set(wanted)
    try:
        yield
    finally:
        _spoken.reset(before)


def t(english: str) -> str:
    """Return the sentence in the language that is spoken; English where there is no Chinese.

    A `Markup` comes back as a `Markup`, so that what is put into its placeholders is escaped.
    """
    if _spoken.get() == "en":
        return english
    said = CHINESE.get(str(english), english)
    return Markup(said) if isinstance(english, Markup) else said


def retold(sentence: str) -> str:
    """Return a finished English sentence, such as reports hold, in the language that is spoken, where it is known."""
    return sentence if _spoken.get() == "en" else sentences().said(sentence)


@functools.cache
def sentences() -> Forms:
    """Return the Chinese of finished sentences: errors, logs, and what reports hold."""
    from finetune.words.chinese_errors import ERRORS

    return Forms(ERRORS)


def noted(english: str) -> str:
    """Return ``english`` as it is: a sentence of a table that is said by `t` later, noted for the check of both."""
    return english
