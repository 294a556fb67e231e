"""What every address works with."""

from __future__ import annotations

import contextlib
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated

from fastapi import Depends
from starlette.requests import HTTPConnection

from finetune.errors import RunError
from finetune.service.api.engine import database
from finetune.service.api.limits import ApiLimits
from finetune.service.api.numbers import Numbers
from finetune.service.api.problems import Problem
from finetune.service.api.throttle import Throttle
from finetune.service.datasets import ID, Datasets, kept_by_api
from finetune.service.engine.job import Job
from finetune.service.engine.place import job_folder
from finetune.service.engine.store import JobStore
from finetune.service.guard import LOCAL, Hosts
from finetune.service.job_view import JobView
from finetune.service.room import Kept, KeptBy, nothing
from finetune.service.serving import USUAL, Limits, Serving
from finetune.service.tokens import TOKENS, TokenStore

DATASETS, ASKED = "datasets", "asked"
"""Folders of the service: what was handed in to be trained on, and to be asked about."""


@dataclass(frozen=True)
class Context:
    """The service in ``data_dir``.

    ``asked`` holds the images that came for one job of predictions, until it is done. ``elsewhere`` tells what an
    owner keeps in the page. ``is_local``: only this computer can reach it, so that it may be used without a token as
    long as there is none, but where ``asks_login``: then people sign in to the page.
    """

    data_dir: Path
    limits: ApiLimits
    hosts: Hosts
    is_local: bool
    asks_login: bool
    offline: bool
    is_at_work: Callable[[], bool]
    store: JobStore
    tokens: TokenStore
    datasets: Datasets
    asked: Datasets
    serving: Serving
    numbers: Numbers
    throttle: Throttle
    elsewhere: KeptBy
    uploading: threading.BoundedSemaphore
    streaming: threading.BoundedSemaphore
    adding: threading.Lock = field(default_factory=threading.Lock)

    @property
    def runs(self) -> Path:
        """Return the folder of all run folders."""
        return self.data_dir / "runs"

    @property
    def arriving(self) -> Path:
        """Return the folder in which uploads arrive."""
        return self.data_dir / "arriving"

    def view(self, job: Job) -> JobView:
        """Return what may be told of a job."""
        return JobView(job, job_folder(self.data_dir, job), self.data_dir)

    def job(self, job_id: str, owner: str) -> Job:
        """Return a job of ``owner``; raises Problem 404 for any other."""
        with contextlib.suppress(RunError):
            if ID.fullmatch(job_id):
                return self.store.get(job_id, owner=owner)
        raise Problem(404, "there is no such job")

    def kept_by(self, owner: str) -> Kept:
        """Return what ``owner`` keeps, in the page too."""
        return kept_by_api(self.datasets, self.asked, owner) + self.elsewhere(owner)

    def refuse_full_disk(self, coming: int) -> None:
        """Raise Problem 507 where ``coming`` bytes would take what must stay free."""
        if shutil.disk_usage(self.data_dir).free < coming + self.limits.reserve:
            raise Problem(507, "the server's disk is too full for this upload; delete data sets or models")


def make_context(
    data_dir: Path,
    *,
    limits: ApiLimits | None = None,
    serving: Limits = USUAL,
    hosts: Hosts = LOCAL,
    is_local: bool = True,
    asks_login: bool = False,
    offline: bool = False,
    is_at_work: Callable[[], bool] = lambda: True,
    elsewhere: KeptBy = nothing,
) -> Context:
    """Return the service in ``data_dir``, which is made; what an earlier one left unfinished there is removed."""
    data_dir = data_dir.resolve()
    data_dir.mkdir(parents=True, exist_ok=True)
    limits = limits or ApiLimits()
    store, numbers = JobStore(database(data_dir)), Numbers()
    context = Context(
        data_dir=data_dir,
        limits=limits,
        hosts=hosts,
        is_local=is_local,
        asks_login=asks_login,
        offline=offline,
        is_at_work=is_at_work,
        store=store,
        tokens=TokenStore(data_dir / TOKENS),
        datasets=Datasets(data_dir / DATASETS),
        asked=Datasets(data_dir / ASKED),
        serving=Serving(serving, numbers.note_batch),
        numbers=numbers,
        throttle=Throttle(limits.failures, limits.failures_within_s),
        elsewhere=elsewhere,
        uploading=threading.BoundedSemaphore(limits.uploads),
        streaming=threading.BoundedSemaphore(limits.streams),
    )
    numbers.watch(store, context.serving)
    shutil.rmtree(context.arriving, ignore_errors=True)
    context.arriving.mkdir()
    context.runs.mkdir(exist_ok=True)
    context.datasets.sweep()
    context.asked.sweep()
    return context


def context_of(request: HTTPConnection) -> Context:
    """Return the context of the application that got the request."""
    context: Context = request.app.state.context
    return context


Served = Annotated[Context, Depends(context_of)]
