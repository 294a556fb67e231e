"""Listen to Ctrl-C, SIGTERM and SIGHUP: end after the current step where one runs, at once elsewhere."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from finetune.errors import FinetuneError

WORKER_GRACE_S = 10


class StopAsked(Exception):  # noqa: N818 - it is a wish, not an error
    """Raised between two steps once somebody has asked the run to end."""


class PauseReached(StopAsked):
    """Raised after the epoch that the run was told to pause after."""


class Stop:
    """Whether the run was asked to end; while ``patient``, a first wish waits until `check`.

    ``pause_after`` is the epoch after which it ends without being asked, None for none.
    """

    def __init__(self, pause_after: int | None = None) -> None:
        self.times_asked = 0
        self.pause_after = pause_after
        self._is_patient = False
        self._owner = os.getpid()
        self._on_dead_worker: Any = None

    def check(self) -> None:
        """Raise StopAsked when somebody has asked."""
        if self.times_asked:
            raise StopAsked

    def check_epoch(self, epochs_done: int) -> None:
        """Raise PauseReached when so many epochs were to be done."""
        if self.pause_after is not None and epochs_done >= self.pause_after:
            raise PauseReached

    @contextmanager
    def patiently(self) -> Iterator[None]:
        """Let the block come to its next `check`, or its end, before a wish to stop takes effect.

        What goes wrong in the block after a wish is taken for its effect: a loader process that got the same
        signal may be gone. Lightning leaves by SystemExit on a second Ctrl-C. After the block dead loader
        processes are no error any more.
        """
        self._is_patient = True
        try:
            yield
            self.check()
        except FinetuneError:
            raise
        except PauseReached:
            raise
        except (Exception, SystemExit):
            if not self.times_asked:
                raise
            if self.times_asked > 1:
                raise KeyboardInterrupt from None
            raise StopAsked from None
        finally:
            self._is_patient = False
            if self.times_asked:
                self._let_workers_die()

    def take(self, signum: int, _frame: FrameType | None) -> None:
        """Handle a signal."""
        if os.getpid() != self._owner:
            _last_a_little_longer(signum)
            return
        self.times_asked += 1
        if not self._is_patient or self.times_asked > 1:
            self._let_workers_die()
            raise KeyboardInterrupt

    def _let_workers_die(self) -> None:
        """Take away the handler by which torch raises RuntimeError anywhere when a loader process has died.

        A signal to the whole group reaches the loader processes too, and torch's own handler ends them.
        """
        number = getattr(signal, "SIGCHLD", None)
        if number is None or threading.current_thread() is not threading.main_thread():
            return
        for _ in range(2):  # the first call may be what hears of a death that has just happened
            with contextlib.suppress(RuntimeError):
                before = signal.signal(number, signal.SIG_DFL)
                if callable(before):
                    self._on_dead_worker = before

    def listen_to_workers(self) -> None:
        """Give torch's handler back, for what the process trains later."""
        if self._on_dead_worker is not None:
            signal.signal(signal.SIGCHLD, self._on_dead_worker)
            self._on_dead_worker = None


def _last_a_little_longer(signum: int) -> None:
    """In a loader process: the main process ends after its step and needs the batch until then."""
    if signum != signal.SIGINT:
        signal.signal(signal.SIGALRM, signal.SIG_DFL)
        signal.alarm(WORKER_GRACE_S)


@contextmanager
def listening(pause_after: int | None = None) -> Iterator[Stop]:
    """Take the signals in the block; what the surroundings ignore (nohup, say) stays ignored.

    Outside the main thread nothing can be listened to, and nothing is. ``pause_after`` is the `Stop`'s.
    """
    stop = Stop(pause_after)
    before: dict[int, Any] = {}
    try:
        if threading.current_thread() is threading.main_thread():
            for signum in _signals():
                if signal.getsignal(signum) is not signal.SIG_IGN:
                    before[signum] = signal.signal(signum, stop.take)
        yield stop
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)
        stop.listen_to_workers()


def _signals() -> list[int]:
    names = ("SIGINT", "SIGTERM", "SIGHUP")
    return [getattr(signal, name) for name in names if hasattr(signal, name)]
