"""What lets a button copy the lines beside it; see `ui.web.use.code_html`."""

from __future__ import annotations

from pathlib import Path

SCRIPT = Path(__file__).parent / "web" / "copying.js"


def copying_head() -> str:
    """Return the script for the page's head."""
    return f"<script>{SCRIPT.read_text(encoding='utf-8')}</script>"
