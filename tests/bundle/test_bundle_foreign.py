"""A bundle from somebody else names what the network is built of: timm's own networks alone, and nothing to fetch."""

import pickle
import shutil
from pathlib import Path
from typing import Any

import pytest
from small_bundle import small_bundle
from test_bundle import edit

from finetune.bundle.bundle import load_bundle
from finetune.bundle.manifest import seal
from finetune.errors import RunError


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sound") / "bundle"
    small_bundle(folder)
    return folder


@pytest.fixture
def small(sound: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(sound, tmp_path / "bundle"))


class Trace:
    """Touches a file when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self._path,)


def set_values(bundle: Path, name: str, **values: Any) -> None:
    edit(bundle, name, lambda document: {**document, **values})


@pytest.mark.parametrize(
    "place", ["hf-hub:evil/model", "local-dir:/etc", "hf_hub:evil/model", 1.5, "resnet0"]
)
def test_a_network_that_is_none_of_timm_s_is_refused_and_nobody_is_asked_for_it(
    small: Path, place: object
) -> None:
    set_values(small, "config.json", architecture=place)
    with pytest.raises(RunError, match="is damaged"):
        load_bundle(small)


def test_a_bundle_cannot_have_a_pickle_opened(small: Path, tmp_path: Path) -> None:
    evil = small / "weights.bin"
    evil.write_bytes(pickle.dumps({"state_dict": Trace(tmp_path / "trace")}))
    set_values(small, "config.json", model_args={"checkpoint_path": str(evil)})
    seal(small)
    with pytest.raises(RunError, match="a network takes no 'checkpoint_path'"):
        load_bundle(small)
    assert not (tmp_path / "trace").exists()


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("preprocess.json", {"image_size": 10**30}),
        ("preprocess.json", {"image_size": 100_000}),
        ("preprocess.json", {"image_size": float("inf")}),
        ("preprocess.json", {"crop": 1e-9}),
        ("preprocess.json", {"mean": ["0.5", "x", "0.5"]}),
        ("preprocess.json", {"mean": [{}, 0.5, 0.5]}),
        ("config.json", {"num_classes": 10**30}),
    ],
)
def test_values_that_no_network_has_are_told_in_one_sentence(
    small: Path, name: str, values: dict[str, Any]
) -> None:
    set_values(small, name, **values)
    with pytest.raises(RunError, match="is damaged") as told:
        load_bundle(small)
    assert "\n" not in str(told.value)
