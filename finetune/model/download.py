"""One file of the hub on its way into the cache: asked for, received piece by piece, and linked.

Uses the hub client's session, so that its proxies, certificates, token and HF_ENDPOINT hold.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from huggingface_hub import constants, get_hf_file_metadata, get_session, get_token, hf_hub_url
from huggingface_hub.errors import FileMetadataError

from finetune.errors import ResourceError
from finetune.model.hub_faults import HUB_FILE, BrokenOffError
from finetune.progress import Advance, Reporter

PROGRAM = {"user-agent": "finetune-strategies"}
"""Replaces the client's own, which counts up what is installed."""
MEGABYTE = 1_000_000


@dataclass(frozen=True)
class Offer:
    """What the hub says of a file: where, at which commit, its tag, its SHA-256 (``""``: untold), its bytes."""

    url: str
    commit: str
    tag: str
    sha256: str
    size: int


def ask(hub_id: str, *, timeout_s: float) -> Offer:
    """Ask the hub for the weights of ``hub_id`` with one small request; raises the client's own errors."""
    if constants.HF_HUB_ETAG_TIMEOUT != constants.DEFAULT_ETAG_TIMEOUT:
        timeout_s = constants.HF_HUB_ETAG_TIMEOUT
    found = get_hf_file_metadata(hf_hub_url(hub_id, HUB_FILE), timeout=timeout_s, headers=PROGRAM)
    commit, tag = found.commit_hash or "", found.etag or ""
    # Both become names of files in the cache.
    if not re.fullmatch(r"\w+", commit) or not re.fullmatch(r"\w[\w.-]*", tag) or not found.size:
        raise FileMetadataError(f"{found.location} tells no commit, tag or size")
    url = hf_hub_url(hub_id, HUB_FILE, revision=commit)
    return Offer(url, commit, tag, tag if re.fullmatch("[0-9a-f]{64}", tag) else "", found.size)


def _authorization() -> dict[str, str]:
    """Return the header with the user's token; the session drops it where the hub sends on to another host."""
    token = None if constants.HF_HUB_DISABLE_IMPLICIT_TOKEN else get_token()
    return {"authorization": f"Bearer {token}"} if token else {}


@dataclass(frozen=True)
class Download:
    """A file in the making, below its repository's ``folder`` in the cache."""

    offer: Offer
    folder: Path

    @classmethod
    @contextmanager
    def opened(cls, hub_id: str, offer: Offer, reporter: Reporter) -> Iterator[Download]:
        """Give the download of ``offer`` to one process at a time; a second waits and says so."""
        from filelock import FileLock, Timeout

        cache = Path(constants.HF_HUB_CACHE)
        name = f"models--{hub_id.replace('/', '--')}"
        lock = FileLock(cache / ".locks" / name / f"{offer.tag}.download.lock")
        Path(lock.lock_file).parent.mkdir(parents=True, exist_ok=True)
        (cache / name / "blobs").mkdir(parents=True, exist_ok=True)
        try:
            held = lock.acquire(timeout=0)
        except Timeout:
            reporter.say(f"another process is downloading {hub_id}; waiting for it")
            held = lock.acquire()
        with held:
            yield cls(offer, cache / name)

    @property
    def blob(self) -> Path:
        """Where the whole file will lie."""
        return self.folder / "blobs" / self.offer.tag

    @property
    def part(self) -> Path:
        """What has come so far."""
        return self.folder / "blobs" / f"{self.offer.tag}.download.incomplete"

    @property
    def received(self) -> int:
        """Bytes that have come so far, in this process or an earlier one."""
        return self.part.stat().st_size if self.part.exists() else 0

    def receive(self, advance: Advance) -> None:
        """Append what is missing to ``part``.

        Raises the session's errors when the hub refuses, stalls or breaks off; ResourceError before the first
        byte when the disk has no room for the rest.
        """
        have, size = self.received, self.offer.size
        if have > size:
            self.part.unlink()
            have = 0
        if have == size:
            return
        self._refuse_full_disk(size - have)
        headers = {**PROGRAM, **_authorization(), "Accept-Encoding": "identity"}
        if have:
            headers["Range"] = f"bytes={have}-"
        stall_s = float(constants.HF_HUB_DOWNLOAD_TIMEOUT)
        with get_session().stream(
            "GET", self.offer.url, headers=headers, timeout=(stall_s,) * 4, follow_redirects=True
        ) as response:
            if response.status_code == 416:
                self.part.unlink()
                raise BrokenOffError("the hub has no such range")
            response.raise_for_status()
            goes_on = response.headers.get("Content-Range", "").startswith(f"bytes {have}-")
            self._store(response.iter_bytes(), advance, append=response.status_code == 206 and goes_on)
        if self.received < size:
            raise BrokenOffError(f"{self.received} bytes of {size}")

    def _store(self, pieces: Iterator[bytes], advance: Advance, *, append: bool) -> None:
        """Write the pieces as they come, so that what has come is there if the next one does not."""
        total = -(-self.offer.size // MEGABYTE)
        with self.part.open("ab" if append else "wb", buffering=0) as file:
            shown = -1
            for piece in pieces:
                file.write(piece)
                done = file.tell() // MEGABYTE
                if done != shown:
                    advance(done, total)
                    shown = done
        advance(total, total)

    def _refuse_full_disk(self, needed: int) -> None:
        free = shutil.disk_usage(self.folder).free
        if free < needed:
            raise ResourceError(
                f"downloading needs {-(-needed // MEGABYTE)} MB in {self.folder}, "
                f"but {free // MEGABYTE} MB are free; free some disk space, or set HF_HOME to another folder"
            )

    def link(self) -> Path:
        """Move the whole file to its place in the cache and return the path that the commit has it under."""
        if self.part.exists():
            self.part.replace(self.blob)
        link = self.folder / "snapshots" / self.offer.commit / HUB_FILE
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        try:
            link.symlink_to(os.path.relpath(self.blob, link.parent))
        except (
            OSError
        ):  # Windows without the right to make links: the client keeps the file itself there, too
            self.blob.replace(link)
        main = self.folder / "refs" / "main"
        main.parent.mkdir(parents=True, exist_ok=True)
        main.write_text(self.offer.commit, encoding="utf-8")
        return link
