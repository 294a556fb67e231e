"""A run's folder: a free name, refusal of one that is in use, and the files that belong in it."""

from __future__ import annotations

import contextlib
import os
import re
from dataclasses import dataclass
from pathlib import Path

from finetune.data.places import short_name
from finetune.errors import OptionError, ResourceError, RunError

CHECKPOINTS = Path("checkpoints")
LONGEST_STEM = 60


@dataclass(frozen=True)
class RunFolder:
    """The paths of one run; ``made`` are the folders that were made for it, innermost first."""

    path: Path
    made: tuple[Path, ...] = ()

    @property
    def recipe(self) -> Path:
        """Return the path of the filled recipe."""
        return self.path / "recipe.yaml"

    @property
    def metrics(self) -> Path:
        """Return the path of the numbers after each epoch (or of the regularisation path)."""
        return self.path / "metrics.csv"

    @property
    def report(self) -> Path:
        """Return the path of the report."""
        return self.path / "report.json"

    @property
    def page(self) -> Path:
        """Return the path of the report as one HTML file."""
        return self.path / "report.html"

    @property
    def predictions(self) -> Path:
        """Return the path of what was said of each test image."""
        return self.path / "predictions.csv"

    @property
    def logits(self) -> Path:
        """Return the path of the logits of the test images."""
        return self.path / "predictions.safetensors"

    @property
    def curves(self) -> Path:
        """Return the path of the learning curves."""
        return self.path / "curves.png"

    @property
    def confusion(self) -> Path:
        """Return the path of the confusion matrix."""
        return self.path / "confusion.png"

    @property
    def augmentation(self) -> Path:
        """Return the path of the sheet of augmented training images."""
        return self.path / "augmentation.png"

    @property
    def lr_finder(self) -> Path:
        """Return the path of the curve that the peak learning rate was read from."""
        return self.path / "lr_finder.png"

    @property
    def moved(self) -> Path:
        """Return the path of what moved in each layer group, the epochs included."""
        return self.path / "what_moved.json"

    @property
    def moved_table(self) -> Path:
        """Return the path of the table of what moved, a row a layer group."""
        return self.path / "what_moved.csv"

    @property
    def moved_picture(self) -> Path:
        """Return the path of the picture of what moved."""
        return self.path / "what_moved.png"

    @property
    def wise_ft(self) -> Path:
        """Return the path of the accuracy between the head alone and the fine-tuned weights."""
        return self.path / "wise_ft.png"

    @property
    def log(self) -> Path:
        """Return the path of what the run said."""
        return self.path / "log.txt"

    @property
    def record(self) -> Path:
        """Return the path of what the run was asked and how far it came."""
        return self.path / "run.json"

    @property
    def states(self) -> Path:
        """Return the path of what an unfinished run goes on from."""
        return self.path / "resume"

    @property
    def tensorboard(self) -> Path:
        """Return the path of the event files for TensorBoard."""
        return self.path / "tensorboard"

    @property
    def bundle(self) -> Path:
        """Return the path of the finished classifier."""
        return self.path / "bundle"

    def discard(self) -> None:
        """Remove what was made for the run, as far as it is empty but for its record."""
        with contextlib.suppress(OSError):
            self.record.unlink(missing_ok=True)
            for folder in self.made:
                folder.rmdir()


def refuse_inside_data(folder: Path, data: str | Path) -> None:
    """Raise OptionError when ``folder`` lies in the data set: the next run would take its pictures for images."""
    images = Path(data).expanduser()
    if str(data) and images.is_dir() and folder.resolve().is_relative_to(images.resolve()):
        raise OptionError(
            f"the run folder {folder} would lie inside the data set {data} and be taken for images next time; "
            "choose one outside it with --out"
        )


def claim_folder(path: Path) -> RunFolder:
    """Make ``path`` the folder of a new run; raises RunError (exit code 6) when something is in it."""
    try:
        made = _missing(path)
        path.mkdir(parents=True, exist_ok=True)
        in_use = any(path.iterdir())
    except FileExistsError:
        raise RunError(f"--out {path} is a file; give a folder that is empty or does not exist") from None
    except NotADirectoryError:
        raise RunError(
            f"--out {path} lies below a file; give a folder that is empty or does not exist"
        ) from None
    except OSError as error:
        raise ResourceError(
            f"cannot make the run folder {path}: {error.strerror}; choose another --out"
        ) from None
    if in_use:
        raise RunError(
            f"--out {path} is not empty; choose another folder, or leave --out away for a free one"
        )
    return RunFolder(path, made)


def _missing(path: Path) -> tuple[Path, ...]:
    return tuple(folder for folder in (path, *path.parents) if not folder.exists())


def claim_next_folder(data: str, strategy: str, root: Path = CHECKPOINTS) -> RunFolder:
    """Make ``root/<data>-<strategy>-<n>`` with the least free n >= 1; two runs at once get two folders."""
    stem = _stem(data)
    number = 1
    while True:
        path = root / f"{stem}-{strategy}-{number}"
        try:
            made = _missing(path)
            path.mkdir(parents=True)
        except FileExistsError:
            if not os.path.lexists(path):  # it was a link to nowhere above it
                raise ResourceError(
                    f"cannot make the run folder {path}: {root} is not a folder; give --out"
                ) from None
            number += 1
        except OSError as error:
            raise ResourceError(f"cannot make the run folder {path}: {error.strerror}; give --out") from None
        else:
            return RunFolder(path, made)


def _stem(data: str) -> str:
    """Return the data set's name without its ending, made fit for a folder's name."""
    return re.sub(r"[^\w.-]+", "-", short_name(data))[:LONGEST_STEM].strip("-.") or "run"
