"""Answer many people at once: questions that come together are asked together, and few classifiers stay loaded.

Each classifier that is in use has a process (`finetune.service.predictor`) and a thread that feeds it. The thread
waits some milliseconds after a first question for others, and asks for all their images in one batch.
"""

from __future__ import annotations

import queue
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

from finetune.errors import FinetuneError, ResourceError
from finetune.service.predictor import Answer, Predictor, Why

WINDOW_S = 0.005
"""How long a first question waits for company: a tenth of what a network takes for one image."""
MOST_TOGETHER = 64
MOST_WAITING = 256
MOST_LOADED = 2

Answered = Sequence[Answer] | Sequence[Why]


class Busy(ResourceError):  # noqa: N818 - nothing went wrong
    """So many images are waiting already that this question would wait too long."""


@dataclass(frozen=True)
class Asked:
    """What is wanted for ``images``: the ``top`` labels and the plausible ones at ``coverage``, or why."""

    images: tuple[Path, ...]
    top: int = 5
    coverage: float = 0.9
    why: bool = False

    @property
    def kind(self) -> tuple[int, float, bool]:
        """Return what must be the same for images to be asked for together."""
        return self.top, self.coverage, self.why


@dataclass(frozen=True)
class Limits:
    """``most_loaded`` classifiers at a time; ``most_together`` images a batch, ``most_waiting`` for each of them."""

    window_s: float = WINDOW_S
    most_together: int = MOST_TOGETHER
    most_waiting: int = MOST_WAITING
    most_loaded: int = MOST_LOADED


USUAL = Limits()


@dataclass(frozen=True)
class _Waiting:
    asked: Asked
    answer: Future[Answered] = field(default_factory=Future)


class Serving:
    """The classifiers in use, the least recently used one of which makes room for another.

    ``on_batch`` is told of each batch: its images and its seconds. Safe to call from threads.
    """

    def __init__(
        self, limits: Limits = USUAL, on_batch: Callable[[int, float], None] = lambda _n, _s: None
    ) -> None:
        self._limits = limits
        self._on_batch = on_batch
        self._lock = threading.Lock()
        self._loaded: OrderedDict[Path, _Classifier] = OrderedDict()

    def ask(self, bundle: Path, asked: Asked) -> Future[Answered]:
        """Return what will hold the answers, in the order of the images; raises Busy where too many wait.

        The answer raises RunError where the bundle cannot be loaded, ResourceError where its process dies.
        """
        with self._lock:
            classifier = self._loaded.pop(bundle, None)
            if classifier is None:
                classifier = _Classifier(bundle, self._limits, self._on_batch, self._make_room())
            self._loaded[bundle] = classifier
            return classifier.ask(asked)

    def refuse_when_full(self, bundle: Path) -> None:
        """Raise Busy where a question would be refused anyway, before its images have been sent."""
        with self._lock:
            classifier = self._loaded.get(bundle)
        if classifier is not None and classifier.n_waiting >= self._limits.most_waiting:
            raise _busy(classifier.n_waiting)

    def forget(self, bundle: Path) -> None:
        """End the process of a classifier that is about to be deleted."""
        with self._lock:
            classifier = self._loaded.pop(bundle, None)
        if classifier is not None:
            classifier.close()
            classifier.thread.join()

    @property
    def waiting(self) -> int:
        """Return how many images wait."""
        with self._lock:
            return sum(classifier.n_waiting for classifier in self._loaded.values())

    @property
    def loaded(self) -> int:
        """Return how many classifiers are loaded."""
        with self._lock:
            return len(self._loaded)

    def close(self) -> None:
        """Answer what waits and end all processes."""
        with self._lock:
            leaving = list(self._loaded.values())
            self._loaded.clear()
        for classifier in leaving:
            classifier.close()
        for classifier in leaving:
            classifier.thread.join()

    def _make_room(self) -> list[threading.Thread]:
        """Let the least recently used classifiers go; return what must end before another one is loaded."""
        leaving = []
        while len(self._loaded) >= self._limits.most_loaded:
            _, classifier = self._loaded.popitem(last=False)
            classifier.close()
            leaving.append(classifier.thread)
        return leaving


class _Classifier:
    def __init__(
        self,
        bundle: Path,
        limits: Limits,
        on_batch: Callable[[int, float], None],
        after: Sequence[threading.Thread],
    ) -> None:
        self._bundle, self._limits, self._on_batch, self._after = bundle, limits, on_batch, after
        self._questions: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._counting = threading.Lock()
        self.n_waiting = 0
        self.thread = threading.Thread(target=self._work, name="classifier", daemon=True)
        self.thread.start()

    def ask(self, asked: Asked) -> Future[Answered]:
        with self._counting:
            if self.n_waiting and self.n_waiting + len(asked.images) > self._limits.most_waiting:
                raise _busy(self.n_waiting)
            self.n_waiting += len(asked.images)
        waiting = _Waiting(asked)
        self._questions.put(waiting)
        return waiting.answer

    def close(self) -> None:
        """End after what was asked so far."""
        self._questions.put(None)

    def _work(self) -> None:
        for thread in self._after:
            thread.join()
        predictor = Predictor()
        try:
            while (together := self._collected()) is not None:
                for kind, group in groupby(sorted(together, key=_kind), key=_kind):
                    self._answer(predictor, list(group), why=kind[2])
        finally:
            predictor.close()

    def _collected(self) -> list[_Waiting] | None:
        """Return the questions of one window, None at the end."""
        first = self._questions.get()
        if first is None:
            return None
        found = [first]
        deadline = time.monotonic() + self._limits.window_s
        while sum(len(each.asked.images) for each in found) < self._limits.most_together:
            try:
                another = self._questions.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                break
            if another is None:
                self._questions.put(None)
                break
            found.append(another)
        return found

    def _answer(self, predictor: Predictor, waiting: list[_Waiting], *, why: bool) -> None:
        started = time.perf_counter()
        asked = [image for each in waiting for image in each.asked.images]
        try:
            found = iter(self._asked(predictor, waiting[0].asked, asked, why=why))
        except FinetuneError as error:
            self._apart(predictor, waiting, error, why=why)
        except BaseException as error:  # noqa: BLE001 - whoever waits must be told
            _end(waiting, error)
        else:
            self._on_batch(len(asked), time.perf_counter() - started)
            for each in waiting:
                _tell(each, found)
        with self._counting:
            self.n_waiting -= len(asked)

    def _apart(
        self, predictor: Predictor, waiting: list[_Waiting], error: FinetuneError, *, why: bool
    ) -> None:
        """Ask each on its own after a batch that went wrong: one person's image is not the next one's trouble."""
        if len(waiting) == 1:
            _end(waiting, error)
            return
        for each in waiting:
            try:
                found = iter(self._asked(predictor, each.asked, each.asked.images, why=why))
            except Exception as own:  # noqa: BLE001 - whoever waits must be told
                _end([each], own)
            else:
                _tell(each, found)

    def _asked(self, predictor: Predictor, asked: Asked, images: Sequence[Path], *, why: bool) -> Answered:
        if why:
            return [predictor.ask_why(self._bundle, image) for image in images]
        return predictor.ask_many(self._bundle, images, top=asked.top, coverage=asked.coverage)


def _busy(n_waiting: int) -> Busy:
    return Busy(f"{n_waiting} images are waiting for this model already; ask again in a moment")


def _kind(waiting: _Waiting) -> tuple[int, float, bool]:
    return waiting.asked.kind


def _tell(waiting: _Waiting, found: Iterator[object]) -> None:
    own = [next(found) for _ in waiting.asked.images]
    if waiting.answer.set_running_or_notify_cancel():
        waiting.answer.set_result(own)  # type: ignore[arg-type]


def _end(waiting: Sequence[_Waiting], error: BaseException) -> None:
    for each in waiting:
        if each.answer.set_running_or_notify_cancel():
            each.answer.set_exception(error)
