"""The command about augmentation: the family as a table, or a sheet of a data set's images under a policy."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from finetune.cli.options import JsonOption, OfflineOption, recipe_from, show
from finetune.cli.recipe_options import takes_fields
from finetune.data.augmentation.family import FAMILY
from finetune.data.augmentation.policies import POLICIES
from finetune.errors import OptionError
from finetune.recipe import Recipe
from finetune.recipe.augmentations import mixes, switches
from finetune.recipe.sentences import shown
from finetune.terminal import TerminalReporter

FIELDS = ("augment", *FAMILY, "image_size", "exclude", "seed")
PICTURES = (".png", ".jpg", ".webp")


@takes_fields(FIELDS)
def augment(
    *,
    choices: dict[str, Any],
    data: Annotated[
        str | None, typer.Argument(help="Images to show it on; none for the table.", metavar="DATA")
    ] = None,
    preview: Annotated[
        Path | None,
        typer.Option("--preview", help="The picture to draw (default augmentation.png).", metavar="FILE"),
    ] = None,
    offline: OfflineOption = False,
    as_json: JsonOption = False,
) -> None:
    """List the augmentations with their ranges, or draw what a policy does to your images."""
    if data is None:
        _list(choices | {"preview": preview}, as_json)
        return
    recipe = recipe_from(None, **choices)
    from finetune.training.resolve import DEFAULT_AUGMENT

    if recipe.augment is None:
        recipe = recipe.with_changes(augment=DEFAULT_AUGMENT)
    _draw(data, recipe, preview or Path("augmentation.png"), offline=offline, as_json=as_json)


def _list(choices: dict[str, Any], as_json: bool) -> None:
    from ui.augmentations import augmentations_table

    for name, value in choices.items():
        if value is not None:
            raise OptionError(
                f"{shown(name)} has no effect without DATA to show it on; add a folder of images"
            )
    values = [
        {
            "name": row.name,
            "group": row.group,
            "does": row.does,
            "strength": row.strength,
            "most": row.most,
            "may_change_the_class": row.turns,
            "policies": {policy: values.get(row.name, 0) for policy, values in POLICIES.items()},
        }
        for row in FAMILY.values()
    ]
    show(values, augmentations_table(), as_json)


def _draw(data: str, recipe: Recipe, path: Path, *, offline: bool, as_json: bool) -> None:
    if path.suffix.lower() not in PICTURES:
        raise OptionError(f"--preview {path} names no picture; end it in {', '.join(PICTURES)}")
    from finetune.training.policy_sheet import draw_policy

    told = draw_policy(data, recipe, path, offline=offline, track=TerminalReporter().track)
    text = "\n".join([*told["notes"], f"the sheet is drawn in {path}", f"next: {_fit_command(data, recipe)}"])
    show({**told, "preview": str(path)}, text, as_json)


def _fit_command(data: str, recipe: Recipe) -> str:
    """Return the command that trains with what the sheet shows."""
    words = ["finetune", "fit", data, "--augment", str(recipe.augment)]
    for name, strength in (*switches(recipe), *mixes(recipe)):
        flag = shown(name)
        if FAMILY[name].kind == "switch":
            words.append(flag if strength else f"--no-{flag[2:]}")
        else:
            words += [flag, f"{strength:g}"]
    if recipe.image_size is not None:
        words += ["--image-size", str(recipe.image_size)]
    for label in recipe.exclude:
        words += ["--exclude", label]
    if recipe.seed:
        words += ["--seed", str(recipe.seed)]
    return shlex.join(words)
