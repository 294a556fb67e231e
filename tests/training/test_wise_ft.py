"""Between the head alone and the fine-tuned weights lies a line; both ends are exact and the best point is kept."""

from collections.abc import Callable

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from networks import moved, network, snapshot
from torch import nn

from finetune.errors import OptionError
from finetune.evaluation.interpolation import Interpolation, InterpolationRow
from finetune.evaluation.scores import Scores
from finetune.training.wise_ft import ALPHAS, between, interpolate, refuse_without_solved_head


def test_both_ends_are_exact_and_the_middle_is_the_mean() -> None:
    start, end = (snapshot(network(seed=seed)) for seed in (0, 1))
    assert not moved(start, between(start, end, 0.0))
    assert not moved(end, between(start, end, 1.0))
    middle, quarter = between(start, end, 0.5), between(start, end, 0.25)
    for name, tensor in middle.items():
        if tensor.is_floating_point():
            torch.testing.assert_close(tensor, (start[name] + end[name]) / 2, rtol=1e-6, atol=1e-7)
            torch.testing.assert_close(quarter[name], 0.75 * start[name] + 0.25 * end[name])


@given(st.sampled_from(ALPHAS))
def test_tensors_that_both_ends_share_keep_their_bits(alpha: float) -> None:
    start = {"frozen": torch.tensor([0.1, -0.0, 3e-42, 1e30]), "counted": torch.tensor(7)}
    end = {name: tensor.clone() for name, tensor in start.items()}
    assert not moved(start, between(start, end, alpha))


def scorer(model: nn.Module, best_alpha: float, ends: tuple[float, float]) -> Callable[[], Scores]:
    """Score the model by how near its first bias is to that at ``best_alpha`` between the two ``ends``."""

    def score() -> Scores:
        bias = float(model.get_submodule("fc").get_parameter("bias")[0].detach())
        alpha = (bias - ends[0]) / (ends[1] - ends[0])
        return Scores(0.5, 0.5, 1 - abs(alpha - best_alpha))

    return score


@pytest.mark.parametrize(("peak", "chosen"), [(0.0, 0.0), (0.3, 0.25), (0.5, 0.5), (0.8, 0.75), (2.0, 1.0)])
def test_the_alpha_that_scores_best_is_left_in_the_model(peak: float, chosen: float) -> None:
    model, start = network(seed=1), snapshot(network(seed=0))
    end = snapshot(model)
    ends = (float(start["fc.bias"][0]), float(end["fc.bias"][0]))
    found = interpolate(model, start, score=scorer(model, peak, ends))
    assert found.best.alpha == chosen
    assert [row.alpha for row in found.rows] == list(ALPHAS)
    assert not moved(between(start, end, chosen), model.state_dict())


def rows(*scores: float) -> Interpolation:
    return Interpolation(
        tuple(InterpolationRow(a, 0.1, score, score) for a, score in zip(ALPHAS, scores, strict=True))
    )


def test_of_equals_the_fine_tuned_side_is_taken_and_no_number_is_never_best() -> None:
    assert rows(0.5, 0.5, 0.5, 0.5, 0.5).best.alpha == 1
    assert rows(0.5, 0.9, 0.9, 0.5, 0.5).best.alpha == 0.5
    nan = float("nan")
    assert rows(0.5, nan, nan, nan, nan).best.alpha == 0


def test_the_sentence_has_the_choice_and_both_ends() -> None:
    assert rows(0.8, 0.85, 0.9, 0.7, 0.6).sentence() == (
        "WiSE-FT: alpha 0.5 is kept with 90.0 %; the head alone gets 80.0 % of val right, "
        "the fine-tuned network 60.0 %"
    )


def test_without_a_solved_head_there_is_no_line() -> None:
    refuse_without_solved_head("partial", head_first=True)
    with pytest.raises(
        OptionError, match=r"strategy 'partial' is set to train without one; use --head-first"
    ):
        refuse_without_solved_head("partial", head_first=False)
