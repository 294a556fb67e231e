"""A Hugging Face data set, by its name on the hub or by a folder on disk, through the package ``datasets``."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from finetune.data.kinds.encoded import IMAGES, LABELS, choose_column, class_name, content_of
from finetune.data.kinds.tables import cell_text
from finetune.data.kinds.written import Encoded, Rows, written_set
from finetune.data.labelled import Found
from finetune.data.layout import SPLIT_FOLDERS, SplitName
from finetune.data.listing import Skipped
from finetune.data.tracking import Track, untracked
from finetune.errors import DataError, FinetuneError, OptionError, ResourceError

HUB = "hf:"
_DIGITS = 16


def read_hub_set(where: str, cache_dir: Path | None, track: Track = untracked, *, offline: bool) -> Found:
    """Return the images of ``hf:NAME``, ``hf:NAME:CONFIGURATION`` or ``hf:FOLDER``, written once as files.

    A folder is one that `save_to_disk` wrote, or one that `load_dataset` understands. Parts that are neither
    train, val nor test, and a second part for one of them, are left out and told. Offline, a name is found only
    in the package's own cache.

    Raises:
        OptionError: the package is not installed.
        DataError: no such set, no or several image columns, or no labels.
        ResourceError: the hub cannot be reached, or there is no room.
    """
    if importlib.util.find_spec("datasets") is None:
        raise OptionError(
            f'{where} needs the package datasets; run `pip install "finetune-strategies[datasets]"`'
        )
    name = where.removeprefix(HUB)
    if not name:
        raise DataError(f"{where} names no data set; write {HUB}NAME or {HUB}FOLDER")
    parts, left_out = _parts(where, _loaded(where, name, offline=offline))
    content = "\n".join([name, *(f"{split} {part._fingerprint}" for split, part in parts.items())])
    key = hashlib.sha256(content.encode()).hexdigest()[:_DIGITS]
    rows = Rows(_rows(where, parts), lambda: sum(map(len, parts.values())))
    found = written_set(where, key, rows, splits_from="dataset", cache_dir=cache_dir, track=track)
    return replace(found, skipped=found.skipped + left_out)


def _loaded(where: str, name: str, *, offline: bool) -> Any:
    import datasets
    import huggingface_hub.errors as hub

    folder = Path(name).expanduser()
    try:
        with _quiet(datasets), _offline(datasets, offline):
            if folder.is_dir():
                name = str(folder.resolve())
                saved = any((folder / file).is_file() for file in ("dataset_dict.json", "state.json"))
                return datasets.load_from_disk(name) if saved else datasets.load_dataset(name)
            name, _, configuration = name.partition(":")
            return datasets.load_dataset(name, configuration or None)
    except FinetuneError:
        raise
    except (datasets.exceptions.DatasetNotFoundError, hub.RepositoryNotFoundError) as error:
        raise DataError(
            f"no Hugging Face data set '{name}'; check the name, or log in for a private one"
        ) from error
    except (ConnectionError, hub.HfHubHTTPError, hub.OfflineModeIsEnabled) as error:
        offline_too = " or leave --offline away" if offline else ""
        raise ResourceError(
            f"the data set '{name}' cannot be had from the hub and is not in its cache; "
            f"check the network{offline_too}, or give a folder as {HUB}FOLDER"
        ) from error
    except Exception as error:
        told = str(error).strip().splitlines()
        why = told[0].rstrip(".") if told else type(error).__name__
        raise DataError(f"{where} cannot be loaded ({why}); check that it is an image data set") from error


@contextlib.contextmanager
def _quiet(datasets: Any) -> Iterator[None]:
    """Keep the package's progress bars and warnings off the screen."""
    verbosity, bars = datasets.logging.get_verbosity(), datasets.are_progress_bars_disabled()
    datasets.logging.set_verbosity_error()
    datasets.disable_progress_bars()
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        datasets.logging.set_verbosity(verbosity)
        if not bars:
            datasets.enable_progress_bars()


@contextlib.contextmanager
def _offline(datasets: Any, offline: bool) -> Iterator[None]:
    """Hold the switches that both packages read from the environment once, when they are imported."""
    switches = [datasets.config, constants_of_the_hub()]
    before = [switch.HF_HUB_OFFLINE for switch in switches]
    try:
        for switch in switches:
            switch.HF_HUB_OFFLINE = switch.HF_HUB_OFFLINE or offline
        yield
    finally:
        for switch, value in zip(switches, before, strict=True):
            switch.HF_HUB_OFFLINE = value


def constants_of_the_hub() -> Any:
    """Return the module that holds the hub's switches."""
    import huggingface_hub.constants

    return huggingface_hub.constants


def _parts(where: str, loaded: Any) -> tuple[dict[SplitName | None, Any], tuple[Skipped, ...]]:
    """Return the parts by our split names, and those left out; a set with one part alone is not split."""
    if not isinstance(loaded, dict):
        return {None: loaded}, ()
    parts: dict[SplitName | None, Any] = {}
    taken: dict[SplitName, str] = {}
    left_out = []
    for name, part in loaded.items():
        split = SPLIT_FOLDERS.get(str(name).casefold())
        if split is None:
            left_out.append(_left_out(name, part, "is neither train, val nor test"))
        elif split in taken:
            left_out.append(_left_out(name, part, f"is a second {split} beside the part {taken[split]}"))
        else:
            parts[split], taken[split] = part, str(name)
    if len(parts) > 1 or "train" in parts:
        return parts, tuple(left_out)
    if parts:
        return {None: next(iter(parts.values()))}, tuple(left_out)
    if len(loaded) == 1:
        return {None: next(iter(loaded.values()))}, ()
    raise DataError(
        f"{where} has the parts {', '.join(map(str, loaded))}, none of which is train, val or test; "
        "save the one to use with save_to_disk and give its folder"
    )


def _left_out(name: Any, part: Any, why: str) -> Skipped:
    count = "1 image is" if len(part) == 1 else f"{len(part):,} images are"
    return Skipped(f"the part {name}", f"{why}; its {count} left out", "skipped-image")


def _rows(where: str, parts: Mapping[SplitName | None, Any]) -> Iterator[Encoded]:
    import datasets

    for split, part in parts.items():
        features = part.features
        able = [name for name, feature in features.items() if isinstance(feature, datasets.Image)]
        image = choose_column(where, "image", able, IMAGES, list(features))
        others = [name for name in features if name != image]
        classes = [name for name in others if isinstance(features[name], datasets.ClassLabel)]
        usual = [name for name in others if name in LABELS]
        label = choose_column(where, "label", classes or usual, LABELS, others)
        names = features[label].names if label in classes else []
        chosen = part.select_columns([image, label, *(["group"] if "group" in others else [])])
        for row in chosen.cast_column(image, datasets.Image(decode=False)):
            content = content_of(row[image]) or _content_at(row[image])
            group = cell_text(row.get("group"))
            yield Encoded(content, class_name(row[label], names), split or "", group)


def _content_at(cell: Any) -> bytes:
    """Return the bytes of the file that a cell names, none where there is none to be read."""
    path = cell.get("path") if isinstance(cell, dict) else None
    try:
        return Path(path).read_bytes() if path else b""
    except (OSError, ValueError):
        return b""
