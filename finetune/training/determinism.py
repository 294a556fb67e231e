"""Only algorithms that repeat to the bit, while a block lasts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from finetune.errors import OptionError

_CUBLAS = "CUBLAS_WORKSPACE_CONFIG"


@contextmanager
def deterministic(wanted: bool) -> Iterator[None]:
    """Let torch choose only repeatable algorithms in the block, if ``wanted``; put its settings back after.

    On the processor training repeats anyway; a GPU needs it, and a fixed workspace of cuBLAS
    (https://docs.nvidia.com/cuda/cublas/#results-reproducibility). Raises OptionError where an operation has
    no such algorithm.
    """
    if not wanted:
        yield
        return
    strict = torch.are_deterministic_algorithms_enabled()
    warn_only = torch.is_deterministic_algorithms_warn_only_enabled()
    cudnn = torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark
    workspace = os.environ.get(_CUBLAS)
    os.environ[_CUBLAS] = workspace or ":4096:8"
    torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = True, False
    torch.use_deterministic_algorithms(True)
    try:
        yield
    except RuntimeError as error:
        _refuse(error)
        raise
    finally:
        torch.use_deterministic_algorithms(strict, warn_only=warn_only)
        torch.backends.cudnn.deterministic, torch.backends.cudnn.benchmark = cudnn
        if workspace is None:
            os.environ.pop(_CUBLAS, None)


def _refuse(error: RuntimeError) -> None:
    """Raise OptionError for what torch says where it knows no repeatable algorithm."""
    if "does not have a deterministic implementation" in str(error):
        operation = str(error).split(maxsplit=1)[0]
        raise OptionError(
            f"--deterministic cannot be: {operation} has no algorithm that repeats to the bit on this device; "
            "leave it out, or use another backbone"
        ) from None
