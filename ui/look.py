"""The page's look: one theme, one style sheet, system fonts, so that nothing is fetched from anywhere."""

from __future__ import annotations

from pathlib import Path

import gradio as gr

import finetune.page

PAGE, WEB = Path(finetune.page.__file__).parent, Path(__file__).parent / "web"
STYLES = (
    *(PAGE / name for name in ("shared.css", "results.css")),
    *(WEB / name for name in ("style.css", "data.css", "train.css", "trial.css", "results.css")),
)
BLUE, DARK_BLUE, WHITE = "#0072B2", "#005A8D", "#FFFFFF"


def make_theme() -> gr.themes.Base:
    """Return the theme: Monochrome, the one whose contrast passes everywhere, with a blue main button."""
    theme = gr.themes.Monochrome(
        font=["system-ui", "sans-serif"], font_mono=["ui-monospace", "monospace"], radius_size="sm"
    )
    return theme.set(
        layout_gap="12px",
        stat_background_fill=BLUE,
        stat_background_fill_dark=BLUE,
        button_primary_background_fill=BLUE,
        button_primary_background_fill_hover=DARK_BLUE,
        button_primary_text_color=WHITE,
        button_primary_text_color_hover=WHITE,
        button_primary_background_fill_dark=BLUE,
        button_primary_background_fill_hover_dark=DARK_BLUE,
        button_primary_text_color_dark=WHITE,
        button_primary_text_color_hover_dark=WHITE,
    )
