"""TensorBoard's view of a run: the numbers of `metrics.csv` and each layer group's learning rate, by epoch.

Written without TensorBoard and without its writer's thread: a full disk is then an error like any other.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from finetune.training.run_folder import RunFolder

Point = dict[str, Any]
"""``step``, ``wall_time`` in seconds since 1970, and ``scalars`` by tag."""


class Board:
    """Writes scalars to an event file in ``folder``; ``points`` are those written."""

    def __init__(self, folder: Path) -> None:
        self.points: list[Point] = []
        self._folder = folder
        self._writer: Any = None

    def add(self, step: int, scalars: Mapping[str, float]) -> None:
        """Write ``scalars`` at ``step``; they are in the file when this returns. Raises OSError."""
        point = {"step": step, "wall_time": time.time(), "scalars": dict(scalars)}
        self.points.append(point)
        self._write([point])

    def restart(self, points: Iterable[Point]) -> None:
        """Begin anew with ``points``: what was written after them is taken back."""
        self.close()
        shutil.rmtree(self._folder, ignore_errors=True)
        self.points = list(points)
        self._write(self.points)

    def close(self) -> None:
        """Close the file."""
        if self._writer is not None:
            self._writer.close()
            self._writer = None

    def _write(self, points: Iterable[Point]) -> None:
        if self._writer is None:
            from tensorboardX.event_file_writer import EventsWriter

            self._folder.mkdir(exist_ok=True)
            self._writer = EventsWriter(str(self._folder / "events"))
        for point in points:
            self._writer.write_event(_event(point))
        self._writer.flush()


def _event(point: Point) -> Any:
    from tensorboardX.proto.event_pb2 import Event
    from tensorboardX.summary import Summary

    values = [
        Summary.Value(tag=tag.replace(" ", "_"), simple_value=value)
        for tag, value in point["scalars"].items()
    ]
    return Event(step=point["step"], wall_time=point["wall_time"], summary=Summary(value=values))


def write_regularisation_board(folder: RunFolder, points: Iterable[tuple[float, float]]) -> None:
    """Write a solved head's path, (C, cross-validated log loss), the n-th strength tried as step n."""
    board = Board(folder.tensorboard)
    board.restart([])
    for step, (strength, loss) in enumerate(points):
        board.add(step, {"inverse_strength": strength, "cv_log_loss": loss})
    board.close()
