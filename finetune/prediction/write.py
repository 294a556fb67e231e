"""Answer many images into a file: in little memory, with the faster engine, from where the last try ended."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any

from finetune.bundle.bundle import FILES, Bundle
from finetune.bundle.manifest import MANIFEST
from finetune.bundle.predict import BATCH_SIZE, DEFAULT_TOP, Prediction, predict
from finetune.bundle.views import PLAIN, Views
from finetune.data.health.findings import amount
from finetune.errors import Interrupted
from finetune.evaluation.report import versions
from finetune.known.conformal import DEFAULT_COVERAGE, check_coverage
from finetune.model.file_hash import sha256_of
from finetune.prediction.engines import EngineChoice, choose_engine
from finetune.prediction.part_file import PartFile, refuse_unwritable
from finetune.prediction.rows import Rows, format_of, rows_for
from finetune.progress import SILENT, Advance, Reporter


@dataclass(frozen=True)
class Written:
    """What `write_predictions` came to: ``n_rows`` rows, ``n_errors`` of them errors, by ``engine``.

    ``n_kept`` of the rows were there from an earlier try; the others took ``seconds``.
    """

    out: Path
    n_rows: int
    n_errors: int
    n_kept: int
    engine: str
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Return the values under the stable keys of ``predict --out --json``."""
        return {
            "out": str(self.out),
            "rows": self.n_rows,
            "errors": self.n_errors,
            "kept": self.n_kept,
            "engine": self.engine,
            "seconds": self.seconds,
        }

    def sentence(self) -> str:
        """Return the result in one sentence."""
        errors = f", {self.n_errors} of them errors" if self.n_errors else ""
        return f"wrote {amount(self.n_rows, 'row')} to {self.out}{errors}"


def write_predictions(
    bundle: Bundle,
    paths: Sequence[Path],
    out: Path,
    *,
    top: int = DEFAULT_TOP,
    coverage: float = DEFAULT_COVERAGE,
    views: Views | None = None,
    file_format: str | None = None,
    engine: EngineChoice = "auto",
    root: Path | None = None,
    reporter: Reporter = SILENT,
) -> Written:
    """Write one row for each of ``paths``, in order, into the file ``out`` and return what that came to.

    The rows are those of `finetune.predict`, as CSV or, where ``out`` ends in ``.jsonl`` or ``file_format`` says so,
    as a JSON object a line. Until all are there they lie in ``out`` with ``.part`` at its end; the same call after a
    break goes on from them, with the engine that they were made with. Memory does not grow with the rows.
    With ``root``, a folder that holds all of ``paths``, the rows name them from there on.

    Raises:
        OptionError: another coverage or format.
        ResourceError: ``out`` cannot be written.
        RunError: another process is writing it.
        Interrupted: on Ctrl-C, with how to go on.
    """
    check_coverage(coverage)
    refuse_unwritable(out)
    rows = rows_for(bundle, format_of(out, file_format), top=top)
    question: dict[str, Any] = {
        "version": versions()["finetune-strategies"],
        "bundle": _digest(bundle),
        "header": rows.header(),
        "top": top,
        "coverage": coverage,
        "views": list((views or PLAIN).names),
        "engine": engine,
        **({} if root is None else {"root": str(root)}),
    }
    with PartFile(out, question=question, items=paths) as part:
        _say_what_is_kept(part, len(paths), reporter)
        left = list(paths[part.n_kept :])
        chosen = choose_engine(bundle, left, part.kept.get("engine", engine))
        if chosen.why != "asked for" and len(left) > BATCH_SIZE:
            reporter.say(f"engine: {chosen.name} ({chosen.why})")
        part.keep(engine=chosen.name)
        start = time.monotonic()
        with reporter.track("predicting") as advance:
            answers = predict(
                bundle,
                left,
                top=top,
                coverage=coverage,
                views=views,
                advance=_after(part.n_kept, advance),
                engine=chosen.engine,
            )
            try:
                _add_all(part, rows, answers if root is None else _named_from(root, answers))
            except KeyboardInterrupt:
                raise Interrupted(_kept_sentence(part, len(paths))) from None
        seconds = time.monotonic() - start
    return Written(out, part.n_rows, part.n_errors, part.n_kept, chosen.name, round(seconds, 3))


def _add_all(part: PartFile, rows: Rows, answers: Iterable[Prediction]) -> None:
    header = "" if part.n_rows else rows.header()
    answers = iter(answers)
    while batch := list(islice(answers, BATCH_SIZE)):
        n_errors = sum(bool(each.error) for each in batch)
        part.add(header + "".join(map(rows.row, batch)), n_rows=len(batch), n_errors=n_errors)
        header = ""
    if header:
        part.add(header, n_rows=0)


def _named_from(root: Path, answers: Iterable[Prediction]) -> Iterator[Prediction]:
    return (replace(each, path=each.path.relative_to(root)) for each in answers)


def _say_what_is_kept(part: PartFile, n_images: int, reporter: Reporter) -> None:
    if part.n_kept:
        reporter.say(f"going on after {part.n_kept} of {amount(n_images, 'image')}: {part.part}")
    elif part.had_other_rows:
        reporter.say(f"note: {part.part} holds the answers to another question; starting over")


def _kept_sentence(part: PartFile, n_images: int) -> str:
    if not part.n_rows:
        return "interrupted before the first rows; nothing is kept"
    if not part.is_ordinary:
        return f"interrupted after {part.n_rows} of {amount(n_images, 'row')}"
    return (
        f"interrupted; {part.n_rows} of {amount(n_images, 'row')} are kept in {part.part}; "
        "the same command goes on from there"
    )


def _after(n_done: int, advance: Advance) -> Advance:
    return lambda done, total: advance(n_done + done, n_done + total)


def _digest(bundle: Bundle) -> str:
    """Return hex digits for the files that the answers come from: of their list of hashes, which loading has checked.

    A bundle from before there was one has nothing but `FILES`.
    """
    manifest = bundle.folder / MANIFEST
    if manifest.is_file():
        return sha256_of(manifest)
    return "".join(sha256_of(bundle.folder / name) for name in FILES)
