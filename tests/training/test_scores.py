"""An epoch's macro F1 is scikit-learn's over the classes that occur."""

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import f1_score

from finetune.training.scores import macro_f1


@given(st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), min_size=1, max_size=60))
def test_it_is_the_mean_over_the_classes_that_occur(pairs: list[tuple[int, int]]) -> None:
    truth, called = (np.array(side) for side in zip(*pairs, strict=True))
    confusion = torch.zeros(5, 5, dtype=torch.long)
    for row, column in pairs:
        confusion[row, column] += 1
    expected = f1_score(truth, called, labels=np.unique(truth), average="macro", zero_division=0)
    assert macro_f1(confusion).item() == pytest.approx(expected, abs=1e-6)
