"""A head is what its formula says, takes the place of timm's classifier, and drops nothing when it answers."""

import math

import pytest
import torch
from networks import N_CLASSES, batch, narrow, network
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own convention

from finetune.model.heads import (
    ACTIVATIONS,
    CosineHead,
    DenseHead,
    HeadSpec,
    LinearHead,
    make_activation,
    make_head,
    replace_head,
    spec_of,
)
from finetune.model.layers import classifier_name, layer_groups

SPECS = (
    HeadSpec("linear", dropout=0.3),
    HeadSpec("dense", (7,), "tanh", dropout=0.5),
    HeadSpec("dense", (9, 5), "leaky-relu", 0.2, 0.25),
    HeadSpec("cosine", dropout=0.1),
)
NETWORKS = ("test_resnet", "test_efficientnet", "test_convnext", "vgg11", "test_vit")


def features(n_images: int = 6, width: int = 8, seed: int = 0) -> Tensor:
    return torch.randn(n_images, width, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize(
    ("name", "formula"),
    [
        ("relu", lambda x: max(0.0, x)),
        ("leaky-relu", lambda x: x if x > 0 else 0.2 * x),
        ("sigmoid", lambda x: 1 / (1 + math.exp(-x))),
        ("tanh", math.tanh),
    ],
)
def test_an_activation_is_its_formula(name: str, formula: object) -> None:
    points = torch.linspace(-4, 4, 33, dtype=torch.float64)
    expected = torch.tensor([formula(float(x)) for x in points], dtype=torch.float64)  # type: ignore[operator]
    assert torch.allclose(make_activation(name, 0.2)(points), expected, rtol=1e-12)
    assert name in ACTIVATIONS


def test_a_dense_head_is_its_formula() -> None:
    head = DenseHead(8, 3, HeadSpec("dense", (5, 4), "sigmoid", dropout=0.5)).eval()
    first, second, last = (module for module in head.layers if isinstance(module, nn.Linear))
    inner = torch.sigmoid(features() @ first.weight.T + first.bias)
    inner = torch.sigmoid(inner @ second.weight.T + second.bias)
    assert torch.allclose(head(features()), inner @ last.weight.T + last.bias, atol=1e-6)


def test_a_cosine_head_is_the_scaled_cosine_of_feature_and_class_and_knows_no_length() -> None:
    head = CosineHead(8, 3, HeadSpec("cosine")).eval()
    expected = 10 * F.cosine_similarity(features()[:, None], head.weight[None], dim=-1)
    assert torch.allclose(head(features()), expected, atol=1e-5)
    assert torch.allclose(head(100 * features()), expected, atol=1e-5)


@pytest.mark.parametrize("dropout", [0.2, 0.5, 0.8])
@torch.no_grad()
def test_dropout_leaves_the_expectation_of_the_logits_as_it_is(dropout: float) -> None:
    """The mean of n draws lies within five standard errors: a wrong scale of 1 - p would miss by hundreds."""
    head = LinearHead(64, 3, dropout=dropout)
    torch.manual_seed(1)
    draws = head(features(1, 64).expand(20_000, 64))
    answer = head.eval()(features(1, 64))[0]
    errors = (draws.mean(0) - answer).abs() / (draws.std(0) / math.sqrt(len(draws)))
    assert float(errors.max()) < 5
    assert float(draws.std(0).min()) > 0.01


def test_dropout_in_a_dense_head_drops_its_share_and_scales_up_the_rest() -> None:
    head = DenseHead(8, 3, HeadSpec("dense", (4000,), "relu", dropout=0.5))
    torch.manual_seed(0)
    hidden = head.layers[:2](features(1)).clamp(min=1e-6)
    dropped = head.layers[2](hidden)
    kept = dropped != 0
    assert torch.equal(dropped[kept], 2 * hidden[kept])
    assert float(kept.float().mean()) == pytest.approx(0.5, abs=5 * 0.5 / math.sqrt(4000))


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: f"{spec.kind}{len(spec.hidden)}")
def test_a_head_answers_alike_twice_in_evaluation_and_not_in_training(spec: HeadSpec) -> None:
    head = make_head(spec, 8, 3)
    assert not torch.equal(head(features()), head(features()))
    head.eval()
    assert torch.equal(head(features()), head(features()))


@pytest.mark.parametrize("name", NETWORKS)
@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: f"{spec.kind}{len(spec.hidden)}")
def test_a_head_takes_the_place_of_the_classifier_in_every_family(spec: HeadSpec, name: str) -> None:
    model = narrow(name)
    before = layer_groups(model)
    replace_head(model, classifier_name(model), spec)
    grouping = layer_groups(model)
    assert [group.name for group in grouping.groups] == [group.name for group in before.groups]
    held = {tensor for tensor, group in grouping.group_of.items() if group == grouping.head.name}
    head = model.get_submodule(grouping.head.name)
    assert held == {f"{grouping.head.name}.{tensor}" for tensor in head.state_dict()}
    assert grouping.head.n_parameters == sum(parameter.numel() for parameter in head.parameters())
    assert model(batch(0)[0]).shape == (2, N_CLASSES)
    assert spec_of(head) == (spec if spec.kind != "linear" else HeadSpec())


def test_a_linear_head_with_dropout_has_the_tensors_of_timm_s_own() -> None:
    model = network()
    names = list(model.state_dict())
    replace_head(model, "fc", HeadSpec(dropout=0.5))
    assert list(model.state_dict()) == names


@pytest.mark.parametrize("spec", SPECS, ids=lambda spec: f"{spec.kind}{len(spec.hidden)}")
def test_a_spec_goes_through_json_unchanged(spec: HeadSpec) -> None:
    assert HeadSpec.from_json(spec.to_json()) == spec


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"kind": "square"}, "no head called 'square'"),
        ({"activation": "gelu"}, "no activation called 'gelu'"),
        ({"kind": "dense"}, r"1 to 2 hidden layers, not \(\)"),
        ({"kind": "dense", "hidden": (1, 2, 3)}, "1 to 2 hidden layers"),
        ({"kind": "dense", "hidden": (0,)}, "1 to 2 hidden layers"),
        ({"dropout": 1.0}, r"dropout lies in \[0, 1\)"),
        ({"negative_slope": 0.0}, r"slope in \(0, 1\)"),
    ],
)
def test_a_head_that_cannot_be_is_refused(fields: dict[str, object], text: str) -> None:
    with pytest.raises(ValueError, match=text):
        HeadSpec(**fields)  # type: ignore[arg-type]
