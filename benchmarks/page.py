"""What the scripts that look at the page share: a page that runs for a while, and Debian's Chromium."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

CHROMIUM = "/usr/bin/chromium"
CHROMIUM_OPTIONS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
]


@contextmanager
def running_page(folder: Path) -> Iterator[str]:
    """Run ``finetune ui`` in ``folder`` and give its address."""
    command = [sys.executable, "-m", "finetune", "ui", "--port", "0", "--offline"]
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.search(r"http://\S+", line)
        if found is None:
            sys.exit(f"the page did not start: {line}")
        yield found[0]
    finally:
        process.terminate()
        process.wait()
