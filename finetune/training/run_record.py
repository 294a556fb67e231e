"""`run.json`: what a run was asked, how far it came and how it ended; all that going on with it needs."""

from __future__ import annotations

import os
import time
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, ValidationError

from finetune.data.places import from_anywhere
from finetune.errors import RunError
from finetune.recipe import Recipe
from finetune.training.durable import write_text
from finetune.training.processes import birth, is_alive

State = Literal["running", "interrupted", "failed", "finished"]


class RunRecord(BaseModel):
    """A run at one moment.

    ``data`` is an absolute path, or the name of a set. ``asked`` is the recipe as the user gave it and ``recipe``
    the filled one, None until the strategy is settled; once ``planned``, its epochs are those that fit the
    budget, of which ``budget_minutes`` were left for training. ``seconds`` are spent, by phase; times are ISO 8601
    in UTC. ``recipe_hashes`` are the SHA-256 of all texts that the run itself wrote to its recipe.yaml, or was about
    to; a run of an older version has none.
    A process that was killed leaves ``running``: `is_running` tells it from one at work.
    """

    model_config = ConfigDict(frozen=True, extra="ignore")

    schema_version: Literal[1] = 1
    state: State
    data: str
    fingerprint: str = ""
    offline: bool = False
    asked: dict[str, Any]
    strategy_requested: str
    recipe: dict[str, Any] | None = None
    recipe_hashes: tuple[str, ...] = ()
    advice: dict[str, Any] | None = None
    weights_sha256: str = ""
    planned: bool = False
    budget_minutes: float | None = None
    epochs_planned: int | None = None
    epochs_done: int = 0
    seconds: dict[str, float] = {}
    started: str
    ended: str | None = None
    error: str | None = None
    pid: int
    process_started: str
    versions: dict[str, str] = {}

    @property
    def is_running(self) -> bool:
        """Whether the process that wrote this is still at work on it."""
        mine = self.pid == os.getpid()
        return self.state == "running" and not mine and is_alive(self.pid, self.process_started)

    @property
    def goes_on_with(self) -> Recipe:
        """Return the recipe to go on with: the filled one where it is known."""
        return Recipe.make(**(self.asked if self.recipe is None else self.recipe))


def new_record(data: str | Path, asked: Recipe, *, offline: bool) -> RunRecord:
    """Return the record of a run that begins now, in this process."""
    from finetune.evaluation.report import versions

    return RunRecord(
        state="running",
        data=from_anywhere(data),
        offline=offline,
        asked=_from_anywhere(asked).model_dump(mode="json"),
        strategy_requested=asked.strategy,
        started=now(),
        versions=versions(),
        **this_process(),
    )


def _from_anywhere(asked: Recipe) -> Recipe:
    """Return the recipe with the full paths of its files: the run may be gone on with from another folder."""
    return asked.with_files_below(Path.cwd())


def this_process() -> dict[str, Any]:
    """Return the fields that say which process is at work."""
    return {"pid": os.getpid(), "process_started": birth(os.getpid())}


def now() -> str:
    """Return the time in UTC, ISO 8601 to the second."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def write_record(path: Path, record: RunRecord) -> None:
    """Write the record at once; raises OSError."""
    write_text(path, record.model_dump_json(indent=1) + "\n")


def read_record(path: Path) -> RunRecord:
    """Read the record; raises RunError when it is missing, damaged or of another kind."""
    run = path.parent
    if not run.is_dir():
        raise RunError(f"no run folder at {run}; check the path")
    try:
        return RunRecord.model_validate_json(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise RunError(f"{run} is not the folder of a run: it has no {path.name}; check the path") from None
    except OSError as error:
        raise RunError(f"cannot read {path}: {error.strerror}; check its permissions") from None
    except UnicodeDecodeError:
        raise RunError(f"{path} is damaged: it is no text; train again with `finetune fit`") from None
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the file"
        raise RunError(
            f"{path} is damaged or not a run's ({where}: {first['msg'].lower()}); train again with `finetune fit`"
        ) from None
