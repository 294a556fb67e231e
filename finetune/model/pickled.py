"""Read the weights in a `.pth`, `.pt` or `.bin` file without opening the pickle in this process."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from functools import lru_cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from finetune.errors import ResourceError, WeightsError
from finetune.model import unpickle

if TYPE_CHECKING:
    from torch import Tensor

SUFFIXES = (".pth", ".pt", ".bin")
TIME_LIMIT_S = 300.0
KEPT_VARIABLES = (
    "PATH", "PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV", "HOME", "USERPROFILE", "SYSTEMROOT", "APPDATA",
    "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "TMPDIR", "TEMP", "TMP", "LANG",
)  # fmt: skip
"""What Python and torch need to start; tokens, keys and the rest stay here."""

SAVE_STATE = "save its weights alone: torch.save(model.state_dict(), 'weights.pth')"
PROBLEMS = {
    "code": f"holds code ({{detail}}), and nothing of it was run; {SAVE_STATE}",
    "model": f"is a whole pickled model ({{detail}}), which is code, and nothing of it was run; {SAVE_STATE}",
    "optimizer": f"is an optimizer's checkpoint without the network's weights; {SAVE_STATE}",
    "torchscript": f"is a TorchScript archive, which holds code, and nothing of it was run; {SAVE_STATE}",
    "tar": "is in PyTorch's old tar format, which can't be opened safely; save it again with a newer PyTorch",
    "protocol": "is a pickle of protocol {detail}, which can't be opened safely; save it again with torch.save",
    "safetensors": "is a .safetensors file by its content; give it that ending",
    "no_pickle": "is not a PyTorch file at all; fetch it again",
    "damaged": "is damaged or cut short ({detail}); fetch it again",
    "no_dict": f"holds a {{detail}} and no state dict; {SAVE_STATE}",
    "no_tensors": f"holds no weights, only: {{detail}}; {SAVE_STATE}",
    "odd_tensor": "holds a sparse or quantized tensor ({detail}); give the weights as ordinary numbers",
    "memory": "needs more memory than its size explains or this machine has; give another file",
    "killed": "could not be opened: the process that opened it was ended ({detail}); free some memory",
    "slow": f"could not be opened within {TIME_LIMIT_S:.0f} s; give another file",
}  # fmt: skip
"""What may be wrong with a file, as the rest of a sentence that begins with its name."""


@lru_cache(maxsize=1)
def read_pickled(path: Path, sha256: str) -> tuple[dict[str, Tensor], str]:  # noqa: ARG001 - the hash is for the cache
    """Return the tensors of the state dict in ``path`` and the key that it was under (``""``: the file itself).

    A child process opens the file and hands the tensors over as a temporary file. The last result is kept,
    since a run builds its network more than once. Raises WeightsError saying what the file is when no weights
    can be taken from it, ResourceError when the disk is full.
    """
    from safetensors.torch import load_file

    with TemporaryDirectory(prefix="finetune-weights-", ignore_cleanup_errors=True) as folder:
        answer = _converted(path.resolve(), Path(folder))
        problem, detail = answer.get("problem"), printable(answer.get("detail", ""))
        if problem == "disk":
            raise ResourceError(f"opening {path} needs as much room in {detail} as the file has; free some")
        if problem:
            raise WeightsError(f"{path} {PROBLEMS[problem].format(detail=detail)}")
        state = load_file(Path(folder) / "weights.safetensors")
        return {name: state[name] for name in answer["names"]}, answer["taken"]


def printable(text: str) -> str:
    """Return what a file says of itself without what could move a terminal's cursor."""
    return "".join(letter if letter.isprintable() else "?" for letter in text[:300])


def _converted(path: Path, folder: Path) -> dict[str, Any]:
    """Let a process of its own turn ``path`` into a file in ``folder``; return its answer."""
    try:
        done = subprocess.run(
            [sys.executable, "-P", "-B", unpickle.__file__, str(path), str(folder)],
            cwd=folder,
            env={name: os.environ[name] for name in KEPT_VARIABLES if name in os.environ}
            | {"OMP_NUM_THREADS": "1"},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=TIME_LIMIT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return {"problem": "slow"}
    answer = folder / "answer.json"
    if done.returncode or not answer.exists():
        return {"problem": "killed", "detail": f"exit code {done.returncode}"}
    said: dict[str, Any] = json.loads(answer.read_text(encoding="utf-8"))
    return said
