"""Run an exported file with ONNX Runtime, on the processor and without a word."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from PIL import Image

from finetune.errors import RunError
from finetune.export.assemble import PROBABILITIES
from finetune.export.network import LOGITS
from finetune.export.preparation import IMAGES

ERRORS_ONLY = 3


def open_session(model: Path | bytes) -> onnxruntime.InferenceSession:
    """Return a session of an ONNX file or its bytes; raises RunError for one that ONNX Runtime does not take."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = ERRORS_ONLY
    try:
        content = model if isinstance(model, bytes) else str(model)
        return onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
    except Exception as error:  # its own errors have no common root
        what = "the network" if isinstance(model, bytes) else model
        raise RunError(
            f"ONNX Runtime cannot open {what} ({str(error).splitlines()[0]}); export again"
        ) from error


def run_image(
    session: onnxruntime.InferenceSession, image: Image.Image
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Return the K probabilities and the K logits of one RGB ``image``."""
    probabilities, logits = session.run([PROBABILITIES, LOGITS], {IMAGES: np.asarray(image)[None]})
    return probabilities[0], logits[0]
