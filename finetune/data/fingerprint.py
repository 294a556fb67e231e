"""One hash for a whole labelled set: the same wherever it lies, folder or zip; no image is decoded."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from finetune.data.sources import LabelledImage, Source

UNREADABLE = "unreadable"
_THREADS = 4


def fingerprint(source: Source) -> str:
    """Return 64 hex digits that change when an image is added, removed, changed, renamed or labelled anew.

    SHA-256 over the sorted (name, label, split, SHA-256 of the file's bytes, group if it has one) of all listed
    images; where the set lies and whether it came as a zip change nothing. A file that cannot be read counts as such.
    """
    return fingerprint_of(image_digests(source))


def image_digests(source: Source) -> dict[str, str]:
    """Return for each image, by name, the hash of its label, split and bytes, as 64 hex digits."""
    with ThreadPoolExecutor(_THREADS) as pool:  # hashing and reading leave Python's lock
        contents = pool.map(_sha256, (image.path for image in source.images))
        return {
            image.name: _digest(image, content)
            for image, content in zip(source.images, contents, strict=True)
        }


def fingerprint_of(digests: Mapping[str, str]) -> str:
    """Return the fingerprint of a set with these `image_digests`."""
    return _hash([[name, digests[name]] for name in sorted(digests)])


def _digest(image: LabelledImage, content: str) -> str:
    group = [] if image.group is None else [image.group]
    return _hash([image.name, image.label, image.split, content, *group])


def _hash(values: object) -> str:
    # JSON quotes what it holds, so no two lists of names look the same.
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()


def _sha256(path: Path) -> str:
    try:
        with path.open("rb") as stream:
            return hashlib.file_digest(stream, "sha256").hexdigest()
    except OSError:
        return UNREADABLE
