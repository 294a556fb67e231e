"""Commands that judge what was trained: evaluate, compare."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from finetune.cli.health_page import refuse_impossible
from finetune.cli.options import (
    BundleArgument,
    DataArgument,
    ExcludeOption,
    JsonOption,
    OfflineOption,
    QuietOption,
    TtaOption,
    show,
)
from finetune.errors import OptionError
from finetune.terminal import TerminalReporter

if TYPE_CHECKING:
    from finetune.bundle.bundle import Bundle

RunArgument = Annotated[Path, typer.Argument(help="The folder of a finished run.", metavar="RUN")]


def evaluate(
    bundle: BundleArgument,
    data: DataArgument,
    exclude: ExcludeOption = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="Write a page with pictures too.", metavar="FILE")
    ] = None,
    tta: TtaOption = False,
    offline: OfflineOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Score a trained classifier on labelled images (on the test split, else val, where splits are given)."""
    if html is not None:
        refuse_impossible(html)
    from finetune.bundle.bundle import load_bundle
    from finetune.bundle.evaluate import calibration_of, images_to_judge, say_of
    from finetune.evaluation.summary import summarise
    from ui.scores import summary_view

    if tta and html is not None:
        raise OptionError("--html shows one view an image; leave out --tta or --html")
    loaded = load_bundle(bundle)
    reporter = TerminalReporter(quiet=quiet)
    if tta:
        _evaluate_views(loaded, data, exclude or (), offline, reporter, as_json)
        return
    images, split = images_to_judge(data, exclude=exclude or (), offline=offline, reporter=reporter)
    with reporter.track("evaluating") as advance:
        said = say_of(loaded, images, advance=advance)
    summary = summarise(said, calibration_of(loaded))
    values = {
        "split": split,
        "classes": list(loaded.class_names),
        **summary.metrics.to_json(),
        **summary.to_json(),
    }
    if html is not None:
        from finetune.training.report_files import gallery_pictures

        title = f"{bundle.resolve().name} on {Path(data).name or data}"
        _write_page(html, title, values, gallery_pictures(summary.gallery, images))
    show(values, summary_view(summary, loaded.class_names), as_json)


def _evaluate_views(
    bundle: Bundle,
    data: str,
    exclude: Collection[str],
    offline: bool,
    reporter: TerminalReporter,
    as_json: bool,
) -> None:
    """Score the bundle with one and with several views an image, and say which of them helped."""
    from finetune.bundle.evaluate import evaluate_views
    from ui.scores import headline
    from ui.views import views_table

    found, split = evaluate_views(bundle, data, exclude=exclude, offline=offline, reporter=reporter)
    all_views = found.ways[-1].metrics
    values = {"split": split, "classes": list(bundle.class_names), **all_views.to_json()}
    values |= {"tta": found.to_json()}
    if as_json:
        show(values, "", as_json)
        return
    show(values, headline(all_views), as_json)
    show(values, views_table(found), as_json)


def _write_page(path: Path, title: str, values: dict[str, Any], pictures: dict[str, str]) -> None:
    from finetune.page.report import report_page

    page = report_page({**values, "accuracy_split": values["split"]}, title=title, thumbnails=pictures)
    try:
        path.write_text(page, encoding="utf-8", errors="backslashreplace")
    except OSError as error:
        raise OptionError(f"cannot write --html {path}: {error.strerror}; choose another path") from None


def compare(first: RunArgument, second: RunArgument, as_json: JsonOption = False) -> None:
    """Compare two finished runs on the same test images: which is better, or that they cannot be told apart."""
    from finetune.training.compare import compare_folders

    found = compare_folders(first, second)
    show(found.to_json(), found.sentence(), as_json)
