"""torchvision's and timm's names, with any wrapper's prefix, lead to the same network."""

from collections import OrderedDict
from pathlib import Path

import pytest
import timm
import torch
import torchvision
from hypothesis import given
from hypothesis import strategies as st
from networks import NARROW, batch, narrow, network
from torch import nn

from finetune.errors import WeightsError
from finetune.model.backbones import CATALOGUE
from finetune.model.key_names import VGG_LAYERS, WRAPPERS, Place, common_wrappers, places
from finetune.model.weights import load_pretrained, locate_weights

NAMES = st.text("abc.0123", min_size=1, max_size=12)
SHAPES = st.lists(st.integers(1, 4), max_size=4).map(tuple)
WRAPPER = st.sampled_from(WRAPPERS)
VGG = {
    "features.0.weight": (64, 3, 3, 3),
    "pre_logits.fc1.weight": (4096, 512, 7, 7),
    "pre_logits.fc1.bias": (4096,),
    "pre_logits.fc2.weight": (4096, 4096, 1, 1),
    "head.fc.weight": (10, 4096),
}


def torchvision_vgg(*, seed: int) -> nn.Module:
    """torchvision's own network, with dense layers as narrow as those of the tests' VGG."""
    hidden = int(4096 * NARROW)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        features = torchvision.models.vgg.make_layers(torchvision.models.vgg.cfgs["A"])
        model: nn.Module = torchvision.models.VGG(features, num_classes=7, init_weights=False)
        model.classifier = nn.Sequential(
            *(nn.Linear(512 * 7 * 7, hidden), nn.ReLU(), nn.Dropout()),
            *(nn.Linear(hidden, 4096), nn.ReLU(), nn.Dropout()),
            nn.Linear(4096, 7),
        )
    return model.eval()


def narrow_vgg(n_classes: int) -> nn.Module:
    model: nn.Module = timm.create_model("vgg11", num_classes=n_classes, mlp_ratio=NARROW)
    return model.eval()


# Real networks.


@pytest.fixture(scope="module")
def vgg(tmp_path_factory: pytest.TempPathFactory) -> tuple[nn.Module, Path]:
    """torchvision's network and its weights in a file, as DataParallel and torch.compile name them."""
    theirs, path = torchvision_vgg(seed=3), tmp_path_factory.mktemp("vgg") / "vgg.pth"
    torch.save({f"module._orig_mod.{name}": tensor for name, tensor in theirs.state_dict().items()}, path)
    return theirs, path


def test_torchvision_s_vgg_computes_the_same_in_timm(vgg: tuple[nn.Module, Path]) -> None:
    theirs, path = vgg
    ours = narrow_vgg(7)
    load_pretrained(ours, locate_weights(CATALOGUE["vgg11"], str(path), offline=True), keep_classifier=True)
    images, _ = batch(1, n_images=2, side_px=224)
    with torch.no_grad():
        torch.testing.assert_close(ours(images), theirs(images), rtol=1e-4, atol=1e-6)


def test_torchvision_s_vgg_gives_all_but_a_classifier_of_another_width(vgg: tuple[nn.Module, Path]) -> None:
    theirs, path = vgg
    ours = narrow_vgg(3)
    fresh = ours.state_dict()["head.fc.weight"].clone()
    load_pretrained(ours, locate_weights(CATALOGUE["vgg11"], str(path), offline=True))
    state, given_ = ours.state_dict(), theirs.state_dict()
    assert torch.equal(state["pre_logits.fc1.weight"].flatten(1), given_["classifier.0.weight"])
    assert torch.equal(state["features.18.weight"], given_["features.18.weight"])
    assert torch.equal(state["head.fc.weight"], fresh)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        (
            "resnet18",
            r"of 120 tensors, 120 missing \(first: conv1\.weight, .*22 left over \(first: .*features\.0\.weight",
        ),
        ("vgg11_bn", r"of 60 tensors, 46 missing \(first: features\.1\.weight, .* 4 of another shape"),
    ],
)
def test_a_vgg_s_file_for_another_network_is_refused_with_the_first_keys_and_the_counts(
    name: str, sentence: str, vgg: tuple[nn.Module, Path]
) -> None:
    record = locate_weights(CATALOGUE[name], str(vgg[1]), offline=True)
    with pytest.raises(WeightsError, match=sentence):
        load_pretrained(narrow(name), record)


def test_torchvision_s_resnet_computes_the_same_in_timm(tmp_path: Path) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(4)
        theirs = torchvision.models.resnet18(num_classes=5).eval()
    torch.save({f"model.{name}": tensor for name, tensor in theirs.state_dict().items()}, tmp_path / "r.pth")
    ours = network("resnet18", n_classes=5).eval()
    record = locate_weights(CATALOGUE["resnet18"], str(tmp_path / "r.pth"), offline=True)
    load_pretrained(ours, record, keep_classifier=True)
    images, _ = batch(2)
    with torch.no_grad():
        assert torch.equal(ours(images), theirs(images))


# Names and shapes alone.


def test_the_dense_layers_of_a_vgg_become_convolutions() -> None:
    found = OrderedDict(
        [
            ("features.0.weight", (64, 3, 3, 3)),
            ("classifier.0.weight", (4096, 25088)),
            ("classifier.0.bias", (4096,)),
            ("classifier.3.weight", (4096, 4096)),
            ("classifier.6.weight", (1000, 4096)),
        ]
    )
    assert places(found, VGG) == {
        "features.0.weight": Place("features.0.weight", (64, 3, 3, 3)),
        "classifier.0.weight": Place("pre_logits.fc1.weight", (4096, 512, 7, 7)),
        "classifier.0.bias": Place("pre_logits.fc1.bias", (4096,)),
        "classifier.3.weight": Place("pre_logits.fc2.weight", (4096, 4096, 1, 1)),
        "classifier.6.weight": Place("head.fc.weight", (1000, 4096)),
    }


def test_a_layer_of_another_width_keeps_its_shape_to_be_refused() -> None:
    found = {"classifier.0.weight": (2048, 25088), "classifier.3.weight": (4096, 2048)}
    assert [place.shape for place in places(found, VGG).values()] == [(2048, 25088), (4096, 2048)]


def test_other_networks_keep_a_layer_called_classifier() -> None:
    found = {"classifier.0.weight": (4, 2)}
    assert places(found, {"classifier.0.weight": (4, 2)})["classifier.0.weight"].name == "classifier.0.weight"


def test_a_prefix_that_is_the_network_s_own_stays() -> None:
    own = {"model.a": (1,), "model.b": (2,)}
    assert places(own, own) == {name: Place(name, shape) for name, shape in own.items()}
    wrapped = {f"module.{name}": shape for name, shape in own.items()}
    assert [place.name for place in places(wrapped, own).values()] == list(own)


def test_two_tensors_never_land_in_one_place() -> None:
    both = {"classifier.6.weight": (10, 4096), "head.fc.weight": (10, 4096)}
    assert {place.name for place in places(both, VGG).values()} == set(both)


@given(st.dictionaries(NAMES, SHAPES, min_size=1), st.dictionaries(NAMES, SHAPES))
def test_every_tensor_gets_a_place_of_its_own(
    found: dict[str, tuple[int, ...]], wanted: dict[str, tuple[int, ...]]
) -> None:
    placed = places(found, wanted | VGG)
    assert list(placed) == list(found)
    assert len({place.name for place in placed.values()}) == len(found)


@given(st.lists(WRAPPER, max_size=3), st.dictionaries(NAMES, SHAPES, min_size=1))
def test_wrappers_around_a_network_s_names_come_off(
    wrappers: list[str], wanted: dict[str, tuple[int, ...]]
) -> None:
    prefix = "".join(wrappers)
    wrapped = {prefix + name: shape for name, shape in wanted.items()}
    assert [place.name for place in places(wrapped, wanted).values()] == list(wanted)


@given(st.lists(WRAPPER, min_size=1, max_size=3), st.lists(NAMES, min_size=1, unique=True))
def test_one_name_without_the_prefix_means_that_it_is_no_wrapper(
    wrappers: list[str], names: list[str]
) -> None:
    prefix = "".join(wrappers)
    assert common_wrappers([prefix + name for name in names]) == prefix
    assert common_wrappers([*(prefix + name for name in names), "fc.weight"]) == ""


@given(st.permutations([*VGG_LAYERS]), st.sampled_from(["", *WRAPPERS]))
def test_timm_s_own_names_pass_unchanged_and_twice_is_once(layers: list[str], prefix: str) -> None:
    found = {f"{prefix}{layer}.bias": (4096,) for layer in layers}
    once = {place.name: place.shape for place in places(found, VGG).values()}
    assert {name: place.name for name, place in places(once, VGG).items()} == {name: name for name in once}
    assert list(once) == [f"{VGG_LAYERS[layer]}.bias" for layer in layers]
