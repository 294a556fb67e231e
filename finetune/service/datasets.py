"""Data sets that were handed in: each a folder with its images unpacked, and whose it is.

``ROOT/<id>/`` holds ``dataset.json`` and one folder with the images, called as the archive was. A folder without
``dataset.json`` is one that was never finished, and goes with the next start.
"""

from __future__ import annotations

import contextlib
import re
import secrets
import shutil
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from finetune.data.archives import extract_zip
from finetune.data.kept_files import disk_errors, partial_folder, publish
from finetune.data.tars import extract_tar, is_tar
from finetune.errors import FinetuneError
from finetune.service.engine.store import now
from finetune.service.projects import safe_name
from finetune.service.result import read_result, write_result
from finetune.service.room import Kept

RECORD = "dataset.json"
ID = re.compile(r"[0-9a-f]{32}")
_ARCHIVE_ENDING = re.compile(r"(\.tar)?\.(zip|tar|gz|bz2|xz|tgz|tbz2|txz)$", re.ASCII | re.IGNORECASE)


@dataclass(frozen=True)
class Dataset:
    """One data set: ``data`` is the folder of its images, ``size_bytes`` what they take, ``analysis`` a job's id."""

    id: str
    owner: str
    name: str
    data: Path
    created: str
    n_files: int
    size_bytes: int
    analysis: str = ""

    def readable(self, text: str) -> str:
        """Return ``text`` with the user's own name for the data in the place of its path."""
        return text.replace(str(self.data), self.name)


class Datasets:
    """The data sets below ``root``; every look and change names the owner."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()
        self._root.mkdir(parents=True, exist_ok=True)

    def sweep(self) -> None:
        """Remove what was never finished; only while nobody hands anything in."""
        for folder in self._root.iterdir():
            if not (folder / RECORD).is_file():
                shutil.rmtree(folder, ignore_errors=True)

    def unpack(self, archive: Path, name: str, *, owner: str) -> Dataset:
        """Unpack a zip or tar that nobody vouches for into a data set, which counts once it is kept (`keep`).

        ``name`` is the user's own for the file. Raises ArchiveError and ResourceError, which say that name.
        """
        shown = safe_name(name)
        stem = _ARCHIVE_ENDING.sub("", shown).strip(" .") or "images"
        dataset_id = secrets.token_hex(16)
        data = self._root / dataset_id / stem
        data.parent.mkdir()
        try:
            extract(archive, data)
            sizes = [path.stat().st_size for path in data.rglob("*") if path.is_file()]
        except BaseException as error:
            shutil.rmtree(data.parent, ignore_errors=True)
            if isinstance(error, FinetuneError):
                raise type(error)(_named(str(error), archive, data, shown)) from None
            raise
        return Dataset(dataset_id, owner, stem, data, now(), len(sizes), sum(sizes))

    def keep(self, dataset: Dataset) -> None:
        """Write the data set down."""
        write_result(dataset.data.parent / RECORD, {**asdict(dataset), "data": dataset.data.name})

    def drop(self, dataset: Dataset) -> None:
        """Delete all of it."""
        drop_folder(dataset.data.parent)

    def find(self, dataset_id: str, *, owner: str) -> Dataset | None:
        """Return the data set, None where there is none or it is another's."""
        if not ID.fullmatch(dataset_id):
            return None
        found = _read(self._root / dataset_id)
        return found if found is not None and found.owner == owner else None

    def list(self, *, owner: str) -> list[Dataset]:
        """Return the owner's data sets, the newest first."""
        found = [dataset for dataset in self._all() if dataset.owner == owner]
        return sorted(found, key=lambda dataset: (dataset.created, dataset.id), reverse=True)

    def holding(self, path: str) -> str:
        """Return the id of the data set that the images at ``path`` belong to, "" for others."""
        with contextlib.suppress(ValueError):
            return Path(path).relative_to(self._root).parts[0]
        return ""

    def _all(self) -> Iterator[Dataset]:
        for folder in self._root.iterdir():
            found = _read(folder)
            if found is not None:
                yield found


def kept_by_api(datasets: Datasets, asked: Datasets, owner: str) -> Kept:
    """Return what the owner keeps: ``datasets``, and bytes of images that were ``asked`` about, which are no set."""
    sets, waiting = datasets.list(owner=owner), asked.list(owner=owner)
    return Kept(len(sets), sum(dataset.size_bytes for dataset in (*sets, *waiting)))


def drop_folder(folder: Path) -> None:
    """Delete a data set's folder."""
    # First the record: half of a data set is none.
    (folder / RECORD).unlink(missing_ok=True)
    shutil.rmtree(folder, ignore_errors=True)


def extract(archive: Path, data: Path) -> None:
    """Unpack a zip or tar that nobody vouches for as the new folder ``data``; raises ArchiveError, ResourceError."""
    if not is_tar(archive):
        extract_zip(archive, data)
        return
    with disk_errors(archive, data), partial_folder(data) as partial:
        extract_tar(archive, partial)
        publish(partial, data)


def _named(sentence: str, archive: Path, data: Path, name: str) -> str:
    return sentence.replace(str(archive), name).replace(str(data.parent), "the server's disk")


def _read(folder: Path) -> Dataset | None:
    values: dict[str, Any] = read_result(folder / RECORD)
    return Dataset(**{**values, "data": folder / values["data"]}) if values else None
