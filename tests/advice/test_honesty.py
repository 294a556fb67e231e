"""When advice is refused, and when it says that nothing can be learnt: at both sides of each bound."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from outlooks import measures_of

from finetune.advice.honesty import can_learn, leaked_share, nothing_learnt, refuse_untrustworthy
from finetune.advice.measures.neighbours import neighbour_accuracy
from finetune.advice.similarity import probe_accuracy
from finetune.data.labelled import LabelledImage
from finetune.errors import DataError


def images(split: str, **counts: int) -> list[LabelledImage]:
    """``counts`` images a class, named split/label/number."""
    return [
        LabelledImage(Path(f"/{split}/{label}/{i}"), f"{split}/{label}/{i}", label, None)
        for label, count in counts.items()
        for i in range(count)
    ]


TRAIN, JUDGED = images("train", a=30, b=30), images("val", a=10, b=10)


def pairs(count: int) -> list[list[str]]:
    """Groups of a training image and an image to judge by, ``count`` of them."""
    return [[TRAIN[i].name, JUDGED[i].name] for i in range(count)]


def test_a_twentieth_of_the_judged_may_leak_and_more_may_not() -> None:
    refuse_untrustworthy(TRAIN, JUDGED, pairs(1))
    with pytest.raises(DataError, match=r"^10\.0 % of the images to judge by are near-duplicates"):
        refuse_untrustworthy(TRAIN, JUDGED, pairs(2))
    with pytest.raises(DataError, match=r"^5\.3 % .*finetune inspect.*finetune clean"):
        refuse_untrustworthy(TRAIN, JUDGED[:19], pairs(1))


def test_alike_on_one_side_is_no_leak() -> None:
    within = [[image.name for image in TRAIN[:20]], [image.name for image in JUDGED]]
    assert leaked_share(TRAIN, JUDGED, within) == 0
    refuse_untrustworthy(TRAIN, JUDGED, within)


def test_a_chain_of_alike_images_leaks_all_that_are_judged_by() -> None:
    group = [TRAIN[0].name, *(image.name for image in JUDGED[:6]), "quarantined/of/nobody"]
    assert leaked_share(TRAIN, JUDGED, [group]) == pytest.approx(6 / 20)
    # One image in two groups counts once.
    assert leaked_share(TRAIN, JUDGED, [*pairs(3), *pairs(3)]) == pytest.approx(3 / 20)


def test_nothing_to_judge_by_leaks_nothing() -> None:
    assert leaked_share(TRAIN, [], pairs(3)) == 0


@pytest.mark.parametrize(
    ("count", "told"), [(1, "class 'rare' has 1 training image,"), (2, "class 'rare' has 2 training images,")]
)
def test_under_three_images_a_class_is_too_few(count: int, told: str) -> None:
    with pytest.raises(DataError, match=told) as raised:
        refuse_untrustworthy(images("train", common=30, rare=count), JUDGED, ())
    assert "--exclude" in str(raised.value)


def test_all_classes_that_are_too_small_are_counted() -> None:
    with pytest.raises(
        DataError, match="class 'x' has 1 training image and 1 more class has fewer than 3, too few"
    ):
        refuse_untrustworthy(images("train", a=9, x=1, y=2), JUDGED, ())
    with pytest.raises(
        DataError, match=r"and 2 more classes have fewer than 3, .* leave them out with --exclude"
    ):
        refuse_untrustworthy(images("train", a=9, x=1, y=2, z=2), JUDGED, ())


def test_three_images_a_class_are_enough() -> None:
    refuse_untrustworthy(images("train", a=3, b=3), JUDGED, ())


def told(*, labels_are_true: bool, seed: int) -> bool:
    """Whether 200 images of four classes can be learnt, by features that know the classes, or by shuffled labels."""
    generator = np.random.default_rng(seed)
    labels = np.repeat(np.array(list("abcd")), 50)
    features = generator.normal(size=(200, 12)).astype(np.float32)
    features[np.arange(200), np.repeat(np.arange(4), 50)] += 1.5
    if not labels_are_true:
        generator.shuffle(labels)
    probe = probe_accuracy(features, labels)
    neighbours = neighbour_accuracy(features, labels)
    return can_learn(
        measures_of(pretrained=probe, last_layer=probe, neighbours=neighbours, majority=0.25, n_images=200)
    )


def test_true_labels_can_be_learnt_and_shuffled_ones_hardly_ever() -> None:
    assert all(told(labels_are_true=True, seed=seed) for seed in range(5))
    # Two probes, each beyond its bound one time in forty.
    assert sum(told(labels_are_true=False, seed=seed) for seed in range(40)) <= 4


def test_two_standard_errors_above_the_commonest_class_is_the_bound() -> None:
    # sqrt(0.5 x 0.5 / 400) = 0.025, so that the bound is 0.55.
    at = {"pretrained": 0.5, "neighbours": 0.5, "majority": 0.5}
    assert not can_learn(measures_of(**at, last_layer=0.55))
    assert can_learn(measures_of(**at, last_layer=0.5501))


@pytest.mark.parametrize("best", ["pretrained", "last_layer", "neighbours"])
def test_any_of_the_probes_suffices(best: str) -> None:
    low = {"pretrained": 0.25, "last_layer": 0.25, "neighbours": 0.25}
    assert not can_learn(measures_of(**low))
    assert can_learn(measures_of(**{**low, best: 0.5}))


@given(st.floats(0, 1), st.integers(1, 600))
def test_naming_the_commonest_class_is_nothing_learnt(majority: float, n_images: int) -> None:
    equal = measures_of(
        pretrained=majority, last_layer=majority, neighbours=majority, majority=majority, n_images=n_images
    )
    assert not can_learn(equal)


def test_the_sentence_has_its_numbers_in_both_languages() -> None:
    none = measures_of(pretrained=0.26, last_layer=0.24, neighbours=0.2)
    assert "on 400 images the best probe gets 26.0 % right" in nothing_learnt(none)
    assert "the commonest class 25.0 %" in nothing_learnt(none)
    chinese = nothing_learnt(none, "zh")
    assert "400 张图像" in chinese
    assert "26.0%" in chinese
    assert "25.0%" in chinese
