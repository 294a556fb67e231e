"""Hugging Face `Trainer` as its image classification guide does: TimmWrapper, random crops, all layers learn.

Batch size, epochs and image size are the contest's; every other `TrainingArguments` field is its default.
"""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import timm
import torch
from PIL import Image
from safetensors.torch import load_file
from task import Events, Task, read_task
from timm.data import resolve_data_config
from timm.models import save_for_hf
from torch.utils.data import Dataset
from torchvision.transforms import CenterCrop, Compose, Normalize, RandomResizedCrop, Resize, ToTensor
from transformers import (
    AutoModelForImageClassification,
    DefaultDataCollator,
    Trainer,
    TrainerCallback,
    TrainingArguments,
)


class Images(Dataset):
    """The images of one part, as a model of transformers wants them."""

    def __init__(self, task: Task, part: str, transform: Compose) -> None:
        self.images, self.transform = task.images(part), transform

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int):
        path, target = self.images[index]
        return {"pixel_values": self.transform(Image.open(path).convert("RGB")), "label": target}


class Tell(TrainerCallback):
    """Says the accuracy after each evaluation."""

    def __init__(self, events: Events) -> None:
        self.events = events

    def on_evaluate(self, *_, metrics, **__) -> None:
        """Note the end of an epoch."""
        self.events.end_epoch(metrics["eval_accuracy"])


def main() -> None:
    task = read_task()
    folder = as_hub_folder(task)
    events = Events(task)
    classes = task.classes
    model = AutoModelForImageClassification.from_pretrained(
        folder,
        num_labels=len(classes),
        id2label=dict(enumerate(classes)),
        label2id={name: index for index, name in enumerate(classes)},
        ignore_mismatched_sizes=True,
    )
    if task.fast:
        model = model.to(memory_format=torch.channels_last)
    train, val = (Images(task, part, transform(task, part)) for part in ("train", "val"))
    trainer = Trainer(
        model=model,
        args=arguments(task),
        data_collator=DefaultDataCollator(),
        train_dataset=train,
        eval_dataset=val,
        compute_metrics=accuracy,
        callbacks=[Tell(events)],
    )
    events.say("ready", n_train=len(train), n_val=len(val))
    trainer.train()
    events.done(device=trainer.args.device.type)


def as_hub_folder(task: Task) -> Path:
    """Return a folder like timm's on the hub; laying it out is not timed."""
    folder = Path(task.scratch) / "hub"
    model = timm.create_model(task.backbone)
    model.load_state_dict(load_file(task.weights))
    save_for_hf(model, folder, safe_serialization=True)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config.pop("model_args", None)  # the hub's have none, and the wrapper passes its own
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    return folder


def arguments(task: Task) -> TrainingArguments:
    return TrainingArguments(
        output_dir=str(Path(task.scratch) / "out"),
        remove_unused_columns=False,
        eval_strategy="epoch",
        save_strategy="no",
        report_to="none",
        num_train_epochs=task.epochs,
        per_device_train_batch_size=task.batch_size,
        per_device_eval_batch_size=task.batch_size,
        seed=task.seed,
        bf16=task.fast,
        use_cpu=not torch.cuda.is_available(),  # without it bf16 is refused
        disable_tqdm=True,
    )


def transform(task: Task, part: str) -> Compose:
    config = resolve_data_config({}, model=timm.create_model(task.backbone))
    size = task.image_size
    shape = [RandomResizedCrop(size)] if part == "train" else [Resize(size), CenterCrop(size)]
    return Compose([*shape, ToTensor(), Normalize(config["mean"], config["std"])])


def accuracy(predicted) -> dict[str, float]:
    logits, labels = predicted
    return {"accuracy": float((np.argmax(logits, axis=1) == labels).mean())}


if __name__ == "__main__":
    main()
