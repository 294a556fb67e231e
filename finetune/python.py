"""How a process of our own is started: this Python, this very package, and nothing from the working folder."""

from __future__ import annotations

import os
import sys
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[1]


def command(module: str, *arguments: str) -> list[str]:
    """Return the command line that runs ``module``.

    ``-P``: a user's own folder called ``torch`` or ``finetune`` must not be taken for the package.
    """
    return [sys.executable, "-P", "-m", module, *arguments]


def environment() -> dict[str, str]:
    """Return the environment for it: this process's own, with the package found where this one was found."""
    paths = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    # Passive waits and huge pages: what the command line sets for itself before torch is loaded.
    usual = {"OMP_WAIT_POLICY": "PASSIVE", "THP_MEM_ALLOC_ENABLE": "1"}
    return {**usual, **os.environ, "PYTHONPATH": os.pathsep.join(paths)}
