"""What tests of the page's service share: a tiny network that children find, and waiting for them."""

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from page_server import fill_hub_cache
from warm import warm_processes

from finetune.service.jobs import read_job
from finetune.service.status import Status
from finetune.training.processes import birth

PATIENCE_S = 600


@contextmanager
def tiny_network(home: Path) -> Iterator[None]:
    """A hub cache below ``home`` with a tiny network, which children find by the environment; they start warm."""
    hub = fill_hub_cache(home)
    changes = {"HF_HOME": str(hub), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    before = {name: os.environ.get(name) for name in changes}
    os.environ.update(changes)
    with warm_processes():
        yield
    for name, value in before.items():
        if value is None:
            del os.environ[name]
        else:
            os.environ[name] = value


def is_gone(pid: int, born: str) -> bool:
    """Whether the process ``pid`` that began at ``born`` is there no more."""
    try:
        return birth(pid) != born
    except (OSError, LookupError):
        return True


def wait_for(what: Callable[[], bool]) -> None:
    """Wait until ``what`` is true."""
    deadline = time.monotonic() + PATIENCE_S
    while not what():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def ended(job: Path) -> Status:
    """Wait for the job in this folder and return its last status."""
    wait_for(lambda: (status := read_job(job)) is not None and status.has_ended)
    status = read_job(job)
    assert status is not None
    return status
