"""What lets a button copy the lines beside it (`ui.web.lines.code_html`), and what brings a training into view."""

from __future__ import annotations

from pathlib import Path

SCRIPTS = tuple(Path(__file__).parent / "web" / name for name in ("copying.js", "moving.js"))


def copying_head() -> str:
    """Return the scripts for the page's head."""
    return "".join(f"<script>{script.read_text(encoding='utf-8')}</script>" for script in SCRIPTS)
