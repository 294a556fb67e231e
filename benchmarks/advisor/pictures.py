"""What a data set is made of here: labelled pictures for training and for the test, seeded."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple

from PIL import Image

Part = Literal["train", "test"]


class Labelled(NamedTuple):
    """One picture, its class, and the side it is on; sides never share a source."""

    part: Part
    label: str
    image: Image.Image


Maker = Callable[[], Iterator[Labelled]]
"""Yields all pictures of a set, the same at every call."""
