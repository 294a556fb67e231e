"""Pass on what the process of a job says, and how far it is."""

from __future__ import annotations

from contextlib import ExitStack

from finetune.progress import Advance, Reporter
from finetune.service.status import Status

WARNING = "warning: "


class Watch:
    """What has been passed on of one job: so many sentences, and the bar of its present phase.

    ``title`` is shown with the job's phase, and its sentences come with ``name`` before them.
    """

    def __init__(self, title: str, name: str, reporter: Reporter) -> None:
        self._title, self._name, self._reporter = title, name, reporter
        self._n_said = 0
        self._phase = ""
        self._bar = ExitStack()
        self._advance: Advance | None = None

    def show(self, status: Status | None) -> None:
        """Pass on what is new in ``status``, None where there is none to be read."""
        if status is None:
            return
        self._say(status)
        if status.phase != self._phase:
            self.close()
            self._phase = status.phase
            self._advance = self._bar.enter_context(self._reporter.track(f"{self._title}: {status.phase}"))
        if self._advance is not None and status.total:
            self._advance(status.done, status.total)

    def close(self) -> None:
        """Take the bar away."""
        self._bar.close()

    def _say(self, status: Status) -> None:
        for sentence in status.said[self._n_said :]:
            is_warning = sentence.startswith(WARNING)
            self._reporter.say(
                f"{WARNING if is_warning else ''}{self._name}: {sentence.removeprefix(WARNING)}"
            )
        self._n_said = len(status.said)
