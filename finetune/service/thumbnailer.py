"""Small pictures of a project's images, made in a process of its own: what strangers brought is not decoded here."""

from __future__ import annotations

import base64
import json
import subprocess
import threading
from pathlib import Path
from typing import Any

from finetune.errors import ImageError, ResourceError
from finetune.python import command, environment

ANSWER_WITHIN_S = 60.0


class Thumbnailer:
    """One process for all data sets, started when first asked. Safe to call from threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: subprocess.Popen[str] | None = None

    def jpeg(self, data: Path, name: str) -> bytes:
        """Return the image called ``name`` of the data set ``data`` as a small JPEG.

        Raises ImageError where there is none or it cannot be read, ResourceError where nobody answers.
        """
        return self._asked({"data": str(data), "name": name})

    def small(self, image: Path) -> bytes:
        """Return the file ``image`` as a small JPEG; raises as `jpeg`, naming the file alone."""
        try:
            return self._asked({"path": str(image)})
        except ImageError as error:
            raise ImageError(str(error).replace(str(image), image.name)) from None

    def _asked(self, question: dict[str, str]) -> bytes:
        with self._lock:
            answer = self._exchange(question)
        if "error" in answer:
            raise ImageError(answer["error"])
        return base64.b64decode(answer["jpeg"])

    def close(self) -> None:
        """End the process."""
        with self._lock:
            self._end()

    def _exchange(self, question: dict[str, Any]) -> dict[str, Any]:
        if self._process is None or self._process.poll() is not None:
            self._end()
            self._process = _spawn()
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        watchdog = threading.Timer(ANSWER_WITHIN_S, process.kill)
        watchdog.start()
        try:
            process.stdin.write(json.dumps(question) + "\n")
            process.stdin.flush()
            answer: dict[str, Any] = json.loads(process.stdout.readline())
        except (OSError, ValueError):
            self._end()
            raise ResourceError(
                "the process that makes small pictures gave no answer; load the page again"
            ) from None
        finally:
            watchdog.cancel()
        return answer

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


def _spawn() -> subprocess.Popen[str]:
    return subprocess.Popen(
        command("finetune.service.thumbnailing"),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        encoding="utf-8",
        start_new_session=True,
        env=environment(),
    )
