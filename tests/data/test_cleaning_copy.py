"""A copy holds what was looked at, or there is none; files of several frames are copied whole."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from drawing import draw_set, picture, save
from PIL import Image

from finetune.data.cleaning.plan import Action, Switches, plan
from finetune.data.cleaning.write import write_copy
from finetune.data.health import HealthReport, inspect_source
from finetune.data.images import load_rgb
from finetune.data.sources import Source, open_source
from finetune.errors import DataError


def looked_at(root: Path, switches: Switches | None = None) -> tuple[Source, HealthReport, dict[str, Action]]:
    source = open_source(root)
    report = inspect_source(source)
    return source, report, {action.name: action for action in plan(source, report, switches or Switches())}


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two classes with one file of each kind of action that writes something."""
    root = draw_set(tmp_path / "set", {"ants": 3, "bees": 3})
    save(picture(10), root / "ants" / "named.jpg", format="PNG")
    save(picture(11).convert("CMYK"), root / "bees" / "print.jpg")
    for label in ("ants", "bees"):
        shutil.copy(root / "ants" / "0.png", root / label / "both.png")
    return root


def replace_whole(path: Path) -> None:
    save(picture(77), path, format="PNG")


def change_one_byte(path: Path) -> None:
    """Same size, same time of change: only the content tells."""
    status = path.stat()
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:100])


@pytest.mark.parametrize("change", [replace_whole, change_one_byte, cut_off])
@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("bees/1.png", "copy"),
        ("ants/named.jpg", "rename"),
        ("bees/print.jpg", "rewrite"),
        ("ants/both.png", "quarantine"),
    ],
)
def test_a_file_that_changed_after_it_was_looked_at_is_not_copied(
    change: Callable[[Path], None], name: str, kind: str, root: Path, tmp_path: Path
) -> None:
    source, report, actions = looked_at(root)
    assert actions[name].kind == kind
    change(root / name)
    with pytest.raises(
        DataError, match=rf"{name} changed after it was looked at; give the same command again"
    ):
        write_copy(tmp_path / "new" / "out", source, report, list(actions.values()))
    assert [path.name for path in tmp_path.iterdir()] == ["set"]
    again, report, actions = looked_at(root)
    assert write_copy(tmp_path / "out", again, report, list(actions.values())).n_kept


@pytest.mark.parametrize("name", ["bees/1.png", "bees/print.jpg"])
def test_a_file_that_vanished_ends_it_by_name(name: str, root: Path, tmp_path: Path) -> None:
    source, report, actions = looked_at(root)
    (root / name).unlink()
    with pytest.raises(DataError, match=rf"cannot read .*{name} any more: No such file"):
        write_copy(tmp_path / "out", source, report, list(actions.values()))
    assert [path.name for path in tmp_path.iterdir()] == ["set"]


def test_what_cannot_even_be_opened_is_logged_as_left_out_and_never_called_a_full_disk(
    tmp_path: Path,
) -> None:
    root = draw_set(tmp_path / "set", {"ants": 3, "bees": 3})
    names = [f"{label}/{number}.png" for label in ("ants", "bees") for number in range(3)]
    rows = "".join(f"{name},{name.partition('/')[0]}\n" for name in [*names, "ants/gone.png"])
    (root / "list.csv").write_text(f"path,label\n{rows}")
    source, report, actions = looked_at(root / "list.csv")
    write_copy(tmp_path / "out", source, report, list(actions.values()))
    log = (tmp_path / "out" / "actions.csv").read_text(encoding="utf-8").splitlines()
    assert log[1].startswith("quarantine,ants/gone.png,,cannot be read")
    assert not list((tmp_path / "out" / "quarantine").rglob("*.png"))
    source, report, actions = looked_at(root / "list.csv", Switches(quarantine=False))
    with pytest.raises(DataError, match=r"gone\.png: No such file.*; put it aside by leaving out --no-quar"):
        write_copy(tmp_path / "kept", source, report, list(actions.values()))
    assert not (tmp_path / "kept").exists()


def test_files_of_several_frames_and_palettes_are_copied_whole(tmp_path: Path) -> None:
    root = draw_set(tmp_path / "set", {"ants": 2, "bees": 2})
    frames = [picture(number) for number in (20, 21, 22)]
    for ending in ("gif", "webp", "png", "tif"):
        many = {"save_all": True, "append_images": frames[1:]}
        save(frames[0], root / "ants" / f"many-{ending}.{ending}", **many)
    save(frames[0], root / "ants" / "phone.jpg", format="MPO", save_all=True, append_images=frames[1:])
    save(picture(23).quantize(16), root / "bees" / "palette.png")
    save(picture(24).quantize(16), root / "bees" / "see-through.png", transparency=0)
    source, report, actions = looked_at(root)
    assert {action.kind for action in actions.values()} == {"copy"}
    write_copy(tmp_path / "out", source, report, list(actions.values()))
    for image in source.images:
        copy = tmp_path / "out" / "data" / image.name
        assert copy.read_bytes() == image.path.read_bytes()
    with Image.open(tmp_path / "out" / "data" / "ants" / "many-gif.gif") as stored:
        assert getattr(stored, "n_frames", 1) == 3


def test_a_turned_file_of_several_pages_becomes_its_first_page(tmp_path: Path) -> None:
    root = draw_set(tmp_path / "set", {"ants": 2, "bees": 2})
    turned = Image.Exif()
    turned[0x0112] = 6
    pages = {"save_all": True, "append_images": [picture(31)]}
    path = save(picture(30), root / "ants" / "pages.webp", exif=turned, lossless=True, **pages)
    source, report, actions = looked_at(root)
    assert actions["ants/pages.webp"].kind == "rewrite"
    write_copy(tmp_path / "out", source, report, list(actions.values()))
    written = np.asarray(load_rgb(tmp_path / "out" / "data" / "ants" / "pages.png"))
    assert (written == np.asarray(load_rgb(path))).all()
    assert written.shape == (24, 16, 3)
