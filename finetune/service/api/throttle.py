"""How many wrong tokens an address may try, and how many wrong passwords an address or a name gets."""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque

MOST_ADDRESSES = 10_000


class Throttle:
    """Counts failures by address: ``limit`` of them ``within_s`` seconds are answered, and then none for a while.

    The addresses that failed longest ago are forgotten first, so that many of them cannot fill the memory.
    """

    def __init__(self, limit: int, within_s: float) -> None:
        self._limit, self._within_s = limit, within_s
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()
        self._lock = threading.Lock()

    def fail(self, address: str) -> float:
        """Count a failure; return the seconds to wait where it is one too many, else 0."""
        now = time.monotonic()
        with self._lock:
            failed = self._failures.pop(address, None) or deque(maxlen=self._limit)
            self._failures[address] = failed
            while len(self._failures) > MOST_ADDRESSES:
                self._failures.popitem(last=False)
            is_full = len(failed) == self._limit and now - failed[0] < self._within_s
            if is_full:
                return self._within_s - (now - failed[0])
            failed.append(now)
            return 0.0

    def forgive(self, address: str) -> None:
        """Take back the failure that was counted last: what it was counted for did not fail."""
        with self._lock:
            failed = self._failures.get(address)
            if failed:
                failed.pop()
