"""The command that copies a service's folder while it is in use: backup."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from finetune.cli.options import JsonOption, show
from finetune.cli.token_commands import DEFAULT_DATA_DIR, DataDirOption


def backup(
    target: Annotated[Path, typer.Argument(help="A new folder for the copy.", metavar="TARGET")],
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    as_json: JsonOption = False,
) -> None:
    """Copy the folder of `finetune serve`, also while it serves. The copy can be served wherever it is put."""
    from finetune.data.health.findings import amount
    from finetune.service.backup import back_up

    made = back_up(data_dir, target)
    show(
        made.to_json(),
        f"copied {amount(made.files, 'file')} ({made.bytes / 1e6:,.1f} MB) and {amount(made.jobs, 'job')}, "
        f"{made.waiting} still to be done, to {made.target}",
        as_json,
    )
