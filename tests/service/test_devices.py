"""What there is to train on is found without loading torch, and each process sees its own device alone."""

from pathlib import Path

import pytest

from finetune.service.engine.devices import find_devices, only


@pytest.mark.parametrize(
    ("visible", "found"),
    [
        ("0,1", ("cuda:0", "cuda:1")),
        ("3", ("cuda:3",)),
        ("GPU-8932f937, MIG-1", ("cuda:GPU-8932f937", "cuda:MIG-1")),
        ("", ("cpu",)),
        ("-1", ("cpu",)),
        ("2,-1,3", ("cuda:2",)),
    ],
)
def test_devices_are_those_that_the_environment_shows(
    visible: str, found: tuple[str, ...], tmp_path: Path
) -> None:
    assert find_devices({"CUDA_VISIBLE_DEVICES": visible}, tmp_path) == found


def test_without_a_word_they_are_those_that_the_driver_lists(tmp_path: Path) -> None:
    assert find_devices({}, tmp_path / "absent") == ("cpu",)
    for address in ("0000:17:00.0", "0000:65:00.0"):
        (tmp_path / address).mkdir()
    assert find_devices({}, tmp_path) == ("cuda:0", "cuda:1")


def test_a_process_sees_its_own_device_alone() -> None:
    assert only("cuda:1") == {"CUDA_VISIBLE_DEVICES": "1"}
    assert only("cpu") == only("quick-1") == {}
