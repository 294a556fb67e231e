"""How a process of our own is started: this Python, this package, no secrets, nothing from the working folder."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

LEAST_MEMORY = 4 << 30
"""Bytes of data for a process that decodes images: one of the most pixels takes less than one of these GiB."""
_MACHINE = re.compile(
    r"(PATH|HOME|USER|LOGNAME|SHELL|LANG|LANGUAGE|TZ|TMPDIR|TEMP|TMP|VIRTUAL_ENV|(DY)?LD_LIBRARY_PATH|NO_COLOR"
    r"|(HTTPS?|ALL|NO|FTP)_PROXY|SSL_CERT_(FILE|DIR)|(REQUESTS|CURL)_CA_BUNDLE"
    r"|SYSTEMROOT|SYSTEMDRIVE|WINDIR|COMSPEC|PATHEXT|USERPROFILE|HOMEDRIVE|HOMEPATH|(LOCAL)?APPDATA)$"
    r"|(LC|XDG|FINETUNE|HF|TRANSFORMERS|TORCH|PYTORCH|TORCHINDUCTOR|TRITON|PL|TIMM|COV|COVERAGE"
    r"|OMP|GOMP|KMP|MKL|OPENBLAS|NUMEXPR|THP|MALLOC|CUDA|CUBLAS|CUDNN|NCCL|NVIDIA|HIP|HSA|ROCR|ORT)_|PYTHON",
)
"""What says how the machine, its libraries and this program are set up."""
_SECRET = re.compile(r"TOKEN|SECRET|PASSW|CREDENTIAL|(^|_)(API|ACCESS|PRIVATE|AUTH)?_?KEY")
_ROOT = Path(__file__).resolve().parents[1]


def command(module: str, *arguments: str) -> list[str]:
    """Return the command line that runs ``module``.

    ``-P``: a user's own folder called ``torch`` or ``finetune`` must not be taken for the package.
    """
    return [sys.executable, "-P", "-m", module, *arguments]


def environment() -> dict[str, str]:
    """Return the environment for it: what ours says of the machine, no secrets, and where the package is.

    A process that decodes what strangers send needs neither a cloud's keys nor a hub's token.
    """
    paths = [str(_ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    # Passive waits and huge pages: what the command line sets for itself before torch is loaded.
    usual = {"OMP_WAIT_POLICY": "PASSIVE", "THP_MEM_ALLOC_ENABLE": "1"}
    handed_on = {name: value for name, value in os.environ.items() if is_handed_on(name)}
    return {**usual, **handed_on, "PYTHONPATH": os.pathsep.join(paths)}


def is_handed_on(name: str) -> bool:
    """Whether a process of our own is told the environment's variable ``name``."""
    name = name.upper()
    return bool(_MACHINE.match(name)) and not _SECRET.search(name)


def confine(memory_bytes: int | None = None) -> None:
    """Take away from this process what it never needs: core dumps, which would hold users' images, and more memory.

    Beyond ``memory_bytes`` of data it gets a MemoryError. Where the system knows no such limits, nothing changes.
    """
    try:
        import resource
    except ImportError:  # Windows
        return
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if memory_bytes is not None:
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        if hard == resource.RLIM_INFINITY or memory_bytes < hard:
            resource.setrlimit(resource.RLIMIT_DATA, (memory_bytes, memory_bytes))


def most_memory() -> int:
    """Return what one classifier may take: three quarters of the machine's memory, and what a large image needs."""
    try:
        whole = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return LEAST_MEMORY
    return max(LEAST_MEMORY, whole * 3 // 4)
