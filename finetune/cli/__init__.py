"""The command line: one thin function a command, which parses, calls and shows.

Results go to stdout, everything else to stderr. Exit codes: 0 ok, 2 option or recipe, 3 data, 4 backbone or
weights, 5 disk, memory or network, 6 run state, 7 batch partly failed, 130 interrupted. Nothing heavy is
imported before a command needs it.
"""

from __future__ import annotations

import io
import os
import signal
import sys
import traceback
import warnings
from typing import Annotated, NoReturn

import typer

from finetune import __version__
from finetune.cli.advice_commands import advise, experience
from finetune.cli.augment_commands import augment
from finetune.cli.backup_commands import backup
from finetune.cli.batch_commands import batch
from finetune.cli.bundle_commands import export, push
from finetune.cli.cache_commands import cache
from finetune.cli.clean_commands import clean
from finetune.cli.data_commands import inspect, samples
from finetune.cli.evaluate_commands import compare, evaluate
from finetune.cli.explain_commands import explain_images
from finetune.cli.failure import explain, fail
from finetune.cli.jobs_commands import jobs
from finetune.cli.network_commands import backbones, describe, list_strategies
from finetune.cli.page_commands import ui
from finetune.cli.predict_commands import predict
from finetune.cli.run_commands import fit
from finetune.cli.schedule_commands import schedules
from finetune.cli.serve_commands import serve
from finetune.cli.suspect_commands import suspects
from finetune.cli.token_commands import token
from finetune.cli.user_commands import user
from finetune.errors import INTERRUPTED_EXIT_CODE

__all__ = ["app", "main", "run"]

app = typer.Typer(
    name="finetune",
    help="Fine-tune an ImageNet network on your images: measure the data, pick what to freeze, train, predict.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

app.command()(samples)
app.command()(backbones)
app.command(name="strategies")(list_strategies)
app.command()(describe)
app.command()(schedules)
app.command()(inspect)
app.command()(suspects)
app.command()(clean)
app.command()(advise)
app.command()(augment)
app.command()(fit)
app.command()(batch)
app.command()(evaluate)
app.command()(compare)
app.command()(predict)
app.command(name="explain")(explain_images)
app.command()(export)
app.command()(push)
app.command()(cache)
app.command()(experience)
app.command()(ui)
app.add_typer(jobs)
app.command()(serve)
app.command()(backup)
app.add_typer(token, name="token")
app.add_typer(user, name="user")


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"finetune {__version__}")
        raise typer.Exit


@app.callback()
def shared(
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version.")
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show an error's traceback; goes anywhere.")] = False,
) -> None:
    """Take the options that come before a command; `main` looks for --debug itself."""


def main() -> NoReturn:
    """Run the command line; every error leaves as one sentence on stderr and its exit code."""
    _prepare_processor()
    arguments = sys.argv[1:]
    debug = "--debug" in arguments
    # pytorch-lightning 2.6 on torch >= 2.14 touches torch.utils._pytree.LeafSpec on import.
    warnings.filterwarnings("ignore", message=".*LeafSpec.*", category=FutureWarning)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a name that the screen cannot show is no error
    _take_signals()
    code = run([argument for argument in arguments if argument != "--debug"], debug=debug)
    _forget_ctrl_c()
    sys.exit(code)


def _forget_ctrl_c() -> None:
    """Let an interruption that was answered not count once more when Python ends.

    CPython notes a KeyboardInterrupt that left any `exec` of a text (a dataclass is made by one, so an import
    may be in one), and `python -m` then ends by SIGINT whatever its exit code; the next text run clears the note
    (`run_eval_code_obj` in Python/pythonrun.c).
    """
    eval("None")


def _prepare_processor() -> None:
    """Tell torch, before it is loaded, how to share a processor; what the user has set stays.

    Threads that spin while they wait take the cores from the processes that decode images: on two cores that
    doubled the processor time of a whole run. Huge pages halve the time that the kernel spends on fresh memory.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("THP_MEM_ALLOC_ENABLE", "1")


def _take_signals() -> None:
    """Let SIGTERM and SIGHUP end the program as Ctrl-C does; what the caller ignores (nohup) stays ignored."""
    for name in ("SIGTERM", "SIGHUP"):
        signum = getattr(signal, name, None)
        if signum is not None and signal.getsignal(signum) is signal.SIG_DFL:
            signal.signal(signum, _interrupt)


def _interrupt(_signum: int, _frame: object) -> None:
    """Raise KeyboardInterrupt; loader processes that the same signal ends are no error any more."""
    if hasattr(signal, "SIGCHLD"):
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    raise KeyboardInterrupt


def run(arguments: list[str], *, debug: bool = False) -> int:
    """Run one command line and return its exit code; ``debug`` shows the traceback of an error too."""
    try:
        code = app(args=arguments or ["--help"], prog_name="finetune", standalone_mode=False)
    except (KeyboardInterrupt, typer.Abort):
        code = INTERRUPTED_EXIT_CODE
    except Exception as error:  # noqa: BLE001 - nothing may reach the user as a traceback unasked
        if debug:
            traceback.print_exc()
        return fail(*explain(error))
    # Typer itself turns Ctrl-C into this code.
    if code == INTERRUPTED_EXIT_CODE:
        return fail("interrupted; what was finished is kept", INTERRUPTED_EXIT_CODE)
    return int(code or 0)
