"""Networks, batches and a few real training steps for tests; random weights stand in for pretrained ones."""

from dataclasses import dataclass

import timm
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own convention
from torch.nn.modules.batchnorm import _BatchNorm

from finetune.model.backbones import find_backbone
from finetune.model.build import build
from finetune.model.layers import Grouping, layer_groups
from finetune.model.weights import NO_WEIGHTS
from finetune.recipe import Recipe
from finetune.training.tuner import Tuner
from strategies import Plan, make_strategy

SIDE_PX = 64
N_CLASSES = 3
NARROW = 1 / 64
"""Share of the hidden dense width that a narrow VGG keeps; in a true one it holds 89 % of the parameters."""

torch.set_num_threads(1)  # batches this small gain nothing from threads that wait for each other

State = dict[str, Tensor]


def network(name: str = "test_resnet", *, n_classes: int = N_CLASSES, seed: int = 0) -> nn.Module:
    return build(find_backbone(name), n_classes=n_classes, weights=NO_WEIGHTS, seed=seed, image_size=SIDE_PX)


def narrow(name: str, *, seed: int = 0) -> nn.Module:
    """The same network, but a VGG with narrow dense layers: alike in kind, a hundredth of the time."""
    if not name.startswith("vgg"):
        return network(name, seed=seed)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model: nn.Module = timm.create_model(name, num_classes=N_CLASSES, mlp_ratio=NARROW)
    return model


def batch(number: int, n_images: int = 2, side_px: int = SIDE_PX) -> tuple[Tensor, Tensor]:
    """Noise and a label for each; another number, another batch."""
    generator = torch.Generator().manual_seed(number)
    images = torch.randn(n_images, 3, side_px, side_px, generator=generator)
    return images, (torch.arange(n_images) + number) % N_CLASSES


def snapshot(model: nn.Module) -> State:
    return {name: tensor.clone() for name, tensor in model.state_dict().items()}


def moved(before: State, after: State) -> set[str]:
    """The names of the tensors in which at least one bit changed."""
    return {name for name, tensor in before.items() if not torch.equal(tensor, after[name])}


def statistics_names(model: nn.Module) -> set[str]:
    return {
        f"{name}.{buffer}"
        for name, module in model.named_modules()
        if isinstance(module, _BatchNorm)
        for buffer, _ in module.named_buffers()
    }


def make_tuner(
    model: nn.Module,
    grouping: Grouping,
    plan: Plan,
    *,
    total_steps: int = 30,
    class_counts: tuple[int, ...] | None = None,
    **choices: object,
) -> Tuner:
    """A tuner whose epochs are single steps, so that ``total_steps`` may be any number."""
    usual: dict[str, object] = {"lr": 1e-3, "weight_decay": 0.05, "label_smoothing": 0.1}
    recipe = Recipe.make(epochs=total_steps, **{**usual, **choices})
    return Tuner(
        model, grouping, plan, recipe, n_classes=N_CLASSES, steps_per_epoch=1, class_counts=class_counts
    )


@dataclass(frozen=True)
class Stepped:
    """A network under a strategy's plan, before and after a few optimizer steps in training mode."""

    tuner: Tuner
    model: nn.Module
    grouping: Grouping
    plan: Plan
    before: State
    after: State
    optimizer: torch.optim.Optimizer

    def tensors_of(self, *, frozen: bool) -> set[str]:
        return {
            name for name, group in self.grouping.group_of.items() if self.plan.of(group).is_frozen == frozen
        }


def step(strategy: str, model: nn.Module, *, n_steps: int = 3) -> Stepped:
    grouping = layer_groups(model)
    plan = make_strategy(strategy).plan(grouping.groups)
    before = snapshot(model)
    tuner = make_tuner(model, grouping, plan)
    configured = tuner.configure_optimizers()
    optimizer, schedule = configured["optimizer"], configured["lr_scheduler"]["scheduler"]
    for number in range(n_steps):
        tuner.train()
        images, targets = batch(number)
        optimizer.zero_grad()
        F.cross_entropy(tuner(images), targets).backward()
        optimizer.step()
        schedule.step()
    return Stepped(tuner, model, grouping, plan, before, snapshot(model), optimizer)
