"""The input grows in four stages: the first and the last as asked, never smaller again, whatever the epochs."""

from pathlib import Path

import pytest
from drawing import picture, save
from hypothesis import given
from hypothesis import strategies as st

from finetune.data.growth import Growth
from finetune.data.loading import training_loader
from finetune.data.transforms import Preprocessing, TrainingTransform

AT_80 = Preprocessing(80, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "bilinear", 0.95)


def test_the_stages_of_a_run_are_those_worked_out_by_hand() -> None:
    growth = Growth(48, 80, 12)
    assert [growth.side(epoch) for epoch in range(12)] == [48] * 3 + [64] * 6 + [80] * 3
    assert growth.grown_at == 9
    assert growth.area_share == pytest.approx((3 * 48**2 + 6 * 64**2 + 3 * 80**2) / (12 * 80**2))


@given(st.integers(16, 300), st.integers(1, 300), st.integers(1, 200))
def test_the_input_ends_at_full_size_and_never_shrinks(first: int, more: int, epochs: int) -> None:
    growth = Growth(first, first + more, epochs)
    sides = [growth.side(epoch) for epoch in range(epochs)]
    assert sides == sorted(sides)
    assert sides[-1] == first + more
    assert epochs == 1 or sides[0] == first
    assert 0 < growth.area_share <= 1


@pytest.mark.parametrize("augmentation", ["none", "crop", "crop-flip"])
def test_the_batches_of_an_epoch_have_its_side(tmp_path: Path, augmentation: str) -> None:
    paths = [save(picture(number, size=(120, 100)), tmp_path / f"{number}.png") for number in range(4)]
    transform = TrainingTransform(AT_80, augmentation, 0, Growth(48, 80, 4))  # type: ignore[arg-type]
    loader = training_loader(paths, [0, 1, 0, 1], transform, batch_size=2, workers=0, balanced=True)
    sides = []
    for epoch in range(4):
        loader.sampler.set_epoch(epoch)  # type: ignore[attr-defined]
        sides.append({tuple(images.shape) for images, _ in loader})
    assert sides == [{(2, 3, side, side)} for side in (48, 64, 64, 80)]
