"""A learner on a few drawn images, its recipe, and one run of gradient training in a folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from drawing import picture, save
from networks import network

from finetune.data.sources import LabelledImage
from finetune.data.split import Split
from finetune.data.transforms import Preprocessing
from finetune.model.layers import layer_groups
from finetune.progress import SILENT, Advance
from finetune.recipe import Recipe
from finetune.training.gradient import Trained, train
from finetune.training.journal import Journal
from finetune.training.learner import Learner
from finetune.training.run_folder import RunFolder
from finetune.training.run_record import new_record
from finetune.training.saved_states import SavedStates
from finetune.training.stop import Stop
from strategies import make_strategy

AT_32 = Preprocessing(32, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "bilinear", 0.95)
CLASS_NAMES = ("ants", "bees", "wasps")
N_TRAIN = 9
BATCH_SIZE = 4
SETTINGS: dict[str, Any] = {
    "backbone": "test_resnet",
    "image_size": 32,
    "epochs": 2,
    "batch_size": BATCH_SIZE,
    "lr": 1e-3,
    "weight_decay": 0.01,
    "label_smoothing": 0.1,
    "augment": "crop",
    "workers": 0,
}


class Heard:
    """A reporter that remembers."""

    def __init__(self) -> None:
        self.said: list[str] = []
        self.counts: dict[str, list[tuple[int, int]]] = {}
        self.listeners: dict[str, Advance] = {}

    def say(self, text: str) -> None:
        self.said.append(text)

    @contextmanager
    def track(self, title: str) -> Iterator[Advance]:
        counted = self.counts.setdefault(title, [])
        listener = self.listeners.get(title)

        def advance(done: int, total: int) -> None:
            counted.append((done, total))
            if listener is not None:
                listener(done, total)

        yield advance


def images_in(folder: Path, n_images: int, first: int) -> tuple[LabelledImage, ...]:
    found = []
    for i in range(n_images):
        label = CLASS_NAMES[i % 3]
        path = save(picture(first + i), folder / label / f"{i}.png")
        found.append(LabelledImage(path, f"{label}/{i}.png", label, None))
    return tuple(found)


def learner_in(folder: Path, strategy: str = "partial", *, n_train: int = N_TRAIN) -> Learner:
    model = network()
    grouping = layer_groups(model)
    split = Split(
        images_in(folder / "train", n_train, 0),
        images_in(folder / "val", 6, 100),
        (),
        CLASS_NAMES,
        frozenset(),
    )
    return Learner(model, grouping, make_strategy(strategy).plan(grouping.groups), split, AT_32)


def recipe_of(strategy: str = "partial", **changes: Any) -> Recipe:
    weights = "none" if strategy == "from-scratch" else "hub"
    return Recipe.make(strategy=strategy, weights=weights, **{**SETTINGS, **changes})


def journal_in(folder: Path, recipe: Recipe) -> Journal:
    folder.mkdir()
    SavedStates(RunFolder(folder).states).make()
    return Journal(RunFolder(folder), new_record("data", recipe, offline=True))


def run(
    folder: Path,
    strategy: str = "partial",
    *,
    minutes_spent: float = 0,
    heard: Heard | None = None,
    learner: Learner | None = None,
    **changes: Any,
) -> tuple[Learner, Trained, RunFolder]:
    learner = learner or learner_in(folder, strategy)
    recipe = recipe_of(strategy, **changes)
    journal = journal_in(folder / "run", recipe)
    trained = train(
        learner, recipe, journal, stop=Stop(), minutes_spent=minutes_spent, reporter=heard or SILENT
    )
    return learner, trained, journal.folder
