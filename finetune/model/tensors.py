"""Write a network's tensors to a .safetensors file: whole or not at all."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path

from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import Tensor

from finetune.errors import ResourceError


def save_tensors(tensors: Mapping[str, Tensor], path: Path) -> None:
    """Write ``tensors`` to ``path``; a file that was there is replaced at once.

    Whoever may read new files may read it.

    Raises ResourceError when there is no room.
    """
    state = {name: tensor.detach().cpu().contiguous() for name, tensor in tensors.items()}
    unfinished = path.with_suffix(".tmp")
    try:
        unfinished.touch()
        mode = stat.S_IMODE(unfinished.stat().st_mode)
        save_file(state, unfinished, metadata={"format": "pt"})
        unfinished.chmod(mode)  # safetensors lets nobody but the owner read it
        unfinished.replace(path)
    except (SafetensorError, OSError) as error:
        raise ResourceError(
            f"cannot write {path} ({error}); free some space or choose another folder"
        ) from None
    finally:
        unfinished.unlink(missing_ok=True)
