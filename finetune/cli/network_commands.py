"""Commands about networks: backbones, strategies, describe."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import typer

from finetune.cli.options import (
    ExcludeOption,
    ImageSizeOption,
    JsonOption,
    OfflineOption,
    QuietOption,
    SeedOption,
    pairs,
    recipe_from,
    show,
)
from finetune.errors import OptionError
from finetune.recipe import Recipe
from finetune.terminal import TerminalReporter
from strategies import STRATEGIES, make_strategy


def backbones(
    rank: Annotated[
        str | None,
        typer.Option(
            "--rank",
            metavar="DATA",
            help="Rank those whose weights need no download, or those named, on the training images of DATA.",
        ),
    ] = None,
    backbone: Annotated[
        list[str] | None,
        typer.Option("--backbone", help="With --rank: rank this one; may be repeated.", metavar="NAME"),
    ] = None,
    image_size: Annotated[
        int | None,
        typer.Option("--image-size", help="With --rank: side to measure at (default 128).", metavar="PX"),
    ] = None,
    exclude: ExcludeOption = None,
    seed: SeedOption = None,
    offline: OfflineOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """List the backbones that are tested, and where their weights are; with --rank, which suits a data set."""
    given = {"backbone": backbone, "image-size": image_size, "exclude": exclude, "seed": seed}
    if rank is None:
        _refuse_without_rank(given)
        _list_backbones(as_json)
        return
    recipe = recipe_from(None, image_size=image_size, exclude=exclude, seed=seed)
    from finetune.training.rank_backbones import rank_backbones
    from ui.ranking import ranking_view

    found = rank_backbones(
        rank, recipe, backbone or (), offline=offline, reporter=TerminalReporter(quiet=quiet)
    )
    show(found.to_json(), ranking_view(found), as_json)


def _refuse_without_rank(given: Mapping[str, object]) -> None:
    for name, value in given.items():
        if value is not None and value != []:
            raise OptionError(f"--{name} has an effect only on a ranking; add --rank DATA or leave it out")


def _list_backbones(as_json: bool) -> None:
    from finetune.model.backbones import CATALOGUE
    from finetune.model.weights import whereabouts
    from ui.present import backbones_table

    rows = [(backbone, whereabouts(backbone)) for backbone in CATALOGUE.values()]
    values = [
        {
            "name": backbone.name,
            "tag": backbone.tag,
            "parameters": backbone.n_parameters,
            "image_size": backbone.image_size,
            "mean": backbone.mean,
            "std": backbone.std,
            "interpolation": backbone.interpolation,
            "crop": backbone.crop,
            "licence": backbone.licence,
            "weights": where,
        }
        for backbone, where in rows
    ]
    show(values, backbones_table(rows), as_json)


def list_strategies(as_json: JsonOption = False) -> None:
    """Show the four strategies: what each does, when it wins, when it loses."""
    from ui.present import strategy_cards

    values = [
        {"name": name, "summary": kind.summary, "card": kind.card()} for name, kind in STRATEGIES.items()
    ]
    show(values, strategy_cards(STRATEGIES), as_json)


def describe(
    backbone: Annotated[str, typer.Argument(help="A backbone's name.")],
    strategy: Annotated[
        str | None,
        typer.Option(
            "--strategy",
            help="A strategy's name (default freeze-all; from-scratch without pretrained weights).",
        ),
    ] = None,
    options: Annotated[
        list[str] | None, typer.Option("--set", help="A strategy's option.", metavar="NAME=VALUE")
    ] = None,
    classes: Annotated[int, typer.Option("--classes", min=2, help="Number of classes.")] = 10,
    image_size: ImageSizeOption = None,
    layers: Annotated[
        bool, typer.Option("--layers", help="Layer by layer: kernel, stride, padding, output size.")
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Show a backbone's stages: output size, parameters, and what a strategy trains or freezes."""
    from finetune.model.backbones import find_backbone

    found = find_backbone(backbone)
    recipe = Recipe.make(
        strategy=strategy or found.usual_strategy,
        strategy_options=pairs(options),
        backbone=found.name,
        image_size=image_size,
    )
    if strategy == "auto":
        raise OptionError(f"describe needs a strategy by name; choose one of {', '.join(STRATEGIES)}")
    if layers:
        from finetune.model.layer_table import layer_table
        from ui.present import layers_table

        table = layer_table(found, n_classes=classes, image_size=image_size)
        show([row.to_json() for row in table], layers_table(table), as_json)
        return
    from finetune.model.describe import describe as describe_stages
    from ui.present import stages_table

    made = make_strategy(recipe.strategy, recipe.strategy_options)
    rows = describe_stages(found, made, n_classes=classes, image_size=image_size)
    show([row.to_json() for row in rows], stages_table(rows, strategy=recipe.strategy), as_json)
