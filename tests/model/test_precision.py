"""Mixed precision: taken only where the hardware has it, near fp32, and gone when its block is left."""

from pathlib import Path

import pytest
import torch
from networks import batch, network

from finetune.errors import OptionError
from finetune.model.precision import autocast, detect, refuse_impossible

CPU = torch.device("cpu")


@pytest.mark.skipif(not Path("/proc/cpuinfo").exists(), reason="looks at the processor's flags")
def test_bf16_is_found_exactly_where_the_processor_lists_its_instructions() -> None:
    flags = Path("/proc/cpuinfo").read_text().split()
    assert (detect(CPU) == "bf16") == ("avx512_bf16" in flags or "amx_bf16" in flags)


@pytest.mark.parametrize(
    ("capabilities", "found"),
    [
        ({"avx512_bf16": True}, "bf16"),
        ({"amx_bf16": True}, "bf16"),
        ({"avx512_f": True, "amx_tile": True, "avx512_bf16": False}, "fp32"),
        ({}, "fp32"),
    ],
)
def test_avx512_or_amx_alone_is_not_enough(
    capabilities: dict[str, bool], found: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("torch.cpu.get_capabilities", lambda: capabilities)
    assert detect(CPU) == found


def test_a_device_of_another_kind_computes_in_fp32() -> None:
    assert detect(torch.device("meta")) == "fp32"


def test_fp16_is_refused_without_a_gpu_and_the_others_are_not() -> None:
    with pytest.raises(
        OptionError, match="--precision fp16 needs a CUDA GPU, but this computer trains on 'cpu'"
    ):
        refuse_impossible("fp16", CPU)
    refuse_impossible("fp16", torch.device("cuda"))
    for precision in (None, "auto", "bf16", "fp32"):
        refuse_impossible(precision, CPU)


def test_bf16_logits_are_near_those_of_fp32_and_the_weights_stay_as_they_are() -> None:
    model = network().eval()
    images, _ = batch(0, 4)
    with torch.no_grad():
        exact = model(images)
        with autocast("fp32", CPU):
            assert torch.equal(model(images), exact)
        with autocast("bf16", CPU):
            rough = model(images)
        assert torch.equal(model(images), exact)
    assert rough.dtype == torch.bfloat16
    assert {parameter.dtype for parameter in model.parameters()} == {torch.float32}
    difference = (rough.float() - exact).abs().max().item()
    assert 0 < difference < 0.05 * exact.abs().max().item() + 0.01
