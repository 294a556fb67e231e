"""A network that is not training: which precision suits it, and what its digest follows."""

from pathlib import Path

import timm
import torch
from networks import batch, network
from torch import nn

from finetune.bundle.bundle import Bundle
from finetune.data.transforms import Preprocessing
from finetune.model.inference import inference_precision, inferring, state_digest
from finetune.model.precision import detect


def test_a_tiny_network_stays_in_fp32_and_a_real_one_takes_what_the_hardware_has() -> None:
    assert inference_precision(network()) == "fp32"
    with torch.device("meta"):
        large = timm.create_model("resnet18")
    assert inference_precision(large) == detect()


def test_within_the_block_bf16_is_computed_and_no_gradient_kept() -> None:
    model = network().eval()
    images, _ = batch(1)
    with inferring("bf16", torch.device("cpu")):
        half = model(images)
    with inferring("fp32", torch.device("cpu")):
        full = model(images)
    assert (half.dtype, full.dtype) == (torch.bfloat16, torch.float32)
    assert not full.requires_grad
    torch.testing.assert_close(half.float(), full, rtol=0.1, atol=0.1)


def test_a_bundle_answers_in_float32_close_to_itself_in_either_precision(tmp_path: Path) -> None:
    model = network().eval()
    preprocessing = Preprocessing(64, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "bicubic", 0.9)
    images, _ = batch(1)
    full, half, own = (
        Bundle(tmp_path, model, ("a", "b", "c"), preprocessing, "test_resnet", precision).logits(images)
        for precision in ("fp32", "bf16", None)
    )
    assert half.dtype == torch.float32
    assert not torch.equal(half, full)
    torch.testing.assert_close(half, full, rtol=0.1, atol=0.1)
    torch.testing.assert_close(own, full, rtol=0, atol=0)


def test_the_digest_follows_every_tensor_below_the_head_and_no_other() -> None:
    model = network()
    before = state_digest(model, without="fc")
    assert len(before) == 32
    with torch.no_grad():
        model.get_submodule("fc").weight.add_(1)  # type: ignore[operator]
    assert state_digest(model, without="fc") == before
    norm = next(module for module in model.modules() if isinstance(module, nn.BatchNorm2d))
    assert norm.running_mean is not None
    norm.running_mean[0] += 1e-6
    assert state_digest(model, without="fc") != before
    assert state_digest(model.to(torch.bfloat16), without="fc") != before


def test_networks_with_equal_tensors_and_other_layers_have_other_digests() -> None:
    usual, padded = (
        timm.create_model(name, num_classes=3) for name in ("efficientnet_b0", "tf_efficientnet_b0")
    )
    padded.load_state_dict(usual.state_dict())
    assert state_digest(usual, without="classifier") != state_digest(padded, without="classifier")
    again = timm.create_model("efficientnet_b0", num_classes=7)
    again.load_state_dict(
        {**again.state_dict(), **{k: v for k, v in usual.state_dict().items() if "classifier" not in k}}
    )
    assert state_digest(usual, without="classifier") == state_digest(again, without="classifier")
