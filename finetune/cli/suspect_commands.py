"""The command that looks for wrong labels: suspects."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from finetune.cli.options import DataArgument, JsonOption, OfflineOption, QuietOption, recipe_from, show
from finetune.cli.recipe_options import takes_fields
from finetune.errors import OptionError
from finetune.recipe.names import BASELINES, SOLVED_HEADS
from finetune.terminal import TerminalReporter

FIELDS = ("backbone", "weights", "image_size", "head", "cache", "exclude", "seed", "workers")


@takes_fields(FIELDS)
def suspects(
    *,
    choices: dict[str, Any],
    data: DataArgument,
    out: Annotated[
        Path,
        typer.Option("--out", help="Folder for suspects.csv, .json and .png; new or empty.", metavar="DIR"),
    ],
    top: Annotated[
        int | None,
        typer.Option("--top", min=1, help="Write this many, instead of those called wrong.", metavar="K"),
    ] = None,
    offline: OfflineOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Rank images by how probably their label is wrong, for `fit --drop-suspects` or `--relabel`."""
    recipe = recipe_from(None, **choices)
    if recipe.backbone in BASELINES or recipe.weights == "none":
        choice = "--weights none" if recipe.weights == "none" else f"--backbone {recipe.backbone}"
        raise OptionError(
            f"suspects are found with pretrained features, which {choice} has not; leave it out"
        )
    if recipe.head not in (None, *SOLVED_HEADS):
        raise OptionError(
            f"--head {recipe.head} is not solved on frozen features; use --head {' or '.join(SOLVED_HEADS)}"
        )
    from finetune.training.run_folder import refuse_inside_data
    from finetune.training.suspects import find_suspects
    from finetune.training.suspects_table import refuse_full, to_json, write_suspects
    from ui.suspects import suspects_view

    refuse_inside_data(out, data)
    refuse_full(out)
    found = find_suspects(data, recipe, offline=offline, reporter=TerminalReporter(quiet=quiet))
    rows = write_suspects(out, found, top=top)
    table = out / "suspects.csv"
    words = f"finetune fit {shlex.quote(str(data))} --drop-suspects {shlex.quote(str(table))}"
    show({**to_json(found, rows), "out": str(out)}, suspects_view(found, rows, out, words), as_json)
