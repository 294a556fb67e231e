"""A bundle that is not whole or not ours is refused in the same words by each command and by the page."""

import io
import json
import shutil
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from drawing import draw_set
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file
from test_bundle import edit, write

import finetune
from finetune.bundle.bundle import FILES, SAFEGUARDS
from finetune.bundle.manifest import SCHEMA_KEY, seal
from finetune.cli import run
from finetune.errors import RunError
from finetune.service.answering import main as answer_the_page

Change = Callable[[Path], object]

HASHED = tuple(name for name in (*FILES, *SAFEGUARDS) if name != "files.json")


def lose(name: str) -> Change:
    return lambda bundle: (bundle / name).unlink()


def flip(name: str) -> Change:
    """Change one bit in the middle of the file."""

    def change(bundle: Path) -> None:
        content = bytearray((bundle / name).read_bytes())
        content[len(content) // 2] ^= 1
        (bundle / name).write_bytes(content)

    return change


def classes(*names: object) -> Change:
    """Other class names, with the hash to go with them."""
    return lambda bundle: edit(bundle, "classes.json", lambda _: list(names))


def packed(bundle: Path) -> None:
    with zipfile.ZipFile(bundle.with_suffix(".zip"), "w") as archive:
        for path in bundle.iterdir():
            archive.write(path, path.name)
    shutil.rmtree(bundle)
    bundle.with_suffix(".zip").rename(bundle)


def a_file(bundle: Path) -> None:
    weights = (bundle / "model.safetensors").read_bytes()
    shutil.rmtree(bundle)
    bundle.write_bytes(weights)


def a_loop(bundle: Path) -> None:
    shutil.rmtree(bundle)
    bundle.symlink_to(bundle.name)


def replaced_by_a_folder(bundle: Path) -> None:
    (bundle / "reference.json").unlink()
    (bundle / "reference.json").mkdir()


def without_schema(bundle: Path) -> None:
    """Without its schema it would count as one from before there were hashes."""
    config = json.loads((bundle / "config.json").read_text(encoding="utf-8"))
    del config[SCHEMA_KEY]
    (bundle / "config.json").write_text(json.dumps(config), encoding="utf-8")


def weights_of_another(bundle: Path) -> None:
    state = load_file(bundle / "model.safetensors")
    state["fc.weight"], state["fc.bias"] = state["fc.weight"][:3].clone(), state["fc.bias"][:3].clone()
    save_file(state, bundle / "model.safetensors")
    seal(bundle)


GIVE = "give a run folder or its bundle folder"
TOGETHER = "use the files that were written together"
ITS_OWN = "use the classes.json that was written with it"
AGAIN = "write it again"

DAMAGES: dict[str, tuple[Change, str]] = {
    **{f"no {name}": (lose(name), f"is not a bundle ({name} is missing); {GIVE}") for name in FILES},
    **{f"no {name}": (lose(name), f"has lost its file {name}; copy the whole folder") for name in SAFEGUARDS},
    **{
        f"a bit of {name}": (flip(name), f"({name} is another); {TOGETHER}")
        for name in HASHED
        if name != "config.json"
    },
    "a bit of config.json": (flip("config.json"), ""),
    "a bit of files.json": (flip("files.json"), ""),
    "a foreign file": (lambda bundle: (bundle / "model.onnx").touch(), "holds model.onnx, which is not one"),
    "a foreign folder": (lambda bundle: (bundle / "more").mkdir(), "holds more, which is not one"),
    "a folder for a file": (replaced_by_a_folder, "has lost its file reference.json"),
    "a later schema": (
        lambda bundle: edit(bundle, "config.json", lambda config: {**config, SCHEMA_KEY: 2}),
        "has schema 2, and this version reads up to 1; update",
    ),
    "its schema taken away": (without_schema, f"(config.json is another); {TOGETHER}"),
    "too few names": (classes("a", "b", "c"), "names 3 classes, but its weights decide between 4"),
    "too many names": (classes(*"abcde"), "names 5 classes, but its weights decide between 4"),
    "a name twice": (classes("a", "b", "a", "d"), f"names the class 'a' more than once; {ITS_OWN}"),
    "a name that is a number": (classes("a", "b", "c", 4), f"(classes.json is no list of names); {AGAIN}"),
    "a name of nothing": (classes("a", "b", "c", ""), f"(classes.json is no list of names); {AGAIN}"),
    "weights of other classes": (weights_of_another, f"is damaged (.*); {AGAIN}"),
    "a zip": (packed, "is a file, and a bundle is a folder; unpack it"),
    "a weights file": (a_file, "is a file, and a bundle is a folder; give the folder that it lies in"),
    "a link in a circle": (a_loop, "is a broken link; check where it leads"),
    "nothing": (shutil.rmtree, f"is not a bundle (model.safetensors is missing); {GIVE}"),
}
"""What is done to a bundle, and words of the sentence that refuses it."""


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("sound")
    write(root / "bundle")
    draw_set(root / "images", {"1": 1, "2": 1})
    return root


def page_s_answer(bundle: Path) -> dict[str, Any]:
    """The first line of the process that classifies for the page."""
    out = io.StringIO()
    answer_the_page(bundle, io.StringIO(), out)
    answer: dict[str, Any] = json.loads(out.getvalue())
    return answer


@pytest.mark.parametrize("damage", DAMAGES)
def test_it_is_refused_in_one_sentence_everywhere(
    damage: str, sound: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    change, words = DAMAGES[damage]
    bundle, images = tmp_path / "mine", sound / "images"
    shutil.copytree(sound / "bundle", bundle)
    change(bundle)
    with pytest.raises(RunError, match=str(bundle)) as refused:
        finetune.load_bundle(bundle)
    sentence = str(refused.value)
    assert all(part in sentence for part in words.split(".*"))
    for command in (
        ("predict", bundle, images),
        ("evaluate", bundle, images),
        ("explain", bundle, images, "--out", tmp_path / "why"),
        ("export", bundle, "--check", images, "--out", tmp_path / "model.onnx"),
        ("push", bundle, "--to", "hf:a/b", "--offline"),
    ):
        assert run([str(word) for word in command]) == RunError.exit_code
        assert capsys.readouterr() == ("", f"error: {sentence}\n"), command[0]
    assert page_s_answer(bundle) == {"error": sentence}
    assert {path.name for path in tmp_path.iterdir()} <= {"mine"}, "something was left behind"


def test_a_link_to_a_bundle_is_as_good_as_the_bundle(sound: Path, tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(sound / "bundle")
    assert page_s_answer(tmp_path / "link") == {"error": ""}
    assert finetune.load_bundle(str(tmp_path / "link")).folder == tmp_path / "link"


@pytest.fixture(scope="module")
def mine(sound: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(shutil.copytree(sound / "bundle", tmp_path_factory.mktemp("any") / "bundle"))


@settings(max_examples=40)
@given(
    name=st.sampled_from([*FILES, *SAFEGUARDS]),
    where=st.floats(0, 1, exclude_max=True),
    bit=st.integers(0, 7),
)
def test_any_changed_bit_of_any_file_is_noticed(mine: Path, name: str, where: float, bit: int) -> None:
    path = mine / name
    before = path.read_bytes()
    content = bytearray(before)
    content[int(where * len(content))] ^= 1 << bit
    path.write_bytes(content)
    try:
        with pytest.raises(RunError, match=str(mine)) as refused:
            finetune.load_bundle(mine)
    finally:
        path.write_bytes(before)
    assert "\n" not in str(refused.value)
