"""The image path inside the file is Pillow's: pixels within a rounding or two for every height and width."""

from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image
from torch import Tensor, nn

from finetune.data.transforms import Preprocessing, _without_far_ends
from finetune.errors import RunError
from finetune.export.assemble import assemble
from finetune.export.network import network_graph
from finetune.export.preparation import IMAGES
from finetune.export.session import open_session, run_image

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
PATHS = (
    Preprocessing(32, MEAN, STD, "bicubic", 0.875),
    Preprocessing(32, MEAN, STD, "bilinear", 0.904),
    Preprocessing(31, MEAN, STD, "bicubic", 1.0),
)
LEVELS = 2
"""Across and down are rounded one after the other, and each may fall to the other side of a half."""
MOST_OFF, MOST_OFF_SHRUNK = 0.03, 0.01
"""Largest share of values that may be a level off in noise by bicubic, which meets few halves."""
HALF = 1e-3
"""So near a half, in exact arithmetic, a value of bilinear may be rounded to either side; no other may be off."""


class Pixels(nn.Module):
    """The network that shows what it was given."""

    def forward(self, pixels: Tensor) -> Tensor:
        return pixels.flatten(1)


@pytest.fixture(scope="module")
def sessions(tmp_path_factory: pytest.TempPathFactory) -> dict[Preprocessing, object]:
    found = {}
    for number, path in enumerate(PATHS):
        n = 3 * path.image_size**2
        model = assemble(
            network_graph(Pixels(), path.image_size), path, class_names=["x"] * n, temperature=1.0, facts={}
        )
        file = tmp_path_factory.mktemp("pixels") / f"{number}.onnx"
        onnx.save(model, file)
        found[path] = open_session(file)
    return found


@pytest.mark.parametrize("path", PATHS, ids=lambda path: f"{path.interpolation}-{path.crop}")
@settings(max_examples=40)
@given(height=st.integers(1, 300), width=st.integers(1, 300), seed=st.integers(0, 9))
@example(height=1, width=1, seed=0)
@example(height=10, width=3000, seed=0)
@example(height=3000, width=10, seed=0)
@example(height=33, width=264, seed=0)
@example(height=33, width=265, seed=0)
@example(height=40, width=48, seed=0)
@example(height=49, width=49, seed=0)
@example(height=77, width=77, seed=0)
def test_any_image_is_prepared_as_by_pillow(
    sessions: dict[Preprocessing, object], path: Preprocessing, height: int, width: int, seed: int
) -> None:
    image = Image.fromarray(np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8))
    found = run_image(sessions[path], image)[1].reshape(3, -1)  # type: ignore[arg-type]
    expected = path(image).numpy().reshape(3, -1)
    levels = np.abs(found - expected) * np.array(path.std)[:, None] * 255
    assert levels.max() < LEVELS + 0.01
    is_off = levels > 0.5
    if path.interpolation == "bilinear":
        assert not (is_off & ~beside_a_half(path, image)).any()
    else:
        is_shrunk = min(height, width) > path.resize_to
        assert is_off.mean() <= (MOST_OFF_SHRUNK if is_shrunk else MOST_OFF)


def beside_a_half(path: Preprocessing, image: Image.Image) -> NDArray[np.bool_]:
    """Which values of the crop, 3 x S², come of rounding a half, across or down, by bilinear in float64."""
    pixels = np.asarray(_without_far_ends(image), np.float64)
    (width, height), (left, top) = path._resized((pixels.shape[1], pixels.shape[0]))
    by_width, by_height = triangles(pixels.shape[1], width), triangles(pixels.shape[0], height)
    across = np.einsum("hwc,ow->hoc", pixels, by_width)
    down = np.einsum("hoc,ph->poc", np.floor(across + 0.5), by_height)
    of_halves = np.einsum("hoc,ph->poc", is_half(across).astype(float), (by_height > 0).astype(float)) > 0
    found = is_half(down) | of_halves
    side = path.image_size
    return found[top : top + side, left : left + side].transpose(2, 0, 1).reshape(3, -1)


def triangles(n: int, n_out: int) -> NDArray[np.float64]:
    """Pillow's weights, n_out x n, of each of n pixels in each of n_out: triangles as wide as an output's pixel."""
    scale = n / n_out
    distances = np.arange(n)[None] + 0.5 - (np.arange(n_out)[:, None] + 0.5) * scale
    weights = np.clip(1 - np.abs(distances) / max(scale, 1.0), 0, None)
    shares: NDArray[np.float64] = weights / weights.sum(axis=1, keepdims=True)
    return shares


def is_half(values: NDArray[np.float64]) -> NDArray[np.bool_]:
    near: NDArray[np.bool_] = np.abs(values - np.floor(values) - 0.5) < HALF
    return near


def test_a_batch_of_equal_images_is_each_of_them_alone(sessions: dict[Preprocessing, object]) -> None:
    session = sessions[PATHS[0]]
    images = np.random.default_rng(0).integers(0, 256, (3, 50, 70, 3), dtype=np.uint8)
    together = session.run(["logits"], {IMAGES: images})[0]  # type: ignore[attr-defined]
    for image, found in zip(images, together, strict=True):
        assert np.array_equal(run_image(session, Image.fromarray(image))[1], found)  # type: ignore[arg-type]


def test_a_file_that_is_no_model_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.onnx").write_bytes(b"no model")
    with pytest.raises(RunError, match=r"ONNX Runtime cannot open .*; export again"):
        open_session(tmp_path / "a.onnx")
