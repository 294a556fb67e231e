"""The commands about tokens, with which others may use the service: token create, list and revoke."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from finetune.cli.options import JsonOption, show

if TYPE_CHECKING:
    from finetune.service.tokens import Token, TokenStore

token = typer.Typer(help="Who may use the service of `finetune serve`.", no_args_is_help=True)
DataDirOption = Annotated[
    Path, typer.Option("--data-dir", help="The service's folder, as `finetune serve` has it.", metavar="DIR")
]
DEFAULT_DATA_DIR = Path("service")


@token.command()
def create(
    name: Annotated[str, typer.Argument(help="What the token is called.", metavar="NAME")],
    owner: Annotated[
        str, typer.Option("--owner", help="Whose data it opens; without it the token's name.", metavar="NAME")
    ] = "",
    days: Annotated[
        float | None, typer.Option("--days", help="After how many days it expires; never without it.")
    ] = None,
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
    as_json: JsonOption = False,
) -> None:
    """Make a token and print it, this once: only its hash is kept."""
    made, text = _store(data_dir).create(name, owner=owner, days=days)
    show({**_values(made), "token": text}, text, as_json)
    typer.echo(f"keep it: it is shown only now; `finetune token revoke {made.id}` ends it", err=True)


@token.command(name="list")
def list_tokens(data_dir: DataDirOption = DEFAULT_DATA_DIR, as_json: JsonOption = False) -> None:
    """List the tokens there have been; the tokens themselves nobody can show."""
    from ui.present import tokens_table

    rows = [_values(each) for each in _store(data_dir).list()]
    show(rows, tokens_table(rows), as_json)


@token.command()
def revoke(
    name: Annotated[str, typer.Argument(help="A token's name or id.", metavar="NAME")],
    data_dir: DataDirOption = DEFAULT_DATA_DIR,
) -> None:
    """Let a token open nothing any more, from this moment on."""
    _store(data_dir).revoke(name)
    typer.echo(f"{name} opens nothing any more", err=True)


def _store(data_dir: Path) -> TokenStore:
    from finetune.service.tokens import TOKENS, TokenStore

    return TokenStore(data_dir / TOKENS)


def _values(made: Token) -> dict[str, Any]:
    times = {name: _iso(getattr(made, name)) for name in ("created", "expires", "revoked")}
    return {"id": made.id, "name": made.name, "owner": made.owner, **times, "good": made.is_good(time.time())}


def _iso(seconds: float | None) -> str | None:
    return None if seconds is None else time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
