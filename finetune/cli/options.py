"""What the commands share: their options, how a recipe is made of them, and how a result is shown."""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from finetune.errors import OptionError
from finetune.recipe import Recipe
from finetune.terminal import TerminalReporter, result_console

if TYPE_CHECKING:
    from finetune.progress import Reporter

DATA_HELP = (
    "A folder with one folder a class, a zip or tar of one, a .csv, .tsv or .parquet manifest, "
    "an .npz or .parquet of images, hf:NAME or torchvision:NAME; see docs/data.md."
)
DataArgument = Annotated[str, typer.Argument(help=DATA_HELP, metavar="DATA")]
BundleArgument = Annotated[
    Path, typer.Argument(help="A run's folder, or its bundle folder.", metavar="BUNDLE")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, on stdout.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Only warnings and results.")]
OfflineOption = Annotated[bool, typer.Option("--offline", help="Never touch the network.")]
SeedOption = Annotated[int | None, typer.Option("--seed", help="Seed of every random choice (default 0).")]
BackboneOption = Annotated[str | None, typer.Option("--backbone", help="A backbone's name, or auto.")]
WeightsOption = Annotated[
    str | None, typer.Option("--weights", help="auto, hub, packaged, none, or a .safetensors or .pth file.")
]
ImageSizeOption = Annotated[int | None, typer.Option("--image-size", help="Side of the input.", metavar="PX")]
ExcludeOption = Annotated[
    list[str] | None, typer.Option("--exclude", help="Leave a class out; may be repeated.", metavar="CLASS")
]


class Tongue(StrEnum):
    """The languages that advice is given in."""

    EN = "en"
    ZH = "zh"


LanguageOption = Annotated[Tongue, typer.Option("--language", help="Of the advice.")]
TopOption = Annotated[
    int, typer.Option("--top", min=1, max=100, help="How many labels to show for an image.")
]
CoverageOption = Annotated[
    float | None,
    typer.Option(
        "--coverage", help="How often the set of plausible classes shall hold the true one (default 0.9)."
    ),
]
TtaOption = Annotated[
    bool, typer.Option("--tta", help="Answer by the mean over several views of each image.")
]


def terminal(language: Tongue, *, quiet: bool) -> Reporter:
    """Return the terminal as a place to report to in ``language``."""
    reporter = TerminalReporter(quiet=quiet)
    if language is Tongue.EN:
        return reporter
    from ui.chinese import InChinese

    return InChinese(reporter)


def show(value: Any, view: Any, as_json: bool) -> None:
    """Print ``value`` as JSON, or ``view`` for people."""
    if as_json:
        typer.echo(json.dumps(value, ensure_ascii=False, indent=1))
    elif isinstance(view, str):
        typer.echo(view)
    else:
        result_console().print(view)


def recipe_from(path: Path | None, **given: Any) -> Recipe:
    """Build the recipe from a file and the options that were given; those win."""
    changes = {name: value for name, value in given.items() if value is not None}
    return Recipe.make(**changes) if path is None else Recipe.read(path, **changes)


def pairs(options: list[str] | None) -> dict[str, float]:
    """Read ``NAME=VALUE`` pairs."""
    pairs = {}
    for option in options or []:
        name, _, value = option.partition("=")
        try:
            pairs[name.replace("-", "_")] = float(value)
        except ValueError:
            raise OptionError(
                f"--set {option} is not NAME=NUMBER; `finetune strategies` shows the options"
            ) from None
    return pairs
