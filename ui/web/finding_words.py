"""What the health check says, as the page says it: the check speaks English, whose sentences have few forms.

In English a sentence stays as it is; in Chinese the first of the forms that fits gives its Chinese.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from finetune.words import language
from ui.chinese import PLACES
from ui.web.finding_forms import EXAMPLES, SENTENCES


def said_finding(message: str) -> str:
    """Return a finding's message, a reason or how splits were understood in the language that is spoken."""
    if language() == "en":
        return message
    told = _first(message, SENTENCES)
    for pattern, said in PLACES:
        told = re.sub(pattern, said, told)
    return told


def said_example(example: str) -> str:
    """Return one example of a finding: a name, perhaps with what is the matter with it after a colon."""
    if language() == "en":
        return example
    name, colon, reason = example.partition(": ")
    return f"{name}：{_first(reason, EXAMPLES)}" if colon else _first(example, EXAMPLES)


def _first(text: str, forms: Mapping[str, str]) -> str:
    for pattern, chinese in forms.items():
        found = re.fullmatch(pattern, text)
        if found:
            return found.expand(chinese)
    return text
