"""Look before training: inspect, describe and the lists; and every command's JSON."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from conftest import REPOSITORY, Finetune, draw_colours, environment, finetune_process

from finetune.model.backbones import CATALOGUE
from strategies import STRATEGIES


@pytest.fixture
def messy(colours: Path, tmp_path: Path) -> Path:
    """The three colours with all that lies about in real folders."""
    root = tmp_path / "messy"
    shutil.copytree(colours, root)
    (root / "apple" / "page.jpg").write_text("<html>not found</html>")
    (root / "lime" / "zero.png").touch()
    (root / "plum" / "cut.png").write_bytes((root / "plum" / "0.png").read_bytes()[:200])
    (root / "plum" / "notes.txt").write_text("hello")
    (root / ".DS_Store").touch()
    shutil.copy(root / "plum" / "0.png", root / "stray.png")
    return root


def test_inspect_says_that_a_set_can_be_trained_on(finetune: Finetune, colours: Path) -> None:
    answer = finetune("inspect", colours)
    assert answer.code == 0
    assert answer.out.startswith(f"{colours}: 42 readable images, can be trained on\n")
    assert "splits: none given" in answer.out
    assert answer.err == ""


def test_inspect_json_has_the_promised_keys(finetune: Finetune, lacking: Path) -> None:
    report = finetune("inspect", lacking, "--json").json
    assert set(report) >= {"usable", "classes", "splits", "findings"}
    assert report["usable"] is True
    assert report["classes"] == {"a": 12, "b": 17, "c": 16}
    assert report["splits"] == {"train": 36, "val": 9}
    assert all(set(finding) >= {"kind", "severity", "count", "examples"} for finding in report["findings"])


def test_what_cannot_be_read_is_listed_with_path_and_reason(finetune: Finetune, messy: Path) -> None:
    report = finetune("inspect", messy, "--json").json
    assert {item["name"]: item["reason"] for item in report["quarantine"]} == {
        "apple/page.jpg": "is not an image but a text such as a web page",
        "lime/zero.png": "is empty (0 bytes)",
        "plum/cut.png": "is truncated: the end of the file is missing",
    }
    shown = finetune("inspect", messy).out
    assert "apple/page.jpg: is not an image but a text such as a web page" in shown
    assert "lime/zero.png: is empty (0 bytes)" in shown


def test_stray_and_hidden_files_are_told(finetune: Finetune, messy: Path) -> None:
    shown = finetune("inspect", messy).out
    assert "stray.png: is an image outside any class folder" in shown
    assert "plum/notes.txt: is not an image file (.txt)" in shown
    assert ".DS_Store" in shown


def test_strict_fails_on_any_finding_and_otherwise_does_not(
    finetune: Finetune, messy: Path, tmp_path: Path
) -> None:
    assert finetune("inspect", messy).code == 0
    assert finetune("inspect", messy, "--strict").code == 3
    sound = draw_colours(tmp_path / "sound", {"a": 20, "b": 20})
    assert finetune("inspect", sound, "--strict").code == 0


def test_a_set_that_cannot_be_trained_on_is_shown_and_fails(finetune: Finetune, tmp_path: Path) -> None:
    data = draw_colours(tmp_path / "data", {"many": 9, "few": 1})
    answer = finetune("inspect", data)
    assert answer.code == 3
    assert "cannot be trained on" in answer.out
    assert "✗ error: class 'few' has 1 image" in answer.out
    assert finetune("inspect", data, "--json").json["usable"] is False
    assert finetune("inspect", data, "--exclude", "few").code == 3, "one class is left"


def test_val_under_another_name_is_understood_and_shown(finetune: Finetune, tmp_path: Path) -> None:
    counts = {f"{split}/{label}": 4 for split in ("Training", "valid") for label in ("a", "b")}
    answer = finetune("inspect", draw_colours(tmp_path / "data", counts))
    assert "splits: Training/ is train (8), valid/ is val (8)" in answer.out


@pytest.mark.parametrize("written", ["data", "data/", "./data", "../here/data"])
def test_a_relative_path_may_be_written_in_any_way(
    finetune: Finetune, colours: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, written: str
) -> None:
    here = tmp_path / "here"
    shutil.copytree(colours, here / "data")
    monkeypatch.chdir(here)
    assert finetune("inspect", written, "--json").json["classes"] == {"apple": 14, "lime": 14, "plum": 14}


def test_the_folder_one_is_in_is_a_data_set_too(
    finetune: Finetune, colours: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(colours)
    assert finetune("inspect", ".").out.startswith(".: 42 readable images")


# --- describe and the lists


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize(
    ("backbone", "stages"),
    [
        ("resnet18", ["stem", "layer1", "layer2", "layer3", "layer4", "fc"]),
        ("vgg11", ["block1", "block2", "block3", "block4", "block5", "pre_logits", "head.fc"]),
        ("vgg11_bn", ["block1", "block2", "block3", "block4", "block5", "pre_logits", "head.fc"]),
        ("tf_efficientnet_lite0", ["stem", *(f"blocks.{i}" for i in range(7)), "classifier"]),
        ("test_resnet", ["stem", "layer1", "layer2", "layer3", "layer4", "fc"]),
    ],
)
def test_describe_shows_each_stage_and_what_trains(
    finetune: Finetune, backbone: str, stages: list[str], strategy: str
) -> None:
    rows = finetune("describe", backbone, "--strategy", strategy, "--classes", 7, "--json").json
    assert [row["name"] for row in rows] == stages
    assert rows[-1]["output"] == "7"
    assert sum(row["share"] for row in rows) == pytest.approx(1)
    trains = {row["name"] for row in rows if row["lr_multiplier"] > 0}
    expected = {
        "freeze-all": stages[-1:],
        "partial": stages[-3:] if backbone.startswith("vgg") else stages[-2:],
        "full-finetune": stages,
        "from-scratch": stages,
    }
    assert trains == set(expected[strategy])
    table = finetune("describe", backbone, "--strategy", strategy, "--classes", 7).out
    assert table.splitlines()[0].split() == [
        "stage",
        "output",
        "parameters",
        "share",
        "learning",
        "rate",
        "state",
    ]
    assert [line.split()[0] for line in table.splitlines()[1 : 1 + len(stages)]] == stages
    assert table.count("frozen") == len(stages) - len(trains)
    assert table.splitlines()[-1].endswith(" parameters train")


def test_describe_takes_a_strategy_s_options_and_another_size(finetune: Finetune) -> None:
    rows = finetune("describe", "resnet18", "--strategy", "partial", "--set", "stages=2", "--json").json
    assert [row["name"] for row in rows if row["lr_multiplier"]] == ["layer3", "layer4", "fc"]
    small = finetune("describe", "resnet18", "--image-size", 64, "--json").json
    assert (rows[1]["output"], small[1]["output"]) == ("64 x 56 x 56", "64 x 16 x 16")


@pytest.mark.parametrize(
    ("backbone", "strategy"),
    [
        ("fc2", "from-scratch"),
        ("fc3", "from-scratch"),
        ("cnn-small", "from-scratch"),
        ("resnet18", "freeze-all"),
    ],
)
def test_describe_shows_what_has_nothing_to_freeze_as_trained_from_scratch(
    finetune: Finetune, backbone: str, strategy: str
) -> None:
    rows = finetune("describe", backbone, "--json").json
    assert rows == finetune("describe", backbone, "--strategy", strategy, "--json").json
    assert all(row["lr_multiplier"] for row in rows) == (strategy == "from-scratch")
    assert finetune("describe", backbone).out.splitlines()[-1].startswith(f"{strategy}: ")


def test_describe_refuses_to_freeze_what_was_never_trained(finetune: Finetune) -> None:
    answer = finetune("describe", "cnn-small", "--strategy", "freeze-all")
    assert answer.code == 2
    assert "cnn-small has no pretrained weights, but strategy 'freeze-all' starts from them" in answer.error


def test_describe_needs_a_strategy_by_name(finetune: Finetune) -> None:
    answer = finetune("describe", "resnet18", "--strategy", "auto")
    assert answer.code == 2
    assert "describe needs a strategy by name" in answer.error


def test_the_backbones_are_listed_whole_with_where_their_weights_are(finetune: Finetune) -> None:
    answer = finetune("backbones")
    assert [line.split()[0] for line in answer.out.splitlines()[1:]] == list(CATALOGUE)
    rows = {row["name"]: row for row in finetune("backbones", "--json").json}
    assert rows["tf_efficientnet_lite0"]["weights"] == "packaged"
    assert rows["resnet18"]["tag"] == "tv_in1k"
    facts = {"parameters", "image_size", "mean", "std", "interpolation", "crop", "licence", "weights"}
    assert all(facts < set(row) for row in rows.values())


def test_the_strategies_are_told_in_full(finetune: Finetune) -> None:
    shown = " ".join(finetune("strategies").out.replace("│", " ").split())
    for row in finetune("strategies", "--json").json:
        assert set(row) == {"name", "summary", "card"}
        assert " ".join(row["card"].split()) in shown, "no word of a card is cut off"
        assert "Loses: " in row["card"]


def test_a_sample_set_is_listed_and_written(finetune: Finetune, tmp_path: Path) -> None:
    assert {row["name"] for row in finetune("samples", "--json").json} == {"digits", "fruit"}
    answer = finetune("samples", "digits", tmp_path / "digits")
    assert answer.out == f"wrote 1797 images to {tmp_path / 'digits'}\n"
    assert finetune("inspect", tmp_path / "digits", "--quiet").code == 0
    wrong = finetune("samples", "digit", tmp_path / "x")
    assert wrong.code == 2
    assert "did you mean 'digits'?" in wrong.error


# --- JSON, help and pipes


def test_json_leaves_nothing_else_on_stdout(
    finetune: Finetune, bundle: Path, messy: Path, tiny: tuple[str, ...], tmp_path: Path
) -> None:
    """The set is one that gives warnings and notes; `json.loads` refuses a word before or after the value."""
    commands = (
        ("samples",),
        ("backbones",),
        ("strategies",),
        ("describe", "test_resnet"),
        ("inspect", messy),
        ("advise", messy, *tiny[:4]),
        ("evaluate", bundle, messy),
        ("predict", bundle, messy),
        ("fit", messy, "--strategy", "freeze-all", *tiny, "--out", tmp_path / "run"),
    )
    for command in commands:
        answer = finetune(*command, "--json")
        assert answer.code == 0, answer.err
        json.loads(answer.out)


def test_help_names_every_command_and_costs_no_torch(tmp_path: Path) -> None:
    code = (
        "import sys\nfrom finetune.cli import run\nrun(['--help'])\nrun(['fit', '--help'])\n"
        "print({'torch', 'timm', 'sklearn', 'matplotlib'} & set(sys.modules))"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True
    ).stdout
    assert shown.splitlines()[0] == "Usage: finetune [OPTIONS] COMMAND [ARGS]..."
    assert "Usage: finetune fit [OPTIONS] " in shown
    assert shown.splitlines()[-1] == "set()"
    for command in ("samples", "backbones", "strategies", "describe", "inspect", "advise", "fit"):
        assert f"\n  {command} " in shown


def test_no_arguments_show_the_help(finetune: Finetune) -> None:
    assert finetune() == finetune("--help")


def test_the_version_is_told(finetune: Finetune) -> None:
    assert finetune("--version").out == "finetune 0.1.0\n"


def test_a_screen_without_unicode_is_no_error(colours: Path, tmp_path: Path) -> None:
    answer = finetune_process("inspect", colours, cwd=tmp_path, PYTHONIOENCODING="ascii")
    assert answer.code == 0
    assert "can be trained on" in answer.out


def test_a_reader_that_leaves_early_is_no_error(tmp_path: Path) -> None:
    done = subprocess.run(
        f"{sys.executable} -m finetune strategies | head -n 1",
        shell=True,
        cwd=REPOSITORY,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "freeze-all" in done.stdout
    assert "Traceback" not in done.stderr
