"""Penalties charge the trainable weights alone: L2 as torch's weight decay would, L2-SP from where they started."""

import copy

import pytest
import torch
from networks import batch, make_tuner, network, snapshot
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812 - torch's own convention

from finetune.model.layers import layer_groups
from finetune.training.penalties import squared_distance, squared_norm
from finetune.training.tuner import Tuner
from strategies import make_strategy

STRENGTH = 0.03


def tuner_of(model: nn.Module, strategy: str = "full-finetune", **choices: object) -> Tuner:
    grouping = layer_groups(model)
    plan = make_strategy(strategy).plan(grouping.groups)
    usual: dict[str, object] = {"optimizer": "sgd", "momentum": 0.0, "lr": 0.1, "weight_decay": 0.0}
    tuner = make_tuner(model.double(), grouping, plan, **{**usual, **choices})
    tuner.log = lambda *_, **__: None  # type: ignore[assignment]  # there is no trainer to log to
    tuner.eval()
    return tuner


def double_batch() -> tuple[Tensor, Tensor]:
    images, targets = batch(1)
    return images.double(), targets


def penalty(tuner: Tuner) -> float:
    """What the objective charges beyond the loss of the batch."""
    images, targets = double_batch()
    with torch.no_grad():
        loss = F.cross_entropy(tuner(images), targets, label_smoothing=0.1)
        return float(tuner.training_step((images, targets), 0) - loss)


def step(tuner: Tuner) -> dict[str, Tensor]:
    optimizer = tuner.configure_optimizers()["optimizer"]
    tuner.training_step(double_batch(), 0).backward()
    optimizer.step()
    return snapshot(tuner.model)


def weights_of(model: nn.Module, *prefixes: str) -> list[Tensor]:
    return [
        parameter.detach()
        for name, parameter in model.named_parameters()
        if parameter.ndim > 1 and name.startswith(prefixes or "")
    ]


def squares(tensors: list[Tensor]) -> float:
    return sum(float(tensor.detach().square().sum()) for tensor in tensors)


def spread(model: nn.Module, amount: float = 0.1) -> nn.Module:
    """Move every parameter, so that nothing is where it started."""
    with torch.no_grad():
        for rank, parameter in enumerate(model.parameters()):
            generator = torch.Generator().manual_seed(rank)
            parameter += amount * torch.randn(parameter.shape, generator=generator)
    return model


def test_one_step_with_l2_is_one_with_torchs_weight_decay_of_twice_that() -> None:
    by_loss = step(tuner_of(spread(network()), l2=STRENGTH))
    by_decay = step(tuner_of(spread(network()), weight_decay=2 * STRENGTH))
    plain = step(tuner_of(spread(network())))
    for name, tensor in by_loss.items():
        assert torch.allclose(tensor, by_decay[name], rtol=1e-10, atol=1e-12), name
    assert {name for name, tensor in by_loss.items() if not torch.equal(tensor, plain[name])} == {
        name for name, parameter in network().named_parameters() if parameter.ndim > 1
    }


def test_l2_charges_the_weights_and_no_bias_or_norm() -> None:
    model = spread(network())
    assert penalty(tuner_of(model, l2=STRENGTH)) == pytest.approx(
        STRENGTH * squares(weights_of(model)), rel=1e-5
    )


def test_frozen_weights_are_not_charged() -> None:
    model = spread(network())
    trained = weights_of(model, "layer4.", "fc.")
    assert penalty(tuner_of(model, "partial", l2=STRENGTH)) == pytest.approx(
        STRENGTH * squares(trained), rel=1e-5
    )
    tuner = tuner_of(model, "partial", l2=STRENGTH)
    model.get_submodule("layer4").requires_grad_(False)
    assert penalty(tuner) == pytest.approx(STRENGTH * squares(weights_of(model, "fc.")), rel=1e-9)


def test_l2_sp_charges_the_way_from_the_pretrained_weights_and_leaves_the_head_to_l2() -> None:
    model = network()
    before = copy.deepcopy(model)
    tuner = tuner_of(model, l2_sp=STRENGTH)
    assert penalty(tuner) == pytest.approx(0, abs=1e-12)
    spread(model)
    way = [
        parameter - start
        for (name, parameter), start in zip(model.named_parameters(), before.parameters(), strict=True)
        if parameter.ndim > 1 and not name.startswith("fc.")
    ]
    expected = STRENGTH * squares(way)
    assert penalty(tuner) == pytest.approx(expected, rel=1e-9)
    both = tuner_of(before, l2_sp=STRENGTH, l2=2 * STRENGTH)
    before.load_state_dict(model.state_dict())
    head = 2 * STRENGTH * squares(weights_of(model, "fc."))
    assert penalty(both) == pytest.approx(expected + head, rel=1e-9)


def test_a_resumed_tuner_is_pulled_to_where_the_network_was_built_not_to_where_it_was_resumed() -> None:
    tuner = tuner_of(network(), l2_sp=STRENGTH)
    spread(tuner.model)
    state = copy.deepcopy(tuner.state_dict())
    assert all(name.startswith("model.") for name in state)
    resumed = tuner_of(network(), l2_sp=STRENGTH)
    resumed.load_state_dict(state)
    assert penalty(resumed) == penalty(tuner) > 0


def test_without_a_penalty_nothing_is_charged() -> None:
    assert penalty(tuner_of(spread(network()))) == pytest.approx(0, abs=1e-12)


def test_the_gradients_are_those_of_the_formulas() -> None:
    generator = torch.Generator().manual_seed(0)
    first = torch.randn(3, 2, generator=generator, dtype=torch.float64, requires_grad=True)
    second = torch.randn(2, 1, 3, 3, generator=generator, dtype=torch.float64, requires_grad=True)
    starts = [torch.randn_like(first).detach(), torch.randn_like(second).detach()]
    assert torch.autograd.gradcheck(lambda *weights: squared_norm(weights), (first, second))
    assert torch.autograd.gradcheck(lambda *weights: squared_distance(weights, starts), (first, second))
    squared_distance((first, second), starts).backward()
    assert torch.allclose(first.grad, 2 * (first - starts[0]).detach())
