"""Commands about data sets: samples, inspect."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from finetune.cli.options import (
    DataArgument,
    ExcludeOption,
    JsonOption,
    OfflineOption,
    QuietOption,
    SeedOption,
    show,
)
from finetune.errors import DataError
from finetune.terminal import TerminalReporter


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
        show(rows, samples_table(SAMPLES), as_json)
        return
    target = folder or Path(name)
    with TerminalReporter(quiet=quiet).track(f"writing {name}") as advance:
        write_sample(name, target, seed=seed or 0, progress=advance)
    show({"name": name, "folder": str(target)}, f"wrote {SAMPLES[name].n_images} images to {target}", as_json)


def inspect(
    data: DataArgument,
    exclude: ExcludeOption = None,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 3 on any finding.")] = False,
    backbone: Annotated[
        str | None,
        typer.Option(
            "--backbone",
            help="Show its channel statistics beside the data's, and let its features confirm near-duplicates.",
        ),
    ] = None,
    html: Annotated[
        Path | None,
        typer.Option("--html", help="Write one page with the images of every finding.", metavar="FILE"),
    ] = None,
    offline: OfflineOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Check every image of a data set: unreadable files, duplicates, leaks, tiny classes, odd images."""
    from finetune.cli.health_page import refuse_impossible, write_page
    from finetune.cli.near_features import features_at_hand
    from finetune.data.health import inspect_source
    from finetune.data.sources import open_source
    from finetune.model.backbones import find_backbone
    from ui.health import backbone_channels, health_view

    chosen = None if backbone is None else find_backbone(backbone)
    known = None if chosen is None else backbone_channels(chosen)
    if html is not None:
        refuse_impossible(html)
    reporter = TerminalReporter(quiet=quiet)
    source = open_source(data, exclude=exclude or (), offline=offline, track=reporter.track)
    features = None if chosen is None else features_at_hand(chosen, reporter)
    with reporter.track("checking images") as advance:
        report = inspect_source(source, progress=advance, features=features)
    values = report.to_json() | ({} if known is None else {"backbone": known})
    show(values, health_view(report, known), as_json)
    if html is not None:
        write_page(html, report, values)
        reporter.say(f"wrote {html}")
    if not report.usable or (strict and report.findings):
        raise typer.Exit(DataError.exit_code)
