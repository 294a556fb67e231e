"""How the batches of an epoch are summed into optimizer steps. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from finetune.training.lengths import optimizer_steps_per_epoch, steps_per_epoch


@dataclass(frozen=True)
class Accumulation:
    """An epoch over ``n_images`` in batches of ``batch_size``, every ``accumulate`` of them one optimizer step.

    The batches that are left over at an epoch's end make a smaller step of their own.
    """

    n_images: int
    batch_size: int
    accumulate: int = 1

    @property
    def n_batches(self) -> int:
        """Return the batches of an epoch."""
        return steps_per_epoch(self.n_images, self.batch_size)

    @property
    def n_steps(self) -> int:
        """Return the optimizer steps of an epoch."""
        return optimizer_steps_per_epoch(self.n_images, self.batch_size, self.accumulate)

    def weight(self, batch_index: int) -> float:
        """Return by what to multiply the mean loss of batch ``batch_index``, counted from 0 in its epoch.

        Lightning divides each loss by ``accumulate``; with this weight, 1 in every full group, the gradients
        of a group add up to that of the mean loss over all its images, in a last smaller group too.
        """
        first = batch_index - batch_index % self.accumulate
        group = [self._size(index) for index in range(first, min(first + self.accumulate, self.n_batches))]
        return self.accumulate * self._size(batch_index) / sum(group)

    def _size(self, batch_index: int) -> int:
        return min(self.batch_size, self.n_images - batch_index * self.batch_size)
