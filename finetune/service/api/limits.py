"""How much one person, one request and one connection may take; sizes in bytes, times in seconds."""

from __future__ import annotations

from dataclasses import dataclass

MB, GB = 10**6, 10**9


@dataclass(frozen=True)
class ApiLimits:
    """What is refused beyond.

    ``archive`` is the largest upload; an owner keeps at most ``datasets`` of them, of ``kept`` bytes together
    unpacked, and has ``jobs`` queued or running. ``images`` of one question are ``image`` bytes each at most and
    ``question`` together. ``uploads`` are taken at a time and ``streams`` of events held open. ``reserve`` stays free
    on the disk. A body must not pause for ``pause_s``, nor come slower than ``slowest`` bytes a second after
    ``grace_s``; headers must be there within ``header_s``. After a refusal ``lingered`` bytes more are taken at most,
    for ``linger_s``, so that a client hears it that only speaks. ``failures`` wrong tokens or passwords an address
    within ``failures_within_s`` are answered, then none; so are wrong passwords for a name within ``name_within_s``.
    """

    archive: int = 5 * GB
    datasets: int = 200
    kept: int = 100 * GB
    jobs: int = 50
    images: int = 64
    image: int = 32 * MB
    question: int = 128 * MB
    plain_body: int = MB
    uploads: int = 4
    streams: int = 200
    reserve: int = 500 * MB
    pause_s: float = 30.0
    slowest: int = 1000
    grace_s: float = 20.0
    linger_s: float = 2.0
    lingered: int = 16 * MB
    header_s: float = 20.0
    failures: int = 10
    failures_within_s: float = 60.0
    name_within_s: float = 300.0
