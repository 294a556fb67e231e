"""How long it will take: measured on a copy, said in words, with ways to make it shorter."""

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from networks import batch, make_tuner, moved, network, snapshot
from torch.utils.data import DataLoader, TensorDataset

from finetune.model.layers import layer_groups
from finetune.training.estimate import Estimate, Trial, describe_minutes, measure_speed, suggestions
from strategies import make_strategy

seconds = st.floats(1e-4, 100)
counts = st.integers(1, 10_000)


@pytest.mark.parametrize(
    ("minutes", "words"),
    [
        (0, "1 second"),
        (0.001, "1 second"),
        (0.5, "30 seconds"),
        (1.49, "89 seconds"),
        (1.5, "1.5 minutes"),
        (3.21, "3.2 minutes"),
        (89.9, "89.9 minutes"),
        (90, "1.5 hours"),
        (600, "10.0 hours"),
    ],
)
def test_a_length_of_time_reads_as_people_say_it(minutes: float, words: str) -> None:
    assert describe_minutes(minutes) == words


def test_an_epoch_is_its_steps_and_its_validated_images() -> None:
    estimate = Estimate(batch_s=0.5, validated_image_s=0.01, batches_per_epoch=10, n_val=100)
    assert estimate.epoch_s == pytest.approx(6)
    assert estimate.minutes(20) == pytest.approx(2)
    assert estimate.epochs_within(1) == 10
    assert estimate.epochs_within(0.05) == 1


@given(seconds, seconds, counts, counts, st.floats(0.01, 1000))
def test_the_epochs_that_fit_do_fit_unless_not_even_one_does(
    step_s: float, image_s: float, steps: int, n_val: int, minutes: float
) -> None:
    estimate = Estimate(step_s, image_s, steps, n_val)
    epochs = estimate.epochs_within(minutes)
    assert epochs >= 1
    assert epochs == 1 or estimate.minutes(epochs) <= minutes * 1.000001
    assert estimate.minutes(epochs + 1) > minutes * 0.999999


def test_a_short_run_needs_no_advice() -> None:
    assert suggestions(10, 224) == ""


@pytest.mark.parametrize(
    ("image_size", "smaller", "times"), [(224, 96, 5), (160, 64, 6), (64, 32, 4), (48, 32, 2), (1024, 512, 4)]
)
def test_a_long_run_can_be_shortened_by_smaller_images_or_fewer_epochs(
    image_size: int, smaller: int, times: int
) -> None:
    assert suggestions(10.1, image_size) == (
        f"to shorten it: --image-size {smaller} (about {times} times faster, some detail lost) "
        "or --max-minutes 10 (fewer epochs)"
    )


def test_the_smallest_images_cannot_be_made_smaller() -> None:
    assert suggestions(60, 32) == "to shorten it: --max-minutes 10 (fewer epochs)"


@pytest.mark.parametrize("strategy", ["partial", "from-scratch"])
@pytest.mark.parametrize("n_batches", [1, 5])
def test_measuring_leaves_the_network_and_its_modes_as_they_were(strategy: str, n_batches: int) -> None:
    model = network()
    grouping = layer_groups(model)
    tuner = make_tuner(model, grouping, make_strategy(strategy).plan(grouping.groups))
    tuner.train()
    before, modes = snapshot(model), [module.training for module in model.modules()]
    loader = DataLoader(TensorDataset(*batch(0, 2 * n_batches)), batch_size=2)
    estimate = measure_speed(tuner, loader, batches_per_epoch=7, n_val=9)  # type: ignore[arg-type]
    assert not moved(before, snapshot(model))
    assert [module.training for module in model.modules()] == modes
    assert all(parameter.grad is None for parameter in model.parameters())
    assert 0 < estimate.step_s < 10
    assert 0 < estimate.validated_image_s < 10
    assert (estimate.steps_per_epoch, estimate.n_val) == (7, 9)
    assert torch.is_grad_enabled()


@given(
    st.builds(
        Estimate, seconds, seconds, counts, counts, fresh_s=st.floats(0, 1000), fresh_epochs=st.integers(0, 9)
    ),
    st.floats(0.01, 10_000),
)
def test_the_epochs_that_fit_fit_with_what_the_first_ones_take_more(
    estimate: Estimate, minutes: float
) -> None:
    epochs = estimate.epochs_within(minutes)
    assert epochs >= 1
    if epochs > 1:
        assert estimate.minutes(epochs) <= minutes * (1 + 1e-9)
    assert estimate.minutes(epochs + 1) > minutes * (1 - 1e-9)


def test_only_the_first_epochs_take_more() -> None:
    plain = Estimate(1, 0, 60, 0)
    fresh = Estimate(1, 0, 60, 0, fresh_s=30, fresh_epochs=2)
    assert [fresh.minutes(n) - plain.minutes(n) for n in (1, 2, 9)] == [0.5, 1, 1]


@pytest.mark.parametrize(("choices", "draws"), [({}, False), ({"mixup": 0.3}, True), ({"cutmix": 1.0}, True)])
def test_a_timed_step_mixes_where_training_will(choices: dict[str, float], draws: bool) -> None:
    model = network()
    grouping = layer_groups(model)
    tuner = make_tuner(model, grouping, make_strategy("from-scratch").plan(grouping.groups), **choices)
    trial, before = Trial(tuner), torch.get_rng_state()
    assert trial.step(*batch(0, 4)) > 0
    assert torch.equal(before, torch.get_rng_state()) != draws
