"""The command that mends a data set without touching it: clean."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from finetune.cli.options import DataArgument, ExcludeOption, JsonOption, OfflineOption, QuietOption, show
from finetune.errors import OptionError
from finetune.terminal import TerminalReporter


def clean(
    data: DataArgument,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for the copy; new or empty.", metavar="DIR")
    ] = None,
    manifest: Annotated[
        Path | None,
        typer.Option("--manifest", help="Write a CSV of the sound images instead of a copy.", metavar="FILE"),
    ] = None,
    quarantine: Annotated[
        bool, typer.Option("--quarantine/--no-quarantine", help="Put unreadable files aside.")
    ] = True,
    dedupe: Annotated[
        bool, typer.Option("--dedupe/--no-dedupe", help="Keep one of byte-identical images.")
    ] = True,
    near: Annotated[bool, typer.Option("--near", help="Keep one of near-duplicates of a class too.")] = False,
    reencode: Annotated[
        bool | None,
        typer.Option("--reencode/--no-reencode", help="Make 16-bit and CMYK images PNG; mend wrong endings."),
    ] = None,
    upright: Annotated[
        bool | None, typer.Option("--upright/--no-upright", help="Turn pixels as their EXIF says.")
    ] = None,
    exclude: ExcludeOption = None,
    offline: OfflineOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Write a cleaned copy of a data set, or a manifest, and a log of every action; DATA stays as it is."""
    from finetune.data.cleaning.plan import Switches, plan
    from finetune.data.cleaning.write import (
        refuse_full,
        refuse_inside,
        refuse_nothing_to_do,
        write_copy,
        write_manifest,
    )
    from finetune.data.health import inspect_source
    from finetune.data.sources import open_source
    from ui.cleaning import cleaned_json, cleaned_view

    if (out is None) == (manifest is None):
        raise OptionError(
            "give either --out DIR, for a cleaned copy, or --manifest FILE, a list of what is sound"
        )
    if manifest is not None and (reencode or upright):
        name = "--reencode" if reencode else "--upright"
        raise OptionError(f"{name} has no effect with --manifest, which writes no images; use --out DIR")
    in_copy = manifest is None
    switches = Switches(
        quarantine,
        dedupe,
        near,
        in_copy if reencode is None else reencode,
        in_copy if upright is None else upright,
    )
    refuse_nothing_to_do(switches)
    reporter = TerminalReporter(quiet=quiet)
    source = open_source(data, exclude=exclude or (), offline=offline, track=reporter.track)
    if out is not None:
        refuse_full(out)
        refuse_inside(out, source)
    with reporter.track("checking images") as advance:
        report = inspect_source(source, progress=advance)
    actions = plan(source, report, switches)
    if out is not None:
        with reporter.track("writing") as advance:
            cleaned = write_copy(out, source, actions, progress=advance)
    else:
        assert manifest is not None
        cleaned = write_manifest(manifest, source, actions)
    show(cleaned_json(cleaned), cleaned_view(cleaned, actions), as_json)
