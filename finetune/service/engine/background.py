"""A supervisor in a thread, for as long as a page or a server is there."""

from __future__ import annotations

import contextlib
import sys
import threading
import traceback
from pathlib import Path
from typing import Self

from finetune.service.engine.devices import find_devices
from finetune.service.engine.store import JobStore
from finetune.service.engine.supervisor import AlreadySupervised, Supervisor

TRIED_AGAIN_AFTER_S = 1.0


class BackgroundSupervisor:
    """Has the jobs of ``data_dir`` done while the context is open; leaving it puts running jobs back into the queue.

    ``store`` is that of ``data_dir``. Where another process supervises the folder already, that one does the jobs,
    and this one takes over when it is gone. May be started and stopped without a context too.
    """

    def __init__(
        self, data_dir: Path, store: JobStore | None = None, *, devices: tuple[str, ...] | None = None
    ) -> None:
        self._data_dir = data_dir
        self._store = store
        self._devices = devices
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Begin; a second call changes nothing."""
        if self._thread is None:
            self._stop.clear()
            self._thread = threading.Thread(target=self._run, name="supervisor", daemon=True)
            self._thread.start()

    def stop(self) -> None:
        """Stop what runs, which keeps what it has and is queued again, and wait for it."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()
            self._thread = None

    def _run(self) -> None:
        told = ""
        while not self._stop.is_set():
            try:
                Supervisor(self._data_dir, store=self._store, devices=self._devices or find_devices()).run(
                    self._stop
                )
            except AlreadySupervised:
                pass  # that one does the jobs
            except Exception as error:  # noqa: BLE001 - jobs must go on being done, whatever this was
                if str(error) != told:  # once is enough: it is tried again each second
                    with contextlib.suppress(OSError):  # it may go to a disk that is full
                        traceback.print_exc(file=sys.stderr)
                told = str(error)
            self._stop.wait(TRIED_AGAIN_AFTER_S)
