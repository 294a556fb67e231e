"""What every contestant of a contest gets: the same files under train/ and val/, their list, the same weights."""

from __future__ import annotations

import json
import random
import shutil
import zipfile
from pathlib import Path

from common import data_set

from speed.contests import Contest

VAL_SHARE = 0.2
SEED = 0
SUFFIXES = (".jpg", ".jpeg", ".png")


def lay_out(name: str, cache: Path, *, limit: int | None = None) -> Path:
    """Unpack the shared data set once and return the folder of its ``train``, ``val`` and ``split.json``.

    A set that brings no val has a fifth of each class drawn for it, by `SEED`. ``limit`` keeps so many images a
    class and part, for trying the script out. Everything else in the zip (a stray ``.gif``) is left out.
    """
    target = cache / "data" / (name if limit is None else f"{name}-{limit}")
    if not (target / "split.json").exists():
        shutil.rmtree(target, ignore_errors=True)
        with zipfile.ZipFile(data_set(f"{name}.zip")) as archive:
            split = _split([file for file in archive.namelist() if file.lower().endswith(SUFFIXES)], limit)
            listed = {part: _unpack(archive, images, target, part) for part, images in split.items()}
        classes = sorted({label for images in listed.values() for _, label in images})
        rows = {part: [[file, classes.index(c)] for file, c in images] for part, images in listed.items()}
        (target / "split.json").write_text(json.dumps({"classes": classes, **rows}), encoding="utf-8")
    return target


def _split(files: list[str], limit: int | None) -> dict[str, list[str]]:
    """Return the archive's names of train and val: ``SET/train/CLASS/FILE`` or ``SET/CLASS/FILE``."""
    parts: dict[str, list[str]] = {"train": [], "val": []}
    by_folder: dict[str, list[str]] = {}
    for file in sorted(files):
        by_folder.setdefault(str(Path(file).parent), []).append(file)
    for folder, images in by_folder.items():
        given = Path(folder).parent.name
        if given in parts:
            parts[given] += images[:limit]
            continue
        random.Random(f"{SEED} {folder}").shuffle(images)
        n_val = round(VAL_SHARE * len(images))
        parts["val"] += sorted(images[:n_val][:limit])
        parts["train"] += sorted(images[n_val:][:limit])
    return parts


def _unpack(archive: zipfile.ZipFile, images: list[str], target: Path, part: str) -> list[tuple[str, str]]:
    """Write the images to ``target/part/CLASS/`` and return (path below target, class) of each."""
    listed = []
    for image in images:
        label = Path(image).parent.name
        path = target / part / label / Path(image).name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(archive.read(image))
        listed.append((path.relative_to(target).as_posix(), label))
    return listed


def weights_file(backbone: str, kind: str, cache: Path) -> Path:
    """Return a safetensors file in timm's names: the ``packaged`` weights, or ``random`` numbers by a seed."""
    path = cache / "weights" / f"{backbone}-{kind}.safetensors"
    if not path.exists():
        import timm
        import torch
        from safetensors.torch import save_file

        from finetune.model.backbones import find_backbone
        from finetune.model.weights import load_pretrained, locate_weights

        torch.manual_seed(SEED)
        model = timm.create_model(backbone)
        if kind == "packaged":
            record = locate_weights(find_backbone(backbone), kind, offline=True)
            load_pretrained(model, record, keep_classifier=True)
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_suffix(".tmp")
        save_file({name: tensor.contiguous() for name, tensor in model.state_dict().items()}, partial)
        partial.rename(path)
    return path


def frozen_parameters(contest: Contest) -> list[str]:
    """Return the names of the parameters that the contest's strategy keeps as they are."""
    import timm

    from finetune.model.layers import layer_groups
    from strategies import make_strategy

    model = timm.create_model(contest.backbone)
    grouping = layer_groups(model)
    plan = make_strategy(contest.strategy).plan(grouping.groups)
    return [name for name, _ in model.named_parameters() if plan.of(grouping.group_of[name]).is_frozen]
