"""The command about what is kept on disk between runs: cache."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Annotated, Any, Literal

import typer

from finetune.cli.options import JsonOption, show
from finetune.errors import OptionError


def cache(
    clear: Annotated[bool, typer.Option("--clear", help="Remove all that is kept.")] = False,
    only: Annotated[
        Literal["features", "checks", "sets"] | None,
        typer.Option(
            "--only", help="With --clear: of frozen layers and for advice, of checked images, or sets alone."
        ),
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Show what is kept of frozen layers, for advice, of checked images and of unpacked sets, or remove it."""
    from finetune.cache.place import stores_folder
    from ui.present import cache_table

    root = stores_folder()
    if clear:
        freed = _removed(only)
        told = f"removed {freed / 1e6:,.1f} MB from {root.parent}"
        show({"folder": str(root), "freed_bytes": freed}, told, as_json)
        return
    if only is not None:
        raise OptionError(f"--only {only} has no effect without --clear; add it to remove the {only}")
    values = _kept()
    show(values, cache_table(values), as_json)


def _removed(only: str | None) -> int:
    """Remove what is asked for and return how many bytes it held."""
    from finetune.cache.place import clear, stores_folder
    from finetune.data.health.index import remove_index
    from finetune.data.kept_sets import clear_sets
    from finetune.data.unpacking import sets_folder

    removers: dict[str, Callable[[], int]] = {
        "features": lambda: clear(stores_folder()),
        "checks": remove_index,
        "sets": lambda: clear_sets(sets_folder()),
    }
    return sum(remove() for name, remove in removers.items() if only in (None, name))


def _kept() -> dict[str, Any]:
    from finetune.cache.place import limit_bytes, stores, stores_folder, total_bytes
    from finetune.data.health.index import index_bytes, index_path
    from finetune.data.kept_sets import kept_sets
    from finetune.data.unpacking import sets_folder

    root = stores_folder()
    return {
        "folder": str(root),
        "bytes": total_bytes(root),
        "limit_bytes": limit_bytes(root),
        "stores": [
            {
                "name": use.folder.name,
                "what": str(use.about.get("key", {}).get("what", "unknown")),
                "bytes": use.n_bytes,
                "rows_served": use.hits,
                "last_used": _day(use.used),
            }
            for use in stores(root)
        ],
        "checked_images": {"file": str(index_path()), "bytes": index_bytes()},
        "sets": [
            {
                "folder": str(found.folder),
                "source": found.source,
                "images": found.n_images,
                "bytes": found.n_bytes,
                "last_used": _day(found.used),
            }
            for found in kept_sets(sets_folder())
        ],
    }


def _day(seconds: float) -> str:
    return time.strftime("%Y-%m-%d %H:%M", time.localtime(seconds))
