"""The Chinese of every sentence of the page, by its English, a module for each part of the page."""

from __future__ import annotations

from types import MappingProxyType

from finetune.words.chinese import advice, data, frame, recipe, results, train, trial, use

PARTS = (frame, data, advice, train, recipe, results, trial, use)
"""The modules; each has ``WORDS``."""
CHINESE = MappingProxyType({english: said for part in PARTS for english, said in part.WORDS.items()})
