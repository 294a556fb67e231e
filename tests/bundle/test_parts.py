"""A bundle with any head gives the same logits bit for bit, timm loads the network below it, damage is told."""

from pathlib import Path

import pytest
import timm
import torch
from networks import batch
from safetensors.torch import load_file, save_file
from test_bundle import CLASS_NAMES, PREPROCESSING, edit, logits_of, write
from torch import nn

from finetune.bundle.bundle import FILES, SAFEGUARDS, load_bundle
from finetune.bundle.manifest import seal
from finetune.bundle.parts import HEAD_FILES
from finetune.errors import RunError
from finetune.model.backbones import find_backbone
from finetune.model.build import build
from finetune.model.heads import HeadSpec
from finetune.model.multi_stage import MultiStageClassifier
from finetune.model.weights import NO_WEIGHTS

SPECS = (
    HeadSpec("linear", dropout=0.5),
    HeadSpec("dense", (7,), "tanh", dropout=0.5),
    HeadSpec("dense", (9, 5), "leaky-relu", 0.2),
    HeadSpec("cosine"),
    HeadSpec("multi-stage"),
)
BACKBONES = ("test_resnet", "test_efficientnet", "test_convnext", "test_vit")


def spec_id(spec: HeadSpec) -> str:
    return f"{spec.kind}{len(spec.hidden) or ''}"


def with_head(spec: HeadSpec, name: str = "test_resnet") -> nn.Module:
    model = build(
        find_backbone(name),
        n_classes=len(CLASS_NAMES),
        weights=NO_WEIGHTS,
        seed=3,
        image_size=64,
        head=spec,
    )
    return model.to(memory_format=torch.channels_last).eval()  # type: ignore[call-overload, no-any-return]


def written(folder: Path, spec: HeadSpec, name: str = "test_resnet") -> nn.Module:
    return write(folder / "bundle", name, with_head(spec, name))


@pytest.mark.parametrize("name", BACKBONES)
@pytest.mark.parametrize("spec", SPECS, ids=spec_id)
def test_a_bundle_with_any_head_gives_the_same_logits_bit_for_bit(
    spec: HeadSpec, name: str, tmp_path: Path
) -> None:
    model = written(tmp_path, spec, name)
    loaded = load_bundle(tmp_path)
    images, _ = batch(5, 3)
    assert torch.equal(loaded.logits(images), logits_of(model, images))
    assert (loaded.class_names, loaded.preprocessing, loaded.backbone) == (CLASS_NAMES, PREPROCESSING, name)
    own = set() if spec.kind == "linear" else set(HEAD_FILES)
    assert {path.name for path in (tmp_path / "bundle").iterdir()} == {*FILES, *SAFEGUARDS, *own}


@pytest.mark.parametrize("spec", SPECS, ids=spec_id)
def test_timm_loads_the_network_below_the_head(spec: HeadSpec, tmp_path: Path) -> None:
    model = written(tmp_path, spec)
    theirs = timm.create_model(f"local-dir:{tmp_path / 'bundle'}", pretrained=True).eval()
    images, _ = batch(6, 2)
    if spec.kind == "linear":
        assert torch.allclose(logits_of(theirs, images), logits_of(model, images), atol=1e-5)
        return
    body = model.backbone if isinstance(model, MultiStageClassifier) else model
    assert theirs.num_classes == 0
    with torch.no_grad():
        features = body.forward_head(body.forward_features(images), pre_logits=True)  # type: ignore[operator]
    assert torch.allclose(logits_of(theirs, images), features, atol=1e-5)


@pytest.mark.parametrize("name", HEAD_FILES)
def test_a_missing_file_of_the_head_is_named(name: str, tmp_path: Path) -> None:
    written(tmp_path, HeadSpec("dense", (7,)))
    (tmp_path / "bundle" / name).unlink()
    with pytest.raises(RunError, match=f"has lost its file {name}; copy the whole folder again"):
        load_bundle(tmp_path)


@pytest.mark.parametrize(
    "change",
    [
        lambda _: [],
        lambda _: {},
        lambda fields: {**fields, "kind": "square"},
        lambda fields: {**fields, "kind": "dense"},
        lambda fields: {**fields, "kind": "linear"},
        lambda fields: {**fields, "hidden": "many"},
        lambda fields: {**fields, "n_classes": 7},
        lambda fields: {**fields, "stages": {"stem": 3}},
        lambda fields: {key: value for key, value in fields.items() if key != "stages"},
    ],
)
def test_a_head_that_cannot_be_is_damage(change: object, tmp_path: Path) -> None:
    written(tmp_path, HeadSpec("multi-stage"))
    edit(tmp_path / "bundle", "head.json", change)
    with pytest.raises(RunError, match=r"the bundle .*bundle is damaged \(.+\); write it again"):
        load_bundle(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe"])
@pytest.mark.parametrize("name", HEAD_FILES)
def test_a_damaged_file_of_the_head_is_told(name: str, content: bytes, tmp_path: Path) -> None:
    written(tmp_path, HeadSpec("cosine"))
    (tmp_path / "bundle" / name).write_bytes(content)
    seal(tmp_path / "bundle")
    with pytest.raises(RunError, match=r"is damaged \(.+\); write (it|the bundle) again"):
        load_bundle(tmp_path)


def test_a_head_without_one_of_its_tensors_is_damage(tmp_path: Path) -> None:
    written(tmp_path, HeadSpec("cosine"))
    path = tmp_path / "bundle" / "head.safetensors"
    state = load_file(path)
    del state["scale"]
    save_file(state, path)
    seal(path.parent)
    with pytest.raises(RunError, match=r"is damaged \(.+\); write it again"):
        load_bundle(tmp_path)


def test_another_number_of_classes_is_refused_with_both_numbers(tmp_path: Path) -> None:
    written(tmp_path, HeadSpec("dense", (7,)))
    edit(tmp_path / "bundle", "classes.json", lambda _: ["a", "b", "c"])
    with pytest.raises(RunError, match="names 3 classes, but its weights decide between 4"):
        load_bundle(tmp_path)
