"""AutoGluon's `MultiModalPredictor` on a table of image paths, with the contest's network in place of its own.

On a processor it computes in float32 whatever is asked of it, so there is no ``fast`` run. It judges itself twice
an epoch, by its default, and averages its three best states at the end.
"""

from __future__ import annotations

import json
from pathlib import Path

import pandas
import timm
import torch
from autogluon.multimodal import MultiModalPredictor
from safetensors.torch import load_file
from task import Events, Task, read_task
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator


def main() -> None:
    task = read_task()
    checkpoint = as_checkpoint(task)
    events = Events(task)
    train, val = (table(task, part) for part in ("train", "val"))
    kind = "binary" if len(task.classes) == 2 else "multiclass"
    predictor = MultiModalPredictor(
        label="label", problem_type=kind, eval_metric="accuracy", path=f"{task.scratch}/run"
    )
    events.say("ready", n_train=len(train), n_val=len(val))
    predictor.fit(train_data=train, tuning_data=val, hyperparameters=chosen(task, checkpoint), seed=task.seed)
    retell(Path(task.scratch) / "run", events)
    events.say("judged", val_accuracy=float(predictor.evaluate(val)["accuracy"]))
    events.done(device="cuda" if torch.cuda.is_available() else "cpu")


def as_checkpoint(task: Task) -> Path:
    """Return a folder as AutoGluon keeps timm networks; laying it out is not timed."""
    folder = Path(task.scratch) / "checkpoint"
    folder.mkdir()
    model = timm.create_model(task.backbone)
    head = model.default_cfg["classifier"]
    body = {name: value for name, value in load_file(task.weights).items() if not name.startswith(f"{head}.")}
    torch.save(body, folder / "pytorch_model.bin")
    known = {"input_size", "mean", "std", "interpolation", "crop_pct", "pool_size", "first_conv"}
    config = {name: value for name, value in model.default_cfg.items() if name in known}
    facts = {"architecture": task.backbone, "num_features": model.num_features, "pretrained_cfg": config}
    (folder / "config.json").write_text(json.dumps(facts), encoding="utf-8")
    return folder


def table(task: Task, part: str) -> pandas.DataFrame:
    classes = task.classes
    rows = [(str(path), classes[index]) for path, index in task.images(part)]
    return pandas.DataFrame(rows, columns=["image", "label"])


def chosen(task: Task, checkpoint: Path) -> dict[str, object]:
    return {
        "model.names": ["timm_image"],
        "model.timm_image.checkpoint_name": str(checkpoint),
        "model.timm_image.image_size": task.image_size,
        "optim.max_epochs": task.epochs,
        "env.batch_size": task.batch_size,
        "env.per_gpu_batch_size": task.batch_size,
    }


def retell(folder: Path, events: Events) -> None:
    """Say what its log says it judged, and when: every second time an epoch ends."""
    log = EventAccumulator(str(folder))
    log.Reload()
    for count, point in enumerate(log.Scalars("val_accuracy"), 1):
        facts = {"event": "epoch", "epoch": count // 2} if count % 2 == 0 else {"event": "judged"}
        events.say(**facts, t=events.since_epoch(point.wall_time), val_accuracy=point.value)


if __name__ == "__main__":
    main()
