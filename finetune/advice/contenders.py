"""What the forecasts compare: the four strategies, and `freeze-all` with a head on every stage. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from finetune.advice.language import Language


@dataclass(frozen=True)
class Contender:
    """A strategy with the recipe's ``options`` that make it another one; ``flags`` is how a command asks for it."""

    name: str
    strategy: str
    options: Mapping[str, str] = field(default_factory=dict)

    @property
    def flags(self) -> tuple[str, ...]:
        """Return the words of a command that choose it."""
        return (
            "--strategy",
            self.strategy,
            *(word for name, value in self.options.items() for word in (f"--{name}", value)),
        )

    @property
    def title(self) -> str:
        """Return its name for people."""
        told = ", ".join(f"{value} {name}" for name, value in self.options.items())
        return self.strategy + (f" ({told})" if told else "")

    def named(self, language: Language) -> str:
        """Return its name for people who read ``language``."""
        return self.title if language == "en" or not self.options else f"{self.strategy}（多阶段分类头）"


_ALL = (
    Contender("freeze-all", "freeze-all"),
    Contender("multi-stage", "freeze-all", {"head": "multi-stage"}),
    Contender("partial", "partial"),
    Contender("full-finetune", "full-finetune"),
    Contender("from-scratch", "from-scratch"),
)
CONTENDERS: Mapping[str, Contender] = {one.name: one for one in _ALL}
"""By name; the head on every stage is listed beside the strategy that it belongs to."""


def contender_of(strategy: str, head: str | None) -> str:
    """Return the name of the contender that trains ``strategy`` with ``head``."""
    return "multi-stage" if (strategy, head) == ("freeze-all", "multi-stage") else strategy
