"""Copy the data folder of a service while it is in use; the copy is a data folder wherever it is put."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from finetune.errors import OptionError, ResourceError, RunError
from finetune.service.engine.database import back_up as copy_database
from finetune.service.engine.going_on import RECORD
from finetune.service.engine.place import DATABASE
from finetune.service.engine.store import JobStore
from finetune.service.tokens import TOKENS
from finetune.service.users import USERS

DATABASES = (DATABASE, TOKENS, USERS)
ARRIVING = "arriving"
"""Uploads that are on their way: no use to anybody else."""
ASKED = "asked"
"""Images that came for one job of predictions, which go when it is done."""


@dataclass(frozen=True)
class BackUp:
    """A copy in ``target``: its files, their bytes together, and its jobs; ``waiting`` of them are to be done."""

    target: str
    files: int
    bytes: int
    jobs: int
    waiting: int

    def to_json(self) -> dict[str, Any]:
        """Return the values under their names."""
        return asdict(self)


def back_up(data_dir: Path, target: Path) -> BackUp:
    """Copy the service in ``data_dir`` into the new or empty folder ``target``.

    First the databases, each as of one moment, then the records of runs, then all other files: what the databases
    know of is there, but for what is deleted meanwhile. What runs is queued in the copy, which is to go on with it
    from its last whole epoch or row.

    Raises RunError where ``data_dir`` holds no service or ``target`` anything, OptionError where one lies in the
    other, ResourceError where something cannot be copied.
    """
    data_dir, target = data_dir.resolve(), target.resolve()
    if not (data_dir / DATABASE).is_file():
        raise RunError(f"no server has kept anything in {data_dir} (there is no {DATABASE}); see --data-dir")
    if target.is_relative_to(data_dir):
        raise OptionError(f"{target} lies in {data_dir}, which is to be copied; choose another folder")
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise RunError(f"{target} exists and is not an empty folder; choose a new one")
    try:
        target.mkdir(parents=True, exist_ok=True, mode=0o700)
        for name in DATABASES:
            if (data_dir / name).is_file():
                (target / name).touch(mode=0o600)
                copy_database(data_dir / name, target / name)
        _copy_first(data_dir, target)
        _copy_files(data_dir, target)
    except OSError as error:
        raise ResourceError(
            f"cannot write {error.filename or target}: {error.strerror}; free the disk"
        ) from None
    return _told(target)


def _copy_first(data_dir: Path, target: Path) -> None:
    """Copy what must not be newer than the rest.

    A run that ends meanwhile would be finished by its record, and its classifier not there: with the record of before
    the copy goes on with it. Images that are deleted when they are answered are there as long as no answer is.
    """
    for record in data_dir.rglob(RECORD):
        place = target / record.relative_to(data_dir)
        if record.is_file():
            place.parent.mkdir(parents=True, exist_ok=True)
            _copy(str(record), str(place))
    if (data_dir / ASKED).is_dir():
        _copy_tree(data_dir / ASKED, target / ASKED, lambda *_: set())


def _copy_files(data_dir: Path, target: Path) -> None:
    def left_out(folder: str, names: list[str]) -> set[str]:
        place = Path(folder)
        if place != data_dir:
            return {RECORD} if (target / place.relative_to(data_dir) / RECORD).is_file() else set()
        return {name for name in names if name.startswith(DATABASES) or name in (ARRIVING, ASKED)}

    _copy_tree(data_dir, target, left_out)


def _copy_tree(source: Path, target: Path, left_out: Callable[[str, list[str]], set[str]]) -> None:
    try:
        shutil.copytree(
            source, target, symlinks=True, ignore=left_out, copy_function=_copy, dirs_exist_ok=True
        )
    except shutil.Error as error:
        missing = [told for told in error.args[0] if os.path.lexists(told[0])]
        if missing:  # the others were deleted meanwhile
            raise ResourceError(f"cannot copy {missing[0][0]}: {missing[0][2]}; back up again") from None


def _copy(source: str, target: str) -> str:
    with contextlib.suppress(FileNotFoundError):  # deleted, or replaced, since the folder was listed
        shutil.copy2(source, target, follow_symlinks=False)
    return target


def _told(target: Path) -> BackUp:
    """Queue what ran, whose processes are none of the copy's, and count."""
    store = JobStore(target / DATABASE)
    for job in store.list(states=("running",)):
        store.put_back(job.id)
    sizes = [path.stat().st_size for path in target.rglob("*") if path.is_file()]
    counts = store.counts()
    return BackUp(str(target), len(sizes), sum(sizes), sum(counts.values()), counts.get("queued", 0))
