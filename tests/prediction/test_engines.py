"""Both engines give the same answers, and the faster one is chosen where that matters."""

from pathlib import Path

import pytest
import torch
from drawing import draw_set
from small_bundle import small_bundle

from finetune.bundle.bundle import Bundle
from finetune.bundle.predict import BATCH_SIZE, predict
from finetune.errors import OptionError
from finetune.prediction import engines
from finetune.prediction.engines import OnnxEngine, check_engine, choose_engine


@pytest.fixture(scope="module")
def bundle(tmp_path_factory: pytest.TempPathFactory) -> Bundle:
    return small_bundle(tmp_path_factory.mktemp("run") / "bundle")


@pytest.fixture(scope="module")
def onnx(bundle: Bundle) -> OnnxEngine:
    return OnnxEngine(bundle)


@pytest.mark.parametrize("n_images", [1, 3])
def test_onnx_runtime_gives_torch_s_logits_and_features(
    bundle: Bundle, onnx: OnnxEngine, n_images: int
) -> None:
    images = torch.randn(n_images, 3, 64, 64, generator=torch.Generator().manual_seed(n_images))
    expected, found = bundle.outputs(images), onnx.outputs(images)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.shape == theirs.shape
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)
    torch.testing.assert_close(onnx.logits(images), found[0])


def test_predictions_are_those_of_the_engine_that_was_given(
    bundle: Bundle, onnx: OnnxEngine, tmp_path: Path
) -> None:
    paths = sorted(draw_set(tmp_path, {"x": 3}).rglob("*.png"))
    for ours, theirs in zip(predict(bundle, paths, engine=onnx), predict(bundle, paths), strict=True):
        assert ours.label == theirs.label
        assert ours.probability == pytest.approx(theirs.probability, abs=1e-4)

    class Backwards:
        def logits(self, images: torch.Tensor) -> torch.Tensor:
            return -bundle.logits(images)

        def outputs(self, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
            return self.logits(images), images.flatten(1)

    (best,), (worst,) = predict(bundle, paths[:1]), predict(bundle, paths[:1], engine=Backwards())
    assert worst.label == best.top[-1][0]


def test_few_images_are_not_worth_a_choice(bundle: Bundle, tmp_path: Path) -> None:
    paths = sorted(draw_set(tmp_path, {"x": 2}).rglob("*.png"))
    assert choose_engine(bundle, paths).name == "torch"
    assert choose_engine(bundle, []).name == "torch"
    assert choose_engine(bundle, [tmp_path / "gone.png"] * 2 * BATCH_SIZE).name == "torch"


def test_what_is_asked_for_is_what_runs(bundle: Bundle) -> None:
    assert choose_engine(bundle, [], "torch").engine is bundle
    assert isinstance(choose_engine(bundle, [], "onnxruntime").engine, OnnxEngine)
    with pytest.raises(OptionError, match="unknown engine 'tensorrt'; choose from auto, torch, onnxruntime"):
        check_engine("tensorrt")


@pytest.mark.parametrize(("margin", "expected"), [(1e9, "onnxruntime"), (0.0, "torch")])
def test_the_times_decide_where_there_are_many(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, margin: float, expected: str
) -> None:
    monkeypatch.setattr(engines, "WORTH_S", 0.0)
    monkeypatch.setattr(engines, "MARGIN", margin)
    paths = sorted(draw_set(tmp_path, {"x": BATCH_SIZE + 1}).rglob("*.png"))
    chosen = choose_engine(bundle, paths)
    assert chosen.name == expected
    assert chosen.why.startswith("torch ")
    assert ", onnxruntime " in chosen.why
