"""A wish to stop waits for the step where one runs, takes effect at once elsewhere, and leaves no trace after."""

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest
from torch.utils.data import DataLoader

from finetune.errors import RunError
from finetune.training.processes import birth, is_alive
from finetune.training.stop import Stop, StopAsked, listening

pytestmark = pytest.mark.skipif(os.name != "posix", reason="sends POSIX signals")
SIGNALS = [signal.SIGINT, signal.SIGTERM, signal.SIGHUP]


def send(signum: int) -> None:
    os.kill(os.getpid(), signum)


@pytest.fixture(autouse=True)
def handlers_are_put_back() -> Iterator[None]:
    before = [signal.getsignal(signum) for signum in SIGNALS]
    yield
    assert [signal.getsignal(signum) for signum in SIGNALS] == before


@pytest.mark.parametrize("signum", SIGNALS)
def test_outside_a_step_it_takes_effect_at_once(signum: int) -> None:
    with pytest.raises(KeyboardInterrupt), listening():  # noqa: PT012
        send(signum)
        pytest.fail("went on")


@pytest.mark.parametrize("signum", SIGNALS)
def test_a_patient_block_comes_to_its_next_check(signum: int) -> None:
    done = []
    with listening() as stop, pytest.raises(StopAsked), stop.patiently():  # noqa: PT012
        send(signum)
        done.append("step")
        stop.check()
        done.append("next step")
    assert done == ["step"]


def test_a_patient_block_that_ends_without_a_check_stops_there() -> None:
    with listening() as stop, pytest.raises(StopAsked), stop.patiently():
        send(signal.SIGTERM)


def test_a_second_wish_does_not_wait() -> None:
    done = []
    with listening() as stop, pytest.raises(KeyboardInterrupt), stop.patiently():  # noqa: PT012
        send(signal.SIGINT)
        done.append("step")
        send(signal.SIGTERM)
        done.append("more")
    assert done == ["step"]


def test_a_loader_that_died_of_the_same_signal_is_no_error() -> None:
    with listening() as stop, pytest.raises(StopAsked), stop.patiently():  # noqa: PT012
        send(signal.SIGTERM)
        raise RuntimeError("DataLoader worker (pid 1) is killed by signal: Terminated.")


def read_with_a_worker(stop: Stop) -> int:
    """Read until asked to stop by a signal; return the number of the loader process, which lives on."""
    batches = iter(DataLoader(range(1_000_000), num_workers=1))  # type: ignore[arg-type, var-annotated]
    with pytest.raises(StopAsked), stop.patiently():  # noqa: PT012
        for _ in batches:
            send(signal.SIGTERM)
            stop.check()
    WORKERS.append(batches)
    return int(batches._workers[0].pid)  # type: ignore[attr-defined]


WORKERS: list[object] = []


def test_a_loader_that_dies_after_the_wish_disturbs_nothing_that_comes_then() -> None:
    """torch raises in the main process at whatever it does when a loader process dies of a signal."""
    if not callable(signal.getsignal(signal.SIGCHLD)):  # torch sets its own once, whichever test comes first
        signal.signal(signal.SIGCHLD, lambda *_: None)
    with listening() as stop:
        worker = read_with_a_worker(stop)
        os.kill(worker, signal.SIGKILL)
        os.waitid(os.P_PID, worker, os.WEXITED | os.WNOWAIT)
        time.sleep(0.01)
        assert signal.getsignal(signal.SIGCHLD) is signal.SIG_DFL
    assert callable(signal.getsignal(signal.SIGCHLD)), "torch hears of dead loaders again"
    WORKERS.clear()


def test_an_error_without_a_wish_stays_an_error() -> None:
    with listening() as stop, pytest.raises(RuntimeError, match="broken"), stop.patiently():
        raise RuntimeError("broken")


def test_a_full_disk_after_a_wish_is_still_told() -> None:
    with listening() as stop, pytest.raises(RunError, match="disk"), stop.patiently():  # noqa: PT012
        send(signal.SIGTERM)
        raise RunError("disk")


def test_another_thread_cannot_listen_and_does_not_try() -> None:
    seen: list[Stop] = []

    def work() -> None:
        with listening() as stop:
            seen.append(stop)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen[0].times_asked == 0


def test_what_is_ignored_stays_ignored() -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with listening() as stop:
            send(signal.SIGHUP)
            assert stop.times_asked == 0
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_process_is_alive_until_it_ends_and_its_number_is_not_its_name() -> None:
    child = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    born = birth(child.pid)
    assert is_alive(child.pid, born)
    assert is_alive(child.pid, "") or sys.platform == "linux"
    if sys.platform == "linux":
        assert not is_alive(child.pid, "another boot/1")
    child.kill()
    if sys.platform == "linux":
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert not is_alive(child.pid, born), "dead, though nobody has asked for its exit code yet"
    child.communicate()
    assert not is_alive(child.pid, born)


def test_strange_numbers_are_not_alive() -> None:
    assert not is_alive(0, "")
    assert not is_alive(-1, "")
    assert not is_alive(2**22 + 5, "")
