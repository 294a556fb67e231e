"""Names that a program stumbles over: blanks, umlauts, Chinese, brackets, colons, leading dashes."""

import json
from pathlib import Path

import pytest
from conftest import COLOURS, Finetune, coloured

CLASSES = ("-dash", "Große Äpfel", "[red]x[b]", ":smile:", "猫")


@pytest.fixture(scope="session")
def odd_names(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("data") / "meine Bilder, ü [neu]"
    assert len(CLASSES) == len(COLOURS)
    for kind, name in enumerate(CLASSES):
        (root / name).mkdir(parents=True)
        for i in range(8):
            coloured(kind, i).save(root / name / f"{i} [bold]é.png")
    return root


def test_odd_names_go_through_from_inspect_to_evaluate(
    finetune: Finetune,
    odd_names: Path,
    tiny: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    inspected = finetune("inspect", odd_names)
    for name in CLASSES:
        assert f"\n{name} " in inspected.out

    fitted = finetune("fit", f"{odd_names}/", "--strategy", "freeze-all", *tiny)
    assert fitted.code == 0, fitted.err
    (run,) = (tmp_path / "checkpoints").iterdir()
    assert run.name == "meine-Bilder-ü-neu-freeze-all-1"
    assert json.loads((run / "bundle" / "classes.json").read_text(encoding="utf-8")) == sorted(CLASSES)

    evaluated = finetune("evaluate", run, odd_names)
    lines = evaluated.out.splitlines()
    first = 1 + next(rank for rank, line in enumerate(lines) if line.startswith("class "))
    assert [line[:12].strip() for line in lines[first : first + len(CLASSES)]] == sorted(CLASSES)
    metrics = finetune("evaluate", run, odd_names, "--json").json
    assert metrics["accuracy"] > 0.9

    table = finetune("predict", run, odd_names).out
    assert all(f"{odd_names}/{name}/0 [bold]é.png " in table for name in CLASSES)
    for name in CLASSES:
        image = odd_names / name / "0 [bold]é.png"
        line = finetune("predict", run, image).out
        assert line.startswith(f"{image}: ")
        label = finetune("predict", run, image, "--json").json[0]["label"]
        assert line.startswith(f"{image}: {label} ")


def test_a_class_with_a_leading_dash_can_be_left_out(finetune: Finetune, odd_names: Path) -> None:
    for written in (("--exclude", "-dash"), ("--exclude=-dash",)):
        report = finetune("inspect", odd_names, *written, "--exclude", "猫", "--json").json
        assert set(report["classes"]) == set(CLASSES) - {"-dash", "猫"}


def test_one_name_in_two_unicode_forms_is_one_class(finetune: Finetune, tmp_path: Path) -> None:
    forms = {"train": "Gr\u00fcn", "val": "Gru\u0308n"}
    for split, green in forms.items():
        for kind, name in enumerate((green, "rot")):
            (tmp_path / "data" / split / name).mkdir(parents=True)
            for i in range(4):
                coloured(kind, len(split) + i).save(tmp_path / "data" / split / name / f"{i}.png")
    report = finetune("inspect", tmp_path / "data", "--json").json
    assert report["classes"] == {"Gr\u00fcn": 8, "rot": 8}


def test_a_very_long_name_still_gives_a_run_folder(
    finetune: Finetune, tiny: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = tmp_path / ("x" * 250)
    for kind, name in enumerate(("a", "b")):
        (data / name).mkdir(parents=True)
        for i in range(5):
            coloured(kind, i).save(data / name / f"{i}.png")
    monkeypatch.chdir(tmp_path)
    answer = finetune("fit", data, "--strategy", "freeze-all", *tiny)
    assert answer.code == 0, answer.err
    assert (tmp_path / "checkpoints" / f"{'x' * 60}-freeze-all-1").is_dir()
