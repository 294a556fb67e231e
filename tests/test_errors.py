"""Every error has its exit code and the nearest known name is told."""

import pytest

from finetune import errors
from finetune.errors import FinetuneError, nearest

EXIT_CODES = {
    "FinetuneError": 1,
    "OptionError": 2,
    "DataError": 3,
    "ArchiveError": 3,
    "ImageError": 3,
    "WeightsError": 4,
    "ResourceError": 5,
    "RunError": 6,
    "BatchError": 7,
    "Interrupted": 130,
    "Paused": 130,
}


def test_every_error_has_the_exit_code_of_the_contract() -> None:
    found = {
        name: kind.exit_code
        for name, kind in vars(errors).items()
        if isinstance(kind, type) and issubclass(kind, FinetuneError)
    }
    assert found == EXIT_CODES
    assert errors.INTERRUPTED_EXIT_CODE == 130


@pytest.mark.parametrize(
    ("name", "known", "hint"),
    [
        ("daisys", ["daisy", "rose"], "; did you mean 'daisy'?"),
        ("DAISY", ["Daisy"], "; did you mean 'Daisy'?"),
        ("tulip", ["daisy", "rose"], ""),
        ("daisy", [], ""),
        ("", ["daisy"], ""),
    ],
)
def test_the_nearest_known_name_is_told_and_nothing_far(name: str, known: list[str], hint: str) -> None:
    assert nearest(name, iter(known)) == hint
