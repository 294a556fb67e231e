"""Where pretrained weights come from: a file, the local hub cache, the hub, or an installed package.

`locate_weights` finds the file (no torch needed); `load_pretrained` puts it into a network whose classifier
may have another width. What was used is recorded as a `WeightsRecord` in every run.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from finetune.errors import OptionError, WeightsError
from finetune.model.backbones import CATALOGUE, PACKAGED_BACKBONE, PREFERRED_BACKBONE, Backbone, ways_out
from finetune.model.file_hash import sha256_of
from finetune.model.hub import cached_file, fetch, hub_answers, is_offline, promised_hash
from finetune.model.packaged import SHA256, VERSION, file_of
from finetune.model.pickled import SUFFIXES as PICKLED_SUFFIXES
from finetune.model.pickled import read_pickled
from finetune.model.state_files import SUFFIXES, read_packaged, read_state
from finetune.progress import SILENT, Reporter

if TYPE_CHECKING:
    from torch import Tensor, nn

Source = Literal["file", "cache", "hub", "packaged", "none"]


@dataclass(frozen=True)
class WeightsRecord:
    """Which weights a network started from. ``path`` is None exactly when ``source`` is ``none``."""

    source: Source
    origin: str
    path: Path | None
    sha256: str
    licence: str


BATCH_COUNT = ".num_batches_tracked"
"""May be missing: files older than PyTorch 0.4.1 lack it, and no network here averages by it."""

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


def locate_weights(
    backbone: Backbone, choice: str, *, offline: bool, reporter: Reporter = SILENT
) -> WeightsRecord:
    """Find the weights of ``backbone``.

    ``choice`` is ``auto`` (local cache, then package, then hub), ``hub`` (cache, then download), ``packaged``,
    ``none``, or the path of a ``.safetensors``, ``.pth``, ``.pt`` or ``.bin`` file. With ``offline`` nothing
    leaves the machine. Raises WeightsError when they cannot be had, naming the ways out; ResourceError when
    the disk is full or a download breaks.
    """
    if choice == "none":
        return NO_WEIGHTS
    if choice not in ("auto", "hub", "packaged"):
        return _from_file(Path(choice), reporter)
    if choice == "packaged":
        return _from_package(backbone)
    cached, damage = _from_cache(backbone)
    if cached is not None:
        return cached
    if damage:
        reporter.say(f"warning: {backbone.hub_id} {damage}, so it is not used")
    if choice == "auto" and backbone.packaged:
        return _from_package(backbone)
    if not backbone.has_weights:
        raise WeightsError(
            f"timm has no pretrained weights for {backbone.name}; give --weights FILE.safetensors, train it with "
            "--strategy from-scratch, or choose one of `finetune backbones`"
        )
    if is_offline(offline):
        why = damage or "is not in the local cache"
        raise WeightsError(ways_out(backbone, f"{why}, and --offline forbids a download"))
    path, digest = fetch(backbone, reporter)
    return WeightsRecord("hub", backbone.hub_id, path, digest, backbone.licence)


def _from_cache(backbone: Backbone) -> tuple[WeightsRecord | None, str]:
    """Return the weights in the local cache, or None and, if they are there with other bytes, what is wrong."""
    path = cached_file(backbone)
    if path is None:
        return None, ""
    digest, promised = sha256_of(path), promised_hash(path)
    if promised and digest != promised:
        return None, f"is damaged in the local cache (sha256 {digest[:12]}… instead of {promised[:12]}…)"
    return WeightsRecord("cache", backbone.hub_id, path, digest, backbone.licence), ""


def whereabouts(backbone: Backbone) -> str:
    """Return where the weights of ``backbone`` are: ``packaged``, ``in cache``, ``needs download`` or ``none``."""
    if not backbone.has_weights:
        return "none"
    if backbone.packaged:
        return "packaged"
    return "in cache" if cached_file(backbone) is not None else "needs download"


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
    shapes = {name: tuple(tensor.shape) for name, tensor in wanted.items()}
    if record.source == "packaged":
        state = read_packaged(record.path, shapes)
    else:
        state = read_state(record.path, record.sha256, shapes)
    if not keep_classifier:
        state = {name: tensor for name, tensor in state.items() if not name.startswith(head)}
        wanted = {name: tensor for name, tensor in wanted.items() if not name.startswith(head)}
    _refuse_misfit(wanted, state, record)
    model.load_state_dict(state, strict=False)


def _refuse_misfit(wanted: dict[str, Tensor], state: dict[str, Tensor], record: WeightsRecord) -> None:
    missing = [name for name in wanted if name not in state and not _is_spare(name, state)]
    extra = [name for name in state if name not in wanted]
    reshaped = [
        f"{name} {tuple(state[name].shape)} instead of {tuple(tensor.shape)}"
        for name, tensor in wanted.items()
        if name in state and state[name].shape != tensor.shape
    ]
    known = [(name, tensor, state[name]) for name, tensor in wanted.items() if name in state]
    retyped = [
        f"{name} {str(found.dtype).removeprefix('torch.')}"
        for name, tensor, found in known
        if tensor.is_floating_point() and not found.is_floating_point()
    ]
    broken = [
        name for name, _, found in known if found.is_floating_point() and not bool(found.isfinite().all())
    ]
    kinds = {
        "missing": missing,
        "left over": extra,
        "of another shape": reshaped,
        "not of floating-point numbers": retyped,
        "with values that are no numbers": broken,
    }
    problems = [
        f"{len(found)} {what} (first: {', '.join(found[:3])})" for what, found in kinds.items() if found
    ]
    if problems:
        raise WeightsError(
            f"the weights {record.origin} do not fit this backbone: of {len(wanted)} tensors, "
            f"{'; '.join(problems)}; choose the backbone that they were made for"
        )


def _is_spare(name: str, state: dict[str, Tensor]) -> bool:
    """Return whether ``name`` counts the batches of a BatchNorm layer that ``state`` holds otherwise."""
    return name.endswith(BATCH_COUNT) and name.removesuffix(BATCH_COUNT) + ".running_mean" in state


def _from_file(path: Path, reporter: Reporter) -> WeightsRecord:
    """Describe a file; a pickled one is opened at once, in a child process, since much may be wrong with it."""
    kinds = ", ".join(SUFFIXES)
    if not path.is_file():
        raise WeightsError(
            f"no such weights file: {path}; give a {kinds} file, or auto, hub, packaged or none"
        )
    if path.suffix not in SUFFIXES:
        raise WeightsError(f"{path} is not a weights file by its ending; give a {kinds} file")
    digest, origin = sha256_of(path), str(path)
    if path.suffix in PICKLED_SUFFIXES and (taken := read_pickled(path, digest)[1]):
        reporter.say(f"weights: taken from '{taken}' in {path}")
        origin = f"{path}['{taken}']"
    return WeightsRecord("file", origin, path, digest, "unknown")


def _from_package(backbone: Backbone) -> WeightsRecord:
    if not backbone.packaged:
        raise WeightsError(ways_out(backbone, "has no packaged weights"))
    path = file_of(backbone.package)
    digest = sha256_of(path)
    if digest != SHA256[backbone.package]:
        raise WeightsError(
            f"the packaged weights {path} are damaged (sha256 {digest[:12]}…); reinstall {backbone.package}"
        )
    return WeightsRecord("packaged", f"{backbone.package} {VERSION}", path, digest, backbone.licence)
