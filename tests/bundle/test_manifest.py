"""A bundle tells what is missing, changed or foreign, and whether it still answers as when it was written."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from drawing import picture, save
from networks import batch, network
from safetensors.torch import load_file, save_file
from test_bundle import CLASS_NAMES, PREPROCESSING, edit, logits_of, trained, write

from finetune.bundle import bundle as bundle_module
from finetune.bundle.bundle import FILES, SAFEGUARDS, load_bundle
from finetune.bundle.manifest import SCHEMA_KEY, add_files, seal
from finetune.bundle.reference import N_IMAGES, REFERENCE, make_references, read_references
from finetune.errors import RunError
from finetune.model.backbones import find_backbone


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    write(tmp_path / "bundle")
    return tmp_path / "bundle"


def old_form(bundle: Path) -> None:
    """Make it a bundle as they were before there was a schema."""
    for name in SAFEGUARDS:
        (bundle / name).unlink()
    path = bundle / "config.json"
    config = json.loads(path.read_text(encoding="utf-8"))
    del config[SCHEMA_KEY]
    path.write_text(json.dumps(config), encoding="utf-8")


def test_a_bundle_from_before_the_schema_loads_as_it_did(tmp_path: Path) -> None:
    model = write(tmp_path / "bundle").to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    old_form(tmp_path / "bundle")
    assert {path.name for path in (tmp_path / "bundle").iterdir()} == set(FILES)
    images, _ = batch(5, 3)
    assert torch.equal(load_bundle(tmp_path / "bundle").logits(images), logits_of(model, images))


def test_a_later_schema_is_refused_with_both_numbers(bundle: Path) -> None:
    edit(bundle, "config.json", lambda config: {**config, SCHEMA_KEY: 2})
    with pytest.raises(
        RunError, match="has schema 2, and this version reads up to 1; update finetune-strategies"
    ):
        load_bundle(bundle)


@pytest.mark.parametrize("schema", [-1, "1", True, None])
def test_a_schema_that_cannot_be_is_damage(schema: Any, bundle: Path) -> None:
    edit(bundle, "config.json", lambda config: {**config, SCHEMA_KEY: schema})
    with pytest.raises(RunError, match=r"is damaged .its schema is .*; write it again"):
        load_bundle(bundle)


@pytest.mark.parametrize("name", ["classes.json", "model.safetensors", REFERENCE])
def test_a_changed_file_is_named(name: str, bundle: Path) -> None:
    content = bytearray((bundle / name).read_bytes())
    content[-2] ^= 1
    (bundle / name).write_bytes(content)
    with pytest.raises(
        RunError, match=f"was changed after it was written .{name} is another.; use the files"
    ):
        load_bundle(bundle)


def test_what_is_taken_on_trust_is_not_read(bundle: Path) -> None:
    names = ["a", "b", "c", "d"]
    (bundle / "classes.json").write_text(json.dumps(names))
    assert load_bundle(bundle, checked=False).class_names == tuple(names)


@pytest.mark.parametrize("name", SAFEGUARDS)
def test_a_lost_safeguard_is_named(name: str, bundle: Path) -> None:
    (bundle / name).unlink()
    with pytest.raises(RunError, match=f"has lost its file {name}; copy the whole folder again"):
        load_bundle(bundle)


@pytest.mark.parametrize("name", ["head.json", "model.onnx", "deeper"])
def test_a_foreign_file_is_named(name: str, bundle: Path) -> None:
    if name == "deeper":
        (bundle / name).mkdir()
    else:
        (bundle / name).write_text("{}")
    with pytest.raises(RunError, match=f"holds {name}, which is not one of its files; move it elsewhere"):
        load_bundle(bundle)


def test_hidden_files_and_an_edited_card_are_no_matter(bundle: Path) -> None:
    (bundle / ".DS_Store").write_bytes(b"\0")
    (bundle / "README.md").write_text("edited by hand")
    (bundle / "MODEL_CARD.md").write_text("edited by hand")
    assert load_bundle(bundle).class_names == CLASS_NAMES


@pytest.mark.parametrize("content", [b"", b"[]", b'{"config.json": 3}', b"\xff"])
def test_damaged_hashes_are_told(content: bytes, bundle: Path) -> None:
    (bundle / "files.json").write_bytes(content)
    with pytest.raises(RunError, match=r"files\.json is damaged; copy the bundle again"):
        load_bundle(bundle)


def test_added_files_belong_to_the_bundle_and_make_nothing_right_that_was_changed(bundle: Path) -> None:
    add_files(bundle, {"report.json": "{}\n", "MODEL_CARD.md": "card"})
    load_bundle(bundle)
    (bundle / "classes.json").write_text('["a", "b", "c", "d"]')
    add_files(bundle, {"report.json": "[]\n"})
    with pytest.raises(RunError, match=r"classes\.json is another"):
        load_bundle(bundle)


def test_weights_that_answer_otherwise_are_refused_though_every_hash_is_right(bundle: Path) -> None:
    state = load_file(bundle / "model.safetensors")
    state["fc.bias"][2] += 1
    save_file(state, bundle / "model.safetensors")
    seal(bundle)
    with pytest.raises(RunError, match=r"no longer gives the answers .* differ by up to 1\b.*train again"):
        load_bundle(bundle)
    load_bundle(bundle, checked=False)


def test_a_changed_image_path_is_noticed(bundle: Path) -> None:
    edit(bundle, "preprocess.json", lambda fields: {**fields, "std": [0.5, 0.5, 0.5]})
    with pytest.raises(RunError, match="no longer gives the answers that it was written with"):
        load_bundle(bundle)


@pytest.mark.parametrize("content", [b"", b"0123456789"])
def test_damaged_references_are_told(content: bytes, bundle: Path) -> None:
    (bundle / REFERENCE).write_bytes(content)
    seal(bundle)
    with pytest.raises(RunError, match=r"is damaged \(reference.safetensors: .*; write it again"):
        load_bundle(bundle)


def test_references_are_the_users_readable_images_else_drawn_and_leave_the_model_as_it_was(
    tmp_path: Path,
) -> None:
    model = network()
    model.train()
    model.get_submodule("layer1").eval()
    modes = [module.training for module in model.modules()]
    paths = [save(picture(n), tmp_path / f"{n}.png") for n in range(7)]
    paths[1].write_text("no image")
    theirs = make_references(model, PREPROCESSING, paths)
    assert [module.training for module in model.modules()] == modes
    assert theirs.pixels.shape == (N_IMAGES, 64, 64, 3)
    assert len(set(theirs.fingerprints)) == N_IMAGES
    drawn = make_references(model, PREPROCESSING, paths[1:2])
    assert drawn.are_drawn
    assert len({pixels.tobytes() for pixels in drawn.pixels}) == N_IMAGES


def test_what_a_bundle_keeps_is_what_it_was_written_with(bundle: Path) -> None:
    kept = read_references(bundle)
    assert kept is not None
    assert kept.are_drawn
    assert kept.logits.shape == (N_IMAGES, len(CLASS_NAMES))


def test_a_network_that_bf16_changes_much_still_loads_where_that_is_faster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A head that was solved on images of noise: large weights that nearly cancel each other."""
    model = trained(find_backbone("test_resnet"))
    classifier = model.get_classifier()  # type: ignore[operator]
    with torch.no_grad():
        signs = torch.tensor([1.0, -1.0]).repeat(classifier.in_features // 2)
        classifier.weight.copy_(1000 * signs.expand_as(classifier.weight))
        classifier.bias.sub_(make_references(model, PREPROCESSING).logits.mean())
    write(tmp_path / "bundle", model=model)
    monkeypatch.setattr(bundle_module, "inference_precision", lambda _model: "bf16")
    loaded, kept = load_bundle(tmp_path / "bundle"), read_references(tmp_path / "bundle")
    assert kept is not None
    answers = loaded.logits(torch.stack([PREPROCESSING(image) for image in kept.images()]))
    assert (answers - kept.logits).abs().max() > 0.02 * kept.logits.abs().max(), "bf16 is as good here"
