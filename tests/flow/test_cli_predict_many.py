"""Predictions of many images into a file: formats, lists and patterns, and going on after a break."""

import json
import os
import signal
from pathlib import Path

import pytest
from conftest import Finetune, finetune_process
from killing import kill_when, start

MANY = 4000


@pytest.fixture(scope="module")
def images(colours: Path) -> list[Path]:
    """Thousands of rows from a few images: more than are answered before anybody could end it."""
    few = sorted(colours.rglob("*.png"))[:5]
    return [few[number % len(few)] for number in range(MANY)]


@pytest.fixture(scope="module")
def whole(bundle: Path, images: list[Path], tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("whole")
    answer = finetune_process("predict", bundle, *images, "--out", "a.csv", cwd=folder)
    assert answer.code == 0, answer.err
    return (folder / "a.csv").read_bytes()


@pytest.mark.skipif(os.name != "posix", reason="sends POSIX signals")
@pytest.mark.parametrize(("signum", "code"), [(signal.SIGKILL, -9), (signal.SIGTERM, 130)])
def test_predictions_that_were_ended_go_on_to_the_same_file(
    finetune: Finetune,
    bundle: Path,
    images: list[Path],
    whole: bytes,
    tmp_path: Path,
    signum: int,
    code: int,
) -> None:
    out, note = tmp_path / "a.csv", tmp_path / "a.csv.part.json"
    process = start("predict", bundle, *images, "--out", "a.csv", cwd=tmp_path)
    ended, err = kill_when(process, note.exists, signum)
    assert ended == code, err
    assert not out.exists()
    kept = json.loads(note.read_text())["n_rows"]
    assert 0 < kept < MANY
    if signum == signal.SIGTERM:
        last = f"error: interrupted; {kept} of {MANY} rows are kept in a.csv.part; the same command goes on"
        assert err.splitlines()[-1].startswith(last)
    answer = finetune("predict", bundle, *images, "--out", out, "--json")
    assert answer.code == 0, answer.err
    assert f"going on after {kept} of {MANY} images" in answer.err
    assert (answer.json["rows"], answer.json["kept"]) == (MANY, kept)
    assert out.read_bytes() == whole
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.csv"]


def test_rows_for_another_question_are_not_gone_on_with(
    finetune: Finetune, bundle: Path, images: list[Path], tmp_path: Path
) -> None:
    process = start("predict", bundle, *images, "--out", "a.csv", cwd=tmp_path)
    kill_when(process, (tmp_path / "a.csv.part.json").exists, signal.SIGKILL)
    answer = finetune("predict", bundle, *images[:5], "--out", tmp_path / "a.csv", "--top", 1)
    assert answer.code == 0
    assert "holds the answers to another question; starting over" in answer.err
    lines = (tmp_path / "a.csv").read_text().splitlines()
    assert len(lines) == 6
    assert lines[0] == "path,label,probability,error,top1_label,top1_probability"


def test_lines_of_json_are_those_of_json(
    finetune: Finetune, bundle: Path, colours: Path, tmp_path: Path
) -> None:
    (tmp_path / "bad.png").touch()
    asked = (colours / "lime", tmp_path / "bad.png")
    answer = finetune("predict", bundle, *asked, "--out", tmp_path / "a.jsonl")
    assert answer.out == f"wrote 15 rows to {tmp_path / 'a.jsonl'}, 1 of them errors\n"
    lines = [json.loads(line) for line in (tmp_path / "a.jsonl").read_text(encoding="utf-8").splitlines()]
    assert lines == finetune("predict", bundle, *asked, "--json").json


@pytest.mark.skipif(not Path("/dev/stdout").exists(), reason="no such stream")
def test_rows_stream_to_stdout_and_nothing_else_does(bundle: Path, colours: Path, tmp_path: Path) -> None:
    asked = ("predict", bundle, colours / "lime", "--out", "/dev/stdout", "--format", "jsonl")
    answer = finetune_process(*asked, cwd=tmp_path)
    assert answer.code == 0, answer.err
    assert len([json.loads(line) for line in answer.out.splitlines()]) == 14
    assert "wrote 14 rows to /dev/stdout" in answer.err
    assert Path("/dev/stdout").is_symlink()


def test_both_engines_give_the_same_labels(
    finetune: Finetune, bundle: Path, colours: Path, tmp_path: Path
) -> None:
    labels = {}
    for engine in ("torch", "onnxruntime"):
        out = tmp_path / f"{engine}.jsonl"
        answer = finetune("predict", bundle, colours, "--engine", engine, "--out", out, "--json")
        assert answer.json["engine"] == engine
        rows = map(json.loads, out.read_text(encoding="utf-8").splitlines())
        labels[engine] = [(row["label"], round(row["probability"], 3)) for row in rows]
    assert len(labels["torch"]) == 42
    assert labels["torch"] == labels["onnxruntime"]


def test_patterns_and_what_is_wrong_with_them(finetune: Finetune, bundle: Path, colours: Path) -> None:
    answer = finetune("predict", bundle, colours / "*" / "1.png", "--json")
    assert [row["label"] for row in answer.json] == ["apple", "lime", "plum"]
    answer = finetune("predict", bundle, colours / "*.bmp")
    assert answer.code == 3
    assert "nothing matches" in answer.error


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("--format", "csv"), "--format has an effect only with --out"),
        (("--format", "xlsx", "--out", "a.csv"), "unknown format 'xlsx'; choose from csv, jsonl"),
        (("--engine", "tpu"), "unknown engine 'tpu'; choose from auto, torch, onnxruntime"),
    ],
)
def test_choices_that_cannot_be(
    finetune: Finetune, bundle: Path, colours: Path, options: tuple[str, ...], told: str
) -> None:
    answer = finetune("predict", bundle, colours, *options)
    assert answer.code == 2
    assert told in answer.error
