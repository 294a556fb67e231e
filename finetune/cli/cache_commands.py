"""The command about what is kept on disk between runs: cache."""

from __future__ import annotations

import time
from typing import Annotated, Any

import typer

from finetune.cli.options import JsonOption, show


def cache(
    clear: Annotated[bool, typer.Option("--clear", help="Remove all that is kept.")] = False,
    as_json: JsonOption = False,
) -> None:
    """Show what is kept of frozen layers and of checked images to make the next run faster, or remove it."""
    from finetune.cache.place import clear as remove_all
    from finetune.cache.place import limit_bytes, stores, stores_folder, total_bytes
    from finetune.data.health.index import index_bytes, index_path, remove_index
    from ui.present import cache_table

    root = stores_folder()
    if clear:
        freed = remove_all(root) + remove_index()
        where = root.parent
        show(
            {"folder": str(root), "freed_bytes": freed},
            f"removed {freed / 1e6:,.1f} MB from {where}",
            as_json,
        )
        return
    rows = [
        {
            "name": use.folder.name,
            "what": str(use.about.get("key", {}).get("what", "unknown")),
            "bytes": use.n_bytes,
            "rows_served": use.hits,
            "last_used": time.strftime("%Y-%m-%d %H:%M", time.localtime(use.used)),
        }
        for use in stores(root)
    ]
    values: dict[str, Any] = {
        "folder": str(root),
        "bytes": total_bytes(root),
        "limit_bytes": limit_bytes(root),
        "stores": rows,
        "checked_images": {"file": str(index_path()), "bytes": index_bytes()},
    }
    show(values, cache_table(values), as_json)
