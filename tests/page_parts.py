"""The page's parts without Gradio's components."""

from types import SimpleNamespace

from strategies import STRATEGIES
from ui.layout import Parts

PARTS = (
    "data links tool_row clean search stop cleaned suspects suspects_row sheet advice card_row closed_training "
    "training_column train cancel resume training closed_trial trial_row asked download image answer trouble why seen"
)
ASKED = "project_id chosen notice upload deal which"


def bare_parts() -> Parts:
    """Parts that only are somebody: making Gradio's own leaves event loops open in this process."""
    made = object.__new__(Parts)
    for name in f"{PARTS} {ASKED}".split():
        setattr(made, name, object())
    made.cards = {name: object() for name in STRATEGIES}  # type: ignore[misc]
    made.choices = {name: object() for name in STRATEGIES}  # type: ignore[misc]
    rows = {name: object() for name in ("partial", "full-finetune")}
    made.expert = SimpleNamespace(rows=rows)  # type: ignore[assignment]
    return made
