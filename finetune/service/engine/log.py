"""What the processes of a job have said, as it grows."""

from __future__ import annotations

import codecs
import time
from collections.abc import Iterator
from pathlib import Path

from finetune.errors import RunError
from finetune.service.engine.place import job_folder
from finetune.service.engine.store import JobStore

LOG = "output.txt"
LOOKED_EVERY_S = 0.2
CHUNK_BYTES = 64 * 1024


def read_log(folder: Path, offset: int = 0) -> tuple[bytes, int]:
    """Return some of what was said in ``folder`` from byte ``offset`` on, and where to go on; empty at its end."""
    try:
        with (folder / LOG).open("rb") as stream:
            stream.seek(offset)
            found = stream.read(CHUNK_BYTES)
    except OSError:
        return b"", offset
    return found, offset + len(found)


def log_of(data_dir: Path, store: JobStore, job_id: str, *, follow: bool) -> Iterator[str]:
    """Give what a job's processes have said so far, and with ``follow`` what they will say until it ends."""
    decoder = codecs.getincrementaldecoder("utf-8")("replace")
    folder, offset, has_ended = job_folder(data_dir, store.get(job_id)), 0, False
    while True:
        found, offset = read_log(folder, offset)
        if found:
            yield decoder.decode(found)
        elif has_ended or not follow:
            return
        else:
            # Asked before the last look: what was said meanwhile must not be missed.
            has_ended = _has_ended(store, job_id)
            if not has_ended:
                time.sleep(LOOKED_EVERY_S)


def _has_ended(store: JobStore, job_id: str) -> bool:
    try:
        return store.get(job_id).has_ended
    except RunError:
        return True  # forgotten meanwhile
