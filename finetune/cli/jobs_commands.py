"""The commands about queued work: jobs list, show, cancel, retry, log."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from finetune.cli.options import JsonOption, show
from finetune.errors import RunError

if TYPE_CHECKING:
    from finetune.service.engine.job import Job, State
    from finetune.service.engine.store import JobStore
    from finetune.service.status import Status

PAGE_S_OWN = Path("checkpoints") / ".page"

jobs = typer.Typer(
    name="jobs",
    help=(
        "See and steer what the page, a server or a batch has queued. Exit codes: 0 ok, 2 option, "
        "5 the database is held or the disk is full, 6 no such job, or not in a state for it, 130 interrupted."
    ),
    invoke_without_command=True,
    rich_markup_mode=None,
)
JobArgument = Annotated[str, typer.Argument(help="A job's id, or how it alone begins.", metavar="JOB")]
DataDirOption = Annotated[
    Path,
    typer.Option(
        "--data-dir", help="Where the page or the server keeps its jobs, or a batch's folder.", metavar="DIR"
    ),
]


@jobs.callback()
def _show_help(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        typer.echo(context.get_help())


@jobs.command(name="list")
def list_jobs(
    data_dir: DataDirOption = PAGE_S_OWN,
    state: Annotated[
        str | None, typer.Option("--state", help="Only jobs in this state.", metavar="STATE")
    ] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=500, help="At most so many.")] = 50,
    as_json: JsonOption = False,
) -> None:
    """List jobs, the newest first."""
    from ui.jobs import job_json, jobs_table

    store = _store(data_dir)
    found = store.list(states=_states(state), limit=limit)
    told = [(job, _status(data_dir, job)) for job in found]
    show([job_json(*each) for each in told], jobs_table(told) if told else "no jobs", as_json)
    _note_if_nobody_works(data_dir, found)


@jobs.command(name="show")
def show_job(job: JobArgument, data_dir: DataDirOption = PAGE_S_OWN, as_json: JsonOption = False) -> None:
    """Show what is known of a job: its state, how far it is, its run folder, why it failed."""
    _show(_store(data_dir).find(job), data_dir, as_json)


@jobs.command()
def cancel(job: JobArgument, data_dir: DataDirOption = PAGE_S_OWN, as_json: JsonOption = False) -> None:
    """Cancel a job: at once where it waits; one that runs is asked to stop and keeps what it has."""
    from finetune.service.engine.queueing import cancel_job

    store = _store(data_dir)
    _show(cancel_job(store, store.find(job)), data_dir, as_json)


@jobs.command()
def retry(job: JobArgument, data_dir: DataDirOption = PAGE_S_OWN, as_json: JsonOption = False) -> None:
    """Queue a job again that failed, was cancelled or was interrupted; a training goes on where it ended."""
    store = _store(data_dir)
    _show(store.retry(store.find(job).id), data_dir, as_json)


@jobs.command()
def log(
    job: JobArgument,
    data_dir: DataDirOption = PAGE_S_OWN,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the job has ended.")] = False,
) -> None:
    """Print what a job has said, all its attempts."""
    from finetune.service.engine.log import log_of

    store = _store(data_dir)
    for text in log_of(data_dir, store, store.find(job).id, follow=follow):
        typer.echo(text, nl=False)


def _show(job: Job, data_dir: Path, as_json: bool) -> None:
    from ui.jobs import job_json, job_table

    status = _status(data_dir, job)
    show(job_json(job, status), job_table(job, status), as_json)
    _note_if_nobody_works(data_dir, [job])


def _note_if_nobody_works(data_dir: Path, found: Sequence[Job]) -> None:
    from finetune.service.engine.place import is_supervised

    if any(not job.has_ended for job in found) and not is_supervised(data_dir):
        typer.echo(
            f"note: nobody is at work in {data_dir}; what waits is done once its page is open, or its batch called "
            "again",
            err=True,
        )


def _store(data_dir: Path) -> JobStore:
    from finetune.service.engine.place import DATABASE
    from finetune.service.engine.store import JobStore

    # Asking must not make what it asks for.
    if not (data_dir / DATABASE).is_file():
        raise RunError(
            f"no page, server or batch has kept jobs in {data_dir} (there is no {DATABASE}); say where with "
            "--data-dir"
        )
    return JobStore(data_dir / DATABASE)


def _status(data_dir: Path, job: Job) -> Status:
    from finetune.service.engine.place import job_folder
    from finetune.service.engine.standing import standing

    return standing(job_folder(data_dir, job), job)


def _states(state: str | None) -> list[State]:
    from finetune.errors import OptionError, nearest
    from finetune.service.engine.job import STATES

    if state is None:
        return []
    found = [known for known in STATES if known == state]
    if not found:
        raise OptionError(
            f"--state {state} is none of {', '.join(STATES)}{nearest(state, STATES)}; choose one of them"
        )
    return found
