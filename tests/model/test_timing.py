"""A pass is timed for an image, and the network is left fit for use."""

import torch
from networks import SIDE_PX, batch, network

from finetune.model.timing import TIMED_PASSES, forward_ms


class Counting(torch.nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.n_passes = 0
        self.linear = torch.nn.Linear(3 * SIDE_PX * SIDE_PX, 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        self.n_passes += 1
        result: torch.Tensor = self.linear(images.flatten(1))
        return result


def test_one_pass_warms_up_and_the_others_are_timed() -> None:
    model = Counting()
    assert forward_ms(model, batch(0)[0]) > 0
    assert model.n_passes == 1 + TIMED_PASSES


def test_a_network_of_more_work_takes_longer() -> None:
    images = batch(0, 8)[0]
    assert forward_ms(network("resnet50"), images) > 2 * forward_ms(network("test_resnet"), images)


def test_the_network_answers_as_before() -> None:
    model = network().eval()
    images = batch(0)[0]
    with torch.no_grad():
        before = model(images)
        forward_ms(model, images)
        torch.testing.assert_close(model(images), before, rtol=1e-4, atol=1e-5)
    assert not model.training
