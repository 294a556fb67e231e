"""Classify images with a trained classifier."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from finetune.cli.options import (
    BundleArgument,
    CoverageOption,
    JsonOption,
    OfflineOption,
    QuietOption,
    TopOption,
    TtaOption,
    show,
)
from finetune.errors import DataError, OptionError
from finetune.terminal import TerminalReporter

if TYPE_CHECKING:
    from finetune.bundle.bundle import Bundle


def predict(
    bundle: BundleArgument,
    paths: Annotated[
        list[Path],
        typer.Argument(
            help="Images, folders, archives or patterns of them, what DATA may be, or - for a list on stdin.",
            metavar="PATH...",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", help="Write a CSV file, or a .jsonl; goes on after a break.", metavar="FILE"),
    ] = None,
    file_format: Annotated[
        str | None, typer.Option("--format", help="csv or jsonl, where the ending of FILE does not say it.")
    ] = None,
    engine: Annotated[
        str, typer.Option("--engine", help="torch, onnxruntime, or auto: the faster for many images.")
    ] = "auto",
    top: TopOption = 3,
    coverage: CoverageOption = None,
    tta: TtaOption = False,
    offline: OfflineOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Classify images with a trained classifier."""
    from finetune.bundle.bundle import load_bundle
    from finetune.bundle.find_images import find_images
    from finetune.bundle.views import views_for
    from finetune.known.conformal import DEFAULT_COVERAGE, check_coverage
    from finetune.prediction.engines import check_engine
    from finetune.prediction.part_file import is_ordinary, refuse_unwritable
    from finetune.prediction.rows import format_of

    if out is None and file_format is not None:
        raise OptionError("--format has an effect only with --out; leave it out")
    if out is not None:
        format_of(out, file_format)
        refuse_unwritable(out)
    if coverage is not None:
        check_coverage(coverage)
    choice = check_engine(engine)
    loaded = load_bundle(bundle)
    if coverage is not None and loaded.calibration.conformal is None:
        raise OptionError(
            f"--coverage has no effect: the bundle {bundle} has no sets of plausible classes; train it again, "
            "with at least 20 validation images"
        )
    reporter = TerminalReporter(quiet=quiet)
    images = find_images(paths, offline=offline, reporter=reporter)
    views = views_for(loaded.class_names, loaded.preprocessing) if tta else None
    if views is not None and views.why_not:
        reporter.say(views.why_not)
    asked: dict[str, Any] = {"top": top, "coverage": coverage or DEFAULT_COVERAGE, "views": views}
    if out is None:
        all_failed = _show_all(loaded, images, asked, choice, as_json=as_json, reporter=reporter)
    else:
        from finetune.prediction.write import write_predictions

        written = write_predictions(
            loaded, images, out, file_format=file_format, engine=choice, reporter=reporter, **asked
        )
        if is_ordinary(out):
            show(written.to_json(), written.sentence(), as_json)
        else:
            reporter.say(written.sentence())  # the rows may have gone to stdout
        all_failed = written.n_errors == written.n_rows
    if all_failed:
        raise typer.Exit(DataError.exit_code)


def _show_all(
    bundle: Bundle,
    images: list[Path],
    asked: dict[str, Any],
    choice: Any,
    *,
    as_json: bool,
    reporter: TerminalReporter,
) -> bool:
    """Show every answer at the end; return whether all are errors."""
    from finetune.bundle.predict import predict as predict_images
    from finetune.prediction.engines import choose_engine
    from finetune.prediction.rows import prediction_json
    from ui.present import prediction_line, predictions_table

    chosen = choose_engine(bundle, images, choice)
    with reporter.track("predicting") as advance:
        predictions = list(predict_images(bundle, images, advance=advance, engine=chosen.engine, **asked))
    show(
        [prediction_json(prediction) for prediction in predictions],
        prediction_line(predictions[0]) if len(predictions) == 1 else predictions_table(predictions),
        as_json,
    )
    return all(prediction.error for prediction in predictions)
