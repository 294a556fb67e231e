"""The head alone at first, then a group an epoch from the top; what waits is frozen to the bit."""

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from learners import Heard, learner_in, run
from networks import State, moved, statistics_names
from pytorch_lightning.callbacks import EarlyStopping
from safetensors.torch import load_file

from finetune.recipe import Recipe
from finetune.training.stopping import PatienceWhileChanging, make_stoppers
from finetune.training.thaw import never_thawed, plan_at, thaw_epochs
from strategies import LayerGroup, Plan, make_strategy

ROLES = ("stem", "stage", "stage", "stage", "head")
GROUPS = [LayerGroup(f"g{place}", role, 1) for place, role in enumerate(ROLES)]  # type: ignore[arg-type]
FULL = make_strategy("full-finetune").plan(GROUPS)


@given(st.integers(1, 8), st.integers(0, 20))
def test_a_group_thaws_after_the_one_above_it_and_stays_thawed(unfreeze_at: int, epoch: int) -> None:
    def learning(plan: Plan) -> list[str]:
        return [group.name for group in plan.groups if not group.is_frozen]

    now, then = learning(plan_at(FULL, epoch, unfreeze_at)), learning(plan_at(FULL, epoch + 1, unfreeze_at))
    assert now == [group.name for group in GROUPS[len(GROUPS) - len(now) :]]
    assert len(now) == min(len(GROUPS), max(1, epoch - unfreeze_at + 2))
    assert set(now) <= set(then)


def test_the_epochs_of_the_thaw() -> None:
    assert thaw_epochs(FULL, 2) == {"g4": 0, "g3": 2, "g2": 3, "g1": 4, "g0": 5}
    assert plan_at(FULL, 0, None) == FULL
    assert plan_at(FULL, 5, 2) == FULL
    waiting = plan_at(FULL, 2, 2).of("g2")
    assert waiting == replace(FULL.of("g2"), lr_multiplier=0.0, hold_statistics=True)


def test_what_the_strategy_freezes_never_thaws_and_is_not_missed() -> None:
    plan = make_strategy("partial", {"stages": 2}).plan(GROUPS)
    assert thaw_epochs(plan, 3) == {"g4": 0, "g3": 3, "g2": 4}
    assert plan_at(plan, 100, 3) == plan
    assert never_thawed(plan, 3, 4) == ["g2"]
    assert never_thawed(plan, 3, 5) == never_thawed(plan, None, 1) == []


def test_each_epoch_moves_one_group_more_and_no_held_statistic(tmp_path: Path) -> None:
    """The saved states tell what each epoch changed."""
    learner = learner_in(tmp_path, "full-finetune")
    heard = Heard()
    states: list[State] = [{name: tensor.clone() for name, tensor in learner.model.state_dict().items()}]

    def remember(step: int, _total: int) -> None:
        if step % 2 == 0:
            states.append({name: tensor.clone() for name, tensor in learner.model.state_dict().items()})

    heard.listeners["training"] = remember
    _, trained, folder = run(
        tmp_path, "full-finetune", learner=learner, heard=heard, epochs=3, unfreeze_at=1, weight_decay=0.05
    )
    group_of = learner.grouping.group_of
    changed = [{group_of[name] for name in moved(one, next_one)} for one, next_one in pairwise(states)]
    assert changed == [{"fc"}, {"fc", "layer4"}, {"fc", "layer4", "layer3"}]
    assert not moved(states[0], states[-1]) & statistics_names(learner.model)
    assert [said for said in heard.said if said.startswith("note: ")] == [
        "note: 3 epochs end before layer2, layer1, stem would thaw; a lower --unfreeze-at or more --epochs "
        "would reach them"
    ]
    assert len(trained.rows) == 4
    assert load_file(max(folder.states.glob("best-*.safetensors")))


def test_early_stopping_counts_only_once_all_has_thawed() -> None:
    recipe = Recipe.make(
        strategy="full-finetune", epochs=30, unfreeze_at=4, early_stopping="val_loss", lr=0.1
    )
    stoppers = make_stoppers(recipe, FULL, n_classes=3, budget_minutes=None)
    (stopper,) = [one for one in stoppers if isinstance(one, EarlyStopping)]
    (patience,) = [one for one in stoppers if isinstance(one, PatienceWhileChanging)]

    class AtEpoch:
        early_stopping_callbacks = (stopper,)

        def __init__(self, current_epoch: int) -> None:
            self.current_epoch = current_epoch

    for epoch, counted in ((0, -1), (7, 0), (8, 3)):
        stopper.wait_count = 3
        patience.on_train_epoch_start(AtEpoch(epoch))  # type: ignore[arg-type]
        assert stopper.wait_count == counted


def test_a_thaw_after_the_end_is_refused() -> None:
    with pytest.raises(Exception, match="--unfreeze-at 3 lies after training, --epochs 3"):
        Recipe.make(strategy="partial", epochs=3, unfreeze_at=3)
