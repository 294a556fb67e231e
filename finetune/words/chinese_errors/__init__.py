"""The Chinese of errors and of logs, by the form of the English sentence, a module for each part of the program."""

from __future__ import annotations

from types import MappingProxyType

from finetune.words.chinese_errors import (
    data,
    kinds,
    log,
    model,
    recipe,
    results,
    service,
    system,
    tables,
    training,
)

PARTS = (data, kinds, tables, model, recipe, training, results, service, log, system)
"""The modules; each has ``WORDS``, as `finetune.words.forms` takes them."""
ERRORS = MappingProxyType({english: said for part in PARTS for english, said in part.WORDS.items()})
