"""Ask a bundle in a process of its own, kept warm between questions."""

from __future__ import annotations

import base64
import json
import subprocess
import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from finetune.errors import FinetuneError, ResourceError, RunError
from finetune.python import command, environment

ANSWER_WITHIN_S = 120.0


@dataclass(frozen=True)
class Answer:
    """One image's ``top`` labels with probabilities in [0, 1], best first; or an ``error``.

    ``known`` says whether it is of a kind that the bundle was trained on, ``plausible`` which classes hold the true
    one as often as was asked for; None where the bundle cannot tell, or was not asked.
    """

    top: tuple[tuple[str, float], ...]
    error: str
    known: bool | None = None
    plausible: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Why:
    """What spoke for an image's answer: a sentence, and a PNG of the image beside its map; or an ``error``.

    The same apart: JPEGs of the ``image`` and of it under its ``heat`` map, of one size, the class that is
    ``explained``, by which ``method``, and whether the map ``is_empty`` because nothing speaks for it.
    """

    sentence: str
    picture: bytes
    error: str
    image: bytes = b""
    heat: bytes = b""
    explained: str = ""
    method: str = ""
    is_empty: bool = False


class Predictor:
    """One process for one bundle at a time; asking another bundle changes over. Safe to call from threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._bundle: str = ""
        self._process: subprocess.Popen[str] | None = None

    def ask(self, bundle: Path, image: Path, *, top: int = 5) -> Answer:
        """Classify ``image``; raises RunError when the bundle cannot be loaded, ResourceError when nobody answers."""
        with self._lock:
            process = self._serving(bundle)
            answer = self._exchange(process, {"path": str(image), "top": top})
        return _answer({"known": None, "plausible": None, **answer})

    def ask_many(self, bundle: Path, images: Sequence[Path], *, top: int, coverage: float) -> list[Answer]:
        """Classify ``images`` together; raises as `ask` does, and RunError where none could be classified."""
        question = {"paths": [str(image) for image in images], "top": top, "coverage": coverage}
        with self._lock:
            answer = self._exchange(self._serving(bundle), question)
        if answer["error"]:
            raise RunError(answer["error"])
        return [_answer(row) for row in answer["answers"]]

    def ask_why(self, bundle: Path, image: Path) -> Why:
        """Explain the answer to ``image``; raises as `ask` does."""
        with self._lock:
            process = self._serving(bundle)
            answer = self._exchange(process, {"path": str(image), "why": True})
        pictures = ("picture", "image", "heat")
        return Why(**answer | {name: base64.b64decode(answer.get(name, "")) for name in pictures})

    def warm(self, bundle: Path) -> None:
        """Load ``bundle`` in the background, so that the first answer comes quickly."""
        threading.Thread(target=self._warm, args=(bundle,), daemon=True).start()

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._end()

    def _warm(self, bundle: Path) -> None:
        with self._lock:
            try:
                self._serving(bundle)
            except FinetuneError:
                self._end()  # who asks will be told

    def _serving(self, bundle: Path) -> subprocess.Popen[str]:
        alive = self._process is not None and self._process.poll() is None
        wanted = identity(bundle)
        if self._process is None or not alive or self._bundle != wanted:
            self._end()
            self._process, self._bundle = _spawn(bundle), wanted
            loaded = self._exchange(self._process, None)
            if loaded["error"]:
                self._end()
                raise RunError(loaded["error"])
        return self._process

    def _exchange(self, process: subprocess.Popen[str], question: dict[str, Any] | None) -> dict[str, Any]:
        assert process.stdin is not None
        assert process.stdout is not None
        watchdog = threading.Timer(ANSWER_WITHIN_S, process.kill)
        watchdog.start()
        try:
            if question is not None:
                process.stdin.write(json.dumps(question) + "\n")
                process.stdin.flush()
            answer: dict[str, Any] = json.loads(process.stdout.readline())
        except (OSError, ValueError):
            self._end()
            raise ResourceError(
                "the classifier's process gave no answer; try again with a smaller image"
            ) from None
        finally:
            watchdog.cancel()
        return answer

    def _end(self) -> None:
        if self._process is None:
            return
        self._process.kill()
        self._process.communicate()
        self._process, self._bundle = None, ""


def _answer(row: dict[str, Any]) -> Answer:
    plausible = row["plausible"]
    return Answer(
        tuple((label, share) for label, share in row["top"]),
        row["error"],
        row["known"],
        None if plausible is None else tuple(plausible),
    )


def identity(bundle: Path) -> str:
    """Return what tells this classifier from any other, one of the same path before or after it included."""
    try:
        weights = (bundle / "model.safetensors").stat()
    except OSError:
        return str(bundle)
    # A copy keeps the time of its content, and a freed file number is soon used again; the change time is new.
    return f"{bundle}:{weights.st_ino}:{weights.st_mtime_ns}:{weights.st_ctime_ns}"


def _spawn(bundle: Path) -> subprocess.Popen[str]:
    return subprocess.Popen(
        command("finetune.service.answering", str(bundle.resolve())),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
        start_new_session=True,
        env=environment(),
    )
