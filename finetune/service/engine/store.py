"""The table of jobs: what may be done to a job in each of its states, and nothing else."""

from __future__ import annotations

import json
import os
import secrets
import sqlite3
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from finetune.errors import INTERRUPTED_EXIT_CODE, OptionError, RunError
from finetune.service.engine.database import changing, opened
from finetune.service.engine.job import AGAIN, ENDED, LANES, Job, Lane, State, job_of

MOST_LISTED = 500
NEXT = """
update jobs set state = 'running', device = ?, started = ?, ended = null, error = '', exit_code = null
where id = (select id from jobs where state = 'queued' and lane = ? order by priority desc, sequence limit 1)
and state = 'queued' returning *
"""
PUT = f"""
insert into jobs (id, kind, title, lane, request, priority, state, error, ended, created, idempotency_key, folder,
home, owner, attempt) values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, '', 1)
on conflict (owner, idempotency_key) do update set request = excluded.request, home = excluded.home,
priority = excluded.priority, state = excluded.state, error = excluded.error, started = null,
ended = excluded.ended, exit_code = null, cancel_asked = 0, cut_off = 0,
attempt = attempt + (state in {ENDED} and excluded.state = 'queued')
where state <> 'running' returning *
"""


class JobStore:
    """The jobs in the database ``path``; any number of processes may hold one."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._home = str(path.parent.resolve())
        with opened(path):
            pass

    @property
    def path(self) -> Path:
        """Return the database's path."""
        return self._path

    def add(
        self,
        kind: str,
        request: Mapping[str, Any],
        *,
        title: str,
        owner: str = "",
        priority: int = 0,
        key: str | None = None,
        folder: str = "",
    ) -> Job:
        """Queue ``request``, JSON-ready, for a kind of work, and return its job.

        ``folder`` is where its process works, by default one that the engine makes.
        A second call of the same ``owner`` with the same ``key`` returns the first one's job and queues nothing.
        Raises OptionError for an unknown kind, and for a key that was used for something else.
        """
        if kind not in LANES:
            raise OptionError(f"no work is called '{kind}'; choose from {', '.join(LANES)}")
        text = json.dumps(dict(request), ensure_ascii=False, sort_keys=True)
        with changing(self._path) as connection:
            if key is not None:
                found = connection.execute(
                    "select * from jobs where owner = ? and idempotency_key = ?", (owner, key)
                ).fetchone()
                if found is not None:
                    return _same(self._job(found), kind, text, key)
            row = connection.execute(
                "insert into jobs (id, owner, kind, title, lane, request, priority, state, attempt, created, "
                "idempotency_key, folder, home) values (?, ?, ?, ?, ?, ?, ?, 'queued', 1, ?, ?, ?, ?) returning *",
                (
                    *(secrets.token_hex(16), owner, kind, title, LANES[kind], text, priority, now(), key),
                    *(self._inside(folder), self._home),
                ),
            ).fetchone()
        return self._job(row)

    def put(
        self,
        kind: str,
        request: Mapping[str, Any],
        *,
        title: str,
        key: str,
        folder: str,
        priority: int = 0,
        state: State = "queued",
        error: str = "",
    ) -> Job:
        """Have this and no other job in ``folder``; one with the same ``key`` stays the same job, with a new request.

        ``state`` is "queued", or how it has ended already. Raises RunError while one runs there.
        """
        text = json.dumps(dict(request), ensure_ascii=False, sort_keys=True)
        what = (secrets.token_hex(16), kind, title, LANES[kind], text, priority, state, error)
        ended = now() if state in ENDED else None
        with changing(self._path) as connection:
            connection.execute(
                "delete from jobs where folder = ? and idempotency_key <> ? and state <> 'running'",
                (self._inside(folder), key),
            )
            values = (*what, ended, now(), key, self._inside(folder), self._home)
            row = connection.execute(PUT, values).fetchone()
        if row is None:
            raise RunError(f"the job {title} runs; wait for it or cancel it")
        return self._job(row)

    def get(self, job_id: str, *, owner: str | None = None) -> Job:
        """Return a job; raises RunError where there is none, or it is not ``owner``'s."""
        with opened(self._path) as connection:
            row = connection.execute("select * from jobs where id = ?", (job_id,)).fetchone()
        if row is None or (owner is not None and row["owner"] != owner):
            raise RunError(f"there is no job {job_id}; `finetune jobs list` shows those there are")
        return self._job(row)

    def list(
        self,
        *,
        owner: str | None = None,
        states: Sequence[State] = (),
        before: int | None = None,
        limit: int = MOST_LISTED,
    ) -> list[Job]:
        """Return jobs, the newest first: at most ``limit`` of those asked for before the sequence ``before``."""
        wheres, values = ["1"], []
        if owner is not None:
            wheres.append("owner = ?")
            values.append(owner)
        if states:
            wheres.append(f"state in ({', '.join('?' * len(states))})")
            values += states
        if before is not None:
            wheres.append("sequence < ?")
            values.append(str(before))
        query = f"select * from jobs where {' and '.join(wheres)} order by sequence desc limit ?"
        with opened(self._path) as connection:
            return [self._job(row) for row in connection.execute(query, (*values, min(limit, MOST_LISTED)))]

    def waiting_lanes(self) -> set[Lane]:
        """Return the lanes in which anything is queued."""
        with opened(self._path) as connection:
            rows = connection.execute("select distinct lane from jobs where state = 'queued'").fetchall()
        return {row["lane"] for row in rows}

    def n_before(self, job: Job) -> int:
        """Return how many jobs of a queued job's lane run, or come before it."""
        query = (
            "select count(*) from jobs where lane = ? and (state = 'running' or (state = 'queued' and "
            "(priority > ? or (priority = ? and sequence < ?))))"
        )
        with opened(self._path) as connection:
            values = (job.lane, job.priority, job.priority, job.sequence)
            return int(connection.execute(query, values).fetchone()[0])

    def take_next(self, lane: Lane, device: str) -> Job | None:
        """Make the first queued job of a lane a running one on ``device`` and return it, None where there is none."""
        with changing(self._path) as connection:
            row = connection.execute(NEXT, (device, now(), lane)).fetchone()
        return None if row is None else self._job(row)

    def note_process(self, job_id: str, pid: int, process_started: str) -> None:
        """Write down which process is at work on a running job."""
        with changing(self._path) as connection:
            connection.execute(
                "update jobs set pid = ?, process_started = ? where id = ? and state = 'running'",
                (pid, process_started, job_id),
            )

    def end(self, job_id: str, state: State, *, error: str = "", exit_code: int | None = None) -> None:
        """Write down how a running job ended; one that was asked to be cancelled and was interrupted is cancelled."""
        with changing(self._path) as connection:
            connection.execute(
                "update jobs set state = case when cancel_asked and ? = 'interrupted' then 'cancelled' else ? end, "
                "error = ?, exit_code = ?, ended = ?, pid = null, process_started = null, device = null "
                "where id = ? and state = 'running'",
                (state, state, error, exit_code, now(), job_id),
            )

    def put_back(
        self, job_id: str, *, progress: int | None = None, cut_off: int | None = None, error: str = ""
    ) -> None:
        """Queue a running job again, to go on with: its process is gone; one that was to be cancelled is cancelled.

        ``progress`` and ``cut_off`` are those of `Job`, None to leave them; ``error`` says why it was cut off.
        """
        with changing(self._path) as connection:
            connection.execute(
                "update jobs set state = case when cancel_asked then 'cancelled' else 'queued' end, "
                "ended = case when cancel_asked then ? end, attempt = attempt + 1 - cancel_asked, error = ?, "
                "exit_code = case when cancel_asked then ? end, "
                "progress = coalesce(?, progress), cut_off = coalesce(?, cut_off), "
                "pid = null, process_started = null, device = null where id = ? and state = 'running'",
                (now(), error, INTERRUPTED_EXIT_CODE, progress, cut_off, job_id),
            )

    def cancel(self, job_id: str, *, owner: str | None = None) -> Job:
        """Cancel a queued job at once, and ask for it where it runs; raises RunError for one that has ended."""
        self.get(job_id, owner=owner)
        with changing(self._path) as connection:
            row = connection.execute(
                "update jobs set cancel_asked = 1, "
                "state = case state when 'queued' then 'cancelled' else state end, "
                "ended = case state when 'queued' then ? else ended end "
                "where id = ? and state in ('queued', 'running') returning *",
                (now(), job_id),
            ).fetchone()
        if row is None:
            raise RunError(f"the job {job_id} has ended; there is nothing to cancel")
        return self._job(row)

    def retry(self, job_id: str, *, owner: str | None = None) -> Job:
        """Queue a job again that failed, was cancelled or was interrupted; raises RunError for any other."""
        self.get(job_id, owner=owner)
        with changing(self._path) as connection:
            row = connection.execute(
                "update jobs set state = 'queued', attempt = attempt + 1, cancel_asked = 0, ended = null, "
                f"error = '', exit_code = null, cut_off = 0 where id = ? and state in {AGAIN} returning *",
                (job_id,),
            ).fetchone()
        if row is None:
            state = self.get(job_id).state
            raise RunError(f"the job {job_id} is {state}, so there is nothing to try again")
        return self._job(row)

    def find(self, beginning: str) -> Job:
        """Return the one job whose id begins so; raises RunError where there is none, or more than one."""
        with opened(self._path) as connection:
            rows = connection.execute(
                "select * from jobs where substr(id, 1, ?) = ? limit 2", (len(beginning), beginning)
            ).fetchall()
        if len(rows) == 1:
            return self._job(rows[0])
        what = "more than one job whose id begins with" if rows else "no job"
        raise RunError(f"there is {what} {beginning}; `finetune jobs list` shows those there are")

    def newest_in(self, folder: str) -> Job | None:
        """Return the newest job that was given this folder, None where there is none."""
        with opened(self._path) as connection:
            row = connection.execute(
                "select * from jobs where folder = ? order by sequence desc limit 1", (self._inside(folder),)
            ).fetchone()
        return None if row is None else self._job(row)

    def with_key(self, owner: str, key: str) -> Job | None:
        """Return the job that ``owner`` has asked for with an idempotency key, None where there is none."""
        with opened(self._path) as connection:
            row = connection.execute(
                "select * from jobs where owner = ? and idempotency_key = ?", (owner, key)
            ).fetchone()
        return None if row is None else self._job(row)

    def forget(self, job_id: str) -> None:
        """Remove a job that has ended, with all that its row knows of it; one that has not stays."""
        with changing(self._path) as connection:
            connection.execute(f"delete from jobs where id = ? and state in {ENDED}", (job_id,))

    def counts(self) -> dict[str, int]:
        """Return how many jobs are in each state that has any."""
        with opened(self._path) as connection:
            return dict(connection.execute("select state, count(*) from jobs group by state").fetchall())

    def _job(self, row: sqlite3.Row) -> Job:
        return job_of(row, self._home)

    def _inside(self, folder: str) -> str:
        """Return ``folder`` as it is called from the database's own, where it lies below."""
        return folder.removeprefix(self._home + os.sep)


def _same(job: Job, kind: str, request: str, key: str) -> Job:
    if (job.kind, json.dumps(job.request, ensure_ascii=False, sort_keys=True)) != (kind, request):
        raise OptionError(
            f"the idempotency key '{key}' was used for another request; take a new one for a new request"
        )
    return job


def now() -> str:
    """Return the time in UTC, ISO 8601 to the second."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
