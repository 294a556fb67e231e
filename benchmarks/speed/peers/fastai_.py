"""fastai as its quick start does: images resized on loading, `vision_learner`, `fine_tune`; all else by default.

fastai's own mixed precision is for CUDA alone; for ``fast`` a callback like it casts on the processor too.
"""

from __future__ import annotations

import torch
from fastai.vision.all import Callback, ImageDataLoaders, Resize, accuracy, vision_learner
from task import Events, Task, read_task


class Tell(Callback):
    """Says the accuracy after each epoch."""

    order = 90  # after the Recorder

    def __init__(self, events: Events) -> None:
        self.events = events

    def after_epoch(self) -> None:
        """Note the end of an epoch: the Recorder's last values are the metric and the time."""
        self.events.end_epoch(self.recorder.log[-2])


class Fast(Callback):
    """Channels-last and bfloat16, as fastai's ChannelsLast and MixedPrecision do it on CUDA."""

    order = 10

    def before_fit(self) -> None:
        """Lay the weights out for channels-last."""
        self.learn.model.to(memory_format=torch.channels_last)

    def before_batch(self) -> None:
        """Lay the images out alike, and begin to cast."""
        self.learn.xb = tuple(x.to(memory_format=torch.channels_last) for x in self.xb)
        self.autocast = torch.autocast(self.dls.device.type, torch.bfloat16)
        self.autocast.__enter__()

    def after_pred(self) -> None:
        """Judge in float32."""
        self.learn.pred = self.pred.float()

    def after_loss(self) -> None:
        """Cast no more."""
        self.autocast.__exit__(None, None, None)


def main() -> None:
    task = read_task()
    events = Events(task)
    torch.manual_seed(task.seed)
    learner = make_learner(task, events)
    events.say("ready", n_train=len(learner.dls.train_ds), n_val=len(learner.dls.valid_ds))
    with learner.no_bar():
        learner.fine_tune(task.epochs)
    events.done(device=learner.dls.device.type)


def make_learner(task: Task, events: Events):
    batches = ImageDataLoaders.from_folder(
        task.data, train="train", valid="val", item_tfms=Resize(task.image_size), bs=task.batch_size
    )
    return vision_learner(
        batches,
        task.backbone,
        metrics=accuracy,
        path=task.scratch,
        pretrained_cfg_overlay={"file": task.weights},
        cbs=[Tell(events), *([Fast()] if task.fast else [])],
    )


if __name__ == "__main__":
    main()
