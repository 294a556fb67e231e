"""Turn a pickled state dict into a .safetensors file. Runs as a program of its own: `unpickle.py FILE FOLDER`.

A pickle can hold code that runs when it is opened. Here its opcodes are read first, without running them, and
one that names anything but torch's own is refused; then torch's weights-only reader opens it, which builds
tensors and plain containers and calls nothing else; all that in a short-lived process with limits.
Writes `weights.safetensors` and `answer.json` into FOLDER; the latter holds `taken`, the key that the state
dict was under, and `names`, or `problem`, one of the keys of `pickled.PROBLEMS`, with a `detail`. Imports
nothing of the project, so that it needs no more than its own path.
"""

from __future__ import annotations

import argparse
import json
import pickle
import pickletools
import re
import sys
import tarfile
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, BinaryIO

STATE_KEYS = ("state_dict", "model_state_dict", "model", "state_dict_ema", "model_ema")
OPTIMIZER_KEYS = {"optimizer", "optimizer_state_dict", "optimizer_states", "param_groups"}
HARMLESS_NAMES = {
    *("collections.OrderedDict", "collections.Counter", "argparse.Namespace", "_codecs.encode"),
    *(
        f"{builtins}.{name}"
        for builtins in ("builtins", "__builtin__")
        for name in ("set", "bytearray", "complex")
    ),
}
"""What torch's weights-only reader allows beside torch's own names, and the namespace of options."""
MODEL_PARTS = {"_parameters", "_modules"}
STRINGS = {
    "UNICODE",
    "BINUNICODE",
    "SHORT_BINUNICODE",
    "BINUNICODE8",
    "STRING",
    "BINSTRING",
    "SHORT_BINSTRING",
}
READABLE_PROTOCOL = 3
PICKLES_IN_A_FILE = 5
"""PyTorch's format before zips: a mark, a version, the system, the object, the storages' names."""
MEMORY_LIMIT_BYTES = 3 << 30
"""Beside four times the file; torch itself takes about 0.8 GB of it."""


class UnusableError(Exception):
    """A file without weights that can be taken: (problem, detail)."""


def state_of(path: Path) -> tuple[dict[str, Any], str]:
    """Return the tensors of the state dict in ``path`` and the key it was under, ``""`` for the file itself."""
    _refuse_other_formats(path)
    refuse_foreign_names(path)
    import torch

    try:
        # Training scripts, timm's among them, store their options beside the weights as such a namespace.
        with torch.serialization.safe_globals([argparse.Namespace]):
            content = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        named = re.search(r"GLOBAL (\S+)", str(error))
        problem = ("code", named[1]) if named else ("damaged", "it is no list of tensors")
        raise UnusableError(*problem) from None
    return pick(content)


def pick(content: Any) -> tuple[dict[str, Any], str]:
    """Return the state dict in what a file holds: the first under a well-known key, else the dict itself.

    In that order, since training scripts put single tensors, such as the best accuracy, beside the state dict.
    """
    if not isinstance(content, dict):
        raise UnusableError("no_dict", type(content).__name__)
    for key in STATE_KEYS:
        if isinstance(content.get(key), dict) and (tensors := _tensors(content[key])):
            return tensors, key
    if OPTIMIZER_KEYS & set(content):
        raise UnusableError("optimizer", "")
    if tensors := _tensors(content):
        return tensors, ""
    raise UnusableError("no_tensors", ", ".join(map(str, list(content)[:5])) or "nothing")


def _tensors(candidate: dict[Any, Any]) -> dict[str, Any]:
    import torch

    return {name: value for name, value in candidate.items() if isinstance(value, torch.Tensor)}


def separate(tensors: dict[str, Any]) -> dict[str, Any]:
    """Return the tensors dense, in order, and each with memory of its own, as safetensors needs them."""
    import torch

    seen: set[int] = set()
    result = {}
    for name, tensor in tensors.items():
        if tensor.layout != torch.strided or tensor.is_quantized:
            raise UnusableError("odd_tensor", name)
        dense = tensor.detach().contiguous()
        storage = dense.untyped_storage()
        is_shared = storage.data_ptr() in seen or storage.nbytes() != dense.numel() * dense.element_size()
        result[str(name)] = dense.clone() if is_shared else dense
        seen.add(storage.data_ptr())
    return result


def _refuse_other_formats(path: Path) -> None:
    """Raise UnusableError for a file that its first bytes show to be something else than a pickle."""
    with path.open("rb") as stream:
        start = stream.read(16)
    if start[:4] == b"PK\x03\x04":
        return _refuse_other_zips(path)
    if start[8:9] == b"{":
        raise UnusableError("safetensors", "")
    if start[:1] != b"\0" and tarfile.is_tarfile(path):
        raise UnusableError("tar", "")
    if start[:1] != b"\x80":
        raise UnusableError("no_pickle", "")
    return None


def _refuse_other_zips(path: Path) -> None:
    if not zipfile.is_zipfile(path):
        raise UnusableError("damaged", "its end is missing")
    with zipfile.ZipFile(path) as archive:
        names = {name.rpartition("/")[2] for name in archive.namelist()}
    if "constants.pkl" in names:
        raise UnusableError("torchscript", "")
    if "data.pkl" not in names:
        raise UnusableError("no_pickle", "")


def refuse_foreign_names(path: Path) -> None:
    """Raise UnusableError for a pickle that names what is not torch's, or that torch's reader cannot read."""
    foreign, strings, protocol = [], set(), 0
    with pickle_in(path) as stream:
        for kind, value in read_opcodes(stream):
            if kind == "protocol":
                protocol = max(protocol, int(value))
            elif kind == "string":
                strings.add(value)
            elif value not in HARMLESS_NAMES and not re.match(r"torch\.(?!nn\.modules\.)", value):
                foreign.append(value)
    if foreign:
        raise UnusableError("model" if strings >= MODEL_PARTS else "code", foreign[0])
    if protocol > READABLE_PROTOCOL:
        raise UnusableError("protocol", str(protocol))


@contextmanager
def pickle_in(path: Path) -> Iterator[BinaryIO]:
    """Give the bytes of the pickle in ``path``: a zip's `data.pkl`, else the whole file."""
    if not zipfile.is_zipfile(path):
        with path.open("rb") as stream:
            yield stream
        return
    with zipfile.ZipFile(path) as archive:
        (name, *_) = [name for name in archive.namelist() if name.rpartition("/")[2] == "data.pkl"]
        yield BytesIO(archive.read(name))


def read_opcodes(stream: BinaryIO) -> Iterator[tuple[str, str]]:
    """Yield the ``protocol``, each ``string`` and each ``global`` ("module.name") of the pickles in ``stream``.

    Nothing is built or called. Stops quietly where the bytes are no pickle any more.
    """
    try:
        for _ in range(PICKLES_IN_A_FILE):
            yield from _opcodes_of_one(stream)
    except ValueError:
        return


def _opcodes_of_one(stream: BinaryIO) -> Iterator[tuple[str, str]]:
    memo: dict[int, str] = {}
    recent = ["", ""]  # a STACK_GLOBAL takes its module and name from the two strings before it
    for opcode, value, _ in pickletools.genops(stream):
        if opcode.name == "PROTO":
            yield "protocol", str(value)
        elif opcode.name in STRINGS:
            recent = [recent[-1], str(value)]
            yield "string", recent[-1]
        elif opcode.name in ("GLOBAL", "INST"):
            yield "global", ".".join(str(value).split(" "))
        elif opcode.name == "STACK_GLOBAL":
            yield "global", ".".join(recent)
        elif opcode.name == "MEMOIZE":
            memo[len(memo)] = recent[-1]
        elif opcode.name in ("PUT", "BINPUT", "LONG_BINPUT"):
            memo[int(value or 0)] = recent[-1]
        elif opcode.name in ("GET", "BINGET", "LONG_BINGET"):
            recent = [recent[-1], memo.get(int(value or 0), "")]


def limit_memory(file_bytes: int) -> None:
    """Take away what no state dict needs: memory beyond a few times the file, and core dumps."""
    try:
        import resource
    except ImportError:  # Windows
        return
    limit = MEMORY_LIMIT_BYTES + 4 * file_bytes
    _, hard = resource.getrlimit(resource.RLIMIT_DATA)
    if hard == resource.RLIM_INFINITY or limit < hard:
        resource.setrlimit(resource.RLIMIT_DATA, (limit, hard))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def convert(path: Path, folder: Path) -> dict[str, Any]:
    """Write the weights of ``path`` into ``folder`` and return the answer."""
    try:
        tensors, taken = state_of(path)
        from safetensors.torch import save_file

        save_file(separate(tensors), folder / "weights.safetensors")
    except UnusableError as error:
        return dict(zip(("problem", "detail"), error.args, strict=True))
    except MemoryError:
        return {"problem": "memory", "detail": ""}
    except Exception as error:  # noqa: BLE001 - whatever it is, the parent says it
        sentence = " ".join(str(error).split())
        if "allocate memory" in sentence:
            return {"problem": "memory", "detail": ""}
        if "No space left" in sentence:
            return {"problem": "disk", "detail": str(folder)}
        return {"problem": "damaged", "detail": f"{type(error).__name__}: {sentence[:150]}"}
    return {"taken": taken, "names": [*map(str, tensors)]}


def main() -> None:
    """Convert FILE into FOLDER."""
    warnings.simplefilter("ignore")
    path, folder = map(Path, sys.argv[1:])
    limit_memory(path.stat().st_size)
    (folder / "answer.json").write_text(json.dumps(convert(path, folder)), encoding="utf-8")


if __name__ == "__main__":
    main()
