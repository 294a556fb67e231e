"""Train: a run from a recipe, or a run gone on with."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from finetune.cli.advice_commands import RaceOption
from finetune.cli.options import (
    DATA_HELP,
    JsonOption,
    LanguageOption,
    OfflineOption,
    QuietOption,
    Tongue,
    pairs,
    recipe_from,
    show,
    terminal,
)
from finetune.cli.recipe_options import takes_recipe
from finetune.errors import OptionError

if TYPE_CHECKING:
    from finetune.progress import Reporter
    from finetune.recipe import Recipe
    from finetune.training.complete import Run


@takes_recipe
def fit(
    *,
    choices: dict[str, Any],
    data: Annotated[
        str | None,
        typer.Argument(help=DATA_HELP, metavar="DATA"),
    ] = None,
    options: Annotated[
        list[str] | None, typer.Option("--set", help="A strategy's option.", metavar="NAME=VALUE")
    ] = None,
    recipe: Annotated[
        Path | None, typer.Option("--recipe", help="A YAML recipe; options here win.", metavar="FILE")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="The run's folder; must be empty.", metavar="DIR")
    ] = None,
    race: RaceOption = None,
    language: LanguageOption = Tongue.EN,
    resumed: Annotated[
        Path | None,
        typer.Option("--resume", help="Go on with an interrupted run; DATA only if it moved.", metavar="RUN"),
    ] = None,
    offline: OfflineOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Fine-tune on a data set; the strategy is advised unless you name one."""
    choices["strategy_options"] = pairs(options) or None
    reporter = terminal(language, quiet=quiet)
    if resumed is not None:
        _refuse_choices(choices | {"recipe": recipe, "out": out, "race": race})
        from finetune.training.resume import resume

        run = resume(resumed, data=data, offline=offline, reporter=reporter)
    else:
        if data is None:
            raise OptionError("missing DATA, a folder or zip of images; see `finetune fit --help`")
        made = recipe_from(recipe, **choices)
        run = _train(data, made, race, out, offline=offline, reporter=reporter, language=language)
    _show_run(run, as_json, language)


def _train(
    data: str,
    recipe: Recipe,
    race: float | None,
    out: Path | None,
    *,
    offline: bool,
    reporter: Reporter,
    language: Tongue,
) -> Run:
    """Train what is advised or named, or what wins a race of ``race`` minutes."""
    if race is not None:
        from finetune.training.race import go_on
        from finetune.training.race import race as run_race

        found = run_race(data, recipe, minutes=race, out=out, offline=offline, reporter=reporter)
        return go_on(found, offline=offline, reporter=reporter, language=language.value)
    from finetune.training.train import fit as run_fit

    return run_fit(data, recipe, out=out, offline=offline, reporter=reporter, language=language.value)


def _refuse_choices(choices: Mapping[str, Any]) -> None:
    """Raise OptionError for the first choice that was given: a run goes on with those that it began with."""
    for name, value in choices.items():
        if value is not None:
            flag = "--set" if name == "strategy_options" else "--" + name.replace("_", "-")
            raise OptionError(
                f"{flag} has no effect with --resume, which goes on with the choices that the run began with; "
                "leave it out, or start a new run"
            )


def _show_run(run: Run, as_json: bool, language: Tongue) -> None:
    folder = run.folder.path
    pictures = [run.folder.curves, run.folder.confusion, run.folder.moved_picture, run.folder.wise_ft]
    drawn = ", ".join(str(picture) for picture in pictures if picture.is_file())
    told = "\n".join(run.report.sentences())
    text = (
        f"{told}\n"
        f"report: {run.folder.page}, {run.folder.report}   pictures: {drawn}\n"
        f"next: finetune predict {shlex.quote(str(folder))} IMAGE"
    )
    if run.report.advice is not None:
        compare = {Tongue.EN: "or compare with the runner-up: ", Tongue.ZH: "或与其次的策略比较："}[language]
        text += f"\n{compare}{_runner_up_command(run)}"
    show({**run.report.to_json(), "run": str(folder)}, text, as_json)


def _runner_up_command(run: Run) -> str:
    """Return the command that trains the runner-up on the same images with the same choices."""
    recipe, advice = run.recipe, run.report.advice or {}
    words = ["finetune", "fit", run.data, "--strategy", advice["runner_up"], "--backbone", recipe.backbone]
    words += ["--image-size", str(recipe.image_size), "--seed", str(recipe.seed)]
    if advice["runner_up"] != "from-scratch" and recipe.weights != "none":
        words += ["--weights", recipe.weights]
    for name in recipe.exclude:
        words += ["--exclude", name]
    return shlex.join(words)
