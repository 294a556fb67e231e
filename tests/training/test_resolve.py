"""A resolved recipe says everything that a run by gradient uses, and what cannot be is refused once that is known."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune.data.augmentation.family import PER_IMAGE, TURNING
from finetune.data.augmentation.policies import CAREFUL, POLICIES, PolicyName, strengths_of
from finetune.errors import OptionError
from finetune.model.backbones import CATALOGUE
from finetune.recipe import Recipe
from finetune.recipe.augmentations import switches
from finetune.recipe.names import OPTIMIZERS
from finetune.training.lengths import default_patience, optimizer_steps_per_epoch, shortened
from finetune.training.resolve import Resolved, resolve
from finetune.training.schedules import curve_of

N_TRAIN = 100  # 4 batches of 32: 38 epochs of partial's 150 steps
EPOCHS = 38
OFF_UNLESS_ASKED = {
    "stochastic_depth", "hidden", "activation", "negative_slope", "dropout", "momentum", "step_epochs", "gamma",
    "milestones", "unfreeze_at", "l2", "l2_sp", "mixup", "cutmix", "ema", "average_last", "precision", "cache",
    "views", "max_minutes", "workers", "grow_from", "group_by", "folds", "drop_suspects", "relabel",
    "time_weight", *PER_IMAGE,
}  # fmt: skip


def resolved(strategy: str = "partial", *, n_train: int = N_TRAIN, **fields: Any) -> Resolved:
    weights = "none" if strategy == "from-scratch" else "hub"
    recipe = Recipe.make(strategy=strategy, **fields)
    return resolve(
        recipe, strategy=strategy, backbone=CATALOGUE["test_resnet"], weights=weights, n_train=n_train
    )


def refused(**fields: Any) -> str:
    with pytest.raises(OptionError, match=r"\w") as error:
        resolved(**fields)
    return str(error.value)


@pytest.mark.parametrize("strategy", ["partial", "full-finetune", "from-scratch"])
def test_nothing_that_a_run_uses_stays_open(strategy: str) -> None:
    recipe = resolved(strategy).recipe
    open_fields = {name for name in Recipe.model_fields if getattr(recipe, name) is None}
    assert open_fields == OFF_UNLESS_ASKED
    is_pretrained = strategy != "from-scratch"
    assert recipe.head_first is is_pretrained
    assert recipe.batch_norm == ("frozen" if is_pretrained else "train")
    assert recipe.normalization == ("backbone" if is_pretrained else "dataset")
    assert (recipe.schedule, recipe.optimizer, recipe.clip_norm) == ("cosine", "adamw", 1)
    assert recipe.warmup_epochs == pytest.approx(0.1 * (recipe.epochs or 0))


@st.composite
def choices(draw: st.DrawFn) -> dict[str, Any]:
    def some(**values: st.SearchStrategy[Any]) -> dict[str, Any]:
        return {name: draw(value) for name, value in values.items() if draw(st.booleans())}

    fields = some(
        optimizer=st.sampled_from(OPTIMIZERS),
        accumulate=st.integers(1, 8),
        early_stopping=st.sampled_from(["none", "val_loss", "train_loss"]),
        l2=st.floats(0, 1),
        l2_sp=st.floats(0, 1),
        head_first=st.booleans(),
        class_balance=st.sampled_from(["none", "weights", "sampler"]),
        clip_norm=st.floats(0, 5),
    )
    schedule = draw(st.sampled_from(["constant", "step", "cosine", "linear", "inverse-sqrt", "one-cycle"]))
    if schedule == "step":
        fields |= some(gamma=st.floats(0.1, 0.9))
        fields |= some(milestones=st.just((2, 5)))
    return {**fields, "schedule": schedule, "epochs": draw(st.integers(6, 300))}


@given(choices())
def test_a_resolved_recipe_repeats_the_run(fields: dict[str, Any]) -> None:
    first = resolved(**fields).recipe
    assert resolved(**first.model_dump(exclude={"strategy"})).recipe == first
    assert {name: getattr(first, name) for name in fields} == fields
    assert curve_of(first, steps_per_epoch=7) == curve_of(Recipe.make(**fields), steps_per_epoch=7)


@given(choices(), st.integers(1, 5))
def test_a_recipe_made_shorter_is_valid_and_keeps_its_shape(fields: dict[str, Any], epochs: int) -> None:
    recipe = resolved(**fields).recipe
    short = shortened(recipe, epochs)
    assert short.epochs == epochs
    assert 1 <= (short.patience or 1) <= (recipe.patience or 1)
    before, after = (curve_of(each, steps_per_epoch=100) for each in (recipe, short))
    assert after(after.total_steps - 1) <= 1
    if recipe.schedule in ("constant", "cosine", "linear", "one-cycle"):
        for share in (0.0, 0.2, 0.5, 0.8):
            at = [curve(round(share * curve.total_steps)) for curve in (before, after)]
            assert at[0] == pytest.approx(at[1], abs=0.1)


def test_the_lengths_of_a_recipe_shrink_with_its_epochs() -> None:
    recipe = resolved(
        schedule="step", milestones=(30, 60, 90), epochs=100, warmup_epochs=5, patience=20
    ).recipe
    short = shortened(recipe, 10)
    assert (short.milestones, short.warmup_epochs, short.patience) == ((3, 6, 9), 0.5, 5)
    single = shortened(recipe, 1)
    assert (single.milestones, single.step_epochs) == (None, 1)
    stepped = shortened(resolved(schedule="step", step_epochs=30, epochs=90, warmup_epochs=30).recipe, 4)
    assert (stepped.step_epochs, stepped.warmup_epochs) == (1, 1)
    averaged = resolved(average_last=6, unfreeze_at=10, epochs=20, patience=3).recipe
    short = shortened(averaged, 4)
    assert (short.average_last, short.unfreeze_at, short.patience) == (4, 2, 3)
    assert shortened(averaged, 2).unfreeze_at == 1


@pytest.mark.parametrize("choice", [{"unfreeze_at": 3}, {"average_last": 3}])
def test_a_budget_too_short_for_what_was_chosen_is_refused(choice: dict[str, int]) -> None:
    recipe = resolved(max_minutes=0.5, **choice).recipe
    ((name, _),) = choice.items()
    text = (
        rf"^--max-minutes 0\.5 leaves time for 1 epoch, but --{name.replace('_', '-')} needs 2; "
        "give it more time, or leave that out$"
    )
    with pytest.raises(OptionError, match=text):
        shortened(recipe, 1)


@given(st.integers(1, 1_000))
def test_patience_is_a_third_of_the_epochs_and_five_at_least(epochs: int) -> None:
    assert default_patience(epochs) == max(5, -(-epochs // 3))


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        ({"warmup_epochs": 39}, "--warmup-epochs 39 is longer than training, --epochs 38; make it shorter"),
        ({"average_last": 40}, "--average-last 40 needs as many epochs, but --epochs is 38; lower it"),
        ({"unfreeze_at": 38}, "--unfreeze-at 38 lies after training, --epochs 38; choose an earlier epoch, "
                              "or --strategy freeze-all"),
        ({"schedule": "step", "milestones": (20, 40)}, "--milestones 20,40 reach beyond training, --epochs 38; "
                                                       "leave out those that are never passed"),
    ],
)  # fmt: skip
def test_what_cannot_be_with_the_strategys_own_epochs_is_refused(fields: dict[str, Any], text: str) -> None:
    assert refused(**fields) == text


def test_accumulating_keeps_the_optimizer_steps() -> None:
    """150 steps of 4 batches of 32 would be 150 epochs of 100 images."""
    assert resolved(accumulate=4).recipe.epochs == 150
    assert resolved(batch_size=16, accumulate=2).recipe.epochs == EPOCHS
    assert [optimizer_steps_per_epoch(100, 16, k) for k in (1, 2, 4, 7, 8)] == [7, 4, 2, 1, 1]


@pytest.mark.parametrize(
    ("optimizer", "lr", "momentum", "weight_decay"),
    [
        ("adamw", 5e-4, None, 0.01),
        ("sgd", 0.025, 0.9, 2e-4),
        ("lion", 5e-4 / 3, None, 0.03),
        ("lars", 1, 0.9, 5e-6),
    ],
)
def test_a_strategys_rate_is_turned_into_the_optimizers(
    optimizer: str, lr: float, momentum: float | None, weight_decay: float
) -> None:
    recipe = resolved(optimizer=optimizer).recipe
    assert recipe.lr == pytest.approx(lr)
    assert recipe.momentum == momentum
    assert recipe.weight_decay == pytest.approx(weight_decay)


@pytest.mark.parametrize("penalty", ["l2", "l2_sp"])
def test_a_chosen_penalty_takes_the_place_of_the_strategys_decay(penalty: str) -> None:
    assert resolved(**{penalty: 0.01}).recipe.weight_decay == 0
    assert resolved(weight_decay=0.3, **{penalty: 0.01}).recipe.weight_decay == 0.3


def test_a_rate_that_is_to_be_found_stays_open_with_a_fallback() -> None:
    found = resolved(find_lr=True, optimizer="sgd")
    assert (found.recipe.lr, found.recipe.find_lr) == (None, True)
    assert found.fallback_lr == pytest.approx(0.025)


def test_what_from_scratch_has_no_use_for_is_dropped_with_its_reason() -> None:
    found = resolve(
        Recipe.make(l2_sp=0.1, epochs=3),
        strategy="from-scratch",
        backbone=CATALOGUE["test_resnet"],
        weights="none",
        n_train=N_TRAIN,
    )
    assert found.notes == ("note: --l2-sp not used: from-scratch starts from random weights",)
    assert (found.recipe.l2_sp, found.recipe.epochs) == (None, 3)


DIGITS = tuple("0123456789")


def careful(class_names: tuple[str, ...], **fields: Any) -> Resolved:
    recipe = Recipe.make(strategy="partial", **fields)
    network = CATALOGUE["test_resnet"]
    return resolve(
        recipe, strategy="partial", backbone=network, weights="hub", n_train=N_TRAIN, class_names=class_names
    )


@pytest.mark.parametrize("policy", CAREFUL)
def test_digits_are_neither_mirrored_nor_turned_by_a_policy_and_a_note_says_so(policy: PolicyName) -> None:
    found = careful(DIGITS, augment=policy)
    strengths = strengths_of(policy, switches(found.recipe))
    assert not any(strengths[name] for name in TURNING)
    assert strengths["crop"] == POLICIES[policy]["crop"]
    (note,) = found.notes
    assert "left out of the augmentation, since the class names '0', '1', '2', … are digits" in note
    assert "--hflip" in note
    again = careful(DIGITS, **found.recipe.with_changes(strategy_options={}).model_dump(exclude={"strategy"}))
    assert (again.recipe, again.notes) == (found.recipe, ())


@pytest.mark.parametrize("policy", CAREFUL)
def test_other_names_leave_the_policy_as_it_is(policy: PolicyName) -> None:
    found = careful(("ants", "bees"), augment=policy)
    assert switches(found.recipe) == ()
    assert found.notes == ()


def test_what_is_chosen_by_name_is_done_even_to_digits_and_told() -> None:
    found = careful(DIGITS, augment="medium", hflip=True, rotation=5)
    assert dict(switches(found.recipe)) == {"hflip": 1, "rotation": 5}
    (note,) = found.notes
    assert note.startswith("note: horizontal flip and rotation are chosen, but the class names '0'")
    assert careful(DIGITS, augment="crop-flip").notes[0].startswith("note: horizontal flip is chosen, but")


def test_operations_that_are_drawn_do_not_turn_digits_either() -> None:
    found = careful(DIGITS, augment="crop", trivial_augment=True)
    assert strengths_of("crop", switches(found.recipe)).keeps_upright
    assert found.notes[0].startswith("note: rotation is left out of the augmentation, since")
