"""The process that classifies for the page: one bundle, a question a line, an answer a line.

``python -m finetune.service.answering BUNDLE`` reads ``{"path": …, "top": …}`` from stdin until it is closed.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TextIO


def main(folder: Path, questions: TextIO, answers: TextIO) -> None:
    """Answer until ``questions`` end; the first line out tells whether the bundle could be loaded."""
    from finetune.bundle.bundle import load_bundle
    from finetune.bundle.predict import predict
    from finetune.failure import explain

    try:
        bundle = load_bundle(folder)
    except Exception as error:  # noqa: BLE001 - the asking process shows the sentence
        _say(answers, {"error": explain(error)[0]})
        return
    _say(answers, {"error": ""})
    for line in questions:
        question = json.loads(line)
        path = Path(question["path"])
        try:
            (answer,) = predict(bundle, [path], top=question["top"])
        except Exception as error:  # noqa: BLE001 - one question's trouble is not the next one's
            _say(answers, {"top": [], "error": explain(error)[0]})
        else:
            sentence = f"{path.name} {answer.error}" if answer.error else ""
            _say(answers, {"top": answer.top, "error": sentence})


def _say(answers: TextIO, value: object) -> None:
    answers.write(json.dumps(value) + "\n")
    answers.flush()


if __name__ == "__main__":
    # Whatever a library prints must not be taken for an answer.
    out, sys.stdout = sys.stdout, sys.stderr
    main(Path(sys.argv[1]), sys.stdin, out)
