"""The command that serves the API and the page, to this computer or to others: serve."""

from __future__ import annotations

from typing import Annotated

import typer

from finetune.cli.options import OfflineOption
from finetune.cli.token_commands import DEFAULT_DATA_DIR, DataDirOption
from finetune.cli.user_commands import AuthOption


def serve(
    host: Annotated[
        str,
        typer.Option(
            "--host", help="Address to listen on; beyond this computer it needs a token, or --auth."
        ),
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option("--port", min=0, max=65535, help="Port, 0 for any.")] = 8000,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    allow_hosts: Annotated[
        list[str] | None,
        typer.Option(
            "--allow-host", help="A name that this server goes by; may be repeated.", metavar="NAME"
        ),
    ] = None,
    upload_gb: Annotated[
        float, typer.Option("--max-upload", min=0.001, help="Largest archive taken, in GB.", metavar="GB")
    ] = 5.0,
    page: Annotated[bool, typer.Option("--page/--no-page", help="Also serve the page.")] = True,
    auth: AuthOption = False,
    offline: OfflineOption = False,
) -> None:
    """Serve the HTTP API at /api/v1 and the page. Ctrl-C stops it; jobs go on with the next start."""
    from ui.served import Wanted, serve_all

    wanted = Wanted(
        host, port, tuple(allow_hosts or ()), offline=offline, upload_gb=upload_gb, page=page, auth=auth
    )

    def ready(address: str) -> None:
        typer.echo(f"serving {address}/api/v1 (Ctrl-C stops it; jobs go on with the next start)")

    try:
        serve_all(data_dir, wanted, ready=ready)
    except KeyboardInterrupt:
        typer.echo("the server is stopped", err=True)
