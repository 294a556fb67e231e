"""The command that serves the page: ui."""

from __future__ import annotations

import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from finetune.cli.options import OfflineOption
from finetune.cli.user_commands import AuthOption


def ui(
    port: Annotated[
        int | None,
        typer.Option(
            "--port", min=0, max=65535, help="Port, 0 for any; without it 7860 or the next free one."
        ),
    ] = None,
    folder: Annotated[Path, typer.Option("--folder", help="Where runs are kept.", metavar="DIR")] = Path(
        "checkpoints"
    ),
    upload_gb: Annotated[
        float, typer.Option("--max-upload", min=0.001, help="Largest zip taken, in GB.", metavar="GB")
    ] = 5.0,
    auth: AuthOption = False,
    open_it: Annotated[bool, typer.Option("--open", help="Open the page in the browser.")] = False,
    offline: OfflineOption = False,
) -> None:
    """Serve the page on this computer: upload images, get advice, train, try, download. Ctrl-C stops it."""
    from ui.app import serve

    def ready(address: str) -> None:
        typer.echo(f"the page is at {address} (Ctrl-C stops it; trainings keep what they have)")
        if open_it:
            webbrowser.open(address)

    try:
        serve(folder, port=port, offline=offline, upload_gb=upload_gb, auth=auth, ready=ready)
    except KeyboardInterrupt:
        typer.echo("the page is stopped", err=True)
