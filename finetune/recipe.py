"""Every choice of one run, as a frozen value that checks itself once, at birth.

A field that is None is left to the strategy and the backbone; `finetune.training.resolve` fills it before
training, and the filled recipe is written to the run, so that it repeats the run.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from finetune.errors import OptionError, nearest
from strategies import STRATEGIES, Strategy, make_strategy

AUTO = "auto"
DEFAULT_BATCH_SIZE = 32
NAMED_WEIGHTS = (AUTO, "hub", "packaged", "none")
"""What ``weights`` may be besides a file's path."""
_WITHOUT_FLAG = ("strategy_options", "weight_decay", "label_smoothing", "val_share", "test_share")


class Recipe(BaseModel):
    """The choices of one fine-tuning run.

    Build it from keywords (`Recipe.make`) or a YAML file (`Recipe.read`): both raise OptionError (exit code 2)
    with one sentence for a key or value that cannot be. Lengths are in pixels, times in minutes, shares in
    [0, 1); ``lr`` is the peak learning rate of the head.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    strategy: str = AUTO
    strategy_options: dict[str, float] = Field(default_factory=dict)
    backbone: str = AUTO
    weights: str = AUTO
    image_size: Annotated[int, Field(ge=32, le=1024)] | None = None
    epochs: Annotated[int, Field(ge=1, le=10_000)] | None = None
    batch_size: Annotated[int, Field(ge=2, le=4096)] | None = None
    lr: Annotated[float, Field(gt=0, le=10)] | None = None
    weight_decay: Annotated[float, Field(ge=0, le=10)] | None = None
    label_smoothing: Annotated[float, Field(ge=0, lt=1)] | None = None
    augment: Literal["none", "crop", "crop-flip"] | None = None
    val_share: Annotated[float, Field(gt=0, lt=0.5)] = 0.15
    test_share: Annotated[float, Field(gt=0, lt=0.5)] = 0.15
    exclude: tuple[str, ...] = ()
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    max_minutes: Annotated[float, Field(gt=0, le=1_000_000)] | None = None
    workers: Annotated[int, Field(ge=0, le=64)] | None = None

    @field_validator("strategy")
    @classmethod
    def _known_strategy(cls, name: str) -> str:
        if name != AUTO and name not in STRATEGIES:
            choices = ", ".join([AUTO, *STRATEGIES])
            raise ValueError(f"unknown strategy '{name}'; choose one of {choices}{nearest(name, STRATEGIES)}")
        return name

    @model_validator(mode="after")
    def _options_of_the_strategy(self) -> Recipe:
        if self.strategy_options and self.strategy == AUTO:
            raise ValueError("strategy options need a strategy by name, not auto; add --strategy NAME")
        if self.strategy != AUTO:
            self.build_strategy()
        if (
            self.weights == "none"
            and self.strategy != AUTO
            and STRATEGIES[self.strategy].weights == "pretrained"
        ):
            raise ValueError(
                f"strategy '{self.strategy}' starts from pretrained weights, but --weights is none; "
                "use --strategy from-scratch or other weights"
            )
        if self.strategy != AUTO:
            self._refuse_unused()
        return self

    def _refuse_unused(self) -> None:
        if self.starts_random and self.weights not in (AUTO, "none"):
            raise ValueError(
                f"--weights {self.weights} has no effect with strategy '{self.strategy}', which starts from random "
                "weights; leave it out, or use --strategy full-finetune"
            )
        unused = self.unused_by(self.strategy)
        if unused:
            flag = _shown(unused[0])
            raise ValueError(
                f"{flag} has no effect with strategy '{self.strategy}', which solves its head on fixed "
                f"features; leave it out, or use --strategy partial"
            )

    def unused_by(self, strategy: str) -> list[str]:
        """Return the names of the given options that ``strategy`` would ignore."""
        defaults = STRATEGIES[strategy]().defaults(n_train=1, batch_size=DEFAULT_BATCH_SIZE)
        if defaults.solver == "gradient":
            return []
        names = ("epochs", "batch_size", "lr", "weight_decay", "label_smoothing", "augment")
        return [name for name in names if getattr(self, name) is not None]

    @property
    def weights_file(self) -> Path | None:
        """The file that ``weights`` names, or None where it names a source."""
        return None if self.weights in NAMED_WEIGHTS else Path(self.weights).expanduser()

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
            raise OptionError(_sentence(error, cls)) from None

    @classmethod
    def read(cls, path: Path, **changes: Any) -> Recipe:
        """Read a recipe from a YAML file; ``changes`` win over the file."""
        try:
            fields = yaml.safe_load(path.read_text(encoding="utf-8"))
        except OSError as error:
            raise OptionError(f"cannot read the recipe {path}: {error.strerror}; check the path") from None
        except (yaml.YAMLError, UnicodeDecodeError) as error:
            raise OptionError(
                f"the recipe {path} is not valid YAML ({_what_is_wrong(error)}); mend the file"
            ) from None
        if not isinstance(fields, Mapping):
            raise OptionError(f"the recipe {path} holds no settings; write lines such as `strategy: partial`")
        try:
            return cls.make(**{**{str(key): value for key, value in fields.items()}, **changes})
        except OptionError as error:
            raise OptionError(f"recipe {path}: {error}") from None

    def to_yaml(self) -> str:
        """Return the recipe as YAML; `Recipe.read` gives the same recipe back. Unset fields are left out."""
        fields = self.model_dump(mode="json", exclude_none=True)
        return yaml.safe_dump(fields, sort_keys=False, allow_unicode=True)


def _what_is_wrong(error: Exception) -> str:
    mark = getattr(error, "problem_mark", None)
    where = f" in line {mark.line + 1}" if mark else ""
    return str(getattr(error, "problem", None) or str(error).splitlines()[0]) + where


def _sentence(error: ValidationError, model: type[BaseModel]) -> str:
    """Turn pydantic's first complaint into one sentence."""
    first = error.errors()[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    if first["type"] == "extra_forbidden":
        return f"unknown setting '{name}', see `finetune fit --help`{nearest(name, model.model_fields)}"
    if first["type"] == "value_error":
        return str(first["ctx"]["error"])
    what = first["msg"][0].lower() + first["msg"][1:]
    return f"{_shown(name)} is {first['input']!r}: {what}"


def _shown(name: str) -> str:
    """Return a field as the user writes it: an option where there is one, else the key in a recipe file."""
    return name if name in _WITHOUT_FLAG else "--" + name.replace("_", "-")
