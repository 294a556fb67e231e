"""A plain timm and torch loop, written as their documentation does: one process of two loader workers, AdamW."""

from __future__ import annotations

import timm
import torch
from PIL import Image
from task import Events, Task, read_task
from timm.data import create_transform, resolve_data_config
from torch import nn
from torch.utils.data import DataLoader, Dataset


class Images(Dataset):
    """The images of one part, decoded when asked for."""

    def __init__(self, task: Task, part: str, transform) -> None:
        self.images, self.transform = task.images(part), transform

    def __len__(self) -> int:
        return len(self.images)

    def __getitem__(self, index: int):
        path, target = self.images[index]
        return self.transform(Image.open(path).convert("RGB")), target


def main() -> None:
    task = read_task()
    events = Events(task)
    torch.manual_seed(task.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = timm.create_model(
        task.backbone,
        pretrained=True,
        pretrained_cfg_overlay={"file": task.weights},
        num_classes=len(task.classes),
    ).to(device)
    for name, parameter in model.named_parameters():
        parameter.requires_grad = name not in task.frozen
    if task.fast:
        model = model.to(memory_format=torch.channels_last)
    train, val = (loader(task, model, part) for part in ("train", "val"))
    optimizer = torch.optim.AdamW([p for p in model.parameters() if p.requires_grad], lr=1e-3)
    loss_of = nn.CrossEntropyLoss()
    events.say("ready", n_train=len(train.dataset), n_val=len(val.dataset))
    for _ in range(task.epochs):
        model.train()
        for images, targets in train:
            images, targets = to(images, device, task.fast), targets.to(device)
            optimizer.zero_grad()
            with torch.autocast(device.type, torch.bfloat16, enabled=task.fast):
                loss = loss_of(model(images), targets)
            loss.backward()
            optimizer.step()
        events.end_epoch(accuracy(model, val, device, task.fast))
    events.done(device=device.type)


def loader(task: Task, model: nn.Module, part: str) -> DataLoader:
    config = resolve_data_config({"input_size": (3, task.image_size, task.image_size)}, model=model)
    transform = create_transform(**config, is_training=part == "train")
    return DataLoader(
        Images(task, part, transform), batch_size=task.batch_size, shuffle=part == "train", num_workers=2
    )


def to(images: torch.Tensor, device: torch.device, fast: bool) -> torch.Tensor:
    if fast:
        return images.to(device, memory_format=torch.channels_last)
    return images.to(device)


@torch.no_grad()
def accuracy(model: nn.Module, val: DataLoader, device: torch.device, fast: bool) -> float:
    model.eval()
    right = 0
    for images, targets in val:
        with torch.autocast(device.type, torch.bfloat16, enabled=fast):
            scores = model(to(images, device, fast))
        right += int((scores.argmax(1).cpu() == targets).sum())
    return right / len(val.dataset)


if __name__ == "__main__":
    main()
