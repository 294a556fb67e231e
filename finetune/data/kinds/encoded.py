"""A ``.parquet`` with the images inside, encoded as files are: as Hugging Face data sets write them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from finetune.data.kinds.tables import batches, cell_text, open_parquet
from finetune.data.kinds.written import Encoded, Rows, written_set
from finetune.data.labelled import Found
from finetune.data.tracking import Track, untracked
from finetune.data.unpacking import content_name
from finetune.errors import DataError

IMAGES = ("image", "img", "images", "jpg", "jpeg", "png", "bytes", "content")
LABELS = ("label", "labels", "class", "target", "y", "fine_label", "category")
"""The usual names, likeliest first."""

_BATCH_ROWS = 64
"""Rows in memory at a time: each may hold a photograph of some megabytes."""


def holds_images(where: str, path: Path) -> bool:
    """Whether a column of the Parquet file holds bytes; raises DataError when it cannot be opened."""
    return bool(_image_columns(open_parquet(where, path).schema_arrow))


def read_parquet(where: str, path: Path, cache_dir: Path | None, track: Track = untracked) -> Found:
    """Return the images inside ``path``, written once as the files that they are.

    The images are a column of bytes, or of ``{bytes, path}``. The labels are words or numbers; numbers get the
    names that Hugging Face keeps in the schema's metadata, where it does. Columns ``split`` and ``group`` count.
    An image without bytes becomes an empty file, which the check of all images names.

    Raises:
        DataError: no or several image columns, no labels, or a damaged file.
        ResourceError: no room for the files.
    """
    rows = Rows(_rows(where, path), lambda: int(open_parquet(where, path).metadata.num_rows))
    name = content_name(path)
    return written_set(where, name, rows, splits_from="column", cache_dir=cache_dir, track=track)


def _rows(where: str, path: Path) -> Iterator[Encoded]:
    file = open_parquet(where, path)
    schema = file.schema_arrow
    image = choose_column(where, "image", _image_columns(schema), IMAGES, schema.names)
    others = [name for name in schema.names if name != image]
    label = choose_column(where, "label", [name for name in others if name in LABELS], LABELS, others)
    naming = _naming(schema, label)
    extra = [name for name in ("split", "group") if name in others and name != label]
    for batch in batches(where, file, [image, label, *extra], _BATCH_ROWS):
        for row, (content, written) in enumerate(zip(batch[image], batch[label], strict=True)):
            told = {name: cell_text(batch[name][row]) for name in extra}
            yield Encoded(content_of(content), naming(written), **told)


def choose_column(
    where: str, what: str, able: Sequence[str], usual: Sequence[str], there: Sequence[str]
) -> str:
    """Return the column of ``able`` that is named first in ``usual``, or the only one; raises DataError."""
    named = [name for name in usual if name in able]
    if named or len(able) == 1:
        return named[0] if named else able[0]
    seen = f"it has: {', '.join(there[:12])}"
    if able:
        raise DataError(
            f"{where} has several {what} columns ({', '.join(able)}); name the one to use '{usual[0]}'"
        )
    raise DataError(f"{where} has no {what} column ({seen}); name one '{usual[0]}'")


def content_of(cell: Any) -> bytes:
    """Return the bytes of an image cell, none where there are none."""
    content = cell.get("bytes") if isinstance(cell, dict) else cell
    return bytes(content) if content else b""


def _image_columns(schema: Any) -> list[str]:
    import pyarrow.types as kinds

    def is_bytes(kind: Any) -> bool:
        return bool(kinds.is_binary(kind) or kinds.is_large_binary(kind))

    return [
        field.name
        for field in schema
        if is_bytes(field.type)
        or (kinds.is_struct(field.type) and any(f.name == "bytes" and is_bytes(f.type) for f in field.type))
    ]


def _naming(schema: Any, label: str) -> Callable[[object], str | None]:
    """Return the function from a label cell to the class name, None where the image has no label."""
    names: list[str] = []
    try:
        features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
        names = [str(name) for name in features[label]["names"]]
    except (KeyError, TypeError, ValueError):
        pass  # no metadata, or a label that is no class index
    return lambda value: class_name(value, names)


def class_name(value: object, names: Sequence[str]) -> str | None:
    """Return the name of a label cell; None, and -1 where ``names`` are given, is an image without a label."""
    word = cell_text(value)
    if not names or not word.lstrip("-").isdigit():
        return word or None
    index = int(word)
    if index == -1:
        return None
    if not 0 <= index < len(names):
        raise DataError(f"label {index} is none of the {len(names)} classes that the set names; correct it")
    return names[index]
