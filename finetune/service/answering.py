"""The process that classifies for the page: one bundle, a question a line, an answer a line.

``python -m finetune.service.answering BUNDLE`` reads ``{"path": …, "top": …}``,
``{"paths": […], "top": …, "coverage": …}`` for many at once, or ``{"path": …, "why": true}`` for an explanation,
from stdin until it is closed.
"""

from __future__ import annotations

import base64
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from finetune.python import confine, most_memory

if TYPE_CHECKING:
    from finetune.bundle.bundle import Bundle


SIDE_PX = 220
"""Of each of the two pictures of an explanation: they stand beside each other in a document."""
LONGER_PX = 480
"""The longer side where they lie one on the other in a column of the page."""


def main(folder: Path, questions: TextIO, answers: TextIO) -> None:
    """Answer until ``questions`` end; the first line out tells whether the bundle could be loaded."""
    from finetune.bundle.bundle import load_bundle
    from finetune.failure import explain

    try:
        bundle = load_bundle(folder)
    except Exception as error:  # noqa: BLE001 - the asking process shows the sentence
        _say(answers, {"error": explain(error)[0]})
        return
    _say(answers, {"error": ""})
    for line in questions:
        question = json.loads(line)
        try:
            answer = _asked(bundle, question)
        except Exception as error:  # noqa: BLE001 - one question's trouble is not the next one's
            path = Path(question.get("path", ""))
            sentence = explain(error)[0].replace(f"{path} ", f"{path.name} ", 1)
            answer = {**_empty(question), "error": sentence}
        _say(answers, answer)


def _asked(bundle: Bundle, question: Mapping[str, Any]) -> dict[str, Any]:
    if "paths" in question:
        return _answers(bundle, question)
    path = Path(question["path"])
    return _why(bundle, path) if question.get("why") else _answer(bundle, path, question["top"])


def _empty(question: Mapping[str, Any]) -> dict[str, Any]:
    if "paths" in question:
        return {"answers": []}
    return {"sentence": "", "picture": ""} if question.get("why") else {"top": []}


def _answers(bundle: Bundle, question: Mapping[str, Any]) -> dict[str, Any]:
    """Answer to many images in one batch; their errors say nothing of where they lie."""
    from finetune.bundle.predict import predict

    paths = [Path(path) for path in question["paths"]]
    found = predict(bundle, paths, top=question["top"], coverage=question["coverage"])
    rows = [
        {"top": each.top, "error": each.error, "known": each.known, "plausible": each.plausible}
        for each in found
    ]
    return {"answers": rows, "error": ""}


def _answer(bundle: Bundle, path: Path, top: int) -> dict[str, Any]:
    from finetune.bundle.predict import predict

    (answer,) = predict(bundle, [path], top=top)
    sentence = f"{path.name} {answer.error}" if answer.error else ""
    return {"top": answer.top, "error": sentence, "known": answer.known, "plausible": answer.plausible}


def _why(bundle: Bundle, path: Path) -> dict[str, Any]:
    from finetune.explain.explanation import explain_image
    from finetune.explain.picture import apart, side_by_side

    found = explain_image(bundle, path)
    what = "nothing in the image speaks for" if found.is_empty else "yellow is what speaks for"
    image, heat = apart(found, side_px=LONGER_PX)
    return {
        "sentence": f"Right, {what} {found.explained} ({found.method}); the dark margin was not looked at.",
        "picture": base64.b64encode(side_by_side(found, side_px=SIDE_PX)).decode(),
        "error": "",
        "image": base64.b64encode(image).decode(),
        "heat": base64.b64encode(heat).decode(),
        "explained": found.explained,
        "method": found.method,
        "is_empty": found.is_empty,
    }


def _say(answers: TextIO, value: object) -> None:
    answers.write(json.dumps(value) + "\n")
    answers.flush()


if __name__ == "__main__":
    # Whatever a library prints must not be taken for an answer.
    out, sys.stdout = sys.stdout, sys.stderr
    confine(most_memory())
    main(Path(sys.argv[1]), sys.stdin, out)
