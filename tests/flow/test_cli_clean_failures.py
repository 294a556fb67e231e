"""A cleaning that fails or is stopped leaves nothing where it wrote, and the original as it was."""

import os
import resource
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from cleaning_sets import draw_faulty, tree
from conftest import Finetune, draw_colours, environment
from killing import kill_when, start
from PIL import Image


@pytest.fixture
def faulty(tmp_path: Path) -> Iterator[Path]:
    """The faulty set, which no failure may touch."""
    root = draw_faulty(tmp_path / "set")
    before = tree(root)
    yield root
    assert tree(root) == before


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 64 kB; where none may be mounted, the test with a limit on the size of files has to do."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = shutil.which("mount")
    command = [mount or "", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(disk)]
    if mount is None or subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("may not mount a small disk")
    yield disk
    subprocess.run(["umount", str(disk)], check=True)


def draw_print(path: Path, side_px: int) -> None:
    """A noisy image made for print: a small JPEG, and ten times as large as the PNG that it becomes."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(side_px + len(path.name)).integers(0, 256, (side_px, side_px, 3), np.uint8)
    Image.fromarray(noise).convert("CMYK").save(path, quality=20)


def test_a_full_disk_ends_the_copy_in_one_sentence_and_leaves_nothing(
    finetune: Finetune, faulty: Path, small_disk: Path
) -> None:
    out = small_disk / "below" / "out"
    answer = finetune("clean", faulty, "--out", out)
    assert (answer.code, answer.error) == (
        5,
        f"error: the disk is full: cannot write to {out}: No space left on device; free some space or choose another "
        "--out",
    )
    assert list(small_disk.iterdir()) == []


@pytest.mark.parametrize("n_free", [0, 1, 2])
def test_a_full_disk_leaves_neither_a_manifest_nor_its_log(
    n_free: int, finetune: Finetune, small_disk: Path
) -> None:
    """With room for ``n_free`` pages: for nothing, half of the log, or the log without the manifest."""
    root = draw_colours(small_disk / "set", {"a": 2, "b": 2})
    (root / "a" / "broken.jpg").write_bytes(b"no image")
    with (
        Path("/dev/zero").open("rb") as zeros,
        (small_disk / "full").open("wb", 0) as full,
        pytest.raises(OSError, match="No space left"),
    ):
        shutil.copyfileobj(zeros, full, 4096)
    n_bytes = (small_disk / "full").stat().st_size - n_free * resource.getpagesize()
    os.truncate(small_disk / "full", n_bytes)
    before = tree(small_disk)
    answer = finetune("clean", root, "--manifest", small_disk / "sound.csv")
    assert (answer.code, "No space left on device; free some space" in answer.error) == (5, True)
    assert tree(small_disk) == before


def test_a_mounted_disk_s_own_folder_cannot_be_replaced_and_is_refused(
    finetune: Finetune, faulty: Path, small_disk: Path
) -> None:
    answer = finetune("clean", faulty, "--out", small_disk)
    assert (answer.code, answer.error.endswith(f"give one in it, such as {small_disk / 'cleaned'}")) == (
        2,
        True,
    )


def test_a_png_that_finds_no_room_ends_it_and_leaves_nothing(tmp_path: Path) -> None:
    """The system forbids the process files over 300 kB, as a full disk would."""
    root = draw_colours(tmp_path / "set", {"a": 3, "b": 3})
    draw_print(root / "b" / "print.jpg", 500)
    before = tree(root)
    done = subprocess.run(
        [sys.executable, "-m", "finetune", "clean", "set", "--out", "out"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000)),
    )
    assert (done.returncode, done.stdout) == (5, "")
    assert done.stderr == (
        "error: cannot write to out: File too large; free some space or choose another --out\n"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["set"]
    assert tree(root) == before


def test_ctrl_c_amid_many_files_leaves_nothing(tmp_path: Path) -> None:
    root = draw_colours(tmp_path / "set", {"a": 300, "b": 3})
    for number in range(12):  # seconds of work after the many
        draw_print(root / "b" / f"print-{number}.jpg", 900)
    before = tree(root)

    def amid() -> bool:
        return len(list(tmp_path.glob("*/.out-*.tmp/data/*/*.png"))) >= 200

    process = start("clean", "set", "--out", "new/out", cwd=tmp_path)
    code, err = kill_when(process, amid, signal.SIGINT)
    assert (code, err) == (
        130,
        "error: interrupted; nothing was written to new/out, give the same command again\n",
    )
    assert [path.name for path in tmp_path.iterdir()] == ["set"]
    assert tree(root) == before


def test_a_second_cleaning_into_the_same_folder_is_refused_and_an_empty_folder_is_filled(
    finetune: Finetune, faulty: Path, tmp_path: Path
) -> None:
    out = tmp_path / "real"
    out.mkdir()
    (tmp_path / "link").symlink_to(out)
    assert finetune("clean", faulty, "--out", tmp_path / "link").code == 0
    assert (tmp_path / "link").is_symlink()
    before = tree(out)
    for place in (out, tmp_path / "link"):
        answer = finetune("clean", faulty, "--out", place)
        assert (answer.code, answer.error) == (6, f"error: --out {place} is not empty; choose another folder")
    assert tree(out) == before
