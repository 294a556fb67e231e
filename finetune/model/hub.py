"""The model hub and its cache on this machine: what is there, and fetching what is not.

The cache is the one of `huggingface_hub`, so that timm and others share it: `blobs/<sha256>` holds a file,
`snapshots/<commit>/` links to it, `refs/main` names the commit. The download is our own, because the client's
begins anew in every process; nothing is sent but the request, the token if there is one, and this program's
name.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path
from time import sleep
from typing import TYPE_CHECKING, TypeVar

from finetune.errors import ResourceError, WeightsError
from finetune.model.backbones import Backbone, ways_out
from finetune.model.file_hash import sha256_of
from finetune.model.hub_faults import HUB_FILE, Fault, explain
from finetune.progress import Reporter

if TYPE_CHECKING:
    from finetune.model.download import Download

ANSWER_S = 5.0
"""Seconds to wait for the hub's first answer; HF_HUB_ETAG_TIMEOUT is another number."""
WAITS_S = (0.5, 1.0, 2.0)
"""Seconds to wait before each further try."""
PROGRESS_BYTES = 1 << 20
"""A try that brought so much counts as the first again: a large file may need many."""

T = TypeVar("T")


class GaveUpError(Exception):
    """No further try may help."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault.why)
        self.fault = fault


def is_offline(offline: bool) -> bool:
    """Return whether the network is off limits: by the option, or by HF_HUB_OFFLINE."""
    switch = os.environ.get("HF_HUB_OFFLINE") or os.environ.get("TRANSFORMERS_OFFLINE") or ""
    return offline or switch.lower() in ("1", "true", "yes", "on")


def cached_file(backbone: Backbone) -> Path | None:
    """Return the weights file in the local hub cache, or None; touches no network."""
    from huggingface_hub import try_to_load_from_cache

    if not backbone.hub_id:
        return None
    found = try_to_load_from_cache(backbone.hub_id, HUB_FILE)
    return Path(found) if isinstance(found, str) else None


def promised_hash(cached: Path) -> str:
    """Return the SHA-256 that a file of the cache was stored under, or ``""`` where its name does not tell."""
    name = cached.resolve().name
    return name if re.fullmatch("[0-9a-f]{64}", name) else ""


def hub_answers(backbone: Backbone) -> bool:
    """Return whether the hub offers the weights of ``backbone`` right now (one small request)."""
    from finetune.model.download import ask

    try:
        ask(backbone.hub_id, timeout_s=ANSWER_S)
    except Exception:  # noqa: BLE001 - whatever went wrong, the answer is no
        return False
    return True


def fetch(backbone: Backbone, reporter: Reporter) -> tuple[Path, str]:
    """Bring the weights of ``backbone`` into the cache; return their path there and their SHA-256.

    A broken download goes on where it ended, in this process and in a later one. Raises WeightsError when the
    hub does not give them, ResourceError when the disk is full or the network breaks in the middle.
    """
    from finetune.model.download import Download, ask

    name = backbone.hub_id
    try:
        offer = insist(lambda: ask(name, timeout_s=ANSWER_S), name, reporter)
        with Download.opened(name, offer, reporter) as download:
            digest = _complete(download, backbone, reporter)
            return download.link(), digest
    except GaveUpError as error:
        raise WeightsError(ways_out(backbone, error.fault.why)) from error.__cause__
    except OSError as error:
        raise ResourceError(
            f"storing {name} failed: {error}; free some disk space, or set HF_HOME to another folder"
        ) from None


def _complete(download: Download, backbone: Backbone, reporter: Reporter) -> str:
    """Receive what is missing, check the whole and return its SHA-256.

    A continuation that does not fit is thrown away and begun anew, once.
    """
    promised = download.offer.sha256
    if promised and download.blob.exists() and sha256_of(download.blob) == promised:
        return promised
    for _ in range(2):
        continued = download.received > 0
        _receive(download, backbone, reporter)
        digest = sha256_of(download.part)
        if not promised:
            reporter.say(
                f"warning: the model hub tells no SHA-256 of {backbone.hub_id}; only its size was checked"
            )
        if digest == (promised or digest):
            return digest
        download.part.unlink()
        if not continued:
            break
        reporter.say(f"warning: what was left of {backbone.hub_id} does not fit what came; beginning anew")
    raise WeightsError(
        ways_out(backbone, f"arrived damaged (sha256 {digest[:12]}… instead of {promised[:12]}…)")
    )


def _receive(download: Download, backbone: Backbone, reporter: Reporter) -> None:
    name, size_mb = backbone.hub_id, megabytes(download.offer.size)
    have = f", going on at {megabytes(download.received)} MB" if download.received else ""
    reporter.say(f"downloading {name}, {size_mb} MB{have}")
    try:
        with reporter.track(f"downloading {name} (MB)") as advance:
            insist(lambda: download.receive(advance), name, reporter, received=lambda: download.received)
    except GaveUpError as error:
        if error.fault.kind == "refusal" or not download.received:
            raise
        raise ResourceError(
            ways_out(
                backbone,
                f"{error.fault.why} after {megabytes(download.received)} of {size_mb} MB, which are kept; "
                "run the same command again to go on from there",
            )
        ) from error.__cause__


def insist(
    attempt: Callable[[], T], name: str, reporter: Reporter, *, received: Callable[[], int] | None = None
) -> T:
    """Return what ``attempt`` gives, trying again after each fault that may pass, and saying so.

    ``received`` counts the bytes of a download, and means that the hub was there a moment ago. Raises
    GaveUpError after four tries in a row that brought little.
    """
    count = received or (lambda: 0)
    kinds = ("passing", "unreachable") if received else ("passing",)
    failures = 0
    while True:
        before = count()
        try:
            return attempt()
        except Exception as error:
            fault = explain(error)
            if fault is None:
                raise
            failures = 1 if count() - before >= PROGRESS_BYTES else failures + 1
            if fault.kind not in kinds or failures > len(WAITS_S):
                raise GaveUpError(fault) from error
        wait_s = WAITS_S[failures - 1]
        reporter.say(f"{name} {fault.why}; trying again in {wait_s:g} s ({failures} of {len(WAITS_S)})")
        sleep(wait_s)


def megabytes(n_bytes: int) -> str:
    """Return the number of megabytes with one decimal."""
    return f"{n_bytes / 1e6:.1f}"
