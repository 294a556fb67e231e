"""How much of a graphics card training uses: images a second times the operations of one, over the card's peak."""

from __future__ import annotations

from speed.contests import Contest

PEAKS = {
    "H200": 989e12,
    "H100": 989e12,
    "A100": 312e12,
    "L40S": 362e12,
    "L4": 121e12,
    "RTX 4090": 165e12,
    "V100": 125e12,
    "T4": 65e12,
}
"""Dense operations a second in bfloat16 (V100, T4: float16) by the makers' data sheets, SXM where it differs."""


def card() -> str | None:
    """Return the name of the CUDA card, None without one."""
    import torch

    return torch.cuda.get_device_name(0) if torch.cuda.is_available() else None


def peak_of(name: str) -> float | None:
    """Return the card's peak in operations a second, None for a card that is not in the table."""
    return next((peak for key, peak in PEAKS.items() if key in name), None)


def operations(contest: Contest, frozen: list[str]) -> int:
    """Return the floating-point operations of one image forward and backward, as torch counts them."""
    import timm
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    model = timm.create_model(contest.backbone)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name not in frozen)
    with FlopCounterMode(display=False) as counter:
        model(torch.rand(2, 3, contest.image_size, contest.image_size)).sum().backward()
    total: int = counter.get_total_flops()
    return total // 2
