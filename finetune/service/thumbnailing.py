"""The process that makes small pictures of a data set's images for the page: a question a line, an answer a line.

``python -m finetune.service.thumbnailing`` reads ``{"data": …, "name": …}`` from stdin until it is closed and answers
``{"jpeg": …}`` in base64, or ``{"error": …}``; ``{"path": …}`` asks for a file that is of no set.
"""

from __future__ import annotations

import functools
import json
import sys
from pathlib import Path
from typing import TextIO

from finetune.data.health.thumbnails import data_uri
from finetune.data.sources import open_source
from finetune.failure import explain
from finetune.python import LEAST_MEMORY, confine

MOST_SETS_HELD = 4


def main(questions: TextIO, answers: TextIO) -> None:
    """Answer until ``questions`` end."""
    for line in questions:
        question = json.loads(line)
        try:
            path = (
                Path(question["path"]) if "path" in question else _of_set(question["data"], question["name"])
            )
            answer = {"jpeg": data_uri(path).partition(",")[2]}
        except Exception as error:  # noqa: BLE001 - one image's trouble is not the next one's
            answer = {"error": explain(error)[0]}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


def _of_set(data: str, name: str) -> Path:
    return _paths(data, Path(data).stat().st_mtime_ns)[name]


@functools.lru_cache(maxsize=MOST_SETS_HELD)
def _paths(data: str, _changed: int) -> dict[str, Path]:
    return {image.name: image.path for image in open_source(data, least_classes=1, offline=True).images}


if __name__ == "__main__":
    # Whatever a library prints must not be taken for an answer.
    out, sys.stdout = sys.stdout, sys.stderr
    confine(LEAST_MEMORY)
    main(sys.stdin, out)
