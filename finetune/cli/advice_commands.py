"""Commands about advice: advise, experience."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from finetune.cli.options import (
    BackboneOption,
    DataArgument,
    ExcludeOption,
    ImageSizeOption,
    JsonOption,
    LanguageOption,
    OfflineOption,
    QuietOption,
    SeedOption,
    Tongue,
    WeightsOption,
    recipe_from,
    show,
    terminal,
)
from finetune.errors import OptionError
from finetune.recipe.names import BASELINES

if TYPE_CHECKING:
    from finetune.recipe import Recipe
    from finetune.training.race import Race


RaceOption = Annotated[
    float | None,
    typer.Option(
        "--race",
        min=0.1,
        help="Train the likeliest strategies for about so many minutes to tell.",
        metavar="MINUTES",
    ),
]


def advise(
    data: DataArgument,
    backbone: BackboneOption = None,
    weights: WeightsOption = None,
    image_size: ImageSizeOption = None,
    exclude: ExcludeOption = None,
    time_weight: Annotated[
        float | None,
        typer.Option(
            "--time-weight",
            help="Points of accuracy that a doubling of the time must bring (default 0.2; 0: accuracy alone).",
            metavar="POINTS",
        ),
    ] = None,
    race: RaceOption = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", help="The race's folder; one that was interrupted goes on.", metavar="DIR"),
    ] = None,
    square: Annotated[
        Path | None,
        typer.Option(
            "--square", help="Draw the square with this data among others, .svg or .png.", metavar="FILE"
        ),
    ] = None,
    no_cache: Annotated[
        bool, typer.Option("--no-cache", help="Measure and time anew: take nothing kept, and keep nothing.")
    ] = False,
    language: LanguageOption = Tongue.EN,
    seed: SeedOption = None,
    offline: OfflineOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Measure a data set, forecast each strategy, and say which to use, and why."""
    recipe = recipe_from(
        None,
        backbone=backbone,
        weights=weights,
        image_size=image_size,
        exclude=exclude,
        time_weight=time_weight,
        seed=seed,
    )
    _refuse_unadvisable(recipe)
    if out is not None and race is None:
        raise OptionError("--out is the folder of a race; add --race MINUTES, or leave it out")
    from ui.advice import advice_view
    from ui.square_picture import draw_square, refuse_impossible

    if square is not None:
        refuse_impossible(square)
    reporter = terminal(language, quiet=quiet)
    if race is not None:
        from finetune.training.race import race as run_race

        found = run_race(
            data,
            recipe,
            minutes=race,
            out=out,
            offline=offline,
            uses_cache=not no_cache,
            reporter=reporter,
        )
        advice, values = found.advice, found.to_json()
        following = _following(found, language)
    else:
        from finetune.training.prepare import prepare

        prepared = prepare(
            data,
            recipe,
            offline=offline,
            reporter=reporter,
            tries_augmentation=True,
            uses_cache=not no_cache,
        )
        assert prepared.advice is not None
        advice, following = prepared.advice, ""
        values = advice.to_json()
    if square is not None:
        draw_square(values, square)
        reporter.say(f"wrote {square}")
    show(values, advice_view(advice, language.value), as_json)
    if following and not as_json:
        typer.echo(following)


def _following(found: Race, language: Tongue) -> str:
    """Return how to go on after a race."""
    go_on, trained = {
        Tongue.EN: ("go on with the winner: ", "trained: "),
        Tongue.ZH: ("继续训练胜者：", "已训练："),
    }[language]
    return f"{go_on}{found.command}" if found.command else f"{trained}{found.winner}"


def _refuse_unadvisable(recipe: Recipe) -> None:
    """Raise OptionError where there are no pretrained weights to measure."""
    if recipe.weights == "none" or recipe.backbone in BASELINES:
        choice = "--weights none" if recipe.weights == "none" else f"--backbone {recipe.backbone}"
        raise OptionError(
            f"advise measures what pretrained weights are worth, so {choice} cannot be advised on"
        )


def experience(
    clear: Annotated[bool, typer.Option("--clear", help="Forget them all.")] = False,
    as_json: JsonOption = False,
) -> None:
    """List your own finished trainings that refine the forecasts; they never leave this machine."""
    from finetune.data.health.findings import amount
    from finetune.training.experience import experience_file, forget, own_trainings
    from ui.advice import experience_table

    file = experience_file()
    if clear:
        count = forget()
        show({"forgotten": count}, f"forgot {amount(count, 'training')}", as_json)
        return
    trainings = own_trainings()
    rows = [
        {
            "contender": one.contender,
            "n_train": one.sizes.n_train,
            "n_classes": one.sizes.n_classes,
            "accuracy": one.accuracy,
            "n_judged": one.n_judged,
        }
        for one in trainings
    ]
    values = {"file": None if file is None else str(file), "trainings": rows}
    show(values, experience_table(values), as_json)
