"""The command line: one thin function a command, which parses, calls and shows.

Results go to stdout, everything else to stderr. Exit codes: 0 ok, 2 option or recipe, 3 data, 4 backbone or
weights, 5 disk, memory or network, 6 run state, 130 interrupted. Nothing heavy is imported before a command
needs it.
"""

from __future__ import annotations

import io
import json
import os
import re
import shlex
import sys
import traceback
import warnings
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from finetune import __version__
from finetune.errors import (
    INTERRUPTED_EXIT_CODE,
    DataError,
    FinetuneError,
    OptionError,
    ResourceError,
    nearest,
)
from finetune.recipe import Recipe
from finetune.terminal import TerminalReporter, result_console
from strategies import STRATEGIES, make_strategy

# torch raises a plain RuntimeError where memory runs out, in these words.
_MEMORY_WORDS = re.compile("out of memory|not enough memory|can't allocate memory", re.IGNORECASE)

app = typer.Typer(
    name="finetune",
    help="Fine-tune an ImageNet network on your images: measure the data, pick what to freeze, train, predict.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

DataArgument = Annotated[
    str, typer.Argument(help="A folder with one folder a class, or a zip of one.", metavar="DATA")
]
BundleArgument = Annotated[
    Path, typer.Argument(help="A run's folder, or its bundle folder.", metavar="BUNDLE")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON, and nothing else, on stdout.")]
QuietOption = Annotated[bool, typer.Option("--quiet", "-q", help="Only warnings and results.")]
OfflineOption = Annotated[bool, typer.Option("--offline", help="Never touch the network.")]
SeedOption = Annotated[int | None, typer.Option("--seed", help="Seed of every random choice (default 0).")]
BackboneOption = Annotated[str | None, typer.Option("--backbone", help="A backbone's name, or auto.")]
WeightsOption = Annotated[
    str | None, typer.Option("--weights", help="auto, hub, packaged, none, or a .safetensors file.")
]
ImageSizeOption = Annotated[int | None, typer.Option("--image-size", help="Side of the input.", metavar="PX")]
ExcludeOption = Annotated[
    list[str] | None, typer.Option("--exclude", help="Leave a class out; may be repeated.", metavar="CLASS")
]
TopOption = Annotated[
    int, typer.Option("--top", min=1, max=100, help="How many labels to show for an image.")
]


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"finetune {__version__}")
        raise typer.Exit


@app.callback()
def shared(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show an error's traceback; goes anywhere.")] = False,
) -> None:
    """Take the options that come before a command; `main` looks for --debug itself."""


@app.command()
def samples(
    name: Annotated[str | None, typer.Argument(help="The sample set to write.")] = None,
    folder: Annotated[Path | None, typer.Argument(help="Where to write it.", metavar="DIR")] = None,
    seed: SeedOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """List the sample data sets, or write one as a folder of images."""
    from finetune.data.samples import SAMPLES, write_sample
    from ui.present import samples_table

    if name is None:
        rows = [
            {"name": s.name, "images": s.n_images, "classes": s.n_classes, "about": s.about}
            for s in SAMPLES.values()
        ]
        _show(rows, samples_table(SAMPLES), as_json)
        return
    target = folder or Path(name)
    with TerminalReporter(quiet=quiet).track(f"writing {name}") as advance:
        write_sample(name, target, seed=seed or 0, progress=advance)
    _show(
        {"name": name, "folder": str(target)}, f"wrote {SAMPLES[name].n_images} images to {target}", as_json
    )


@app.command()
def backbones(as_json: JsonOption = False) -> None:
    """List the backbones that are tested, and where their weights are."""
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
    _show(values, backbones_table(rows), as_json)


@app.command(name="strategies")
def list_strategies(as_json: JsonOption = False) -> None:
    """Show the four strategies: what each does, when it wins, when it loses."""
    from ui.present import strategy_cards

    values = [
        {"name": name, "summary": kind.summary, "card": kind.card()} for name, kind in STRATEGIES.items()
    ]
    _show(values, strategy_cards(STRATEGIES), as_json)


@app.command()
def describe(
    backbone: Annotated[str, typer.Argument(help="A backbone's name.")],
    strategy: Annotated[str, typer.Option("--strategy", help="A strategy's name.")] = "freeze-all",
    options: Annotated[
        list[str] | None, typer.Option("--set", help="A strategy's option.", metavar="NAME=VALUE")
    ] = None,
    classes: Annotated[int, typer.Option("--classes", min=2, help="Number of classes.")] = 10,
    image_size: ImageSizeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show a backbone's stages: output size, parameters, and what a strategy trains or freezes."""
    recipe = Recipe.make(strategy=strategy, strategy_options=_pairs(options), image_size=image_size)
    if strategy == "auto":
        raise OptionError(f"describe needs a strategy by name; choose one of {', '.join(STRATEGIES)}")
    from finetune.model.backbones import find_backbone
    from finetune.model.describe import describe as describe_stages
    from ui.present import stages_table

    made = make_strategy(recipe.strategy, recipe.strategy_options)
    rows = describe_stages(find_backbone(backbone), made, n_classes=classes, image_size=image_size)
    _show([row.to_json() for row in rows], stages_table(rows), as_json)


@app.command()
def inspect(
    data: DataArgument,
    exclude: ExcludeOption = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 3 on any finding.")] = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Check every image of a data set: unreadable files, duplicates, leaks, tiny classes."""
    from finetune.data.health import inspect_source
    from finetune.data.sources import open_source
    from ui.present import health_view

    source = open_source(data, exclude=exclude or ())
    with TerminalReporter(quiet=quiet).track("checking images") as advance:
        report = inspect_source(source, progress=advance)
    _show(report.to_json(), health_view(report), as_json)
    if not report.usable or (strict and report.findings):
        raise typer.Exit(DataError.exit_code)


@app.command()
def advise(
    data: DataArgument,
    backbone: BackboneOption = None,
    weights: WeightsOption = None,
    exclude: ExcludeOption = None,
    seed: SeedOption = None,
    offline: OfflineOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Measure a data set and say which strategy to use, and why."""
    recipe = _recipe(None, backbone=backbone, weights=weights, exclude=exclude, seed=seed)
    if recipe.weights == "none":
        raise OptionError(
            "advise measures what pretrained weights are worth, so --weights none cannot be advised on"
        )
    from finetune.training.prepare import prepare
    from ui.present import advice_view

    prepared = prepare(data, recipe, offline=offline, reporter=TerminalReporter(quiet=quiet))
    assert prepared.advice is not None
    _show(prepared.advice.to_json(), advice_view(prepared.advice), as_json)


@app.command()
def fit(
    data: DataArgument,
    strategy: Annotated[
        str | None, typer.Option("--strategy", help=f"auto, {', '.join(STRATEGIES)}.")
    ] = None,
    options: Annotated[
        list[str] | None, typer.Option("--set", help="A strategy's option.", metavar="NAME=VALUE")
    ] = None,
    backbone: BackboneOption = None,
    weights: WeightsOption = None,
    epochs: Annotated[int | None, typer.Option("--epochs", help="Passes over the training images.")] = None,
    batch_size: Annotated[
        int | None, typer.Option("--batch-size", help="Images a step (default 32).")
    ] = None,
    lr: Annotated[float | None, typer.Option("--lr", help="Peak learning rate.")] = None,
    image_size: ImageSizeOption = None,
    augment: Annotated[
        str | None, typer.Option("--augment", help="none, crop (default) or crop-flip.")
    ] = None,
    exclude: ExcludeOption = None,
    seed: SeedOption = None,
    workers: Annotated[int | None, typer.Option("--workers", help="Processes that load images.")] = None,
    max_minutes: Annotated[
        float | None, typer.Option("--max-minutes", help="Time budget.", metavar="M")
    ] = None,
    recipe: Annotated[
        Path | None, typer.Option("--recipe", help="A YAML recipe; options here win.", metavar="FILE")
    ] = None,
    out: Annotated[
        Path | None, typer.Option("--out", help="The run's folder; must be empty.", metavar="DIR")
    ] = None,
    offline: OfflineOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Fine-tune on a data set; the strategy is advised unless you name one."""
    made = _recipe(
        recipe,
        strategy=strategy,
        strategy_options=_pairs(options) or None,
        backbone=backbone,
        weights=weights,
        epochs=epochs,
        batch_size=batch_size,
        lr=lr,
        image_size=image_size,
        augment=augment,
        exclude=exclude,
        seed=seed,
        workers=workers,
        max_minutes=max_minutes,
    )
    from finetune.training.train import fit as run_fit

    run = run_fit(data, made, out=out, offline=offline, reporter=TerminalReporter(quiet=quiet))
    folder = run.folder.path
    text = (
        f"{run.report.sentence()}\n"
        f"report: {run.folder.report}   pictures: {run.folder.curves}, {run.folder.confusion}\n"
        f"next: finetune predict {shlex.quote(str(folder))} IMAGE"
    )
    _show({**run.report.to_json(), "run": str(folder)}, text, as_json)


@app.command()
def evaluate(
    bundle: BundleArgument,
    data: DataArgument,
    exclude: ExcludeOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Score a trained classifier on labelled images (on the test split, else val, where splits are given)."""
    from finetune.bundle.bundle import load_bundle
    from finetune.bundle.evaluate import evaluate_data
    from ui.present import metrics_view

    loaded = load_bundle(bundle)
    metrics, split = evaluate_data(
        loaded, data, exclude=exclude or (), reporter=TerminalReporter(quiet=quiet)
    )
    values = {"split": split, "classes": list(loaded.class_names), **metrics.to_json()}
    _show(values, metrics_view(metrics, loaded.class_names), as_json)


@app.command()
def predict(
    bundle: BundleArgument,
    paths: Annotated[list[Path], typer.Argument(help="Images, or folders of images.", metavar="PATH...")],
    out: Annotated[Path | None, typer.Option("--out", help="Write a CSV file.", metavar="FILE")] = None,
    top: TopOption = 3,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Classify images with a trained classifier."""
    from finetune.bundle.bundle import load_bundle
    from finetune.bundle.predict import find_images, refuse_unwritable, save_csv
    from finetune.bundle.predict import predict as predict_images
    from ui.present import prediction_json, prediction_line, predictions_table

    if out is not None:
        refuse_unwritable(out)
    loaded = load_bundle(bundle)
    images = find_images(paths)
    with TerminalReporter(quiet=quiet).track("predicting") as advance:
        predictions = list(predict_images(loaded, images, top=top, advance=advance))
    if out is not None:
        save_csv(out, predictions, top=min(top, len(loaded.class_names)))
    alone = prediction_line(predictions[0]) if len(predictions) == 1 else predictions_table(predictions)
    _show(
        [prediction_json(prediction) for prediction in predictions],
        alone if out is None else f"wrote {len(predictions)} rows to {out}",
        as_json,
    )
    if all(prediction.error for prediction in predictions):
        raise typer.Exit(DataError.exit_code)


def _show(value: Any, view: Any, as_json: bool) -> None:
    """Print ``value`` as JSON, or ``view`` for people."""
    if as_json:
        typer.echo(json.dumps(value, ensure_ascii=False, indent=1))
    elif isinstance(view, str):
        typer.echo(view)
    else:
        result_console().print(view)


def _recipe(path: Path | None, **given: Any) -> Recipe:
    """Build the recipe from a file and the options that were given; those win."""
    changes = {name: value for name, value in given.items() if value is not None}
    return Recipe.make(**changes) if path is None else Recipe.read(path, **changes)


def _pairs(options: list[str] | None) -> dict[str, float]:
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


def main() -> NoReturn:
    """Run the command line; every error leaves as one sentence on stderr and its exit code."""
    _prepare_processor()
    arguments = sys.argv[1:]
    debug = "--debug" in arguments
    # pytorch-lightning 2.6 on torch >= 2.14 touches torch.utils._pytree.LeafSpec on import.
    warnings.filterwarnings("ignore", message=".*LeafSpec.*", category=FutureWarning)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name that the screen cannot show is no error
    sys.exit(run([argument for argument in arguments if argument != "--debug"], debug=debug))


def _prepare_processor() -> None:
    """Tell torch, before it is loaded, how to share a processor; what the user has set stays.

    Threads that spin while they wait take the cores from the processes that decode images: on two cores that
    doubled the processor time of a whole run. Huge pages halve the time that the kernel spends on fresh memory.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")


def run(arguments: list[str], *, debug: bool = False) -> int:
    """Run one command line and return its exit code; ``debug`` shows the traceback of an error too."""
    try:
        code = app(args=arguments or ["--help"], prog_name="finetune", standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED_EXIT_CODE
    except Exception as error:  # noqa: BLE001 - nothing may reach the user as a traceback unasked
        if debug:
            traceback.print_exc()
        return _fail(*_explain(error))
    # Typer itself turns Ctrl-C into this code.
    if code == INTERRUPTED_EXIT_CODE:
        return _fail("interrupted; what was finished is kept", INTERRUPTED_EXIT_CODE)
    return int(code or 0)


def _fail(sentence: str, code: int) -> int:
    print(f"error: {sentence}", file=sys.stderr)
    return code


def _explain(error: Exception) -> tuple[str, int]:
    """Return the sentence and the exit code of an error."""
    if isinstance(error, FinetuneError):
        return str(error), error.exit_code
    if isinstance(error, typer.TyperException):
        return _usage_sentence(error), OptionError.exit_code
    if isinstance(error, MemoryError) or _MEMORY_WORDS.search(str(error)):
        return "out of memory; use a smaller --batch-size or --image-size", ResourceError.exit_code
    if isinstance(error, OSError):
        what, where = error.strerror or str(error), error.filename or "the disk"
        return f"{what}: {where}; free some space or check the path", ResourceError.exit_code
    return (
        f"{type(error).__name__}: {error}; this is a fault of the program, please report it with what --debug adds",
        FinetuneError.exit_code,
    )


def _usage_sentence(error: typer.TyperException) -> str:
    """Return what the option parser complained about, naming the option, with the nearest known name."""
    text = error.format_message().rstrip(".")
    context = getattr(error, "ctx", None)
    hint = f"see `{context.command_path if context else 'finetune'} --help`"
    if text.startswith("No such command"):
        wrong = text.split("'")[1]
        return f"no such command: {wrong}; {hint}{nearest(wrong, _command_names())}"
    if option := getattr(error, "option_name", None):
        known = [name for parameter in context.command.params for name in parameter.opts] if context else []
        # Dashes would make all options alike.
        bare = [] if option in known else [name.lstrip("-") for name in known if name.startswith("--")]
        close = nearest(option.lstrip("-"), bare).replace("'", "'--", 1)
        return f"{error.message[0].lower()}{error.message[1:].rstrip('.')}; {hint}{close}"
    return f"{text[0].lower()}{text[1:]}; {hint}"


def _command_names() -> list[str]:
    return [
        str(command.name or getattr(command.callback, "__name__", "")) for command in app.registered_commands
    ]


if __name__ == "__main__":
    main()
