"""Choices that cannot go together: one row a rule, walked by `check`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from finetune.data.augmentation.family import FAMILY
from finetune.data.augmentation.policies import POLICIES
from finetune.recipe.augmentations import switches, varies
from finetune.recipe.names import AUTO, BASELINES, WITH_MOMENTUM, WITHOUT_BLOCKS
from finetune.recipe.sentences import shown
from finetune.recipe.usage import is_given, is_solved, unused_by, why_unused

if TYPE_CHECKING:
    from finetune.recipe.recipe import Recipe


@dataclass(frozen=True)
class Rule:
    """A pair of choices that cannot be: ``broken`` tells, ``says`` is the sentence."""

    broken: Callable[[Recipe], bool]
    says: Callable[[Recipe], str]


def _needs(name: str, holds: Callable[[Recipe], bool], needed: str) -> Rule:
    """Return the rule that ``name`` only makes sense where ``holds``; ``needed`` says what to add."""
    return Rule(
        lambda recipe: is_given(recipe, name) and not holds(recipe),
        lambda _recipe: f"{shown(name)} has no effect without {needed}; add that, or leave it out",
    )


def _is_baseline(recipe: Recipe) -> bool:
    return recipe.backbone in BASELINES


def _has_hidden_layers(recipe: Recipe) -> bool:
    return recipe.head == "dense" or _is_baseline(recipe)


def _first_drop(recipe: Recipe) -> int | None:
    """Return the epoch after which the step schedule drops first, None where that is not said."""
    return recipe.milestones[0] if recipe.milestones else recipe.step_epochs


def _most_hidden(recipe: Recipe) -> int:
    return 1 if recipe.backbone in ("fc2", "cnn-small") and recipe.head != "dense" else 2


def _moves_what_is_frozen(recipe: Recipe) -> str | None:
    """Return the option that needs whole images in every epoch, if one is given."""
    names = ("mixup", "cutmix", "unfreeze_at", "grow_from")
    return next((shown(name) for name in names if is_given(recipe, name)), None)


RULES = (
    _needs("time_weight", lambda r: r.strategy == AUTO, "--strategy auto"),
    _needs("step_epochs", lambda r: r.schedule == "step", "--schedule step"),
    _needs("milestones", lambda r: r.schedule == "step", "--schedule step"),
    _needs("gamma", lambda r: r.schedule == "step", "--schedule step"),
    _needs("hidden", _has_hidden_layers, "--head dense"),
    _needs("activation", lambda r: r.head == "dense" or _is_baseline(r), "--head dense"),
    _needs("negative_slope", lambda r: r.activation == "leaky-relu", "--activation leaky-relu"),
    _needs("momentum", lambda r: r.optimizer in WITH_MOMENTUM, "--optimizer sgd"),
    _needs("nesterov", lambda r: r.optimizer == "sgd", "--optimizer sgd"),
    _needs("patience", lambda r: r.early_stopping != "none", "--early-stopping METRIC"),
    Rule(
        lambda r: r.step_epochs is not None and r.milestones is not None,
        lambda _r: "--step-epochs and --milestones both say when the rate drops; leave one out",
    ),
    Rule(
        lambda r: r.milestones is not None and list(r.milestones) != sorted(set(r.milestones)),
        lambda r: f"--milestones {_listed(r.milestones)} must rise; write them such as 30,60,90",
    ),
    Rule(
        lambda r: r.epochs is not None and r.milestones is not None and r.milestones[-1] >= r.epochs,
        lambda r: (
            f"--milestones {_listed(r.milestones)} reach beyond training, --epochs {r.epochs}; "
            "leave out those that are never passed"
        ),
    ),
    Rule(
        lambda r: r.epochs is not None and r.step_epochs is not None and r.step_epochs > r.epochs,
        lambda r: (
            f"--step-epochs {r.step_epochs} is longer than training, --epochs {r.epochs}, so the rate never "
            "drops; make it shorter, or use --schedule constant"
        ),
    ),
    Rule(
        lambda r: r.warmup_epochs is not None and r.warmup_epochs > (_first_drop(r) or r.warmup_epochs),
        lambda r: (
            f"--warmup-epochs {r.warmup_epochs:g} lasts beyond the first drop of the rate, after epoch "
            f"{_first_drop(r)}; make it shorter"
        ),
    ),
    Rule(
        lambda r: r.nesterov and r.momentum == 0,
        lambda _r: "--nesterov has no effect with --momentum 0; leave one out",
    ),
    Rule(
        lambda r: r.epochs is not None and r.warmup_epochs is not None and r.warmup_epochs > r.epochs,
        lambda r: (
            f"--warmup-epochs {r.warmup_epochs:g} is longer than training, --epochs {r.epochs}; make it shorter"
        ),
    ),
    Rule(
        lambda r: r.epochs is not None and r.unfreeze_at is not None and r.unfreeze_at >= r.epochs,
        lambda r: (
            f"--unfreeze-at {r.unfreeze_at} lies after training, --epochs {r.epochs}; choose an earlier epoch, "
            "or --strategy freeze-all"
        ),
    ),
    Rule(
        lambda r: r.epochs is not None and r.average_last is not None and r.average_last > r.epochs,
        lambda r: (
            f"--average-last {r.average_last} needs as many epochs, but --epochs is {r.epochs}; lower it"
        ),
    ),
    Rule(
        lambda r: r.ema is not None and r.average_last is not None,
        lambda _r: "--ema and --average-last both average the weights; leave one out",
    ),
    Rule(
        lambda r: r.wise_ft and r.select not in (None, "accuracy"),
        lambda r: f"--wise-ft chooses on val by accuracy, but --select is {r.select}; leave one out",
    ),
    Rule(
        lambda r: r.average_last is not None and r.select not in (None, "accuracy", "last"),
        lambda r: (
            f"--average-last is compared with the best epoch by accuracy, but --select is {r.select}; use accuracy "
            "or last"
        ),
    ),
    Rule(
        lambda r: r.wise_ft and r.head_first is False,
        lambda _r: "--wise-ft goes back to the head that is solved first; leave --no-head-first out",
    ),
    Rule(
        lambda r: r.wise_ft and r.batch_norm == "train",
        lambda _r: (
            "--wise-ft goes between weights that share their batch-norm statistics, but --batch-norm train moves "
            "them; leave one out"
        ),
    ),
    Rule(
        lambda r: r.find_lr and r.lr is not None,
        lambda _r: "--find-lr searches what --lr sets; leave one out",
    ),
    Rule(
        lambda r: r.class_balance == "sampler" and r.strategy != AUTO and is_solved(r, r.strategy),
        lambda r: (
            f"--class-balance sampler has no effect with strategy '{r.strategy}', which solves its head without "
            "drawing batches; use --class-balance weights"
        ),
    ),
    Rule(
        lambda r: r.hidden is not None and not 1 <= len(r.hidden) <= _most_hidden(r),
        lambda r: (
            f"--hidden {_listed(r.hidden)} gives {len(r.hidden or ())} hidden layers, but there can be "
            f"{'1; write --hidden 256' if _most_hidden(r) == 1 else '1 or 2; write --hidden 256,64'}"
        ),
    ),
    Rule(
        lambda r: r.head == "multi-stage" and r.strategy not in (AUTO, "freeze-all"),
        lambda r: (
            f"--head multi-stage reads the frozen layers, but strategy '{r.strategy}' trains some; "
            "use --strategy freeze-all or another head"
        ),
    ),
    Rule(
        lambda r: _is_baseline(r) and r.head not in (None, "linear"),
        lambda r: (
            f"--head {r.head} has no place on {r.backbone}, which ends in its own linear layer; leave it out"
        ),
    ),
    Rule(
        lambda r: _is_baseline(r) and r.strategy not in (AUTO, "from-scratch"),
        lambda r: (
            f"{r.backbone} has no pretrained weights, but strategy '{r.strategy}' starts from them; "
            "use --strategy from-scratch"
        ),
    ),
    Rule(
        lambda r: _is_baseline(r) and r.weights not in (AUTO, "none"),
        lambda r: (
            f"--weights {r.weights} has no effect with {r.backbone}, which has no pretrained weights; leave it out"
        ),
    ),
    Rule(
        lambda r: r.stochastic_depth is not None and r.backbone.partition(".")[0] in WITHOUT_BLOCKS,
        lambda r: (
            f"--stochastic-depth skips residual blocks, but {r.backbone} has none; leave it out, or choose a "
            "backbone that has them, such as resnet18"
        ),
    ),
    Rule(
        lambda r: r.grow_from is not None and _is_baseline(r),
        lambda r: (
            f"--grow-from needs a network for inputs of any size, but {r.backbone} is built for one; leave it out"
        ),
    ),
    Rule(
        lambda r: r.cache == "on" and (r.mixup is not None or r.cutmix is not None),
        lambda r: (
            f"--{'mixup' if r.mixup is not None else 'cutmix'} blends images before the frozen layers, so nothing "
            "can be cached; use --cache off"
        ),
    ),
    Rule(
        lambda r: r.cache == "on" and r.strategy in ("full-finetune", "from-scratch"),
        lambda r: (
            f"--cache on has no effect with strategy '{r.strategy}', which freezes nothing; leave it out"
        ),
    ),
    Rule(
        lambda r: r.cache == "on" and r.unfreeze_at is not None,
        lambda _r: "--unfreeze-at moves the freeze line, so nothing can be cached; use --cache off",
    ),
    Rule(
        lambda r: r.cache == "on" and r.grow_from is not None,
        lambda _r: (
            "--grow-from changes what the frozen layers see, so nothing can be cached; use --cache off"
        ),
    ),
    Rule(
        lambda r: r.grow_from is not None and r.image_size is not None and r.grow_from >= r.image_size,
        lambda r: (
            f"--grow-from {r.grow_from} is no smaller than the full input, --image-size {r.image_size}; "
            "make it smaller, or leave it out"
        ),
    ),
    Rule(
        lambda r: r.views is not None and _moves_what_is_frozen(r) is not None,
        lambda r: (
            f"--views keeps what frozen layers give, but with {_moves_what_is_frozen(r)} nothing can be kept; "
            "leave one out"
        ),
    ),
    Rule(
        lambda r: r.views is not None and r.augment == "none",
        lambda r: f"--views {r.views} has no effect with --augment none; leave it out",
    ),
    Rule(
        lambda r: r.augment == "none" and bool(switches(r)),
        lambda r: (
            f"{_first_switch(r)} has no effect with --augment none, which leaves images as they are; leave one out, "
            f"or use another policy: {', '.join(name for name in POLICIES if name != 'none')}"
        ),
    ),
    Rule(
        lambda r: r.augment not in (None, "none") and not varies(r),
        lambda r: (
            f"--augment {r.augment} has no effect where all that it does is switched off; use --augment none instead"
        ),
    ),
    Rule(
        lambda r: r.folds is not None and varies(r),
        lambda r: f"--folds {r.folds} judges images as they are, but they are augmented; use --augment none",
    ),
    Rule(
        lambda r: bool(r.trivial_augment and r.rand_augment),
        lambda _r: "--trivial-augment and --rand-augment draw from the same operations; leave one out",
    ),
    Rule(
        lambda r: r.views is not None and r.augment is None and r.strategy == "freeze-all" and not varies(r),
        lambda r: (
            f"--views {r.views} has no effect without --augment crop or another policy; add that, or leave it out"
        ),
    ),
    Rule(
        lambda r: r.views is not None and r.cache == "off" and r.strategy not in (AUTO, "freeze-all"),
        lambda r: f"--views {r.views} has no effect with --cache off; leave it out",
    ),
    Rule(
        lambda r: r.views is not None and r.strategy in ("full-finetune", "from-scratch"),
        lambda r: f"--views has no effect with strategy '{r.strategy}', which freezes nothing; leave it out",
    ),
)


def _first_switch(recipe: Recipe) -> str:
    """Return the first single augmentation as it was written."""
    name, strength = switches(recipe)[0]
    if FAMILY[name].kind != "switch":
        return f"{shown(name)} {strength:g}"
    return shown(name) if strength else f"--no-{shown(name)[2:]}"


def check(recipe: Recipe) -> None:
    """Raise ValueError with the sentence of the first rule that ``recipe`` breaks."""
    for rule in RULES:
        if rule.broken(recipe):
            raise ValueError(rule.says(recipe))
    if recipe.strategy == AUTO:
        return
    _refuse_weights(recipe)
    unused = unused_by(recipe, recipe.strategy)
    if unused:
        raise ValueError(f"{shown(unused[0])} has no effect with {why_unused(recipe, unused[0])}")


def _refuse_weights(recipe: Recipe) -> None:
    if recipe.weights == "none" and not recipe.starts_random:
        raise ValueError(
            f"strategy '{recipe.strategy}' starts from pretrained weights, but --weights is none; "
            "use --strategy from-scratch or other weights"
        )
    if recipe.starts_random and recipe.weights not in (AUTO, "none"):
        raise ValueError(
            f"--weights {recipe.weights} has no effect with strategy '{recipe.strategy}', which starts from random "
            "weights; leave it out, or use --strategy full-finetune"
        )
    if recipe.starts_random and recipe.batch_norm == "frozen":
        raise ValueError(
            f"--batch-norm frozen would hold random statistics with strategy '{recipe.strategy}'; leave it out"
        )


def _listed(numbers: tuple[int, ...] | None) -> str:
    return ",".join(map(str, numbers or ()))
