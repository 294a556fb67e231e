"""The fold for experts: a component for every field of a recipe, and what was changed in them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import gradio as gr

from finetune.data.augmentation.family import PER_IMAGE
from finetune.errors import OptionError
from finetune.recipe.fields import GROUPS, Entry, entry
from finetune.recipe.sentences import shown
from finetune.words import noted, t
from strategies import STRATEGIES
from ui.option_names import label_of

OWN = noted("the strategy's own")
OF_POLICY = noted("the policy's own")
"""What a single augmentation shows where nothing is chosen."""

YES_NO = {noted("yes"): True, noted("no"): False}
NO_TEXT = noted("none")


class ExpertParts:
    """The components, made in the order they stand in; to be made inside `gr.Blocks`.

    ``rows`` holds a row for each strategy with options of its own, to be shown while that is chosen.
    """

    def __init__(self) -> None:
        self.rows: dict[str, Any] = {}
        self._own: dict[tuple[str, str], Any] = {}
        self._fields: dict[str, Any] = {}
        for name, kind in STRATEGIES.items():
            if kind.option_names():
                with gr.Row(visible=False) as self.rows[name]:
                    self._own |= {(name, option): _own_number(name, option) for option in kind.option_names()}
        for title, fields in GROUPS.items():
            with gr.Accordion(t(title), open=False), gr.Row():
                self._fields |= {name: _component(entry(name)) for name in fields}

    @property
    def names(self) -> list[str]:
        """Return the name of what each of `inputs` sets."""
        return [*(option for _, option in self._own), *self._fields]

    @property
    def firsts(self) -> list[Any]:
        """Return what each of `inputs` holds before anything is chosen."""
        return [
            *(str(_default(*own)) for own in self._own),
            *(at_first(entry(name)) for name in self._fields),
        ]

    @property
    def inputs(self) -> list[Any]:
        """Return every component whose value `changed` takes, in its order."""
        return [*self._own.values(), *self._fields.values()]


def changed(strategy: str, values: Sequence[Any]) -> dict[str, Any]:
    """Return the recipe's fields that ``values`` set, of all `ExpertParts.inputs`, where ``strategy`` is chosen.

    What a component shows at first is no choice, and neither is an option of another strategy. Raises OptionError
    for a strategy's option that is no number.
    """
    own, names = list(_own_options()), list(_names())
    options = {
        option: _number(option, text)
        for (name, option), text in zip(own, values[: len(own)], strict=True)
        if name == strategy and text.strip() not in ("", str(_default(name, option)))
    }
    read = {name: _read(entry(name), value) for name, value in zip(names, values[len(own) :], strict=True)}
    given = {name: value for name, value in read.items() if value is not None}
    return {**given, "strategy_options": options} if options else given


def _names() -> Iterator[str]:
    for fields in GROUPS.values():
        yield from fields


def _own_options() -> Iterator[tuple[str, str]]:
    for name, kind in STRATEGIES.items():
        yield from ((name, option) for option in kind.option_names())


def _default(strategy: str, option: str) -> float:
    default: float = getattr(STRATEGIES[strategy](), option)
    return default


def _number(option: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise OptionError(f"{option} is '{text}', but must be a number; change it or empty it") from None


def at_first(field: Entry) -> str | bool:
    """Return what the field's component shows before anything is chosen."""
    if field.kind == "flag":
        return False
    if field.kind in ("choice", "yes-no"):
        return _own(field)
    return "" if field.default in (None, ()) else str(field.default)


def _read(field: Entry, value: Any) -> Any:
    """Return what a component's ``value`` chooses, or None where it chooses nothing."""
    if field.kind == "flag":
        return value or None
    text = (value or "").strip()
    if text in ("", at_first(field)):
        return None
    if field.kind == "yes-no":
        return YES_NO[text]
    if field.kind == "texts":
        return tuple(part.strip() for part in text.split(",") if part.strip())
    return text


def _own(field: Entry) -> str:
    return OF_POLICY if field.name in PER_IMAGE else OWN


def _own_number(strategy: str, option: str) -> gr.Textbox:
    says = STRATEGIES[strategy].option_words()[option]
    return gr.Textbox(
        str(_default(strategy, option)),
        label=t(label_of(option)),
        info=t("Of {}. {}").format(strategy, t(says)),
        elem_id=f"own-{option.replace('_', '-')}",
    )


def _component(field: Entry) -> Any:
    """Return the component that fits the field; its label is the usual name, and its info ends in the option's.

    Numbers are read as text too: Gradio's field for numbers shows 0 where nothing is chosen.
    """
    common: dict[str, Any] = {
        "value": at_first(field),
        "label": t(label_of(field.name)),
        "info": f"{t(field.description)} `{shown(field.name)}`",
        "elem_id": f"option-{field.name.replace('_', '-')}",
    }
    if field.kind == "flag":
        return gr.Checkbox(**common)
    if field.kind in ("choice", "yes-no"):
        return gr.Dropdown(said(_own(field), *(field.choices or YES_NO)), **common)
    return gr.Textbox(placeholder=t(NO_TEXT if field.kind == "texts" else _own(field)), **common)


def said(*choices: str) -> list[tuple[str, str]]:
    """Return choices with their labels in the language that is spoken; names of methods have but one."""
    return [(t(choice), choice) for choice in choices]
