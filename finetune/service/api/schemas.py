"""What is sent and answered, with an example of each; the OpenAPI document is made of these."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

ID_EXAMPLE = "3f8e0c5a9b1d4e7f8a2b6c0d1e3f5a79"
JOB_EXAMPLE = "b71c9a0e4d2f4c3b9e8d7a6f5c4b3a21"


def _example(**values: Any) -> ConfigDict:
    return ConfigDict(json_schema_extra={"examples": [values]})


class ProblemAnswer(BaseModel):
    """What went wrong (RFC 9457); ``detail`` is one sentence: what, where, what to do."""

    model_config = _example(type="about:blank", title="Not Found", status=404, detail="there is no such job")
    type: str = "about:blank"
    title: str
    status: int
    detail: str
    errors: list[dict[str, str]] | None = Field(default=None, description="Each wrong field; for 422 only.")


class DatasetAnswer(BaseModel):
    """A data set; ``job`` is the one that looks at it."""

    model_config = _example(
        id=ID_EXAMPLE,
        name="photos",
        created="2026-03-01T12:00:00Z",
        n_files=240,
        bytes=31_000_000,
        job=JOB_EXAMPLE,
    )
    id: str
    name: str
    created: str
    n_files: int
    bytes: int
    job: str


class DatasetsAnswer(BaseModel):
    """The owner's data sets, the newest first."""

    datasets: list[DatasetAnswer]


class HealthAnswer(BaseModel):
    """What was found so far: ``health`` as `finetune inspect --json` has it, ``advice`` as `finetune advise`."""

    model_config = _example(
        dataset=ID_EXAMPLE,
        state="done",
        error="",
        health={"usable": True, "classes": {"apple": 120, "pear": 120}, "findings": []},
        advice={"strategy": "freeze-all", "reason": "few images, much like ImageNet's"},
        sizes={"train": 168, "val": 36, "test": 36},
        backbone="efficientnet-lite0",
        image_size=224,
    )
    dataset: str
    state: str = Field(description="Of the job that looks at the images.")
    error: str
    health: dict[str, Any] | None = None
    advice: dict[str, Any] | None = None
    sizes: dict[str, int] | None = None
    backbone: str | None = None
    image_size: int | None = None


class JobRequest(BaseModel):
    """Fine-tune on a data set; ``recipe`` has the fields of `finetune fit`, none that names a file."""

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={
            "examples": [
                {"dataset": ID_EXAMPLE, "recipe": {"strategy": "freeze-all", "max_minutes": 10}},
                {"dataset": ID_EXAMPLE, "title": "as advised"},
            ]
        },
    )
    dataset: str
    kind: Literal["fit"] = "fit"
    recipe: dict[str, Any] = Field(default_factory=dict, description="Empty: everything as advised.")
    title: str = Field(default="", max_length=200, description="For people; the data set's name where empty.")


class PredictBatchRequest(BaseModel):
    """Classify the images of a data set."""

    model_config = ConfigDict(extra="forbid", json_schema_extra={"examples": [{"dataset": ID_EXAMPLE}]})
    dataset: str


class Progress(BaseModel):
    """``done`` of ``total`` steps of ``phase``, about ``left_s`` seconds left of it; what was ``said`` so far."""

    phase: str
    done: int
    total: int
    left_s: float | None
    said: list[str]


class JobAnswer(BaseModel):
    """A job; ``model`` is the classifier that a fit has made, once it has, or that predictions are made with."""

    model_config = _example(
        id=JOB_EXAMPLE,
        kind="fit",
        title="photos",
        state="running",
        attempt=1,
        dataset=ID_EXAMPLE,
        model=None,
        created="2026-03-01T12:00:00Z",
        started="2026-03-01T12:00:01Z",
        ended=None,
        error="",
        cancel_asked=False,
        can_resume=False,
        progress={"phase": "training", "done": 12, "total": 40, "left_s": 31.5, "said": []},
    )
    id: str
    kind: str
    title: str
    state: Literal["queued", "running", "done", "failed", "cancelled", "interrupted"]
    attempt: int
    dataset: str | None
    model: str | None
    created: str
    started: str | None
    ended: str | None
    error: str
    cancel_asked: bool
    can_resume: bool
    progress: Progress | None


class JobsAnswer(BaseModel):
    """Jobs, the newest first; ``next`` is the ``before`` of the next page, null on the last one."""

    jobs: list[JobAnswer]
    next: str | None


class MetricsAnswer(BaseModel):
    """Rows of numbers, one an epoch; ``next`` is the ``since`` to ask for what comes after them."""

    model_config = _example(rows=[{"epoch": 1, "val_loss": 0.41, "val_accuracy": 0.88}], next=1, ended=False)
    rows: list[dict[str, float | None]]
    next: int
    ended: bool


class LogAnswer(BaseModel):
    """Whole lines of the log; ``next`` is the ``offset`` to ask for what comes after them."""

    model_config = _example(text="2026-03-01 12:00:01 checking images\n", next=36, ended=False)
    text: str
    next: int
    ended: bool


class ModelAnswer(BaseModel):
    """A classifier, under the id of the job that made it; ``report`` is the heart of its `report.json`."""

    model_config = _example(
        id=JOB_EXAMPLE,
        title="photos",
        created="2026-03-01T12:03:00Z",
        dataset=ID_EXAMPLE,
        report={"strategy": "freeze-all", "accuracy": 0.97, "accuracy_interval": [0.93, 0.99]},
    )
    id: str
    title: str
    created: str | None
    dataset: str | None
    report: dict[str, Any]


class ModelsAnswer(BaseModel):
    """The owner's models, the newest first; ``next`` as for jobs."""

    models: list[ModelAnswer]
    next: str | None


class Label(BaseModel):
    """A class and its probability in [0, 1]."""

    label: str
    probability: float


class ImageAnswer(BaseModel):
    """One image's answer, or why there is none.

    ``set`` holds the plausible classes at the coverage, ``known`` whether it is of a kind that was trained on; null
    where the model cannot tell. ``explanation`` is a sentence and a PNG as a data URI.
    """

    name: str
    label: str | None
    probability: float | None
    top: list[Label]
    set: list[str] | None
    known: bool | None
    error: str | None
    explanation: dict[str, str] | None = None


class PredictAnswer(BaseModel):
    """The answers, in the order of the images."""

    model_config = _example(
        model=JOB_EXAMPLE,
        predictions=[
            {
                "name": "new.jpg",
                "label": "apple",
                "probability": 0.98,
                "top": [{"label": "apple", "probability": 0.98}, {"label": "pear", "probability": 0.02}],
                "set": ["apple"],
                "known": True,
                "error": None,
                "explanation": None,
            }
        ],
    )
    model: str
    predictions: list[ImageAnswer]


PROBLEMS: dict[int | str, dict[str, Any]] = {
    "default": {
        "description": "Anything that went wrong.",
        "content": {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/ProblemAnswer"}},
        },
    }
}
