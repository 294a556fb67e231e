"""Commands that give a trained classifier away: export, push."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from finetune.cli.options import BundleArgument, JsonOption, OfflineOption, QuietOption, show
from finetune.errors import OptionError, nearest
from finetune.terminal import TerminalReporter

FORMATS = ("onnx",)


def export(
    bundle: BundleArgument,
    format: Annotated[str, typer.Option("--format", help="The file's format: onnx.")] = "onnx",
    out: Annotated[
        Path | None,
        typer.Option("--out", help="The file to write (default: beside the bundle).", metavar="FILE"),
    ] = None,
    precision: Annotated[str, typer.Option("--precision", help="fp32, fp16 or int8.")] = "fp32",
    check: Annotated[
        str | None,
        typer.Option("--check", help="Compare on these images (default: those of the run).", metavar="DATA"),
    ] = None,
    calibrate: Annotated[
        str | None,
        typer.Option(
            "--calibrate",
            help="With int8: calibrate on these (default: the run's training images).",
            metavar="DATA",
        ),
    ] = None,
    max_flips: Annotated[
        int | None,
        typer.Option("--max-flips", min=0, help="With fp16 or int8: so many labels may change.", metavar="N"),
    ] = None,
    offline: OfflineOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Write one ONNX file that takes an image of any size, and prove that it gives the same labels."""
    known = ("fp32", "fp16", "int8")
    for name, value, choices in (("--format", format, FORMATS), ("--precision", precision, known)):
        if value not in choices:
            raise OptionError(f"{name} {value} is not one of {', '.join(choices)}{nearest(value, choices)}")
    from finetune.export.export import export as export_bundle

    exported = export_bundle(
        bundle,
        out=out,
        precision=precision,  # type: ignore[arg-type]
        check=check,
        calibrate=calibrate,
        max_flips=max_flips,
        offline=offline,
        reporter=TerminalReporter(quiet=quiet),
    )
    show(exported.to_json(), exported.sentence(), as_json)


def push(
    bundle: BundleArgument,
    to: Annotated[
        str, typer.Option("--to", help="The repository on the model hub.", metavar="hf:OWNER/NAME")
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", help="The hub folder (default: beside the bundle).", metavar="FOLDER"),
    ] = None,
    private: Annotated[bool, typer.Option("--private", help="Only you may see the repository.")] = False,
    offline: OfflineOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Write the classifier as a repository of the model hub, and upload it where there is a network and a token."""
    from finetune.bundle.push import push as push_bundle

    reporter = TerminalReporter(quiet=quiet)
    pushed = push_bundle(bundle, to, out=out, private=private, offline=offline, reporter=reporter)
    if pushed.address:
        text = f"uploaded {pushed.folder} to {pushed.address}"
    else:
        text = (
            f"wrote {pushed.folder}; it was not uploaded: {pushed.reason}\n"
            f"upload it with: hf upload {pushed.repository} {pushed.folder}"
        )
    show(pushed.to_json(), text, as_json)
