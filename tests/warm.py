"""Our own programs as processes that share what one of them has loaded, and so start at once.

To load torch and all that stands on it takes a process four to seven seconds, most of what a small job takes. Under
`warm_processes`, ``python -m finetune...`` is forked from a process that has loaded it and done nothing else: it uses
one thread, so nothing that is half done is copied. The rest is as ever: a process of its own, whose parent is the one
that asked, with its own arguments, environment, folder, session and streams. What a Python reads only when it starts
(PYTHONIOENCODING, say) is not heard. Linux only; elsewhere all start afresh.
"""

import atexit
import contextlib
import ctypes
import importlib
import inspect
import json
import os
import runpy
import signal
import socket
import subprocess
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NoReturn

LOADED = (
    "matplotlib.figure",
    "pytorch_lightning",
    "safetensors.torch",
    "scipy.fftpack",
    "scipy.stats",
    "sklearn.linear_model",
    "sklearn.metrics",
    "sklearn.neighbors",
    "torch",
    "torchvision",
)
"""Not timm and what belongs to the hub: they read the environment once, when they are loaded."""
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")
PIPE_ENDS = ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")
SET_CHILD_SUBREAPER = 36
"""Of prctl(2): whose parent ends becomes this process's child."""


class Loaded:
    """What one process asks another that has loaded it all, which ends with the one that asks."""

    def __init__(self, asking: socket.socket, wait: Callable[[], object]) -> None:
        self.asker = os.getpid()
        self._asking = asking
        self._one_at_a_time = threading.Lock()
        self._wait = wait
        atexit.register(self._end)

    def fork(self, asked: Mapping[str, Any], streams: list[int]) -> int:
        """Have a process do what is asked, as this one's child, and return its number."""
        with self._one_at_a_time:
            _set_child_subreaper(True)
            try:
                socket.send_fds(self._asking, [json.dumps(asked).encode()], streams)
                number = int(self._asking.recv(100))
            finally:
                _set_child_subreaper(False)
        return number

    def _end(self) -> None:
        if self.asker == os.getpid():
            self._asking.close()
            self._wait()


def _load() -> Loaded:
    """Start a process that loads it all."""
    ours, theirs = _ends()
    command = [sys.executable, "-P", str(Path(__file__)), str(theirs.fileno())]
    with theirs:
        process = AFRESH(
            command,
            env={**os.environ, **ONE_THREAD},
            stdin=subprocess.DEVNULL,
            pass_fds=[theirs.fileno()],
        )
    return Loaded(ours, process.wait)


def _fork_loaded() -> Loaded:
    """Leave a process behind that has loaded what this one has."""
    ours, theirs = _ends()
    number = os.fork()
    if number == 0:
        try:
            ours.close()
            serve(theirs)
        finally:
            os._exit(0)
    theirs.close()
    return Loaded(ours, lambda: os.waitpid(number, 0))


def _ends() -> tuple[socket.socket, socket.socket]:
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)


AFRESH = subprocess.Popen
_loaded: list[Loaded] = []


def _loaded_by_this_process() -> Loaded | None:
    """What there is to fork from, made at the first call; None in a process that was itself forked from the tests."""
    if not _loaded:
        _loaded.append(_load())
    return _loaded[0] if _loaded[0].asker == os.getpid() else None


class Warm(subprocess.Popen):  # type: ignore[type-arg]
    """A `subprocess.Popen` that forks our own programs, and starts all others."""

    def _execute_child(self, *values: Any) -> None:
        asked = inspect.signature(AFRESH._execute_child).bind(self, *values).arguments
        words = list(map(os.fspath, asked["args"])) if not isinstance(asked["args"], str | bytes) else []
        program = _program(words)
        loaded = _loaded_by_this_process() if program else None
        if loaded is None:
            super()._execute_child(*values)
            return
        ends = [asked[name] for name in PIPE_ENDS]
        told = {
            "program": program,
            "is_safe_path": "-P" in words[:2],
            "arguments": words[words.index("-m") + 2 :],
            "environment": dict(os.environ if asked["env"] is None else asked["env"]),
            "folder": os.path.realpath(asked["cwd"] or Path.cwd()),
            "has_own_session": asked["start_new_session"],
            "group": asked["process_group"],
            "parent": os.getpid(),
        }
        streams = [number if end == -1 else end for number, end in enumerate((ends[0], ends[3], ends[5]))]
        self.pid = loaded.fork(told, streams)
        self._child_created = True
        self._close_pipe_fds(*ends)


def _program(words: list[str]) -> str | None:
    """The module of ours that a command line runs, or None."""
    if words[:1] != [sys.executable] or "-m" not in words[1:3]:
        return None
    module = words[words.index("-m") + 1]
    return module if module.split(".")[0] == "finetune" else None


@contextlib.contextmanager
def warm_processes() -> Iterator[None]:
    """Start our own programs warm until the context ends; what is loaded for that stays until the tests end."""
    if sys.platform != "linux" or subprocess.Popen is Warm:
        yield
        return
    subprocess.Popen = Warm  # type: ignore[misc]
    try:
        yield
    finally:
        subprocess.Popen = AFRESH  # type: ignore[misc]


@contextlib.contextmanager
def afresh() -> Iterator[None]:
    """Start all processes afresh, as users' are, until the context ends: for a claim about how they start."""
    before, subprocess.Popen = subprocess.Popen, AFRESH  # type: ignore[misc]
    try:
        yield
    finally:
        subprocess.Popen = before  # type: ignore[misc]


def _set_child_subreaper(on: bool) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(SET_CHILD_SUBREAPER, int(on), 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


def serve(asking: socket.socket) -> None:
    """Load it all; then fork for each that asks, until nobody is left who could."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for those who can answer it
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for name in LOADED:
            importlib.import_module(name)
    while True:
        message, streams, _, _ = socket.recv_fds(asking, 1 << 20, 3)
        if not message:
            return
        between = os.fork()
        if between == 0:
            # Its end gives the one below to the process that asked.
            if os.fork() == 0:
                _become(asking, json.loads(message), streams)
            os._exit(0)
        os.waitpid(between, 0)
        for stream in streams:
            os.close(stream)


def _become(asking: socket.socket, asked: Mapping[str, Any], streams: list[int]) -> NoReturn:
    """Be the program that was asked for, and never return."""
    import torch

    code: object = 1
    try:
        if asked["has_own_session"]:
            os.setsid()
        elif asked["group"] >= 0:
            os.setpgid(0, asked["group"])
        for number, stream in enumerate(streams):
            os.dup2(stream, number)
        # Those of before would remember whether the old ones could be sought in.
        sys.stdin, sys.stdout = os.fdopen(0, closefd=False), os.fdopen(1, "w", closefd=False)
        sys.stderr = os.fdopen(2, "w", buffering=1, errors="backslashreplace", closefd=False)
        os.chdir(asked["folder"])
        os.environ.clear()
        os.environ.update(asked["environment"])
        time.tzset()
        while os.getppid() != asked["parent"]:
            time.sleep(0.001)
        asking.send(str(os.getpid()).encode())
        asking.close()
        for stream in streams:
            os.close(stream)
        # Torch gives a forked process a new thread pool at the first call that asks for one, and is not ready for
        # two threads that ask at once.
        torch.set_num_threads(torch.get_num_threads())
        if asked["program"] == "finetune":  # it may start processes itself
            _loaded[:] = [_fork_loaded()]
            subprocess.Popen = Warm  # type: ignore[misc]
        signal.signal(signal.SIGINT, signal.default_int_handler)
        sys.argv = [asked["program"], *asked["arguments"]]
        sys.path[:0] = _paths(asked)
        runpy.run_module(asked["program"], run_name="__main__", alter_sys=True)
        code = 0
    except SystemExit as error:
        code = error.code
    except KeyboardInterrupt:
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        os.kill(os.getpid(), signal.SIGINT)
    except BaseException:  # noqa: BLE001 - what no program of ours may let out is to be seen
        traceback.print_exc()
    finally:
        if isinstance(code, str):
            print(code, file=sys.stderr)
        threading._shutdown()
        atexit._run_exitfuncs()
        with contextlib.suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code if isinstance(code, int) else 0 if code is None else 1)


def _paths(asked: Mapping[str, Any]) -> list[str]:
    """What a Python of its own would have put first into its path."""
    first = [] if asked["is_safe_path"] else [asked["folder"]]
    return [*first, *filter(None, asked["environment"].get("PYTHONPATH", "").split(os.pathsep))]


if __name__ == "__main__":
    with socket.socket(fileno=int(sys.argv[1])) as asking:
        serve(asking)
