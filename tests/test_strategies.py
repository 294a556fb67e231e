"""A strategy is a value: what it decides for any list of layer groups, what it refuses, and how it is found."""

import math
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import strategies
from strategies import STRATEGIES, LayerGroup, Plan, Strategy, make_strategy
from strategies.base import Role, planned_steps
from strategies.freeze_all import FreezeAll
from strategies.from_scratch import FromScratch
from strategies.full_finetune import FullFinetune
from strategies.partial import Partial

ROOT = Path(strategies.__file__).parents[1]


def groups_of(*roles: Role) -> tuple[LayerGroup, ...]:
    return tuple(LayerGroup(f"{role}{rank}", role, 10 * rank) for rank, role in enumerate(roles))


def multipliers(plan: Plan) -> list[float]:
    return [group.lr_multiplier for group in plan.groups]


@st.composite
def any_groups(draw: st.DrawFn) -> tuple[LayerGroup, ...]:
    """A stem or none, one to twelve stages, up to two dense groups, the head."""
    roles: list[Role] = ["stem"] * draw(st.integers(0, 1))
    roles += ["stage"] * draw(st.integers(1, 12))
    roles += ["dense"] * draw(st.integers(0, 2))
    return groups_of(*roles, "head")


@st.composite
def any_strategy_and_groups(draw: st.DrawFn) -> tuple[Strategy, tuple[LayerGroup, ...]]:
    groups = draw(any_groups())
    n_stages = sum(group.role == "stage" for group in groups)
    strategy = draw(
        st.one_of(
            st.just(FreezeAll()),
            st.builds(Partial, stages=st.integers(1, n_stages)),
            st.builds(FullFinetune, layer_decay=st.floats(0, 1, exclude_min=True)),
            st.just(FromScratch()),
        )
    )
    return strategy, groups


def test_the_four_strategies_are_found_in_the_order_of_how_much_they_train() -> None:
    assert list(STRATEGIES) == ["freeze-all", "partial", "full-finetune", "from-scratch"]


@given(any_strategy_and_groups())
def test_a_deeper_group_never_learns_faster_than_one_nearer_the_head(
    case: tuple[Strategy, tuple[LayerGroup, ...]],
) -> None:
    strategy, groups = case
    rates = multipliers(strategy.plan(groups))
    assert rates == sorted(rates)


@given(any_strategy_and_groups())
def test_every_group_gets_a_plan_in_order_and_the_head_learns_at_full_speed(
    case: tuple[Strategy, tuple[LayerGroup, ...]],
) -> None:
    strategy, groups = case
    plan = strategy.plan(groups)
    assert [group.name for group in plan.groups] == [group.name for group in groups]
    assert all(0 <= rate <= 1 for rate in multipliers(plan))
    assert plan.groups[-1].lr_multiplier == 1
    assert plan.weights == type(strategy).weights


@given(any_strategy_and_groups())
def test_statistics_are_held_exactly_where_the_weights_are_pretrained(
    case: tuple[Strategy, tuple[LayerGroup, ...]],
) -> None:
    strategy, groups = case
    plan = strategy.plan(groups)
    assert {group.hold_statistics for group in plan.groups} == {plan.weights == "pretrained"}


@given(any_strategy_and_groups())
def test_frozen_means_a_multiplier_of_zero(case: tuple[Strategy, tuple[LayerGroup, ...]]) -> None:
    strategy, groups = case
    for group in strategy.plan(groups).groups:
        assert group.is_frozen == (group.lr_multiplier == 0)


@given(any_groups())
def test_freeze_all_trains_the_head_only(groups: tuple[LayerGroup, ...]) -> None:
    assert multipliers(FreezeAll().plan(groups)) == [0] * (len(groups) - 1) + [1]


@given(any_groups(), st.data())
def test_partial_trains_the_last_stages_and_all_above_them(
    groups: tuple[LayerGroup, ...], data: st.DataObject
) -> None:
    n_stages = sum(group.role == "stage" for group in groups)
    stages = data.draw(st.integers(1, n_stages))
    plan = Partial(stages=stages).plan(groups)
    trained = [group for group in groups if not plan.of(group.name).is_frozen]
    assert sum(group.role == "stage" for group in trained) == stages
    assert trained == list(groups[len(groups) - len(trained) :])
    assert all(group in trained for group in groups if group.role in ("dense", "head"))
    assert set(multipliers(plan)) <= {0, 1}


@given(any_groups(), st.floats(0.01, 1))
def test_full_finetune_slows_down_by_the_decay_at_every_group_below_the_head(
    groups: tuple[LayerGroup, ...], decay: float
) -> None:
    rates = multipliers(FullFinetune(layer_decay=decay).plan(groups))
    for deeper, nearer in pairwise(rates):
        assert deeper == pytest.approx(decay * nearer)


@given(any_groups())
def test_from_scratch_trains_everything_alike(groups: tuple[LayerGroup, ...]) -> None:
    assert set(multipliers(FromScratch().plan(groups))) == {1}


def test_partial_refuses_more_stages_than_there_are_and_says_how_many() -> None:
    groups = groups_of("stem", "stage", "stage", "head")
    with pytest.raises(
        ValueError, match=r"stages is 3, but this backbone has 2; choose 1 to 2, or the strategy"
    ):
        Partial(stages=3).plan(groups)


@pytest.mark.parametrize("stages", [0, -1])
def test_partial_refuses_to_train_no_stage(stages: int) -> None:
    with pytest.raises(ValueError, match=f"stages is {stages}, but partial trains at least 1 stage"):
        Partial(stages=stages)


@pytest.mark.parametrize("decay", [0.0, -0.5, 1.0001, math.nan, math.inf])
def test_full_finetune_refuses_a_decay_outside_its_range(decay: float) -> None:
    with pytest.raises(ValueError, match=r"layer_decay is .*, but must lie above 0 and at most at 1"):
        FullFinetune(layer_decay=decay)


def test_a_plan_knows_no_group_that_was_not_planned() -> None:
    with pytest.raises(KeyError, match="layer9"):
        FreezeAll().plan(groups_of("stage", "head")).of("layer9")


def test_a_strategy_is_made_from_its_name_and_options() -> None:
    assert make_strategy("partial") == Partial(stages=1)
    assert make_strategy("partial", {"stages": 2.0}) == Partial(stages=2)
    assert make_strategy("full-finetune", {"layer_decay": 1}) == FullFinetune(layer_decay=1.0)
    made = make_strategy("partial", {"stages": 2.0})
    assert isinstance(made, Partial)
    assert isinstance(made.stages, int)


def test_an_unknown_strategy_is_a_key_error() -> None:
    with pytest.raises(KeyError, match="freeze-most"):
        make_strategy("freeze-most")


@pytest.mark.parametrize(
    ("name", "option", "its_own"),
    [
        ("partial", "layer_decay", "stages"),
        ("freeze-all", "stages", "none"),
        ("full-finetune", "x", "layer_decay"),
    ],
)
def test_an_option_of_another_strategy_is_refused_with_the_right_ones(
    name: str, option: str, its_own: str
) -> None:
    with pytest.raises(
        TypeError, match=f"strategy '{name}' has no option '{option}' .its options: {its_own}."
    ):
        make_strategy(name, {option: 1})


@pytest.mark.parametrize("stages", [1.5, math.inf, -math.inf, math.nan])
def test_a_count_must_be_a_whole_number(stages: float) -> None:
    with pytest.raises(ValueError, match=r"stages is .*, but must be a whole number"):
        make_strategy("partial", {"stages": stages})


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_card_says_what_it_does_when_it_wins_when_it_loses_and_its_sources(name: str) -> None:
    paragraphs = STRATEGIES[name].card().split("\n\n")
    for opening in ("What it does:", "Wins:", "Loses:", "Sources:"):
        assert any(len(p) > len(opening) + 40 and p.startswith(opening) for p in paragraphs), opening
    assert STRATEGIES[name].summary
    assert STRATEGIES[name].name == name


@pytest.mark.parametrize("name", STRATEGIES)
def test_every_option_is_explained_on_the_card(name: str) -> None:
    for option in STRATEGIES[name].option_names():
        assert f"``{option}``" in STRATEGIES[name].card()


@given(st.integers(1, 10**7), st.integers(2, 4096))
def test_planned_steps_are_twenty_passes_within_bounds(n_train: int, batch_size: int) -> None:
    steps = planned_steps(n_train, batch_size)
    assert 150 <= steps <= 5000
    if 150 < steps < 5000:
        assert steps == round(20 * n_train / batch_size)


@given(st.integers(1, 10**6), st.integers(2, 512))
def test_more_images_never_mean_fewer_steps(n_train: int, batch_size: int) -> None:
    assert planned_steps(n_train, batch_size) <= planned_steps(n_train + batch_size, batch_size)


@pytest.mark.parametrize("name", STRATEGIES)
def test_the_defaults_of_gradient_training_are_complete(name: str) -> None:
    defaults = make_strategy(name).defaults(n_train=1000, batch_size=32)
    if defaults.solver == "closed-form":
        assert not defaults.head_first
        assert defaults.normalization == "backbone"
        assert 0 < defaults.lr <= 1e-3 < defaults.steps
    else:
        assert defaults.steps > 0
        assert 0 < defaults.lr <= 1e-3
        assert defaults.head_first == (STRATEGIES[name].weights == "pretrained")
        assert (defaults.normalization == "dataset") == (STRATEGIES[name].weights == "random")


def test_the_small_learning_rate_gets_smaller_from_five_thousand_images_on() -> None:
    below, above = (FullFinetune().defaults(n_train=n, batch_size=32).lr for n in (4_999, 5_000))
    assert (below, above) == (5e-4, 3e-4)


def test_from_scratch_trains_three_times_as_long() -> None:
    scratch, full = (kind().defaults(n_train=1000, batch_size=32) for kind in (FromScratch, FullFinetune))
    assert scratch.steps == 3 * full.steps


FIFTH = '''
from dataclasses import dataclass
from typing import ClassVar, final
from strategies.base import GroupPlan, Plan, Strategy, TrainingDefaults

@final
@dataclass(frozen=True)
class BiasesOnly(Strategy):
    """Train the stem."""

    name: ClassVar[str] = "biases-only"
    summary: ClassVar[str] = "a fifth one"
    weights: ClassVar[str] = "pretrained"
    strength: float = 0.5

    def plan(self, groups):
        return Plan(self.weights, tuple(GroupPlan(g.name, self.strength, hold_statistics=True) for g in groups))

    def defaults(self, *, n_train, batch_size):
        return TrainingDefaults(solver="gradient")
'''


def run_python(code: str, *options: str, cwd: Path) -> str:
    done = subprocess.run(
        [sys.executable, *options, "-W", "error", "-c", code],
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_a_fifth_strategy_is_one_new_file(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "strategies", tmp_path / "strategies")
    (tmp_path / "strategies" / "biases_only.py").write_text(FIFTH, encoding="utf-8")
    code = (
        "from strategies import STRATEGIES, make_strategy; "
        "print(*STRATEGIES, make_strategy('biases-only', {'strength': 0.25}).strength)"
    )
    found = run_python(code, cwd=tmp_path)
    assert found == "freeze-all partial full-finetune from-scratch biases-only 0.25"


def test_the_strategies_need_nothing_but_the_standard_library() -> None:
    """Without site-packages there is nothing else to import."""
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT)!r}); import strategies; print(len(strategies.STRATEGIES))"
    )
    assert run_python(code, "-I", "-S", cwd=ROOT) == "4"
