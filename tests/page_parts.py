"""The page's parts without Gradio's components."""

from types import SimpleNamespace

from strategies import STRATEGIES
from ui.layout import Parts

DATA = (
    "upload data links tool_row clean search stop cleaned suspects suspects_row deal which advice go_on look_state "
    "corrections look"
)
TRAIN = (
    "sheet card_row closed_training training_column basis preset train pause resume cancel training "
    "log_fold log see"
)
TEST = (
    "closed_trial trial_row asked image answer trouble why ask_why add_row added label held_out truth many "
    "many_column many_trouble stop_many answers"
)
TABS = {
    "data_tab": DATA,
    "train_tab": TRAIN,
    "results_tab": "results runs comparison matrix cell details",
    "test_tab": TEST,
    "use_tab": "download exports lines card card_fold erase sure",
}


def bare_parts() -> Parts:
    """Parts that only are somebody: making Gradio's own leaves event loops open in this process."""
    made = object.__new__(Parts)
    for name in ("project_id", "chosen", "notice", "seen", "tab", "tabs", "timer"):
        setattr(made, name, object())
    for tab, names in TABS.items():
        setattr(made, tab, SimpleNamespace(**{name: object() for name in names.split()}))
    made.data_tab.other_backbones = SimpleNamespace(  # type: ignore[assignment]
        **{name: object() for name in ["column", "why", "compare", "stop", "table", "taken"]}
    )
    made.data_tab.hand = SimpleNamespace(own=object())  # type: ignore[assignment]
    train: SimpleNamespace = made.train_tab  # type: ignore[assignment]
    train.cards = {name: object() for name in STRATEGIES}
    train.choices = {name: object() for name in STRATEGIES}
    train.expert = SimpleNamespace(
        rows={name: object() for name in ("partial", "full-finetune")}, names=[], firsts=[]
    )
    return made
