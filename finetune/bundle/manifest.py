"""The bundle's schema and the hashes of its files: what is missing, changed or foreign is told before it is used.

``config.json`` carries ``finetune_schema``; bundles from before it have none and count as schema 0. From schema 1
on ``files.json`` maps each file's name to its SHA-256. The card may be edited, and hidden files are passed over.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from finetune.errors import RunError
from finetune.model.file_hash import sha256_of

SCHEMA = 1
SCHEMA_KEY = "finetune_schema"
UNVERSIONED = 0
MANIFEST = "files.json"
CARDS = ("MODEL_CARD.md", "README.md")
"""Texts that decide nothing, so that a person may change them."""


def schema_of(config: Mapping[str, Any], folder: Path) -> int:
    """Return the schema that the bundle's ``config.json`` says; raises RunError for a later one than this."""
    schema = config.get(SCHEMA_KEY, UNVERSIONED)
    if not isinstance(schema, int) or isinstance(schema, bool) or schema < UNVERSIONED:
        raise RunError(f"the bundle {folder} is damaged (its schema is {schema!r}); write it again")
    if schema > SCHEMA:
        raise RunError(
            f"the bundle {folder} has schema {schema}, and this version reads up to {SCHEMA}; "
            "update finetune-strategies"
        )
    return schema


def seal(folder: Path) -> None:
    """Write the hashes of the files that are in ``folder`` now; raises OSError."""
    hashes = {path.name: sha256_of(path) for path in _counted(folder)}
    write_whole(folder / MANIFEST, json.dumps(hashes, indent=1, ensure_ascii=False) + "\n")


def verify(folder: Path, schema: int) -> None:
    """Raise RunError, naming the file, when one is missing, was changed, or does not belong to the bundle.

    Every byte is read. Bundles of schema 0 have no hashes, and nothing is checked; where there are some, the schema
    was taken away.
    """
    if schema == UNVERSIONED and not (folder / MANIFEST).is_file():
        return
    hashes = _hashes(folder)
    present = {path.name: path for path in _counted(folder)}
    for name in hashes:
        if name not in present or not present[name].is_file():
            raise RunError(f"the bundle {folder} has lost its file {name}; copy the whole folder again")
    for name, path in present.items():
        if name not in hashes:
            raise RunError(
                f"the bundle {folder} holds {name}, which is not one of its files; move it elsewhere"
            )
        if sha256_of(path) != hashes[name]:
            raise RunError(
                f"the bundle {folder} was changed after it was written ({name} is another); "
                "use the files that were written together"
            )


def add_files(folder: Path, texts: Mapping[str, str]) -> None:
    """Add or replace text files of the bundle in ``folder`` by name; raises OSError and RunError.

    The hashes of the others stay as they are: a file that somebody changed does not become right by this.
    """
    hashes = _hashes(folder)
    for name, text in texts.items():
        write_whole(folder / name, text)
    added = {name: sha256_of(folder / name) for name in texts if name not in CARDS}
    write_whole(folder / MANIFEST, json.dumps(hashes | added, indent=1, ensure_ascii=False) + "\n")


def count_in(folder: Path, names: Iterable[str]) -> None:
    """Take the files ``names``, as far as they are there, into the hashes; raises OSError and RunError."""
    added = {name: sha256_of(folder / name) for name in names if (folder / name).is_file()}
    write_whole(folder / MANIFEST, json.dumps(_hashes(folder) | added, indent=1, ensure_ascii=False) + "\n")


def write_whole(path: Path, text: str) -> None:
    """Write ``text`` so that a reader sees the old file or the new one; raises OSError."""
    unfinished = path.with_name(f".{path.name}.tmp")
    try:
        unfinished.write_text(text, encoding="utf-8")
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def _hashes(folder: Path) -> dict[str, str]:
    try:
        hashes = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RunError(
            f"the bundle {folder} has lost its file {MANIFEST}; copy the whole folder again"
        ) from None
    except (json.JSONDecodeError, UnicodeDecodeError):
        hashes = None
    if not isinstance(hashes, dict) or not all(isinstance(value, str) for value in hashes.values()):
        raise RunError(f"{folder / MANIFEST} is damaged; copy the bundle again") from None
    return hashes


def _counted(folder: Path) -> list[Path]:
    """Return what the hashes are about: all but themselves, the card and hidden files."""
    with os.scandir(folder) as entries:
        names = sorted(entry.name for entry in entries)
    return [folder / name for name in names if not name.startswith(".") and name not in (MANIFEST, *CARDS)]
