"""Weights come from a file, the cache, the hub or the package, fit exactly or are refused, and never surprise."""

import hashlib
import re
import socket
from collections.abc import Callable
from pathlib import Path

import huggingface_hub.constants
import pytest
import torch
from hub_cache import lay_in_cache
from networks import network, snapshot
from safetensors.torch import save_file
from torch import Tensor

from finetune.errors import OptionError, WeightsError
from finetune.model import packaged
from finetune.model.backbones import CATALOGUE, find_backbone
from finetune.model.build import build
from finetune.model.hub import cached_file, is_offline
from finetune.model.weights import (
    NO_WEIGHTS,
    WeightsRecord,
    choose_backbone,
    load_pretrained,
    locate_weights,
    whereabouts,
)

TINY = CATALOGUE["test_resnet"]
RESNET = CATALOGUE["resnet18"]
LITE = CATALOGUE["tf_efficientnet_lite0"]
REVISION = "0123456789abcdef0123456789abcdef01234567"
NOWHERE = "http://127.0.0.1:9"
"""The discard port: nothing listens there."""


def point_to(hub: str, monkeypatch: pytest.MonkeyPatch) -> None:
    constants = huggingface_hub.constants
    template = hub + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "ENDPOINT", hub)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)


@pytest.fixture(autouse=True)
def hub_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty hub cache of the test's own, and no hub."""
    cache = tmp_path / "hub"
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(cache))
    point_to(NOWHERE, monkeypatch)
    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    return cache


@pytest.fixture
def no_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a socket was opened")

    monkeypatch.setattr(socket, "socket", refuse)
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def save_weights(path: Path, *, n_classes: int = 1000, **changes: Tensor) -> dict[str, Tensor]:
    state = {**snapshot(network("test_resnet", n_classes=n_classes, seed=7)), **changes}
    save_file(state, path)
    return state


# A file.


def test_weights_from_a_file_arrive_bit_for_bit_below_a_fresh_head(tmp_path: Path) -> None:
    state = save_weights(tmp_path / "w.safetensors")
    record = locate_weights(TINY, str(tmp_path / "w.safetensors"), offline=True)
    first, second = (build(TINY, n_classes=3, weights=record, seed=seed, image_size=64) for seed in (1, 2))
    for name, tensor in first.state_dict().items():
        if name.startswith("fc."):
            assert len(tensor) == 3
        else:
            assert torch.equal(tensor, state[name]), name
            assert torch.equal(tensor, second.state_dict()[name]), name
    assert not torch.equal(first.state_dict()["fc.weight"], second.state_dict()["fc.weight"])


def test_a_file_is_recorded_with_its_path_and_hash(tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_weights(path)
    record = locate_weights(TINY, str(path), offline=True)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert record == WeightsRecord("file", str(path), path, digest, "unknown")


@pytest.mark.parametrize("n_classes", [2, 3, 1000])
def test_the_file_s_own_classifier_is_left_out_whatever_its_width(n_classes: int, tmp_path: Path) -> None:
    save_weights(tmp_path / "w.safetensors", n_classes=n_classes)
    record = locate_weights(TINY, str(tmp_path / "w.safetensors"), offline=True)
    model = build(TINY, n_classes=3, weights=record, seed=0, image_size=64)
    fresh = build(TINY, n_classes=3, weights=NO_WEIGHTS, seed=0, image_size=64)
    assert torch.equal(model.state_dict()["fc.weight"], fresh.state_dict()["fc.weight"])


def test_the_classifier_is_kept_where_it_is_asked_for(tmp_path: Path) -> None:
    state = save_weights(tmp_path / "w.safetensors", n_classes=3)
    model = network("test_resnet", n_classes=3)
    record = locate_weights(TINY, str(tmp_path / "w.safetensors"), offline=True)
    load_pretrained(model, record, keep_classifier=True)
    assert torch.equal(model.state_dict()["fc.weight"], state["fc.weight"])


def test_weights_of_another_network_are_refused_with_the_first_keys_and_the_counts(tmp_path: Path) -> None:
    save_weights(tmp_path / "w.safetensors")
    record = locate_weights(LITE, str(tmp_path / "w.safetensors"), offline=True)
    with pytest.raises(
        WeightsError,
        match=r"w\.safetensors do not fit this backbone: of 294 tensors, 289 missing \(first: conv_stem\.weight, "
        r"blocks\.0\.0\.conv_dw\.weight, blocks\.0\.0\.bn1\.weight\); 87 left over \(first: .*\); "
        r"choose the backbone that they were made for",
    ):
        build(LITE, n_classes=3, weights=record, seed=0, image_size=64)


def test_one_missing_tensor_is_enough_to_refuse(tmp_path: Path) -> None:
    state = snapshot(network("test_resnet"))
    del state["layer2.0.bn1.running_mean"]
    save_file(state, tmp_path / "w.safetensors")
    record = locate_weights(TINY, str(tmp_path / "w.safetensors"), offline=True)
    with pytest.raises(WeightsError, match=r"1 missing \(first: layer2\.0\.bn1\.running_mean\); choose"):
        load_pretrained(network("test_resnet"), record)


def test_one_tensor_of_another_shape_is_named_with_both_shapes(tmp_path: Path) -> None:
    save_weights(tmp_path / "w.safetensors", **{"layer1.0.bn1.weight": torch.ones(5)})
    record = locate_weights(TINY, str(tmp_path / "w.safetensors"), offline=True)
    with pytest.raises(
        WeightsError, match=r"1 of another shape \(first: layer1\.0\.bn1\.weight \(5,\) instead of \(\d+,\)\)"
    ):
        load_pretrained(network("test_resnet"), record)


@pytest.mark.parametrize(
    ("spoiled", "words"),
    [
        (lambda tensor: tensor.to(torch.int64), r"1 not of floating-point numbers \(first: layer1.*int64\)"),
        (lambda tensor: tensor * torch.nan, r"1 with values that are no numbers \(first: layer1"),
        (lambda tensor: tensor / 0, r"1 with values that are no numbers \(first: layer1"),
    ],
)
def test_numbers_that_are_none_are_refused(
    spoiled: Callable[[Tensor], Tensor], words: str, tmp_path: Path
) -> None:
    name = "layer1.0.bn1.weight"
    sound = snapshot(network("test_resnet"))[name]
    save_weights(tmp_path / "w.safetensors", **{name: spoiled(sound)})
    record = locate_weights(TINY, str(tmp_path / "w.safetensors"), offline=True)
    with pytest.raises(WeightsError, match=words):
        load_pretrained(network("test_resnet"), record)


def test_a_misfit_leaves_the_network_as_it_was(tmp_path: Path) -> None:
    save_weights(tmp_path / "w.safetensors", **{"layer1.0.bn1.weight": torch.ones(5)})
    record = locate_weights(TINY, str(tmp_path / "w.safetensors"), offline=True)
    model = network("test_resnet")
    before = snapshot(model)
    with pytest.raises(WeightsError, match="do not fit"):
        load_pretrained(model, record)
    assert all(torch.equal(tensor, before[name]) for name, tensor in model.state_dict().items())


@pytest.mark.parametrize("keep_bytes", [0, 7, 5000])
def test_a_damaged_file_is_refused(keep_bytes: int, tmp_path: Path) -> None:
    path = tmp_path / "w.safetensors"
    save_weights(path)
    path.write_bytes(path.read_bytes()[:keep_bytes])
    record = locate_weights(TINY, str(path), offline=True)
    with pytest.raises(
        WeightsError, match=r"w\.safetensors is not a readable \.safetensors file .*; fetch it again"
    ):
        load_pretrained(network("test_resnet"), record)


def test_a_missing_file_is_named_with_the_other_choices(tmp_path: Path) -> None:
    with pytest.raises(
        WeightsError, match=r"no such weights file: .*w\.safetensors; give a .*, or auto, hub, pack"
    ):
        locate_weights(TINY, str(tmp_path / "w.safetensors"), offline=True)


@pytest.mark.parametrize("name", ["w.onnx", "w.tar", "w", "w.zip"])
def test_a_file_that_is_no_weights_file_by_its_ending_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"weights")
    with pytest.raises(
        WeightsError,
        match=rf"{re.escape(name)} is not a weights file by its ending; give a \.safetensors, \.pth, \.pt, \.bin f",
    ):
        locate_weights(TINY, str(tmp_path / name), offline=True)


def test_a_file_without_counts_of_batches_is_complete(tmp_path: Path) -> None:
    state = snapshot(network("test_resnet", seed=7))
    old = {name: tensor for name, tensor in state.items() if not name.endswith("num_batches_tracked")}
    assert len(old) < len(state)
    save_file(old, tmp_path / "w.safetensors")
    model = network("test_resnet")
    load_pretrained(
        model, locate_weights(TINY, str(tmp_path / "w.safetensors"), offline=True), keep_classifier=True
    )
    assert all(torch.equal(tensor, model.state_dict()[name]) for name, tensor in old.items())


def test_a_count_of_batches_does_not_stand_for_its_layer(tmp_path: Path) -> None:
    state = snapshot(network("test_resnet"))
    lacking = {name: tensor for name, tensor in state.items() if not name.startswith("layer2.0.bn1.")}
    save_file(lacking, tmp_path / "w.safetensors")
    record = locate_weights(TINY, str(tmp_path / "w.safetensors"), offline=True)
    with pytest.raises(WeightsError, match=r"of \d+ tensors, 5 missing \(first: layer2\.0\.bn1\.weight, "):
        load_pretrained(network("test_resnet"), record)


def test_no_weights_leave_a_network_drawn_from_the_seed() -> None:
    assert locate_weights(TINY, "none", offline=True) == NO_WEIGHTS
    first, again, other = (snapshot(network("test_resnet", seed=seed)) for seed in (1, 1, 2))
    assert all(torch.equal(tensor, again[name]) for name, tensor in first.items())
    assert not torch.equal(first["conv1.0.weight"], other["conv1.0.weight"])


def test_building_leaves_torch_s_own_generator_alone() -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    network("test_resnet", seed=9)
    assert torch.equal(torch.rand(3), expected)


# The package.


def test_the_packaged_weights_are_found_checked_and_loaded(no_socket: None) -> None:
    record = locate_weights(LITE, "packaged", offline=True)
    assert (record.source, record.licence) == ("packaged", "apache-2.0")
    assert record.sha256 == packaged.SHA256[LITE.package]
    model = build(LITE, n_classes=3, weights=record, seed=0, image_size=64)
    statistics = model.state_dict()["bn1.running_var"]
    assert statistics.std() > 0.1  # trained ones, not the ones of a fresh network


def test_other_bytes_than_the_packaged_weights_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(packaged.SHA256, LITE.package, "0" * 64)
    with pytest.raises(
        WeightsError, match=r"are damaged \(sha256 579344248a93…\); reinstall efficientnet-lite0"
    ):
        locate_weights(LITE, "packaged", offline=True)


def test_only_one_backbone_has_packaged_weights(no_socket: None) -> None:
    with pytest.raises(
        WeightsError, match=r"resnet18: .* has no packaged weights; either use --backbone tf_eff"
    ):
        locate_weights(RESNET, "packaged", offline=True)


# The cache and the hub.


def test_weights_in_the_cache_are_used_without_a_network(hub_cache: Path, no_socket: None) -> None:
    link = lay_in_cache(hub_cache, RESNET, b"weights")
    record = locate_weights(RESNET, "auto", offline=False)
    digest = hashlib.sha256(b"weights").hexdigest()
    assert record == WeightsRecord("cache", "timm/resnet18.tv_in1k", link, digest, "bsd-3-clause")
    assert locate_weights(RESNET, "hub", offline=True) == record


def test_auto_takes_resnet18_when_its_weights_are_in_the_cache(hub_cache: Path, no_socket: None) -> None:
    lay_in_cache(hub_cache, RESNET, b"weights")
    for offline in (True, False):
        assert choose_backbone("auto", "auto", offline=offline) == (
            "resnet18",
            "backbone resnet18: its ImageNet weights are in the local cache",
        )


def test_auto_offline_takes_the_installed_weights_and_says_why(no_socket: None) -> None:
    assert choose_backbone("auto", "auto", offline=True) == (
        "tf_efficientnet_lite0",
        "backbone tf_efficientnet_lite0: offline and resnet18 is not in the local cache; "
        "these ImageNet weights are installed",
    )
    assert locate_weights(LITE, "auto", offline=True).source == "packaged"


def test_auto_without_a_hub_takes_the_installed_weights_too() -> None:
    name, why = choose_backbone("auto", "auto", offline=False)
    assert name == "tf_efficientnet_lite0"
    assert "the model hub does not answer" in why


@pytest.mark.parametrize(
    ("weights", "backbone"),
    [("none", "resnet18"), ("packaged", "tf_efficientnet_lite0"), ("hub", "resnet18")],
)
def test_the_weights_asked_for_decide_what_auto_is(weights: str, backbone: str, no_socket: None) -> None:
    name, why = choose_backbone("auto", weights, offline=True)
    assert name == backbone
    assert "asked for" in why or "packaged weights" in why


def test_a_backbone_by_name_is_taken_as_it_is(no_socket: None) -> None:
    assert choose_backbone("vgg11", "auto", offline=False) == ("vgg11", "")


def test_a_file_does_not_tell_its_backbone() -> None:
    with pytest.raises(
        OptionError, match=r"--weights w\.safetensors does not say which backbone .* --backbone NAME"
    ):
        choose_backbone("auto", "w.safetensors", offline=True)


@pytest.mark.parametrize("choice", ["auto", "hub"])
@pytest.mark.parametrize("name", ["resnet18", "vgg11", "test_resnet"])
def test_offline_without_weights_names_three_ways_out_and_opens_no_socket(
    name: str, choice: str, no_socket: None
) -> None:
    with pytest.raises(
        WeightsError,
        match=f"{name}: timm/{name}.* is not in the local cache, and --offline forbids a download; "
        "either use --backbone tf_efficientnet_lite0 .its weights are installed., "
        "or give --weights FILE.safetensors or FILE.pth, or run once with a network",
    ):
        locate_weights(find_backbone(name), choice, offline=True)


def test_an_unreachable_hub_names_three_ways_out_without_waiting_long() -> None:
    with pytest.raises(
        WeightsError,
        match=r"could not be downloaded .*--backbone tf_.*--weights FILE.*run once with a network",
    ):
        locate_weights(RESNET, "auto", offline=False)


def test_where_the_packaged_network_is_asked_of_the_hub_the_package_is_a_way_out() -> None:
    with pytest.raises(
        WeightsError, match=r"either use --weights packaged .its weights are installed., or give"
    ):
        locate_weights(LITE, "hub", offline=True)


def test_a_network_that_was_never_trained_says_so_before_the_network_is_asked(no_socket: None) -> None:
    with pytest.raises(
        WeightsError, match="timm has no pretrained weights for nfnet_f0; give --weights FILE"
    ):
        locate_weights(find_backbone("nfnet_f0"), "auto", offline=False)


@pytest.mark.parametrize("value", ["1", "true", "YES", "on"])
def test_the_hub_s_own_switch_counts_as_offline(
    value: str, monkeypatch: pytest.MonkeyPatch, no_socket: None
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", value)
    assert is_offline(offline=False)
    assert choose_backbone("auto", "auto", offline=False)[0] == "tf_efficientnet_lite0"
    with pytest.raises(WeightsError, match="forbids a download"):
        locate_weights(RESNET, "auto", offline=False)


@pytest.mark.parametrize("value", ["", "0", "off"])
def test_other_values_of_the_switch_do_not(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", value)
    assert not is_offline(offline=False)
    assert is_offline(offline=True)


def test_the_list_says_where_weights_are(hub_cache: Path, no_socket: None) -> None:
    lay_in_cache(hub_cache, RESNET, b"weights")
    assert whereabouts(LITE) == "packaged"
    assert whereabouts(RESNET) == "in cache"
    assert whereabouts(TINY) == "needs download"
    assert cached_file(TINY) is None
