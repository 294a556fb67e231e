"""This project through its Python interface, caches cold: `finetune.fit` from the folder of images to the report.

Timed is all of it: checking the images, splitting, training, judging, writing the classifier and the pictures.
"""

from __future__ import annotations

import csv
import threading
from pathlib import Path

import matplotlib.pyplot
import sklearn.linear_model
import sklearn.metrics
import sklearn.model_selection  # noqa: F401 - imported before the clock starts, as for every contestant
from task import Events, Task, read_task

import finetune.training.gradient  # noqa: F401
from finetune import Recipe
from finetune.training.train import fit

matplotlib.use("agg")


class Watch(threading.Thread):
    """Says each epoch that the run writes to its ``metrics.csv``; epoch 0 is the state before training."""

    def __init__(self, metrics: Path, events: Events) -> None:
        super().__init__(daemon=True)
        self.metrics, self.events, self.over, self.told = metrics, events, threading.Event(), 0

    def run(self) -> None:
        """Look twenty times a second."""
        while not self.over.wait(0.05):
            self.look()

    def look(self) -> None:
        """Say the rows that are new; a solved head's file has other columns."""
        if not self.metrics.exists():
            return
        text = self.metrics.read_text(encoding="utf-8")
        rows = list(csv.DictReader(text[: text.rfind("\n") + 1].splitlines()))
        for row in rows[self.told :]:
            if "val_accuracy" in row:
                accuracy, epoch = float(row["val_accuracy"]), int(row["epoch"])
                self.events.say("epoch", epoch=epoch, val_accuracy=accuracy)
        self.told = len(rows)

    def finish(self) -> None:
        """Look once more and end."""
        self.over.set()
        self.join()
        self.look()


def main() -> None:
    task = read_task()
    events = Events(task)
    out = Path(task.scratch) / "run"
    watch = Watch(out / "metrics.csv", events)
    watch.start()
    run = fit(task.data, recipe(task), out=out, offline=True)
    watch.finish()
    report = run.report
    events.say("judged", val_accuracy=report.metrics.accuracy)
    # The file's name is enough: where it lay is the machine's affair.
    used = run.recipe.model_dump(mode="json") | {"weights": Path(task.weights).name}
    counts = {"n_train": report.n_images["train"], "n_val": report.n_images["val"]}
    events.done(**counts, seconds_by_phase=report.seconds_by_phase, recipe=used)


def recipe(task: Task) -> Recipe:
    """The contest's choices; all else by default. A solved head has no epochs and no batches."""
    chosen = {"strategy": task.strategy, "backbone": task.backbone, "weights": task.weights}
    chosen |= {"image_size": task.image_size, "seed": task.seed}
    if task.strategy != "freeze-all":
        chosen |= {"epochs": task.epochs, "batch_size": task.batch_size, "early_stopping": "none"}
    return Recipe.make(**chosen)


if __name__ == "__main__":
    main()
