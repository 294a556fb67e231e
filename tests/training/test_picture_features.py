"""Features of likely duplicates: of the image or of its mirror image, and no number of a file that has gone."""

from pathlib import Path

import numpy as np
import pytest
from drawing import save, scene
from PIL import ImageOps

from finetune.model.backbones import find_backbone
from finetune.model.weights import NO_WEIGHTS
from finetune.training.picture_features import PictureFeatures


@pytest.fixture
def features() -> PictureFeatures:
    return PictureFeatures(find_backbone("test_resnet"), NO_WEIGHTS)


def test_mirrored_features_are_those_of_the_mirrored_image(features: PictureFeatures, tmp_path: Path) -> None:
    paths = [save(scene(n), tmp_path / f"{n}.png") for n in range(3)]
    turned = [save(ImageOps.mirror(scene(n)), tmp_path / f"turned{n}.png") for n in range(3)]
    expected = features(turned, mirrored=False)
    assert features(paths, mirrored=True) == pytest.approx(expected, abs=1e-5)
    assert not np.allclose(features(paths, mirrored=False), expected, atol=1e-5)


def test_a_file_that_has_gone_is_like_no_other(features: PictureFeatures, tmp_path: Path) -> None:
    paths = [save(scene(n), tmp_path / f"{n}.png") for n in range(3)]
    before = features(paths, mirrored=False)
    paths[1].unlink()
    after = features(paths, mirrored=False)
    assert np.isnan(after[1]).all()
    assert after[[0, 2]] == pytest.approx(before[[0, 2]], abs=1e-5)
