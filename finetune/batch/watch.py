"""Follow a job's process until it ends, passing on what it says and how far it is."""

from __future__ import annotations

import time
from contextlib import ExitStack
from pathlib import Path

from finetune.progress import Reporter
from finetune.service.jobs import cancel_job, is_alive, read_job, wait_job
from finetune.service.status import Status

LOOKED_EVERY_S = 0.1
WARNING = "warning: "


def follow(folder: Path, title: str, name: str, reporter: Reporter) -> Status:
    """Return the last status of the job in ``folder``, which this process has started.

    ``title`` is shown with the job's phase, and its sentences come with ``name`` before them. Whatever interrupts
    this stops the process, which keeps what it has.
    """
    try:
        _Follower(title, name, reporter).follow(folder)
    except BaseException:
        cancel_job(folder)
        wait_job(folder)
        raise
    return wait_job(folder)


class _Follower:
    """Holds what has been passed on: so many sentences, and the bar of the present phase."""

    def __init__(self, title: str, name: str, reporter: Reporter) -> None:
        self._title, self._name, self._reporter = title, name, reporter
        self._n_said = 0

    def follow(self, folder: Path) -> None:
        lives = True
        while lives:
            status = read_job(folder)
            lives = is_alive(folder) and (status is None or not status.has_ended)
            if status is not None:
                self._say(status)
            if status is not None and lives and status.phase:
                lives = self._track(folder, status.phase)
            elif lives:
                time.sleep(LOOKED_EVERY_S)
        last = read_job(folder)
        if last is not None:
            self._say(last)

    def _track(self, folder: Path, phase: str) -> bool:
        """Show a bar until the phase changes; return whether the process still lives."""
        with ExitStack() as bar:
            advance = bar.enter_context(self._reporter.track(f"{self._title}: {phase}"))
            while is_alive(folder):
                status = read_job(folder)
                if status is None or status.has_ended or status.phase != phase:
                    return status is None or not status.has_ended
                self._say(status)
                if status.total:
                    advance(status.done, status.total)
                time.sleep(LOOKED_EVERY_S)
        return False

    def _say(self, status: Status) -> None:
        for sentence in status.said[self._n_said :]:
            is_warning = sentence.startswith(WARNING)
            self._reporter.say(
                f"{WARNING if is_warning else ''}{self._name}: {sentence.removeprefix(WARNING)}"
            )
        self._n_said = len(status.said)
