"""The benchmark against others: every contestant gets the same, and what it tells becomes the right numbers."""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path

import pytest
from drawing import draw_set

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"
CLASSES = ("ant", "bee")


@pytest.fixture(autouse=True)
def benchmarks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(BENCHMARKS))


@pytest.fixture
def zipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of data sets with one zip: ten images a class and a stray file."""
    images = draw_set(tmp_path / "drawn", {f"insects/{label}": 10 for label in CLASSES})
    with zipfile.ZipFile(tmp_path / "insects.zip", "w") as archive:
        for path in sorted(images.rglob("*.png")):
            archive.write(path, path.relative_to(images))
        archive.writestr("insects/ant/notFound.gif", b"GIF89a")
    monkeypatch.setenv("SHARED_DATA", str(tmp_path))
    return tmp_path


def test_the_list_of_the_split_names_exactly_the_files_that_are_laid_out(zipped: Path) -> None:
    from speed.material import lay_out

    folder = lay_out("insects", zipped / "one")
    split = json.loads((folder / "split.json").read_text())
    listed = {name for part in ("train", "val") for name, _ in split[part]}
    assert listed == {path.relative_to(folder).as_posix() for path in folder.glob("*/*/*")}
    assert split["classes"] == list(CLASSES)
    assert all(split["classes"][index] == Path(name).parent.name for name, index in split["val"])
    assert (len(split["train"]), len(split["val"])) == (16, 4)


def test_the_split_is_the_same_on_every_machine(zipped: Path) -> None:
    from speed.material import lay_out

    one, other = (lay_out("insects", zipped / name) / "split.json" for name in ("one", "other"))
    assert one.read_bytes() == other.read_bytes()
    drawn = [Path(name).name for name, _ in json.loads(one.read_text())["val"]]
    assert drawn == ["3.png", "6.png", "3.png", "9.png"]


def test_a_set_that_brings_its_val_keeps_it(tmp_path: Path) -> None:
    from speed.material import _split

    files = [
        f"set/{part}/{label}/{n}.png" for part in ("train", "val") for label in CLASSES for n in range(3)
    ]
    assert _split(files, None) == {part: [f for f in files if f"/{part}/" in f] for part in ("train", "val")}


def test_seconds_an_epoch_leave_out_what_came_before_and_the_amortised_do_not() -> None:
    from speed.runs import measured

    events = [
        {"event": "epoch", "t": 10.0, "epoch": 0, "val_accuracy": 0.5},
        {"event": "epoch", "t": 12.0, "epoch": 1, "val_accuracy": 0.9},
        {"event": "epoch", "t": 16.0, "epoch": 2, "val_accuracy": 0.8},
        {"event": "done", "t": 17.0, "peak_mib": 100.0},
    ]
    found = measured(events)
    assert found["epochs_s"] == [2.0, 4.0]
    assert found["epoch_s"] == 3.0
    assert found["amortised_s"] == 8.0
    assert (found["best"], found["final"], found["seconds"], found["peak_mib"]) == (0.9, 0.8, 17.0, 100.0)


def test_the_ratio_is_of_the_seconds_to_the_peers_best_accuracy() -> None:
    from speed.contests import CONTESTS
    from speed.tables import tables

    told = {"machine": {"processor": "P", "cores": 2}, "contest": CONTESTS[0].name, "fast": False}
    told |= {"final": 0.9, "peak_mib": 100.0}
    peer = told | {"peer": "plain", "best": 0.9, "seconds": 90, "curve": [[30, 0.8], [60, 0.9], [90, 0.9]]}
    ours = told | {"peer": "ours", "best": 0.95, "seconds": 6, "curve": [[3, 0.85], [6, 0.95]]}
    assert "| plain | 90.0 % | 60.0 s | 6.0 s | 10.0 |" in tables([peer, ours])
    better = peer | {"best": 0.96, "curve": [[60, 0.96]]}
    assert "| plain | 96.0 % | 60.0 s | not reached (95.0 %) |  |" in tables([better, ours])
    assert "| plain | failed: no wheel |" in tables([told | {"peer": "plain", "error": "no wheel"}, ours])


def test_an_installer_that_finds_nothing_leaves_its_last_error_and_no_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from speed.contests import Peer
    from speed.environments import InstallError, environment

    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    nobody = Peer("nobody.py", ("no-such-package-of-ours",))
    with (
        pytest.raises(InstallError, match="No matching distribution found for no-such-package-of-ours"),
        environment("nobody", nobody, tmp_path / "envs", keep=False),
    ):
        pass
    assert not (tmp_path / "envs" / "nobody").exists()


@pytest.mark.parametrize("peer", ["ours", "plain"])
def test_a_contestant_runs_from_the_task_and_tells_every_epoch(zipped: Path, peer: str) -> None:
    from speed.contests import Contest
    from speed.runs import Setting, run

    contest = Contest("c", "insects", "test_resnet", "random", "partial", 2, (), batch_size=4, image_size=32)
    row = run(Path(sys.executable), peer, False, contest, Setting(zipped / "cache", minutes=5))
    assert "error" not in row
    assert (row["n_train"], row["n_val"], len(row["epochs_s"])) == (16, 4, 2)
    assert 50 < row["peak_mib"] < 5000
    assert 0 < row["epoch_s"] <= row["amortised_s"] <= row["seconds"]
