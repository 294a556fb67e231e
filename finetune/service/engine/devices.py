"""What there is to train on, found without loading torch: the process that asks must stay small and quick."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

VISIBLE = "CUDA_VISIBLE_DEVICES"
CPU = "cpu"
ALL = "all"
"""All that there is as one slot, where trainings are to wait for each other whatever they train on."""
GPU = "cuda:"
DRIVER = Path("/proc/driver/nvidia/gpus")
"""One folder for each GPU that NVIDIA's driver for Linux knows."""


def find_devices(environment: Mapping[str, str] = os.environ, driver: Path = DRIVER) -> tuple[str, ...]:
    """Return ``cuda:<name>`` for each GPU that this process may use, or ``cpu`` where there is none."""
    if VISIBLE in environment:
        names = [name.strip() for name in environment[VISIBLE].split(",")]
    else:
        names = [str(number) for number, _ in enumerate(driver.glob("*"))]
    # "-1" hides all that follow.
    shown = names[: names.index("-1")] if "-1" in names else names
    return tuple(f"{GPU}{name}" for name in shown if name) or (CPU,)


def only(device: str) -> dict[str, str]:
    """Return the changes of the environment by which a process sees this device alone."""
    return {VISIBLE: device.removeprefix(GPU)} if device.startswith(GPU) else {}
