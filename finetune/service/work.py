"""What a job's process can do, by name; each writes what comes out into the job's folder."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from finetune.errors import FinetuneError
from finetune.service.status import StatusReporter

Work = Callable[..., None]


def fit(
    folder: Path,
    reporter: StatusReporter,
    *,
    data: str = "",
    recipe: dict[str, Any] | None = None,
    out: str,
    offline: bool = False,
    resume: bool = False,
    held_out: bool = False,
) -> None:
    """Fine-tune on ``data`` into the run folder ``out``, or continue the run that lies there.

    To continue, ``data`` may be left out, unless it has moved. With ``held_out`` a few of the images that it was
    judged on are kept in ``folder``.
    """
    try:
        from finetune.recipe import Recipe
        from finetune.training.train import fit as run_fit

        if resume:
            from finetune.training.resume import resume as run_resume

            run_resume(Path(out), data=data or None, offline=offline, reporter=reporter)
        else:
            made = Recipe.make(**(recipe or {}))
            run_fit(data, made, out=Path(out), offline=offline, reporter=reporter)
    except KeyboardInterrupt:
        # Once there is something to keep, training itself says what; this is before.
        raise KeyboardInterrupt("cancelled before training began, so there is nothing to keep") from None
    else:
        if held_out:
            _keep_held_out(folder, Path(out), data, offline=offline)
    finally:
        # A run folder that was claimed for nothing goes; one with something in it refuses to.
        with contextlib.suppress(OSError):
            Path(out).rmdir()


def _keep_held_out(folder: Path, run: Path, data: str, *, offline: bool) -> None:
    """The run is done and well whether there is something to try it on or not."""
    from finetune.service.held_out import keep_held_out

    with contextlib.suppress(FinetuneError, OSError):
        keep_held_out(folder, run, data, offline=offline)


def analyse(folder: Path, reporter: StatusReporter, **request: Any) -> None:
    """Look at a data set for the page; see `finetune.service.analysis`."""
    from finetune.service.analysis import analyse as run_analysis

    run_analysis(folder, reporter, **request)


def suspects(folder: Path, reporter: StatusReporter, **request: Any) -> None:
    """Look for wrong labels; see `finetune.service.data_work`."""
    from finetune.service.data_work import find_suspects

    find_suspects(folder, reporter, **request)


def clean(folder: Path, reporter: StatusReporter, **request: Any) -> None:
    """Write a cleaned copy; see `finetune.service.data_work`."""
    from finetune.service.data_work import clean as run_clean

    run_clean(folder, reporter, **request)


def preview(folder: Path, reporter: StatusReporter, **request: Any) -> None:
    """Draw what an augmentation does; see `finetune.service.data_work`."""
    from finetune.service.data_work import preview as run_preview

    run_preview(folder, reporter, **request)


def trial(folder: Path, reporter: StatusReporter, *, model: str, **request: Any) -> None:  # noqa: ARG001
    """Classify the images that were brought to the page; see `finetune.service.trial_work`."""
    from finetune.service.trial_work import answer

    answer(folder, reporter, **request)


def export(folder: Path, reporter: StatusReporter, **request: Any) -> None:
    """Write a classifier as an ONNX file; see `finetune.service.data_work`."""
    from finetune.service.data_work import export as run_export

    run_export(folder, reporter, **request)


def backbones(folder: Path, reporter: StatusReporter, **request: Any) -> None:
    """Rank backbones on the images; see `finetune.service.data_work`."""
    from finetune.service.data_work import backbones as run_ranking

    run_ranking(folder, reporter, **request)


def predict(folder: Path, reporter: StatusReporter, **request: Any) -> None:
    """Classify many images; see `finetune.service.predict_work`."""
    from finetune.service.predict_work import predict as run_predict

    for told in ("model", "digest"):  # for those who list jobs and who compare requests
        request.pop(told, None)
    run_predict(folder, reporter, **request)


KINDS: dict[str, Work] = {
    "fit": fit,
    "analyse": analyse,
    "suspects": suspects,
    "clean": clean,
    "preview": preview,
    "trial": trial,
    "export": export,
    "backbones": backbones,
    "predict": predict,
}
