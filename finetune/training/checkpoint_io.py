"""Lightning's training state in a .safetensors file: the tensors as they are, the rest as JSON in its header."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from lightning_fabric.plugins import CheckpointIO
from safetensors import SafetensorError, safe_open

from finetune.errors import RunError
from finetune.training.durable import hash_file, write_tensors
from finetune.training.tree import pack, unpack

_TREE = "state"


class SafeCheckpointIO(CheckpointIO):
    """Writes and reads checkpoints without pickle: a run's folder may come from somebody else."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: str | Path, storage_options: Any | None = None
    ) -> None:
        """Write the nested ``checkpoint`` to ``path`` at once; raises ResourceError when there is no room."""
        assert storage_options is None
        text, tensors = pack(checkpoint)
        write_tensors(Path(path), tensors, metadata={_TREE: text})

    def load_checkpoint(
        self,
        path: str | Path,
        map_location: Any | None = None,  # noqa: ARG002
        weights_only: bool | None = None,  # noqa: ARG002 - nothing else than data can be in it
    ) -> dict[str, Any]:
        """Return what was saved, on the CPU; raises RunError when the file holds no state."""
        try:
            with safe_open(path, framework="pt") as file:
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
                text = (file.metadata() or {}).get(_TREE, "")
            state = unpack(text, tensors)
        except (SafetensorError, OSError, ValueError) as error:
            raise RunError(f"{path} holds no training state ({error}); train again") from None
        if not isinstance(state, dict):
            raise RunError(f"{path} holds no training state; train again")
        return state

    def remove_checkpoint(self, path: str | Path) -> None:
        """Remove the file and its hash."""
        for file in (hash_file(Path(path)), Path(path)):
            file.unlink(missing_ok=True)
