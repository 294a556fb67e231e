"""The command that trains many jobs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from finetune.cli.options import JsonOption, OfflineOption, QuietOption, show
from finetune.errors import BatchError, Interrupted
from finetune.terminal import TerminalReporter

if TYPE_CHECKING:
    from finetune.batch.ledger import Row

SHOWN = 3


def batch(
    jobs: Annotated[
        Path,
        typer.Argument(
            help="YAML: `jobs:`, a list of {name, data, recipe}, or `data:` and `recipes:`, which are combined.",
            metavar="JOBS.yaml",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option("--out", help="The batch's folder (default checkpoints/<JOBS>).", metavar="DIR"),
    ] = None,
    retry_failed: Annotated[
        bool, typer.Option("--retry-failed/--no-retry-failed", help="Try jobs again that failed before.")
    ] = True,
    max_minutes: Annotated[
        float | None, typer.Option("--max-minutes", help="Time budget of each job.", metavar="M")
    ] = None,
    offline: OfflineOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Train many jobs unattended; call it again to go on where it ended."""
    from finetune.batch.jobs_file import read_jobs
    from finetune.batch.run import run_batch
    from ui.batch import batch_view

    made = read_jobs(jobs)
    folder = out or Path("checkpoints") / jobs.stem
    try:
        rows = run_batch(
            made,
            out=folder,
            offline=offline,
            retry_failed=retry_failed,
            max_minutes=max_minutes,
            reporter=TerminalReporter(quiet=quiet),
        )
    except KeyboardInterrupt:
        raise Interrupted(
            f"interrupted; what was finished is in {folder / 'results.md'}, and the same command goes on"
        ) from None
    cells = {job.name: job.cell for job in made if job.cell is not None}
    show([row.to_json() for row in rows], batch_view(rows, cells, folder), as_json)
    _refuse_unfinished(rows)


def _refuse_unfinished(rows: Sequence[Row]) -> None:
    names = [row.name for row in rows if row.state != "finished"]
    if names:
        shown = ", ".join(names[:SHOWN]) + (", …" if len(names) > SHOWN else "")
        raise BatchError(
            f"{len(names)} of {len(rows)} jobs did not finish ({shown}); mend what their rows say and give the same "
            "command again"
        )
