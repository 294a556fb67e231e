"""A bundle gives back the classifier that was written, to this program and to timm, or says what is wrong."""

import json
import resource
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from networks import batch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from finetune.bundle.bundle import FILES, SAFEGUARDS, Bundle, load_bundle, write_bundle
from finetune.bundle.manifest import seal
from finetune.data.transforms import Preprocessing
from finetune.errors import ResourceError, RunError
from finetune.model.backbones import Backbone, find_backbone
from finetune.model.build import build
from finetune.model.weights import NO_WEIGHTS

CLASS_NAMES = ("1", "10", "2", "größe")
PREPROCESSING = Preprocessing(64, (0.1, 0.2, 0.3), (0.9, 0.8, 0.7), "bicubic", 0.9)
BACKBONES = ("test_resnet", "test_efficientnet", "test_convnext", "test_vit")


def trained(backbone: Backbone) -> nn.Module:
    """A network whose running statistics are not those it was born with."""
    model = build(backbone, n_classes=len(CLASS_NAMES), weights=NO_WEIGHTS, seed=3, image_size=64)
    model.train()
    with torch.no_grad():
        model(batch(1, 4)[0])
    return model.eval()


def write(folder: Path, name: str = "test_resnet", model: nn.Module | None = None) -> nn.Module:
    backbone = find_backbone(name)
    model = model or trained(backbone)
    write_bundle(folder, model, backbone=backbone, class_names=CLASS_NAMES, preprocessing=PREPROCESSING)
    return model


def logits_of(model: nn.Module, images: Tensor) -> Tensor:
    with torch.no_grad():
        logits: Tensor = model(images.contiguous(memory_format=torch.channels_last))
    return logits


def edit(folder: Path, name: str, change: Any) -> None:
    """Change one JSON file of a bundle by hand, and its hash with it."""
    path = folder / name
    value = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(change(value)), encoding="utf-8")
    seal(folder)


@pytest.mark.parametrize("name", BACKBONES)
def test_a_bundle_gives_the_same_logits_bit_for_bit(name: str, tmp_path: Path) -> None:
    model = write(tmp_path / "bundle", name).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    loaded = load_bundle(tmp_path / "bundle")
    images, _ = batch(5, 3)
    assert torch.equal(loaded.logits(images), logits_of(model, images))
    assert loaded.class_names == CLASS_NAMES
    assert loaded.preprocessing == PREPROCESSING
    assert loaded.backbone == name


@pytest.mark.parametrize("name", BACKBONES)
def test_timm_itself_loads_a_bundle_and_gives_the_same_logits(name: str, tmp_path: Path) -> None:
    model = write(tmp_path / "bundle", name)
    theirs = timm.create_model(f"local-dir:{tmp_path / 'bundle'}", pretrained=True).eval()
    images, _ = batch(6, 2)
    assert torch.allclose(logits_of(theirs, images), logits_of(model, images), atol=1e-5)
    config = timm.data.resolve_model_data_config(theirs)
    assert (tuple(config["mean"]), tuple(config["std"])) == (PREPROCESSING.mean, PREPROCESSING.std)
    assert (tuple(config["input_size"]), config["interpolation"], config["crop_pct"]) == (
        (3, 64, 64),
        "bicubic",
        0.9,
    )


def test_a_loaded_network_is_for_predicting_only(tmp_path: Path) -> None:
    write(tmp_path / "bundle")
    loaded = load_bundle(tmp_path / "bundle")
    assert not any(module.training for module in loaded.model.modules())
    assert not any(parameter.requires_grad for parameter in loaded.model.parameters())
    assert not loaded.logits(batch(1)[0]).requires_grad


def test_a_bundle_holds_names_and_numbers_and_nothing_that_can_run(tmp_path: Path) -> None:
    write(tmp_path / "bundle")
    assert {path.name for path in (tmp_path / "bundle").iterdir()} == {*FILES, *SAFEGUARDS}
    assert json.loads((tmp_path / "bundle" / "classes.json").read_text(encoding="utf-8")) == list(CLASS_NAMES)
    assert json.loads((tmp_path / "bundle" / "preprocess.json").read_text()) == {
        "image_size": 64,
        "mean": [0.1, 0.2, 0.3],
        "std": [0.9, 0.8, 0.7],
        "interpolation": "bicubic",
        "crop": 0.9,
        "resize_to": 71,
    }
    assert len(load_file(tmp_path / "bundle" / "model.safetensors")["fc.weight"]) == 4


def test_a_run_folder_is_taken_for_its_bundle(tmp_path: Path) -> None:
    write(tmp_path / "bundle")
    assert load_bundle(tmp_path).folder == load_bundle(tmp_path / "bundle").folder == tmp_path / "bundle"


def test_a_bundle_that_cannot_be_finished_leaves_nothing(tmp_path: Path) -> None:
    class Unwritable(Preprocessing):
        def to_json(self) -> dict[str, Any]:
            raise ValueError("no more ink")

    backbone = find_backbone("test_resnet")
    with pytest.raises(ValueError, match="no more ink"):
        write_bundle(
            tmp_path / "bundle",
            trained(backbone),
            backbone=backbone,
            class_names=CLASS_NAMES,
            preprocessing=Unwritable(**vars(PREPROCESSING)),
        )
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("missing", FILES)
def test_a_missing_file_is_named(missing: str, tmp_path: Path) -> None:
    write(tmp_path / "bundle")
    (tmp_path / "bundle" / missing).unlink()
    with pytest.raises(
        RunError, match=f"is not a bundle .{missing} is missing.; give a run folder or its bundle"
    ):
        load_bundle(tmp_path / "bundle")


def test_a_folder_that_is_not_there_is_no_bundle(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"nowhere is not a bundle \(model\.safetensors is missing\)"):
        load_bundle(tmp_path / "nowhere")


@pytest.mark.parametrize(("said", "resize_to"), [(True, 68), (False, 69)])
def test_a_bundle_keeps_the_shorter_side_of_the_version_that_wrote_it(
    said: bool, resize_to: int, tmp_path: Path
) -> None:
    """Of 64 / 0.93 = 68.8 an earlier version made 69, and did not write it down."""
    path = Preprocessing(64, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "bicubic", 0.93)
    backbone = find_backbone("test_resnet")
    write_bundle(
        tmp_path / "bundle",
        trained(backbone),
        backbone=backbone,
        class_names=CLASS_NAMES,
        preprocessing=path,
    )
    stored = tmp_path / "bundle" / "preprocess.json"
    fields = json.loads(stored.read_text())
    stored.write_text(json.dumps(fields if said else {k: v for k, v in fields.items() if k != "resize_to"}))
    seal(tmp_path / "bundle")
    loaded = load_bundle(tmp_path / "bundle").preprocessing
    assert loaded.resize_to == loaded.to_json()["resize_to"] == resize_to
    assert (loaded == path) is said


@pytest.mark.parametrize("name", ["config.json", "classes.json", "preprocess.json"])
@pytest.mark.parametrize("content", [b"", b'{"image_size": 64', b"\xff\xfe\x00"])
def test_damaged_json_is_named(name: str, content: bytes, tmp_path: Path) -> None:
    write(tmp_path / "bundle")
    (tmp_path / "bundle" / name).write_bytes(content)
    seal(tmp_path / "bundle")
    with pytest.raises(RunError, match=f"{name} is damaged .*; write the bundle again"):
        load_bundle(tmp_path / "bundle")


@pytest.mark.parametrize(
    ("name", "change"),
    [
        ("config.json", lambda _: []),
        ("config.json", lambda config: {**config, "architecture": "no_such_network"}),
        ("config.json", lambda config: {key: value for key, value in config.items() if key != "num_classes"}),
        ("config.json", lambda config: {**config, "num_classes": 7}),
        ("config.json", lambda config: {**config, "architecture": "test_efficientnet"}),
        ("classes.json", lambda _: 4),
        ("preprocess.json", lambda _: []),
        ("preprocess.json", lambda fields: {**fields, "image_size": "big"}),
        ("preprocess.json", lambda fields: {**fields, "image_size": 0}),
        ("preprocess.json", lambda fields: {**fields, "interpolation": "nearest"}),
        ("preprocess.json", lambda fields: {**fields, "crop": 0}),
        ("preprocess.json", lambda fields: {**fields, "mean": [0.5]}),
        ("preprocess.json", lambda fields: {**fields, "std": [0.5, 0, 0.5]}),
        ("preprocess.json", lambda fields: {key: value for key, value in fields.items() if key != "std"}),
    ],
)
def test_json_that_says_what_cannot_be_is_damage_too(name: str, change: Any, tmp_path: Path) -> None:
    write(tmp_path / "bundle")
    edit(tmp_path / "bundle", name, change)
    with pytest.raises(RunError, match=r"the bundle .*bundle is damaged \(.+\); write it again"):
        load_bundle(tmp_path / "bundle")


@pytest.mark.parametrize("keep_bytes", [0, 5, 4000])
def test_damaged_weights_are_refused(keep_bytes: int, tmp_path: Path) -> None:
    write(tmp_path / "bundle")
    path = tmp_path / "bundle" / "model.safetensors"
    path.write_bytes(path.read_bytes()[:keep_bytes])
    seal(path.parent)
    with pytest.raises(RunError, match=r"the bundle .* is damaged \(.+\); write it again"):
        load_bundle(tmp_path / "bundle")


def test_weights_without_a_tensor_are_refused(tmp_path: Path) -> None:
    write(tmp_path / "bundle")
    path = tmp_path / "bundle" / "model.safetensors"
    state = load_file(path)
    del state["layer1.0.conv1.weight"]
    save_file(state, path)
    seal(path.parent)
    with pytest.raises(RunError, match=r"the bundle .* is damaged \(.+\); write it again"):
        load_bundle(tmp_path / "bundle")


@pytest.mark.parametrize("names", [["a", "b", "c"], [*CLASS_NAMES, "one more"], []])
def test_another_number_of_classes_is_refused_with_both_numbers(names: list[str], tmp_path: Path) -> None:
    write(tmp_path / "bundle")
    edit(tmp_path / "bundle", "classes.json", lambda _: names)
    with pytest.raises(
        RunError,
        match=f"names {len(names)} classes, but its weights decide between 4; use the classes.json that was",
    ):
        load_bundle(tmp_path / "bundle")


def test_a_full_disk_is_a_matter_of_the_disk_and_leaves_no_half_bundle(tmp_path: Path) -> None:
    """A real limit on the size of a file."""
    model = trained(find_backbone("test_resnet"))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(ResourceError, match=r"cannot write .*; free some space or choose another folder"):
            write(tmp_path / "bundle", model=model)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list(tmp_path.iterdir()) == []


def test_a_bundle_is_a_value_with_its_folder(tmp_path: Path) -> None:
    write(tmp_path / "bundle")
    loaded = load_bundle(tmp_path)
    assert isinstance(loaded, Bundle)
    with pytest.raises(AttributeError, match="cannot assign to field 'class_names'"):
        loaded.class_names = ()  # type: ignore[misc]
