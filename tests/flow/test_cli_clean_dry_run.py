"""A dry run says what the cleaning would do, in the same words, and writes nothing."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from cleaning_sets import COUNTS, EXPECTED, draw_faulty, log_of, tree
from conftest import Finetune, draw_colours


@pytest.fixture
def faulty(tmp_path: Path) -> Iterator[Path]:
    """The faulty set, beside which a dry run may leave nothing."""
    root = draw_faulty(tmp_path / "set")
    before = tree(tmp_path)
    yield root
    assert tree(tmp_path) == before


def rows(text: str) -> list[tuple[str, ...]]:
    """The table of a text: action, file and reason of each row."""
    lines = text[text.index("action ") :].splitlines()[1:]
    cells = [tuple(re.split(r"\s{2,}", line.strip())) for line in lines if line.strip()]
    return [row for row in cells if len(row) == 3]


@pytest.mark.parametrize("place", [(), ("--out", "out"), ("--manifest", "sound.csv")])
def test_every_action_is_told_and_nothing_is_written(
    place: tuple[str, ...],
    finetune: Finetune,
    faulty: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    answer = finetune("clean", "set", "--dry-run", "--json", *place)
    assert answer.code == 0, answer.err
    told = answer.json
    names = {row["name"] for row in told["files"]}
    assert (told["dry_run"], told["kept"]) == (True, 21)
    assert names == {path.relative_to(faulty).as_posix() for path in faulty.rglob("*.*")}
    assert sum(told["actions"].values()) == len(told["files"]) == 26
    where = {
        (): (None, None),
        ("--out", "out"): ("out/data", "out/actions.csv"),
        ("--manifest", "sound.csv"): ("sound.csv", "sound.actions.csv"),
    }
    assert (told["data"], told["log"]) == where[place]
    # A manifest writes no images: what it lists stays as it is.
    assert told["actions"] == (
        {**COUNTS, "copy": 21, "rename": 0, "rewrite": 0} if "--manifest" in place else COUNTS
    )
    aside = {row["written"] != "" for row in told["files"] if row["kind"] == "quarantine"}
    assert aside == {"--manifest" not in place}
    said = finetune("clean", "set", "--dry-run", *place).out
    assert said.startswith("21 images would ")
    assert "dry run: nothing was written; to do it, " in said
    assert ("leave out --dry-run" in said) == bool(place)


def test_a_dry_run_foretells_what_the_cleaning_then_does(finetune: Finetune, tmp_path: Path) -> None:
    draw_faulty(tmp_path / "set")
    command = ("clean", tmp_path / "set", "--out", tmp_path / "out", "--no-upright")
    foretold = finetune(*command, "--dry-run", "--json").json
    shown = finetune(*command, "--dry-run").out
    done = finetune(*command)
    assert done.code == 0, done.err
    assert rows(shown) == rows(done.out)
    assert len(rows(shown)) == 8
    names = {row["name"]: (row["kind"], row["written"]) for row in foretold["files"] if row["kind"] != "copy"}
    assert names == log_of(tmp_path / "out") == {k: v for k, v in EXPECTED.items() if k != "plum/turned.jpg"}


def test_of_many_alike_the_first_are_shown_and_the_others_counted(finetune: Finetune, tmp_path: Path) -> None:
    root = draw_colours(tmp_path / "set", {"a": 2, "b": 2})
    for number in range(9):
        (root / "a" / f"broken-{number}.jpg").write_bytes(b"no image")
    (root / "b" / "notes [1].txt").write_text("hello")
    said = finetune("clean", root, "--dry-run").out
    assert "  9 quarantine  put aside: unreadable, or in two classes at once" in said
    assert said.count("quarantine") == 1 + 5
    assert "… and 4 more" in said
    assert "notes [1].txt" in said, "what follows many of one kind is shown too"


def test_a_dry_run_refuses_what_the_cleaning_would_refuse(
    finetune: Finetune, faulty: Path, tmp_path: Path
) -> None:
    answer = finetune("clean", faulty, "--dry-run", "--out", tmp_path)
    assert (answer.code, "is not empty; choose another folder" in answer.error) == (6, True)
    answer = finetune("clean", faulty, "--dry-run", "--manifest", faulty / "sound.csv")
    assert (answer.code, "lies inside the data set" in answer.error) == (2, True)
    answer = finetune("clean", faulty, "--dry-run", "--manifest", tmp_path / "sound.csv", "--reencode")
    assert (answer.code, "has no effect with --manifest" in answer.error) == (2, True)
