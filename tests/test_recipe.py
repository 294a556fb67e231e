"""A recipe is valid from birth, goes through YAML unchanged, and refuses in one sentence what cannot be."""

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from finetune.data.transforms import Preprocessing
from finetune.errors import OptionError
from finetune.model.backbones import CATALOGUE
from finetune.recipe import Recipe
from finetune.recipe.names import BASELINES, WITHOUT_BLOCKS
from finetune.training.lengths import steps_per_epoch
from finetune.training.resolve import preprocessing_of, resolve
from strategies import STRATEGIES

GRADIENT = ("partial", "full-finetune", "from-scratch")
ONLY_GRADIENT = {
    "epochs": 3,
    "batch_size": 8,
    "lr": 0.01,
    "weight_decay": 0.1,
    "label_smoothing": 0.1,
}
OPTIONS = {"partial": {"stages": 2.0}, "full-finetune": {"layer_decay": 0.5}}

PRETRAINED = [name for name, row in CATALOGUE.items() if row.has_weights]

names = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=20)


def maybe(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


@st.composite
def recipes(draw: st.DrawFn) -> Recipe:
    strategy = draw(st.sampled_from(["auto", *STRATEGIES]))
    solved = strategy == "freeze-all"
    numbers = {
        "epochs": st.integers(1, 10_000),
        "batch_size": st.integers(2, 4096),
        "lr": st.floats(0, 10, exclude_min=True),
        "weight_decay": st.floats(0, 10),
        "label_smoothing": st.floats(0, 1, exclude_max=True),
        "augment": st.sampled_from(["none", "crop", "crop-flip"]),
    }
    return Recipe.make(
        strategy=strategy,
        strategy_options=OPTIONS.get(strategy, {}) if draw(st.booleans()) else {},
        backbone=draw(st.sampled_from(["auto", *PRETRAINED])),
        weights="auto" if strategy == "from-scratch" else draw(st.sampled_from(["auto", "hub"]) | names),
        image_size=draw(maybe(st.integers(32, 1024))),
        val_share=draw(st.floats(0.01, 0.49)),
        test_share=draw(st.floats(0.01, 0.49)),
        exclude=tuple(draw(st.lists(names, max_size=3))),
        seed=draw(st.integers(0, 2**31 - 1)),
        max_minutes=draw(maybe(st.floats(0, 1e6, exclude_min=True))),
        workers=draw(maybe(st.integers(0, 64))),
        **{} if solved else {name: draw(maybe(values)) for name, values in numbers.items()},
    )


def sentence(**fields: Any) -> str:
    with pytest.raises(OptionError, match=r"\w") as refused:
        Recipe.make(**fields)
    assert "\n" not in str(refused.value)
    return str(refused.value)


def shown(field: str) -> str:
    """As the user writes it: a key of the file where there is no option."""
    only_in_files = ("strategy_options",)
    return field if field in only_in_files else f"--{field.replace('_', '-')}"


def read(tmp_path: Path, text: str, **changes: Any) -> Recipe:
    path = tmp_path / "recipe.yaml"
    path.write_text(text, encoding="utf-8")
    return Recipe.read(path, **changes)


@given(recipe=recipes())
@example(recipe=Recipe(exclude=("\x85",)))
def test_a_recipe_comes_back_from_yaml_as_it_was(
    recipe: Recipe, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.getbasetemp() / "round-trip.yaml"
    path.write_text(recipe.to_yaml(), encoding="utf-8")
    assert Recipe.read(path) == recipe


@given(recipe=recipes())
def test_a_recipe_changed_by_nothing_is_the_same(recipe: Recipe) -> None:
    assert recipe.with_changes() == recipe


def test_a_recipe_cannot_be_changed_in_place() -> None:
    with pytest.raises(ValueError, match="frozen"):
        Recipe().seed = 3  # type: ignore[misc]


@pytest.mark.parametrize(
    ("wrong", "right"), [("epoch", "epochs"), ("bach_size", "batch_size"), ("Strategy", "strategy")]
)
def test_an_unknown_setting_names_the_nearest(wrong: str, right: str) -> None:
    text = sentence(**{wrong: 1})
    assert text == f"unknown setting '{wrong}', see `finetune fit --help`; did you mean '{right}'?"


def test_an_unknown_setting_like_nothing_points_to_the_help() -> None:
    assert sentence(qqqqqqqq=1) == "unknown setting 'qqqqqqqq', see `finetune fit --help`"


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("image_size", 31),
        ("image_size", 1025),
        ("image_size", 100.5),
        ("epochs", 0),
        ("epochs", 10_001),
        ("batch_size", 1),
        ("batch_size", 4097),
        ("lr", 0),
        ("lr", -0.1),
        ("lr", 10.1),
        ("lr", float("nan")),
        ("weight_decay", -1),
        ("weight_decay", 11),
        ("label_smoothing", -0.1),
        ("label_smoothing", 1),
        ("augment", "rotate"),
        ("val_share", 0),
        ("val_share", 0.5),
        ("test_share", 0),
        ("test_share", 0.5),
        ("seed", -1),
        ("seed", 2**31),
        ("max_minutes", 0),
        ("max_minutes", -3),
        ("max_minutes", float("inf")),
        ("max_minutes", float("nan")),
        ("workers", -1),
        ("workers", 65),
        ("exclude", 5),
        ("strategy_options", None),
        ("strategy_options", {"stages": "many"}),
    ],
)
def test_a_value_out_of_range_is_named_with_what_would_be_right(field: str, wrong: object) -> None:
    text = sentence(**{field: wrong})
    assert text.startswith(f"{shown(field)} is ")
    assert ": input should be" in text


@pytest.mark.parametrize(
    ("field", "edge"),
    [
        ("image_size", 32),
        ("image_size", 1024),
        ("epochs", 10_000),
        ("batch_size", 2),
        ("lr", 10),
        ("seed", 0),
    ],
)
def test_the_edges_of_a_range_belong_to_it(field: str, edge: float) -> None:
    assert getattr(Recipe.make(**{field: edge}), field) == edge


def test_an_unknown_strategy_names_the_nearest_and_all() -> None:
    assert sentence(strategy="freezeall") == (
        "unknown strategy 'freezeall'; choose one of auto, freeze-all, partial, full-finetune, from-scratch; "
        "did you mean 'freeze-all'?"
    )


@pytest.mark.parametrize("field", ONLY_GRADIENT)
def test_an_option_that_freeze_all_would_ignore_is_an_error(field: str) -> None:
    text = sentence(strategy="freeze-all", **{field: ONLY_GRADIENT[field]})
    assert text.startswith(f"{shown(field)} has no effect with strategy 'freeze-all'")


def test_a_solved_head_draws_no_batches_to_even_classes_out() -> None:
    text = sentence(strategy="freeze-all", class_balance="sampler")
    assert text.startswith("--class-balance sampler has no effect with strategy 'freeze-all'")
    assert Recipe.make(strategy="freeze-all", class_balance="weights").class_balance == "weights"
    assert Recipe.make(strategy="freeze-all", head="dense", class_balance="sampler").head == "dense"


@pytest.mark.parametrize("strategy", ["auto", *GRADIENT])
def test_the_other_strategies_use_every_option(strategy: str) -> None:
    recipe = Recipe.make(strategy=strategy, **ONLY_GRADIENT)
    if strategy != "auto":
        assert recipe.unused_by(strategy) == []


@pytest.mark.parametrize("strategy", ["freeze-all", "partial", "full-finetune"])
def test_a_strategy_that_keeps_pretrained_layers_needs_weights(strategy: str) -> None:
    text = sentence(strategy=strategy, weights="none")
    assert f"strategy '{strategy}' starts from pretrained weights, but --weights is none" in text
    assert Recipe.make(strategy="from-scratch", weights="none").weights == "none"


@pytest.mark.parametrize("weights", ["hub", "packaged", "mine.safetensors"])
def test_weights_that_from_scratch_would_ignore_are_an_error(weights: str) -> None:
    text = sentence(strategy="from-scratch", weights=weights)
    assert f"--weights {weights} has no effect with strategy 'from-scratch'" in text


@pytest.mark.parametrize("strategy", ["auto", *STRATEGIES])
def test_only_from_scratch_starts_from_random_weights(strategy: str) -> None:
    assert Recipe.make(strategy=strategy).starts_random == (strategy == "from-scratch")


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"mixup": 0.2}, "--mixup"),
        ({"cutmix": 1.0}, "--cutmix"),
        ({"unfreeze_at": 2}, "--unfreeze-at"),
        ({"grow_from": 64}, "--grow-from"),
    ],
)
def test_views_are_refused_where_whole_images_are_needed_in_every_epoch(
    changes: dict[str, float], named: str
) -> None:
    text = sentence(strategy="partial", views=4, **changes)
    assert (
        text == f"--views keeps what frozen layers give, but with {named} nothing can be kept; leave one out"
    )


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        (
            {"wise_ft": True, "head_first": False},
            "--wise-ft goes back to the head that is solved first; leave --no-head-first out",
        ),
        (
            {"wise_ft": True, "batch_norm": "train"},
            "--wise-ft goes between weights that share their batch-norm statistics, but --batch-norm train moves "
            "them; leave one out",
        ),
        (
            {"ema": 0.99, "average_last": 3},
            "--ema and --average-last both average the weights; leave one out",
        ),
        (
            {"epochs": 2, "average_last": 3},
            "--average-last 3 needs as many epochs, but --epochs is 2; lower it",
        ),
    ],
)
@pytest.mark.parametrize("strategy", ["auto", "partial", "full-finetune"])
def test_averages_that_cannot_be_are_refused(strategy: str, fields: dict[str, Any], text: str) -> None:
    assert sentence(strategy=strategy, **fields) == text
    for name in fields:
        allowed = {other: value for other, value in fields.items() if other != name}
        assert Recipe.make(strategy=strategy, **allowed).wise_ft == allowed.get("wise_ft", False)


@pytest.mark.parametrize("strategy", ["freeze-all", "from-scratch"])
def test_there_is_no_way_back_from_where_nothing_or_everything_was_learnt(strategy: str) -> None:
    assert sentence(strategy=strategy, wise_ft=True).startswith("--wise-ft has no effect with strategy")


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        (
            {"strategy": "partial", "grow_from": 96, "image_size": 96},
            "--grow-from 96 is no smaller than the full input, --image-size 96; make it smaller, or leave it out",
        ),
        (
            {"strategy": "partial", "grow_from": 48, "cache": "on"},
            "--grow-from changes what the frozen layers see, so nothing can be cached; use --cache off",
        ),
    ],
)
def test_an_input_that_cannot_grow_is_refused(fields: dict[str, Any], text: str) -> None:
    assert sentence(**fields) == text


def test_a_solved_head_sees_each_image_at_one_size() -> None:
    assert "--grow-from has no effect with strategy 'freeze-all'" in sentence(
        strategy="freeze-all", grow_from=48
    )


def test_options_need_a_strategy_by_name() -> None:
    assert "need a strategy by name" in sentence(strategy_options={"stages": 1})


@pytest.mark.parametrize(
    ("strategy", "options", "text"),
    [
        ("partial", {"stages": 0}, "stages is 0, but partial trains at least 1 stage"),
        ("partial", {"stages": 1.5}, "stages is 1.5, but must be a whole number"),
        ("partial", {"stages": float("inf")}, "stages is inf, but must be a whole number"),
        ("partial", {"layer_decay": 0.5}, "has no option 'layer_decay' (its options: stages)"),
        ("full-finetune", {"layer_decay": 0}, "layer_decay is 0.0, but must lie above 0"),
        ("freeze-all", {"stages": 1}, "has no option 'stages' (its options: none)"),
    ],
)
def test_a_strategy_option_that_cannot_be_is_refused(
    strategy: str, options: dict[str, float], text: str
) -> None:
    assert text in sentence(strategy=strategy, strategy_options=options)


def test_a_recipe_builds_its_strategy_with_the_options() -> None:
    recipe = Recipe.make(strategy="partial", strategy_options={"stages": 3})
    assert recipe.build_strategy() == STRATEGIES["partial"](stages=3)  # type: ignore[call-arg]


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        (
            {"milestones": (30, 60, 90), "epochs": 90},
            "--milestones 30,60,90 reach beyond training, --epochs 90; leave out those that are never passed",
        ),
        (
            {"step_epochs": 31, "epochs": 30},
            "--step-epochs 31 is longer than training, --epochs 30, so the rate never drops; make it shorter, "
            "or use --schedule constant",
        ),
        (
            {"milestones": (3, 6), "warmup_epochs": 3.5},
            "--warmup-epochs 3.5 lasts beyond the first drop of the rate, after epoch 3; make it shorter",
        ),
        (
            {"step_epochs": 2, "warmup_epochs": 3},
            "--warmup-epochs 3 lasts beyond the first drop of the rate, after epoch 2; make it shorter",
        ),
    ],
)
def test_a_step_schedule_that_cannot_be_is_refused(fields: dict[str, Any], text: str) -> None:
    assert sentence(schedule="step", **fields) == text


@pytest.mark.parametrize(
    "fields",
    [
        {"milestones": (30, 60), "epochs": 61},
        {"step_epochs": 30, "epochs": 30},
        {"milestones": (3,), "warmup_epochs": 3},
    ],
)
def test_a_step_schedule_at_its_limits_is_taken(fields: dict[str, Any]) -> None:
    assert Recipe.make(schedule="step", **fields).schedule == "step"


@pytest.mark.parametrize("is_first", [True, False, None])
def test_a_head_that_is_not_to_be_fitted_first_stays_so_in_a_file(
    is_first: bool | None, tmp_path: Path
) -> None:
    recipe = Recipe.make(strategy="partial", head_first=is_first)
    assert read(tmp_path, recipe.to_yaml()).head_first is is_first


def test_what_is_given_beside_a_file_wins_over_it(tmp_path: Path) -> None:
    recipe = read(tmp_path, "strategy: partial\nseed: 3\nepochs: 5\n", seed=7)
    assert (recipe.strategy, recipe.seed, recipe.epochs) == ("partial", 7, 5)


def test_a_file_with_a_wrong_setting_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        OptionError, match=r"recipe .*recipe\.yaml: unknown setting 'epoch', .*; did you mean 'epochs'"
    ):
        read(tmp_path, "epoch: 3\n")


@pytest.mark.parametrize("text", ["", "just words\n", "- a\n- b\n", "3\n"])
def test_a_file_without_settings_shows_how_one_looks(text: str, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="holds no settings; write lines such as `strategy: partial`"):
        read(tmp_path, text)


@pytest.mark.parametrize("text", ["a: [", "a: b: c\n", "\t- x", "x: !!python/object:os.system {}\n"])
def test_a_file_that_is_no_yaml_is_refused(text: str, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"recipe .*recipe\.yaml: not valid YAML \(.+\); mend the file"):
        read(tmp_path, text)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_bytes(os.urandom(20) + b"\xff\xfe")
    with pytest.raises(OptionError, match=r"recipe\.yaml: it is no UTF-8 text; save it as UTF-8"):
        Recipe.read(path)


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match=r"cannot read the recipe .*nowhere\.yaml: No such file"):
        Recipe.read(tmp_path / "nowhere.yaml")


def test_a_key_that_is_no_text_is_an_unknown_setting(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="unknown setting '3'"):
        read(tmp_path, "3: 4\n")


BACKBONE = CATALOGUE["test_resnet"]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_a_resolved_recipe_has_no_open_question_and_can_be_run_again(strategy: str) -> None:
    weights = "none" if strategy == "from-scratch" else "hub"
    resolved = resolve(Recipe(), strategy=strategy, backbone=BACKBONE, weights=weights, n_train=100)
    recipe = resolved.recipe
    assert (recipe.strategy, recipe.backbone, recipe.weights) == (strategy, "test_resnet", weights)
    assert recipe.image_size == BACKBONE.image_size
    numbers = {name: getattr(recipe, name) for name in ONLY_GRADIENT}
    if strategy == "freeze-all":
        assert set(numbers.values()) == {None}
    else:
        assert None not in numbers.values()
    assert resolved.notes == ()
    again = resolve(recipe, strategy=strategy, backbone=BACKBONE, weights=weights, n_train=100)
    assert again.recipe == recipe


def test_what_auto_leaves_unused_is_dropped_with_one_note() -> None:
    recipe = Recipe.make(epochs=3, lr=0.01, seed=5)
    resolved = resolve(recipe, strategy="freeze-all", backbone=BACKBONE, weights="hub", n_train=100)
    assert resolved.notes == (
        "note: --epochs, --lr not used: freeze-all solves its head on fixed features and has no training steps",
    )
    assert (resolved.recipe.epochs, resolved.recipe.lr, resolved.recipe.seed) == (None, None, 5)


def test_a_sampler_is_dropped_with_a_note_where_auto_solves_the_head() -> None:
    recipe = Recipe.make(class_balance="sampler")
    resolved = resolve(recipe, strategy="freeze-all", backbone=BACKBONE, weights="hub", n_train=100)
    assert resolved.recipe.class_balance is None
    assert resolved.notes[0].startswith("note: --class-balance not used: freeze-all solves its head")


def test_what_the_user_chose_is_kept() -> None:
    recipe = Recipe.make(strategy="partial", image_size=96, **ONLY_GRADIENT)
    resolved = resolve(recipe, strategy="partial", backbone=BACKBONE, weights="hub", n_train=100).recipe
    assert {name: getattr(resolved, name) for name in ONLY_GRADIENT} == ONLY_GRADIENT
    assert resolved.image_size == 96


def test_the_epochs_cover_the_strategy_s_steps() -> None:
    resolved = resolve(
        Recipe.make(strategy="partial"), strategy="partial", backbone=BACKBONE, weights="hub", n_train=100
    )
    assert resolved.defaults.steps == 150
    assert resolved.recipe.epochs == 38  # 150 steps, 4 an epoch: 37.5


@pytest.mark.parametrize(
    ("n_train", "batch_size", "steps"), [(64, 32, 2), (65, 32, 2), (66, 32, 3), (1, 32, 1), (31, 32, 1)]
)
def test_a_last_batch_of_one_image_is_no_step(n_train: int, batch_size: int, steps: int) -> None:
    assert steps_per_epoch(n_train, batch_size) == steps


def test_the_preprocessing_is_that_of_the_weights() -> None:
    assert preprocessing_of(CATALOGUE["tf_efficientnet_lite0"], 128) == Preprocessing(
        128, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "bicubic", 0.875
    )


@pytest.mark.parametrize(
    ("fields", "text"),
    [
        (
            {"backbone": "fc2", "weights": "hub"},
            "--weights hub has no effect with fc2, which has no pretrained",
        ),
        ({"backbone": "fc3", "stochastic_depth": 0.1}, "skips residual blocks, but fc3 has none"),
        ({"backbone": "vgg16", "stochastic_depth": 0.1}, "skips residual blocks, but vgg16 has none"),
        (
            {"backbone": "fc3", "grow_from": 16},
            "--grow-from needs a network for inputs of any size, but fc3 is",
        ),
        ({"backbone": "cnn-small", "hidden": (8, 8)}, "gives 2 hidden layers, but there can be 1"),
        ({"backbone": "fc2", "head": "dense"}, "--head dense has no place on fc2"),
        ({"head": "multi-stage", "strategy": "partial"}, "--head multi-stage reads the frozen layers"),
        ({"head": "dense", "strategy": "freeze-all", "batch_norm": "train"}, "trains nothing below the head"),
        ({"head": "multi-stage", "strategy": "freeze-all", "lr": 0.1}, "solves its head on fixed features"),
    ],
)
def test_a_head_or_a_baseline_that_cannot_go_with_the_rest_is_refused(
    fields: dict[str, Any], text: str
) -> None:
    assert text in sentence(**fields)


def test_the_names_that_the_recipe_knows_are_those_of_the_catalogue() -> None:
    assert {*WITHOUT_BLOCKS} == {row.name for row in CATALOGUE.values() if not row.has_residual_blocks}
    assert {*BASELINES} == {row.name for row in CATALOGUE.values() if row.fixed_size}


@pytest.mark.parametrize("head", ["dense", "cosine"])
def test_freeze_all_steps_a_head_that_it_cannot_solve(head: str) -> None:
    recipe = Recipe.make(strategy="freeze-all", head=head)
    resolved = resolve(recipe, strategy="freeze-all", backbone=BACKBONE, weights="hub", n_train=100)
    assert resolved.defaults.solver == "gradient"
    assert None not in {getattr(resolved.recipe, name) for name in ONLY_GRADIENT}
    assert resolved.recipe.batch_norm is None
    again = resolve(resolved.recipe, strategy="freeze-all", backbone=BACKBONE, weights="hub", n_train=100)
    assert again.recipe == resolved.recipe


def test_a_small_batch_is_told_where_pretrained_statistics_move() -> None:
    for batch_size, n_notes in ((15, 1), (16, 0)):
        recipe = Recipe.make(strategy="partial", batch_norm="train", batch_size=batch_size)
        notes = resolve(recipe, strategy="partial", backbone=BACKBONE, weights="hub", n_train=100).notes
        assert len(notes) == n_notes


def test_views_need_augmentation_where_features_are_kept_and_no_cache_on_disk() -> None:
    assert sentence(strategy="freeze-all", views=4).startswith(
        "--views 4 has no effect without --augment crop"
    )
    assert "--augment none; leave it out" in sentence(augment="none", views=4)
    assert "--cache off; leave it out" in sentence(strategy="partial", views=4, cache="off")
    assert Recipe.make(strategy="freeze-all", augment="crop", views=4, cache="off").views == 4


@pytest.mark.parametrize("word", ["on", "off"])
def test_yamls_own_words_for_true_and_false_are_the_caches(tmp_path: Path, word: str) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text(f"strategy: partial\ncache: {word}\n", encoding="utf-8")
    assert Recipe.read(path).cache == word
