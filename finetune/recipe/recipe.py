"""The recipe: one field a choice, each with its range and what it is for.

A field that is None is left to the strategy and the backbone; `finetune.training.resolve` fills it before
training, and the filled recipe is written to the run, so that it repeats the run. Command-line options, the
page's fields and the docs come from the fields declared here.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import ConfigDict, Field, ValidationError, field_validator, model_validator

from finetune.data.augmentation.family import PER_IMAGE
from finetune.data.augmentation.policies import PolicyName
from finetune.data.group_rule import check_group_rule
from finetune.errors import OptionError, nearest
from finetune.recipe import names
from finetune.recipe.augmentations import Augmentations
from finetune.recipe.names import AUTO, NAMED_WEIGHTS, OPTIMIZERS
from finetune.recipe.plain_values import as_list, refuse_switched_numbers
from finetune.recipe.rules import check
from finetune.recipe.sentences import sentence
from finetune.recipe.strict_yaml import load_yaml
from finetune.recipe.usage import unused_by
from strategies import STRATEGIES, Strategy, make_strategy

Share = Annotated[float, Field(ge=0, lt=1)]
Whole = Annotated[int, Field(ge=1, le=10_000)]


class Recipe(Augmentations):
    """The choices of one fine-tuning run.

    Build it from keywords (`Recipe.make`) or a YAML file (`Recipe.read`): both raise OptionError (exit code 2)
    with one sentence for a key or value that cannot be, or for choices that cannot go together. Lengths are in
    pixels, times in minutes, shares in [0, 1); ``lr`` is the peak learning rate of the head.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    strategy: str = Field(default=AUTO, description="What to freeze and what to train; auto: as advised.")
    strategy_options: dict[str, float] = Field(
        default_factory=dict, description="The strategy's own options."
    )

    backbone: str = Field(default=AUTO, description="A backbone's name, or auto.")
    weights: str = Field(
        default=AUTO, description="auto, hub, packaged, none, or a .safetensors or .pth file."
    )
    image_size: Annotated[int, Field(ge=32, le=1024)] | None = Field(
        default=None, description="Side of the input, px."
    )
    normalization: names.Normalization | None = Field(
        default=None, description="Input mean and std: of the backbone's weights, or of the data set."
    )
    batch_norm: names.BatchNorm | None = Field(
        default=None, description="Batch-norm statistics of pretrained layers: frozen, or moving with train."
    )
    stochastic_depth: Share | None = Field(
        default=None, description="Share of residual blocks skipped at random."
    )

    head: names.Head | None = Field(default=None, description="The new classifier (default linear).")
    hidden: tuple[Annotated[int, Field(ge=1, le=65_536)], ...] | None = Field(
        default=None,
        description="Widths of a dense head's (or a baseline's) hidden layers, such as 256 or 512,128.",
    )
    activation: names.Activation | None = Field(
        default=None, description="What hidden layers end in (default relu)."
    )
    negative_slope: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        default=None, description="Slope of leaky-relu below zero (default 0.01)."
    )
    dropout: Share | None = Field(
        default=None,
        description="Share of the head's inputs dropped (dense: of each hidden layer, default 0.5).",
    )

    epochs: Whole | None = Field(default=None, description="Passes over the training images.")
    batch_size: Annotated[int, Field(ge=2, le=4096)] | None = Field(
        default=None, description="Images a step (default 32)."
    )
    accumulate: Whole | None = Field(
        default=None, description="Batches summed into one optimizer step (default 1)."
    )
    optimizer: str | None = Field(
        default=None, description="adamw, sgd, or another that timm offers by name."
    )
    lr: Annotated[float, Field(gt=0, le=10)] | None = Field(default=None, description="Peak learning rate.")
    find_lr: bool = Field(
        default=False, description="Search the peak learning rate on a copy before training."
    )
    momentum: Share | None = Field(default=None, description="Momentum of sgd and its kin (default 0.9).")
    nesterov: bool = Field(default=False, description="Nesterov's momentum, for sgd.")
    clip_norm: Annotated[float, Field(ge=0)] | None = Field(
        default=None, description="Largest gradient norm, 0 for no limit (default 1)."
    )

    schedule: names.Schedule | None = Field(
        default=None, description="How the learning rate goes over the steps (default cosine)."
    )
    warmup_epochs: Annotated[float, Field(ge=0, le=10_000)] | None = Field(
        default=None,
        description="Epochs of linear warm-up, a tenth of all by default (one-cycle: its rise, three tenths).",
    )
    step_epochs: Whole | None = Field(
        default=None, description="Epochs between two drops of the step schedule (default a third of all)."
    )
    milestones: tuple[Whole, ...] | None = Field(
        default=None, description="Epochs after which the step schedule drops, such as 30,60,90."
    )
    gamma: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        default=None, description="Factor of one drop of the step schedule (default 0.1)."
    )
    head_first: bool | None = Field(
        default=None, description="Solve the head on frozen features before the layers thaw (LP-FT)."
    )
    grow_from: Annotated[int, Field(ge=16, le=1024)] | None = Field(
        default=None,
        description="Side of the input in the first quarter of training, px; it grows to the full one.",
    )
    unfreeze_at: Whole | None = Field(
        default=None,
        description="Epoch after which layers thaw, one group an epoch from the top; the head alone before.",
    )

    weight_decay: Annotated[float, Field(ge=0, le=10)] | None = Field(
        default=None,
        description="Weight decay: decoupled in adamw and its kin, L2 of torch's kind in sgd, adam, rmsprop.",
    )
    l2: Annotated[float, Field(ge=0, le=10)] | None = Field(
        default=None,
        description="L2 penalty: the loss grows by this times the sum of squared weights (with l2-sp: the head's).",
    )
    l2_sp: Annotated[float, Field(ge=0, le=10)] | None = Field(
        default=None,
        description="L2-SP: the same for the pretrained layers, towards their pretrained weights.",
    )
    label_smoothing: Share | None = Field(
        default=None, description="Share of the target spread over all classes."
    )
    augment: PolicyName | None = Field(
        default=None, description="How training images vary (default crop); see `finetune augment`."
    )
    mixup: Annotated[float, Field(gt=0, le=10)] | None = Field(default=None, description="Mixup's alpha.")
    cutmix: Annotated[float, Field(gt=0, le=10)] | None = Field(default=None, description="CutMix's alpha.")
    class_balance: names.ClassBalance | None = Field(
        default=None, description="What evens classes out (default none); auto: by how unequal they are."
    )
    ema: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        default=None, description="Decay of an exponential moving average of the weights, such as 0.999."
    )
    average_last: Annotated[int, Field(ge=2, le=100)] | None = Field(
        default=None, description="Average the weights of this many last epochs."
    )
    wise_ft: bool = Field(
        default=False,
        description="Interpolate between head-only and fine-tuned weights, the share chosen on val.",
    )

    select: names.Select | None = Field(
        default=None,
        description="Which epoch is kept: the best on val by this, or the last (default accuracy; freeze-all: last).",
    )
    early_stopping: names.Monitored | None = Field(
        default=None,
        description="What must improve for training to go on (default: what select says), or none.",
    )
    patience: Whole | None = Field(
        default=None, description="Epochs without improvement before training stops."
    )
    precision: names.Precision | None = Field(
        default=None, description="Of the arithmetic; auto: bf16 where the processor or GPU has it."
    )
    deterministic: bool = Field(
        default=False, description="Only algorithms that repeat to the bit, on a GPU too."
    )
    cache: names.Caching | None = Field(
        default=None, description="Keep what frozen layers give on disk; auto: where it is faster."
    )
    views: Annotated[int, Field(ge=1, le=1000)] | None = Field(
        default=None, description="Augmented views of each image to keep in the cache (default 4)."
    )

    val_share: Annotated[float, Field(gt=0, lt=0.5)] = Field(
        default=0.15, description="Share of images for val."
    )
    test_share: Annotated[float, Field(gt=0, lt=0.5)] = Field(
        default=0.15, description="Share of images for test."
    )
    exclude: tuple[str, ...] = Field(default=(), description="Classes to leave out.")
    folds: Annotated[int, Field(ge=2, le=100)] | None = Field(
        default=None,
        description="Also cross-validate over this many folds of all images, where a head is solved.",
    )
    group_by: str | None = Field(
        default=None,
        description="Regular expression; images whose names agree in its first group stay on one side of the split.",
    )
    drop_suspects: str | None = Field(
        default=None, description="Leave out the images that this CSV of `finetune suspects` names."
    )
    relabel: str | None = Field(
        default=None, description="Give the images that this CSV names the class that it suggests."
    )
    seed: Annotated[int, Field(ge=0, lt=2**31)] = Field(default=0, description="Seed of every random choice.")
    max_minutes: Annotated[float, Field(gt=0, le=1_000_000)] | None = Field(
        default=None,
        description="Time budget, in minutes: epochs that do not fit are left out (freeze-all has none, and warns).",
    )
    time_weight: Annotated[float, Field(ge=0, le=100)] | None = Field(
        default=None,
        description="Points of accuracy that a doubling of the time must bring, for strategy auto (default 0.2).",
    )
    workers: Annotated[int, Field(ge=0, le=64)] | None = Field(
        default=None, description="Processes that load images."
    )

    @model_validator(mode="before")
    @classmethod
    def _numbers_are_numbers(cls, given: Any) -> Any:
        if isinstance(given, Mapping):
            refuse_switched_numbers(given, cls.model_fields)
        return given

    @field_validator("exclude", mode="before")
    @classmethod
    def _one_or_many(cls, value: Any) -> Any:
        """Take ``apple`` for a list of one; a class's name may hold a comma, so that none is split at it."""
        return as_list(value)

    @field_validator("strategy")
    @classmethod
    def _known_strategy(cls, name: str) -> str:
        if name != AUTO and name not in STRATEGIES:
            choices = ", ".join([AUTO, *STRATEGIES])
            raise ValueError(f"unknown strategy '{name}'; choose one of {choices}{nearest(name, STRATEGIES)}")
        return name

    @field_validator("optimizer")
    @classmethod
    def _known_optimizer(cls, name: str | None) -> str | None:
        if name is not None and name not in OPTIMIZERS:
            choices = ", ".join(OPTIMIZERS)
            raise ValueError(
                f"unknown optimizer '{name}'; choose one of {choices}{nearest(name, OPTIMIZERS)}"
            )
        return name

    @field_validator("group_by")
    @classmethod
    def _marks_a_group(cls, rule: str | None) -> str | None:
        if rule is not None:
            check_group_rule(rule)
        return rule

    @field_validator("cache", mode="before")
    @classmethod
    def _switched(cls, value: Any) -> Any:
        """Take YAML's ``on`` and ``off``, which it reads as true and false, for the words."""
        return {True: "on", False: "off"}[value] if isinstance(value, bool) else value

    @field_validator("hidden", "milestones", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        """Take ``30,60,90`` or a single number for a list of numbers."""
        if isinstance(value, str):
            return tuple(part.strip() for part in value.split(",") if part.strip())
        return (value,) if isinstance(value, int) else value

    @model_validator(mode="after")
    def _can_be(self) -> Recipe:
        if self.strategy_options and self.strategy == AUTO:
            raise ValueError("strategy options need a strategy by name, not auto; add --strategy NAME")
        if self.strategy != AUTO:
            self.build_strategy()
        check(self)
        return self

    def unused_by(self, strategy: str) -> list[str]:
        """Return the names of the given options that ``strategy`` would ignore."""
        return unused_by(self, strategy)

    @property
    def weights_file(self) -> Path | None:
        """The file that ``weights`` names, or None where it names a source."""
        return None if self.weights in NAMED_WEIGHTS else Path(self.weights).expanduser()

    @property
    def files(self) -> dict[str, Path]:
        """The files that fields name, by the field."""
        tables = {"drop_suspects": self.drop_suspects, "relabel": self.relabel}
        found = {name: Path(path).expanduser() for name, path in tables.items() if path is not None}
        return found if self.weights_file is None else {**found, "weights": self.weights_file}

    def with_files_below(self, base: Path) -> Recipe:
        """Return a copy whose files, where their paths are relative, lie below ``base``."""
        return self.with_changes(**{name: str(base / path) for name, path in self.files.items()})

    @property
    def starts_random(self) -> bool:
        """Whether a strategy was named that starts from random weights."""
        return self.strategy != AUTO and STRATEGIES[self.strategy].weights == "random"

    def build_strategy(self) -> Strategy:
        """Return the strategy with its options; the strategy must be concrete, not ``auto``."""
        try:
            return make_strategy(self.strategy, self.strategy_options)
        except TypeError as error:
            raise ValueError(str(error)) from None

    def with_changes(self, **changes: Any) -> Recipe:
        """Return a copy with ``changes``, checked anew."""
        return Recipe.make(**{**self.model_dump(), **changes})

    @classmethod
    def make(cls, **fields: Any) -> Recipe:
        """Build a recipe; raises OptionError with one sentence naming the first field that cannot be."""
        try:
            return cls(**fields)
        except ValidationError as error:
            raise OptionError(sentence(error, cls)) from None

    @classmethod
    def read(cls, path: Path, **changes: Any) -> Recipe:
        """Read a recipe from a YAML file; ``changes`` win over the file. Raises OptionError, which names the file."""
        try:
            fields = load_yaml(path.read_text(encoding="utf-8"))
            if not isinstance(fields, Mapping):
                raise OptionError("it holds no settings; write lines such as `strategy: partial`")
            return cls.make(**{**{str(key): value for key, value in fields.items()}, **changes})
        except OSError as error:
            raise OptionError(f"cannot read the recipe {path}: {error.strerror}; check the path") from None
        except UnicodeDecodeError:
            raise OptionError(f"recipe {path}: it is no UTF-8 text; save it as UTF-8") from None
        except OptionError as error:
            raise OptionError(f"recipe {path}: {error}") from None

    def to_yaml(self) -> str:
        """Return the recipe as YAML; `Recipe.read` gives the same recipe back. Unset fields are left out."""
        fields = self.model_dump(mode="json", exclude_none=True)
        flags = {name for name, field in type(self).model_fields.items() if field.default is False}
        plain = {name: value for name, value in fields.items() if not (name in flags and value is False)}
        plain = dict(sorted(plain.items(), key=lambda item: item[0] in PER_IMAGE))
        # PyYAML would fold the line break of old mainframes away where it does not escape it.
        is_plain = not any("\x85" in text for text in (self.weights, self.backbone, *self.exclude))
        return yaml.safe_dump(plain, sort_keys=False, allow_unicode=is_plain)
