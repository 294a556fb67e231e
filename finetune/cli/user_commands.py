"""The commands about users, who sign in to the page: user add, list, remove, password and sign-out."""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from finetune.cli.options import JsonOption, show
from finetune.cli.token_commands import DEFAULT_DATA_DIR
from finetune.errors import OptionError

if TYPE_CHECKING:
    from finetune.service.users import User, UserStore

user = typer.Typer(help="Who may sign in to the page of `finetune serve --auth`.", no_args_is_help=True)
DataDirOption = Annotated[
    Path,
    typer.Option(
        "--data-dir",
        help="The folder of `finetune serve --data-dir`, or of `finetune ui --folder`.",
        metavar="DIR",
    ),
]
NameArgument = Annotated[str, typer.Argument(help="The user's name.", metavar="NAME")]
StdinOption = Annotated[
    bool, typer.Option("--password-stdin", help="Take the password from the first line of stdin.")
]
GenerateOption = Annotated[bool, typer.Option("--generate", help="Make a password and print it, this once.")]
AuthOption = Annotated[
    bool,
    typer.Option("--auth", help="Let the users of `finetune user` sign in to the page, each to their own."),
]


@user.command()
def add(
    name: NameArgument,
    from_stdin: StdinOption = False,
    generate: GenerateOption = False,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Add a user, whose password is asked for twice."""
    password = _password(from_stdin=from_stdin, generate=generate)
    _store(data_dir).add(name, password)
    _tell(f"{name} can sign in", password if generate else "")


@user.command(name="list")
def list_users(data_dir: DataDirOption = DEFAULT_DATA_DIR, as_json: JsonOption = False) -> None:
    """List the users, with how many sessions each has open."""
    from ui.present import users_table

    rows = [_values(each) for each in _store(data_dir).list()]
    show(rows, users_table(rows), as_json)


@user.command()
def remove(name: NameArgument, data_dir: DataDirOption = DEFAULT_DATA_DIR) -> None:
    """Remove a user and end all sessions; images and models stay."""
    _store(data_dir).remove(name)
    typer.echo(
        f"{name} cannot sign in any more; images and models stay on the disk, for a user added by this name",
        err=True,
    )


@user.command()
def password(
    name: NameArgument,
    from_stdin: StdinOption = False,
    generate: GenerateOption = False,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Change a user's password and end all sessions."""
    new = _password(from_stdin=from_stdin, generate=generate)
    _store(data_dir).set_password(name, new)
    _tell(f"{name} has a new password, and is signed out everywhere", new if generate else "")


@user.command(name="sign-out")
def sign_out(name: NameArgument, data_dir: DataDirOption = DEFAULT_DATA_DIR) -> None:
    """End all sessions of a user, from this moment on."""
    ended = _store(data_dir).sign_out(name)
    typer.echo(f"{name} is signed out everywhere ({ended} session{'' if ended == 1 else 's'})", err=True)


def _password(*, from_stdin: bool, generate: bool) -> str:
    from finetune.service.passwords import generated

    if from_stdin and generate:
        raise OptionError("--password-stdin and --generate contradict each other; give one of them")
    if generate:
        return generated()
    if from_stdin:
        return sys.stdin.readline().rstrip("\r\n")
    if not sys.stdin.isatty():
        raise OptionError(
            "there is no terminal to ask for a password at; give --password-stdin or --generate"
        )
    return str(typer.prompt("Password", hide_input=True, confirmation_prompt=True, err=True))


def _tell(sentence: str, generated: str) -> None:
    if generated:
        typer.echo(generated)
        sentence += "; the password is shown only now"
    typer.echo(sentence, err=True)


def _store(data_dir: Path) -> UserStore:
    from finetune.service.users import USERS, UserStore

    return UserStore(data_dir / USERS)


def _values(found: User) -> dict[str, Any]:
    times = {name: _iso(getattr(found, name)) for name in ("created", "changed", "seen")}
    return {"name": found.name, "sessions": found.sessions, **times}


def _iso(seconds: float | None) -> str | None:
    return None if seconds is None else time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
