"""What to do when a batch does not fit into memory: halve it, and sum twice as many into a step."""

from __future__ import annotations

import contextlib
import ctypes
import gc
import sys

import torch

from finetune.errors import ResourceError
from finetune.recipe import Recipe

SMALLEST_BATCH = 2
_SAYINGS = (
    "not enough memory",
    "can't allocate memory",
    "cannot allocate memory",
    "out of memory",
    "bad_alloc",
    # What oneDNN says on a processor, where convolutions get their scratch memory from it.
    "could not create a primitive",
    "could not execute a primitive",
)


# Made before any step, so that torch's queue of backward work, newest first, comes to it last.
_OLDEST = torch.zeros(1, requires_grad=True).clone()


def is_out_of_memory(error: BaseException) -> bool:
    """Return whether ``error`` tells that memory ran out, on a GPU or on the processor."""
    if isinstance(error, (torch.OutOfMemoryError, MemoryError)):
        return True
    return isinstance(error, RuntimeError) and any(saying in str(error).lower() for saying in _SAYINGS)


def halved(recipe: Recipe) -> Recipe:
    """Return ``recipe`` with half the batch size and twice the accumulation: the same step in less memory.

    An odd size loses an image of each step. Raises ResourceError where nothing is left to halve.
    """
    assert recipe.batch_size is not None
    smaller = recipe.batch_size // 2
    if smaller < SMALLEST_BATCH:
        raise ResourceError(
            f"not enough memory to train {recipe.backbone} on {recipe.batch_size} images of {recipe.image_size} px "
            "at once, and no smaller batch is left to try; use a smaller --image-size, or a smaller --backbone "
            "(`finetune backbones` lists their sizes), or close other programs"
        )
    return recipe.with_changes(batch_size=smaller, accumulate=2 * (recipe.accumulate or 1))


def describe_halving(before: Recipe, after: Recipe) -> str:
    """Return the sentence that says what was changed."""
    return (
        f"not enough memory for batches of {before.batch_size} images; going on with {after.batch_size}, "
        f"{after.accumulate} of them to an optimizer step, so that a step still sees "
        f"{(after.batch_size or 0) * (after.accumulate or 1)} images"
    )


def release() -> None:
    """Give back what failed steps left behind."""
    gc.collect()
    # A backward pass that fails leaves its open work, with all activations, in the queue of its thread until
    # a later pass of the same thread has come by it.
    _OLDEST.backward(retain_graph=True)  # type: ignore[no-untyped-call]
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
    if sys.platform == "linux":
        # Python's C library keeps freed blocks; without this the smaller batch may not fit either.
        with contextlib.suppress(AttributeError, OSError):
            ctypes.CDLL(None).malloc_trim(0)
