"""Tell a process that hangs from one that works."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from finetune.service.child import HEARTBEAT

SILENT_S = 300.0
"""A process that has not touched its heartbeat for so long hangs: it does so each second from a thread of its own."""


class Heartbeats:
    """When each job's process was heard last, by ``clock``; what time a heartbeat itself says does not matter."""

    def __init__(self, silent_s: float, clock: Callable[[], float]) -> None:
        self._silent_s = silent_s
        self._clock = clock
        self._heard: dict[str, tuple[float, float]] = {}

    def forget(self, job_id: str) -> None:
        """Begin anew with a job: it gets another process."""
        self._heard.pop(job_id, None)

    def is_silent(self, job_id: str, folder: Path) -> bool:
        """Whether the heartbeat in ``folder`` has stood still for too long."""
        try:
            beat = (folder / HEARTBEAT).stat().st_mtime
        except OSError:
            beat = 0.0
        last, since = self._heard.get(job_id, (-1.0, 0.0))
        if beat != last:
            self._heard[job_id] = beat, self._clock()
            return False
        return self._clock() - since > self._silent_s
