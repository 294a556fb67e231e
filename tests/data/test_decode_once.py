"""Images that are decoded once for several networks are those that each would have decoded for itself."""

from pathlib import Path

import pytest
import torch
from drawing import picture, save

from finetune.data import decode_once as module
from finetune.data.decode_once import decode_once
from finetune.data.images import load_rgb
from finetune.data.loading import measuring_loader
from finetune.data.transforms import Preprocessing
from finetune.errors import ImageError

HALF = (0.5, 0.5, 0.5)
WAYS = (
    Preprocessing(32, HALF, HALF, "bilinear", 0.875),
    Preprocessing(32, (0.4, 0.5, 0.6), (0.2, 0.3, 0.2), "bilinear", 0.875),
    Preprocessing(40, HALF, HALF, "bicubic", 0.9),
)

# Python 3.12 and later warn of forking a process that has threads.
pytestmark = pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")


@pytest.fixture
def paths(tmp_path: Path) -> list[Path]:
    return [save(picture(number, (50 + number, 40)), tmp_path / f"{number}.png") for number in range(21)]


@pytest.mark.parametrize("workers", [0, 2])
def test_each_network_gets_the_bits_of_its_own_loader(paths: list[Path], workers: int) -> None:
    done: list[int] = []
    images = decode_once(paths, WAYS, workers=workers, progress=done.append)
    assert sum(done) == len(paths)
    for way in WAYS:
        alone = torch.cat(list(measuring_loader(paths, way, workers=0)))
        batches = list(images.batches(way, batch_size=8))
        assert [len(batch) for batch in batches] == [8, 8, 5]
        assert torch.equal(torch.cat(batches), alone)


def test_an_image_is_decoded_once_and_a_cut_that_two_share_is_kept_once(
    paths: list[Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[Path] = []
    monkeypatch.setattr(module, "load_rgb", lambda path: read.append(path) or load_rgb(path))
    images = decode_once(paths, WAYS, workers=0)
    assert read == paths
    assert {cut[0] for cut in images.pixels} == {32, 40}


def test_a_file_that_cannot_be_read_is_an_error(paths: list[Path]) -> None:
    paths[3].write_bytes(b"no image")
    with pytest.raises(ImageError, match=r"3\.png"):
        decode_once(paths, WAYS, workers=0)
