"""What the process of a `predict` job does: a row for each image, into a file that is gone on with after a break."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from finetune.data.health.findings import amount
from finetune.errors import DataError
from finetune.progress import Reporter
from finetune.service.answers_file import answers_file
from finetune.service.datasets import drop_folder
from finetune.service.result import RESULT, read_result, write_result


def predict(folder: Path, reporter: Reporter, *, upload: str, **asked: Any) -> None:
    """Do `finetune predict --out` on the images of a data set, or of the ``upload``, which goes when it is done.

    ``asked`` are the arguments of `write_answers`. Raises DataError where no image can be read; the file says why of
    each.
    """
    found = read_result(folder / RESULT)
    if not found:  # else an earlier attempt was killed after its last row
        found = write_answers(folder, reporter, **asked)
        write_result(folder / RESULT, found)
    if upload:
        drop_folder(Path(upload))
    if found["errors"] == found["rows"]:
        raise DataError(
            f"none of {amount(found['rows'], 'image')} can be read; the result says why of each, bring others"
        )


def write_answers(
    folder: Path,
    reporter: Reporter,
    *,
    bundle: str,
    data: str,
    file_format: str,
    top: int,
    tta: bool,
    coverage: float | None,
) -> dict[str, Any]:
    """Return what was written: how many rows and errors, by which engine, in how many seconds."""
    from finetune.bundle.bundle import load_bundle
    from finetune.bundle.find_images import find_images
    from finetune.bundle.views import views_for
    from finetune.known.conformal import DEFAULT_COVERAGE
    from finetune.prediction.write import write_predictions

    loaded = load_bundle(Path(bundle))
    views = views_for(loaded.class_names, loaded.preprocessing) if tta else None
    if views is not None and views.why_not:
        reporter.say(views.why_not)
    images = find_images([Path(data)], offline=True, reporter=reporter)
    written = write_predictions(
        loaded,
        images,
        answers_file(folder, file_format),
        top=top,
        views=views,
        file_format=file_format,
        root=Path(data),
        coverage=DEFAULT_COVERAGE if coverage is None else coverage,
        reporter=reporter,
    )
    errors = f", {written.n_errors} of them errors" if written.n_errors else ""
    reporter.say(f"wrote {amount(written.n_rows, 'row')}{errors}")
    return {name: value for name, value in written.to_json().items() if name != "out"}
