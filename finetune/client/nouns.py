"""What the client gives: values as the service answers them, without a server behind them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, TypeVar

from finetune.errors import FinetuneError

ENDED = ("done", "failed", "cancelled", "interrupted")
Noun = TypeVar("Noun")


class ApiError(FinetuneError):
    """A request that the server refused: its HTTP ``status``, its sentence as the text, all of it as ``problem``."""

    exit_code = 5

    def __init__(self, status: int, sentence: str, problem: Mapping[str, Any]) -> None:
        super().__init__(sentence)
        self.status = status
        self.problem = dict(problem)


@dataclass(frozen=True)
class Dataset:
    """A data set; ``job`` is the one that looks at it."""

    id: str
    name: str
    created: str
    n_files: int
    bytes: int
    job: str


@dataclass(frozen=True)
class Health:
    """What was found in a data set so far, and what is advised; None for what is not known yet."""

    dataset: str
    state: str
    error: str
    health: Mapping[str, Any] | None
    advice: Mapping[str, Any] | None
    sizes: Mapping[str, int] | None
    backbone: str | None
    image_size: int | None


@dataclass(frozen=True)
class Job:
    """A job; ``model`` is the classifier that it has made or asks, once there is one. Times are ISO 8601 in UTC."""

    id: str
    kind: str
    title: str
    state: str
    attempt: int
    dataset: str | None
    model: str | None
    created: str
    started: str | None
    ended: str | None
    error: str
    cancel_asked: bool
    can_resume: bool
    progress: Mapping[str, Any] | None

    @property
    def has_ended(self) -> bool:
        """Whether nothing more happens unless somebody asks for it."""
        return self.state in ENDED


@dataclass(frozen=True)
class Model:
    """A classifier; ``report`` holds its accuracy, classes and the like."""

    id: str
    title: str
    created: str | None
    dataset: str | None
    report: Mapping[str, Any]


@dataclass(frozen=True)
class Prediction:
    """One image's answer: ``top`` has label and probability, best first; or ``error``.

    ``plausible`` are the classes that hold the true one as often as was asked for, ``known`` whether the image is of
    a kind that was trained on; None where the model cannot tell. ``explanation`` has a sentence and a picture.
    """

    name: str
    label: str | None
    probability: float | None
    top: tuple[tuple[str, float], ...]
    plausible: tuple[str, ...] | None
    known: bool | None
    error: str | None
    explanation: Mapping[str, str] | None


@dataclass(frozen=True)
class Event:
    """Something that happened to a job: ``name`` is ``job``, ``metrics`` or ``end``."""

    name: str
    data: Mapping[str, Any]


def made(kind: type[Noun], values: Mapping[str, Any]) -> Noun:
    """Return the noun with these values; what a newer server adds is passed over."""
    known = {field.name for field in fields(kind)}  # type: ignore[arg-type]
    return kind(**{name: value for name, value in values.items() if name in known})


def prediction_of(values: Mapping[str, Any]) -> Prediction:
    """Return one image's answer."""
    plausible = values["set"]
    return Prediction(
        values["name"],
        values["label"],
        values["probability"],
        tuple((each["label"], each["probability"]) for each in values["top"]),
        None if plausible is None else tuple(plausible),
        values["known"],
        values["error"],
        values["explanation"],
    )
