"""What is written of a list's numbers is what is chosen, and nothing else is read."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from finetune.errors import OptionError, RunError
from finetune.service.projects import Project
from finetune.service.suspects_choice import SuspectsChoice, ranks


@pytest.mark.parametrize(
    ("which", "meant"),
    [
        ("all", [1, 2, 3, 4, 5, 6, 7, 8]),
        ("", [1, 2, 3, 4, 5, 6, 7, 8]),
        (" All ", [1, 2, 3, 4, 5, 6, 7, 8]),
        ("3", [3]),
        ("1-3, 8", [1, 2, 3, 8]),
        ("8,1 – 2,2", [1, 2, 8]),
    ],
)
def test_numbers_and_ranges_are_read(which: str, meant: list[int]) -> None:
    assert ranks(which, 8) == meant


@pytest.mark.parametrize(
    "which", ["0", "9", "1-9", "3-2", "-1", "1,,2", "1;2", "two", "١", "/etc/passwd", "1-2-3", "9" * 5000]
)
def test_anything_else_is_told(which: str) -> None:
    with pytest.raises(
        OptionError, match="is no number from 1 to 8 of the list of wrong labels; write all, or"
    ):
        ranks(which, 8)


@given(st.sets(st.integers(1, 50), min_size=1))
def test_any_set_of_ranks_can_be_chosen(wanted: set[int]) -> None:
    assert ranks(", ".join(map(str, wanted)), 50) == sorted(wanted)


def test_there_must_be_a_list_to_choose_from(tmp_path: Path) -> None:
    project = Project(tmp_path, "a.zip", tmp_path / "a.zip", "")
    with pytest.raises(
        RunError, match=r"a\.zip has no list of wrong labels; look for them first, or keep all"
    ):
        SuspectsChoice("relabel").corrections(project)
