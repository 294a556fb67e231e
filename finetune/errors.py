"""Every error a user can meet, each with its exit code.

An error's text is one sentence: what, where, what to do.
The command line prints it as ``error: <sentence>`` on stderr and leaves with ``exit_code``.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class FinetuneError(Exception):
    """The root of the tree; never raised itself."""

    exit_code = 1


class OptionError(FinetuneError):
    """An option or a recipe that cannot be: unknown, out of range, or unused by the chosen strategy."""

    exit_code = 2


class DataError(FinetuneError):
    """A data set that cannot be read or cannot be trained on."""

    exit_code = 3


class ArchiveError(DataError):
    """A zip or tar that is damaged or unsafe to unpack. Nothing of it is left on disk."""


class ImageError(DataError):
    """One image that cannot be decoded in full."""


class WeightsError(FinetuneError):
    """A backbone that is unknown, or weights that cannot be had or do not fit."""

    exit_code = 4


class ResourceError(FinetuneError):
    """Disk, memory or network ran out."""

    exit_code = 5


class RunError(FinetuneError):
    """A run folder or a bundle in the wrong state: it exists, is foreign, or is damaged."""

    exit_code = 6


class BatchError(FinetuneError):
    """A batch whose jobs were not all finished; the table says which, and the same command tries them again."""

    exit_code = 7


INTERRUPTED_EXIT_CODE = 130


class Interrupted(FinetuneError):  # noqa: N818 - nothing went wrong
    """Training was asked to end, by Ctrl-C or a signal; tells what is kept and how to go on."""

    exit_code = INTERRUPTED_EXIT_CODE


class Paused(Interrupted):
    """A run that ends after the epoch it was told to, to be gone on with."""


def nearest(name: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the known name nearest to ``name``, or ``""``."""
    candidates = list(known)
    folded = {candidate.casefold(): candidate for candidate in candidates}
    close = difflib.get_close_matches(name.casefold(), list(folded), n=1, cutoff=0.5)
    return f"; did you mean '{folded[close[0]]}'?" if close else ""
