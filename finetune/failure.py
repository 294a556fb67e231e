"""From any error to the one sentence and the exit code that the user sees; the terminal and the page share it."""

from __future__ import annotations

import errno
import re

from finetune.errors import FinetuneError, ResourceError

# torch raises a plain RuntimeError where memory runs out, in these words.
_MEMORY_WORDS = re.compile("out of memory|not enough memory|can't allocate memory", re.IGNORECASE)

# Path.resolve raises one too, up to Python 3.12, in these words.
_CIRCLE = re.compile("Symlink loop from '(.*)'")
# Whoever wrote, and by whatever means: the system, the library for weights, the one for tables.
_FULL_WORDS = re.compile("no space left on device|disk quota exceeded|disk is full", re.IGNORECASE)
_FULL = "the disk is full: "

OUT_OF_MEMORY = "out of memory; use a smaller --image-size, or a smaller --backbone, or close other programs"
"""Training halves its batches by itself; where that does not help, or nothing is trained, this is left."""


def explain(error: Exception) -> tuple[str, int]:
    """Return the sentence and the exit code of ``error``; that of a full disk says so first."""
    sentence, code = _explained(error)
    if _FULL_WORDS.search(sentence) and not sentence.startswith(_FULL):
        return f"{_FULL}{sentence}", ResourceError.exit_code
    return sentence, code


def _explained(error: Exception) -> tuple[str, int]:
    if isinstance(error, FinetuneError):
        return str(error), error.exit_code
    if isinstance(error, MemoryError) or _MEMORY_WORDS.search(str(error)):
        return OUT_OF_MEMORY, ResourceError.exit_code
    circle = _CIRCLE.match(str(error))
    if circle or (isinstance(error, OSError) and error.errno == errno.ELOOP):
        where = circle[1] if circle else getattr(error, "filename", None) or "a path"
        return f"{where} is a link that leads in a circle; check the path", ResourceError.exit_code
    if isinstance(error, OSError):
        what, where = error.strerror or str(error), error.filename or "the disk"
        return f"{what}: {where}; free some space or check the path", ResourceError.exit_code
    return (
        f"{type(error).__name__}: {error}; this is a fault of the program, please report it with what --debug adds",
        FinetuneError.exit_code,
    )
