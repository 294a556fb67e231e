"""Asking a model about images."""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Sequence
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, Query, Request

from finetune.service.api.access import Owner
from finetune.service.api.context import Context, Served
from finetune.service.api.problems import Problem
from finetune.service.api.routes.models import found
from finetune.service.api.schemas import ImageAnswer, Label, PredictAnswer
from finetune.service.api.uploads import MULTIPART, Upload, place_in, take_form
from finetune.service.models import Model
from finetune.service.predictor import Answer, Why
from finetune.service.projects import safe_name
from finetune.service.serving import Asked

router = APIRouter(tags=["models"])
MOST_EXPLAINED = 8
BODY = {
    "requestBody": {
        "required": True,
        "description": "1 to 64 images, each a file of the form, under any field's name.",
        "content": {
            MULTIPART: {
                "schema": {
                    "type": "object",
                    "required": ["images"],
                    "properties": {
                        "images": {"type": "array", "items": {"type": "string", "format": "binary"}}
                    },
                }
            }
        },
    }
}


def _model(model_id: str, context: Served, owner: Owner) -> Model:
    return found(context, model_id, owner)


@router.post("/models/{model_id}/predict", openapi_extra=BODY)
async def predict(
    request: Request,
    context: Served,
    model: Annotated[Model, Depends(_model)],
    top: Annotated[int, Query(ge=1, le=100, description="How many labels for each image.")] = 5,
    coverage: Annotated[
        float, Query(gt=0, lt=1, description="How often `set` shall hold the true class.")
    ] = 0.9,
    explain: Annotated[
        Literal["gradcam"] | None, Query(description=f"Also why; for {MOST_EXPLAINED} images at most.")
    ] = None,
) -> PredictAnswer:
    """Classify images; 429 with `Retry-After` where too many wait already."""
    limits = context.limits
    context.serving.refuse_when_full(model.bundle)
    with place_in(context.arriving) as place:
        form = await take_form(
            request, place, most=limits.question, most_files=limits.images, most_each=limits.image
        )
        if not form.files:
            raise Problem(422, "the form has no image; send 1 to 64 as `curl -F images=@new.jpg` does")
        if explain and len(form.files) > MOST_EXPLAINED:
            raise Problem(422, f"at most {MOST_EXPLAINED} images are explained in one request; send fewer")
        answers, whys = await _asked(context, model, form.files, top, coverage, explain=bool(explain))
    rows = zip(form.files, answers, whys, strict=True)
    return PredictAnswer(model=model.job.id, predictions=[_row(*each) for each in rows])


async def _asked(
    context: Context, model: Model, files: Sequence[Upload], top: int, coverage: float, *, explain: bool
) -> tuple[Sequence[Answer], Sequence[Why | None]]:
    images = tuple(upload.path for upload in files)
    waiting = [context.serving.ask(model.bundle, Asked(images, top, coverage))]
    if explain:
        waiting.append(context.serving.ask(model.bundle, Asked(images, why=True)))
    answers, *why = await asyncio.gather(*(asyncio.wrap_future(each) for each in waiting))
    return answers, (why[0] if why else [None] * len(files))  # type: ignore[return-value]


def _row(upload: Upload, answer: Answer, why: Why | None) -> ImageAnswer:
    best = answer.top[0] if answer.top else (None, None)
    return ImageAnswer(
        name=safe_name(upload.name),
        label=best[0],
        probability=best[1],
        top=[Label(label=label, probability=share) for label, share in answer.top],
        set=None if answer.plausible is None else list(answer.plausible),
        known=answer.known,
        error=answer.error or None,
        explanation=None if why is None or why.error else _explanation(why),
    )


def _explanation(why: Why) -> dict[str, str]:
    picture = base64.b64encode(why.picture).decode()
    return {"sentence": why.sentence, "picture": f"data:image/png;base64,{picture}"}
