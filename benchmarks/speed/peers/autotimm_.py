"""AutoTimm as its README does: its data module, classifier and trainer, which searches the learning rate first.

By its default it compiles the network, which on a processor takes longer than the training; a ``fast`` run leaves
that out. The transforms are those of the weights, which AutoTimm takes when it is told the backbone.
"""

from __future__ import annotations

import pytorch_lightning as pl
import torch
from autotimm import (
    AutoTrainer,
    BackboneConfig,
    ImageClassifier,
    ImageDataModule,
    MetricConfig,
    TransformConfig,
)
from task import Events, Task, read_task


class Tell(pl.Callback):
    """Says the accuracy after each epoch."""

    def __init__(self, events: Events) -> None:
        self.events = events

    def on_train_epoch_end(self, trainer, _model) -> None:
        """Note the end of an epoch; val was judged just before."""
        self.events.end_epoch(trainer.callback_metrics["val/accuracy"])


def main() -> None:
    task = read_task()
    events = Events(task)
    torch.manual_seed(task.seed)
    data = ImageDataModule(
        data_dir=task.data,
        image_size=task.image_size,
        batch_size=task.batch_size,
        transform_config=TransformConfig(image_size=task.image_size),
        backbone=task.backbone,
    )
    data.setup("fit")
    model = make_model(task)
    trainer = AutoTrainer(
        max_epochs=task.epochs,
        precision="bf16-mixed" if task.fast else 32,
        callbacks=[Tell(events)],
        default_root_dir=task.scratch,
        enable_progress_bar=False,
    )
    events.say("ready", n_train=len(data.train_dataset), n_val=len(data.val_dataset))
    trainer.fit(model, datamodule=data)
    events.done(device=str(trainer.strategy.root_device))


def make_model(task: Task) -> ImageClassifier:
    accuracy = MetricConfig(
        name="accuracy",
        backend="torchmetrics",
        metric_class="Accuracy",
        params={"task": "multiclass"},
        stages=["train", "val", "test"],
    )
    model = ImageClassifier(
        backbone=BackboneConfig(
            task.backbone, extra_kwargs={"pretrained_cfg_overlay": {"file": task.weights}}
        ),
        num_classes=len(task.classes),
        metrics=[accuracy],
        lr=1e-3,
        compile_model=not task.fast,
    )
    return model.to(memory_format=torch.channels_last) if task.fast else model


if __name__ == "__main__":
    main()
