"""Tell a process that is still alive from one that has died, even when its number was given away again."""

from __future__ import annotations

import os
from pathlib import Path

_STAT_STATE, _STAT_START = 0, 19
"""Fields of /proc/PID/stat after the name in brackets (proc(5): state is field 3, starttime field 22)."""


def birth(pid: int) -> str:
    """Return when ``pid`` was started, as a word that no other process ever has; "" where no system tells."""
    fields = _stat(pid)
    return f"{_boot()}/{fields[_STAT_START]}" if fields else ""


def is_alive(pid: int, born: str) -> bool:
    """Return whether the process ``pid`` that was started at ``born`` (see `birth`) still runs."""
    if not _exists(pid):
        return False
    fields = _stat(pid)
    if not fields or not born:
        return True
    return fields[_STAT_STATE] not in ("Z", "X") and birth(pid) == born


def _stat(pid: int) -> list[str]:
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except (OSError, UnicodeDecodeError):
        return []


def _boot() -> str:
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="utf-8").strip()
    except OSError:
        return ""


def _exists(pid: int) -> bool:
    if pid <= 0:
        return False
    if os.name != "posix":
        return _stat(pid) != []
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        return True
    return True
