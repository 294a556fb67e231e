"""The states that a run can go on from: the last two epochs' ends, and the best weights that they know of.

``resume/epoch-00007-best-00004.safetensors`` is the state after epoch 7, whose best weights are those of
epoch 4 in ``resume/best-00004.safetensors``; epoch 0 is before the first, and its weights stay to the end: what
moved is measured from them. ``resume/weights-00007.safetensors`` are weights to be averaged. Each file has its
hash beside it.
"""

from __future__ import annotations

import contextlib
import re
import shutil
from dataclasses import dataclass
from pathlib import Path

from finetune.training.durable import UNFINISHED, hash_file, is_sound

KEPT = 2
_STATE = re.compile(r"epoch-(\d{5})-best-(\d{5})\.safetensors")
_BEST = re.compile(r"best-(\d{5})\.safetensors")
_WEIGHTS = re.compile(r"weights-(\d{5})\.safetensors")


@dataclass(frozen=True)
class SavedState:
    """A state on disk: after ``epoch`` epochs, of which ``best_epoch`` was best."""

    path: Path
    epoch: int
    best_epoch: int


@dataclass(frozen=True)
class SavedStates:
    """The states in ``folder``, which need not exist yet."""

    folder: Path

    def make(self) -> None:
        """Make the folder and remove what a killed process left unfinished."""
        self.folder.mkdir(exist_ok=True)
        for unfinished in self.folder.glob(f"*{UNFINISHED}"):
            unfinished.unlink()

    def state_path(self, epoch: int, best_epoch: int) -> Path:
        """Return where the state after ``epoch`` epochs belongs."""
        return self.folder / f"epoch-{epoch:05d}-best-{best_epoch:05d}.safetensors"

    def best_path(self, epoch: int) -> Path:
        """Return where the weights after ``epoch`` epochs belong while they are the best."""
        return self.folder / f"best-{epoch:05d}.safetensors"

    @property
    def start_path(self) -> Path:
        """Return where the weights before the first epoch are."""
        return self.best_path(0)

    def weights_path(self, epoch: int) -> Path:
        """Return where the weights after ``epoch`` epochs belong that are to be averaged."""
        return self.folder / f"weights-{epoch:05d}.safetensors"

    def newest(self) -> tuple[SavedState | None, tuple[str, ...]]:
        """Return the newest state that is sound with its best weights and the start, and the damaged files' names."""
        damaged: list[str] = []
        for state in self._states():
            files = dict.fromkeys((state.path, self.best_path(state.best_epoch), self.start_path))
            broken = [file for file in files if not is_sound(file)]
            if not broken:
                return state, tuple(damaged)
            damaged += [file.name for file in broken if file.name not in damaged]
        return None, tuple(damaged)

    def newest_best(self) -> tuple[int, Path] | None:
        """Return the epoch and the file of the newest best weights that are sound."""
        for epoch in sorted(self._numbers(_BEST), reverse=True):
            if is_sound(self.best_path(epoch)):
                return epoch, self.best_path(epoch)
        return None

    def prune(self) -> None:
        """Keep the last two states, the best weights that they know of, and the start."""
        states = self._states()
        for state in states[KEPT:]:
            _remove(state.path)
        for epoch in self._numbers(_BEST) - {0, *(state.best_epoch for state in states[:KEPT])}:
            _remove(self.best_path(epoch))

    def prune_weights(self, *, before: int) -> None:
        """Remove the weights to be averaged of all epochs before this one."""
        for epoch in self._numbers(_WEIGHTS):
            if epoch < before:
                _remove(self.weights_path(epoch))

    def forget_after(self, epoch: int) -> None:
        """Remove what is newer than ``epoch``: training goes on from there. -1 removes all."""
        for state in self._states():
            if state.epoch > epoch:
                _remove(state.path)
        for best in self._numbers(_BEST):
            if best > epoch:
                _remove(self.best_path(best))
        for number in self._numbers(_WEIGHTS):
            if number > epoch:
                _remove(self.weights_path(number))

    def remove(self) -> None:
        """Remove the folder: the run is finished."""
        shutil.rmtree(self.folder, ignore_errors=True)

    def _states(self) -> list[SavedState]:
        """Return the states by their names, newest first."""
        found = [(path, _STATE.fullmatch(path.name)) for path in self._files()]
        states = [SavedState(path, int(name[1]), int(name[2])) for path, name in found if name]
        return sorted(states, key=lambda state: -state.epoch)

    def _numbers(self, pattern: re.Pattern[str]) -> set[int]:
        names = (pattern.fullmatch(path.name) for path in self._files())
        return {int(name[1]) for name in names if name}

    def _files(self) -> list[Path]:
        return list(self.folder.iterdir()) if self.folder.is_dir() else []


def _remove(path: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        hash_file(path).unlink()
        path.unlink()
