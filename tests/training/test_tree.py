"""Any training state comes back from JSON and tensors as it was, and nothing else is taken for one."""

import math
from typing import Any

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from finetune.training.tree import pack, unpack

DTYPES = (torch.float32, torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.uint8, torch.bool)
keys = st.none() | st.booleans() | st.integers() | st.text() | st.floats(allow_nan=False)
tensors = st.builds(
    lambda shape, kind, seed: (torch.rand(shape, generator=torch.Generator().manual_seed(seed)) * 9).to(kind),
    st.lists(st.integers(0, 3), max_size=4),
    st.sampled_from(DTYPES),
    st.integers(0, 2**31),
)
trees = st.recursive(
    keys | st.floats() | tensors,
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
        | st.dictionaries(keys | st.tuples(st.integers(), st.text()), inner, max_size=4)
    ),
    max_leaves=20,
)


def same(one: Any, other: Any) -> bool:
    """Equal in value, type and order; for tensors also in kind, and NaN equals NaN."""
    if type(one) is not type(other):
        return False
    if isinstance(one, torch.Tensor):
        return one.dtype == other.dtype and one.shape == other.shape and torch.equal(one, other)
    if isinstance(one, dict):
        return same(list(one.items()), list(other.items()))
    if isinstance(one, (list, tuple)):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, float) and math.isnan(one):
        return math.isnan(other)
    return bool(one == other) and (
        not isinstance(one, float) or math.copysign(1, one) == math.copysign(1, other)
    )


@given(trees)
def test_a_tree_comes_back_as_it_was(tree: Any) -> None:
    assert same(unpack(*pack(tree)), tree)


def test_the_state_of_an_optimizer_comes_back_with_its_number_keys() -> None:
    layer = torch.nn.Linear(3, 2)
    optimizer = torch.optim.AdamW(layer.parameters())
    layer(torch.rand(4, 3)).sum().backward()
    optimizer.step()
    state = optimizer.state_dict()
    back = unpack(*pack(state))
    assert same(back, state)
    assert list(back["state"]) == [0, 1]
    assert back["param_groups"][0]["betas"] == (0.9, 0.999)


def test_the_order_in_memory_comes_back() -> None:
    pixels = torch.rand(2, 3, 4, 5).to(memory_format=torch.channels_last)
    back = unpack(*pack([pixels, pixels.contiguous()]))
    assert [tensor.stride() for tensor in back] == [pixels.stride(), pixels.contiguous().stride()]


def test_tensors_that_share_memory_come_out_apart() -> None:
    whole = torch.arange(6.0)
    _, found = pack({"whole": whole, "again": whole, "part": whole[2:]})
    assert len({tensor.data_ptr() for tensor in found.values()}) == 3


@pytest.mark.parametrize("stranger", [object(), {1, 2}, b"bytes", print, 1j])
def test_what_is_no_state_is_refused(stranger: object) -> None:
    with pytest.raises(TypeError, match="is no part of a training state"):
        pack({"a": [stranger]})


@pytest.mark.parametrize(
    "text",
    ['{"tensor": "9"}', '{"code": "x"}', "{}", '{"a": 1, "b": 2}', '{"dict": [1]}', '{"tuple": 3}', "[", "",
     '{"dict": [[[1], 2]]}', '{"float": "x"}', "[" * 100_000],
)  # fmt: skip
def test_text_that_holds_no_state_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        unpack(text, {"0": torch.zeros(1)})
