"""The command that mends a data set without touching it: clean."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from finetune.cli.options import DataArgument, ExcludeOption, JsonOption, OfflineOption, QuietOption, show
from finetune.errors import Interrupted, OptionError
from finetune.terminal import TerminalReporter

if TYPE_CHECKING:
    from finetune.data.cleaning.plan import Action
    from finetune.data.cleaning.write import Cleaned
    from finetune.data.health import HealthReport
    from finetune.data.sources import Source


def clean(
    data: DataArgument,
    out: Annotated[
        Path | None, typer.Option("--out", help="Folder for the copy; new or empty.", metavar="DIR")
    ] = None,
    manifest: Annotated[
        Path | None,
        typer.Option("--manifest", help="Write a CSV of the sound images instead of a copy.", metavar="FILE"),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Show what would be done, and write nothing.")
    ] = False,
    quarantine: Annotated[
        bool, typer.Option("--quarantine/--no-quarantine", help="Put unreadable files aside.")
    ] = True,
    dedupe: Annotated[
        bool,
        typer.Option(
            "--dedupe/--no-dedupe",
            help="Keep one of byte-identical images; put those in two classes aside.",
        ),
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
    from finetune.data.cleaning.plan import Switches, listed, plan
    from finetune.data.cleaning.refusals import refuse_emptied, refuse_nothing_to_do
    from finetune.data.cleaning.write import foresee
    from finetune.data.health import inspect_source
    from finetune.data.sources import open_source
    from ui.cleaning import cleaned_json, cleaned_view, foreseen_view

    _refuse_unclear(out, manifest, dry_run=dry_run, rewriting={"--reencode": reencode, "--upright": upright})
    usual = manifest is None  # a manifest writes no images
    reencode, upright = usual if reencode is None else reencode, usual if upright is None else upright
    switches = Switches(quarantine, dedupe, near, reencode, upright)
    refuse_nothing_to_do(switches)
    reporter = TerminalReporter(quiet=quiet)
    source = open_source(data, exclude=exclude or (), offline=offline, track=reporter.track)
    _refuse_places(out, manifest, source)
    with reporter.track("checking images") as advance:
        report = inspect_source(source, progress=advance)
    planned = plan(source, report, switches)
    actions = planned if manifest is None else listed(planned)
    if dry_run:
        foreseen = foresee(source, actions, out=out, manifest=manifest)
        show(cleaned_json(foreseen, planned=actions), foreseen_view(foreseen, actions), as_json)
        refuse_emptied(source, actions)
        return
    try:
        cleaned = _write(out, manifest, source, report, actions, reporter)
    except KeyboardInterrupt:
        raise Interrupted(
            f"interrupted; nothing was written to {out or manifest}, give the same command again"
        ) from None
    show(cleaned_json(cleaned), cleaned_view(cleaned, actions), as_json)


def _refuse_unclear(
    out: Path | None, manifest: Path | None, *, dry_run: bool, rewriting: dict[str, bool | None]
) -> None:
    """Raise OptionError where it is not clear what to write, or an option has no effect on it."""
    if out is not None and manifest is not None:
        raise OptionError("--out writes a copy and --manifest a list of what is sound; give one of them")
    if out is None and manifest is None and not dry_run:
        raise OptionError(
            "give --out DIR, for a cleaned copy, --manifest FILE, for a list of what is sound, "
            "or --dry-run, to see what would be done"
        )
    unused = [name for name, given in rewriting.items() if given]
    if manifest is not None and unused:
        raise OptionError(f"{unused[0]} has no effect with --manifest, which writes no images; use --out DIR")


def _refuse_places(out: Path | None, manifest: Path | None, source: Source) -> None:
    """Refuse before a long look at the images what would be refused after it."""
    from finetune.data.cleaning.refusals import refuse_manifest, refuse_out

    if out is not None:
        refuse_out(out, source)
    if manifest is not None:
        refuse_manifest(manifest, source)


def _write(
    out: Path | None,
    manifest: Path | None,
    source: Source,
    report: HealthReport,
    actions: Sequence[Action],
    reporter: TerminalReporter,
) -> Cleaned:
    from finetune.data.cleaning.write import write_copy, write_manifest

    if out is None:
        assert manifest is not None
        return write_manifest(manifest, source, actions)
    with reporter.track("writing") as advance:
        return write_copy(out, source, report, actions, progress=advance)
