"""The table opens in a spreadsheet and in a Markdown reader, whatever names and errors hold."""

import csv
import html
import io
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as some

from finetune.batch.ledger import Ledger, Row
from finetune.batch.table import COLUMNS, CSV_COLUMNS, cells_of, square_of, to_csv, to_markdown, write_tables

DONE = Row(
    "fruit-head",
    "finished",
    0.875,
    12.34,
    "out/runs/fruit-head",
    data="fruit.zip",
    strategy="freeze-all",
    accuracy_interval=(0.75, 0.9375),
    accuracy_split="test",
    n_test=72,
    macro_f1=0.8125,
)
FAILED = Row(
    "fruit-deep", "failed", error="no folder or file at a|b, `check` the *path*\nand <more> \\| of it"
)
PENDING = Row("bees-head", "pending")
CELLS = {"fruit-head": ("fruit", "head"), "fruit-deep": ("fruit", "deep"), "bees-head": ("bees", "head")}


def markdown_cells(line: str) -> list[str]:
    """The cells of a line as a reader of GitHub's Markdown shows them."""
    inner = re.fullmatch(r"\| ((?:\\.|[^\\])*) \|", line)
    assert inner, line
    cells = re.findall(r"(?:^|(?<= \| ))((?:\\.|[^\\|])*?)(?= \| |$)", inner[1])
    return [html.unescape(re.sub(r"\\([\\|`*])", r"\1", cell)) for cell in cells]


def tables_of(text: str) -> list[list[list[str]]]:
    return [
        [markdown_cells(line) for line in part.splitlines() if "---" not in line]
        for part in text.split("\n\n")
    ]


def test_the_csv_holds_each_row_unrounded() -> None:
    first, second, third = csv.DictReader(io.StringIO(to_csv([DONE, FAILED, PENDING]), newline=""))
    assert tuple(first) == CSV_COLUMNS
    assert float(first["accuracy"]) == 0.875
    assert float(first["macro_f1"]) == 0.8125
    assert (float(first["accuracy_low"]), float(first["accuracy_high"])) == (0.75, 0.9375)
    assert (float(first["seconds"]), first["state"]) == (12.34, "finished")
    assert (second["accuracy"], second["error"]) == ("", FAILED.error)
    assert third["state"] == "pending"


def test_the_markdown_holds_a_line_a_job_and_a_square() -> None:
    square, table = tables_of(to_markdown([DONE, FAILED, PENDING], CELLS))
    assert square == [["data", "head", "deep"], ["fruit", "87.5 %, 12 s", "failed"], ["bees", "pending", ""]]
    assert table[0] == list(COLUMNS)
    assert table[1][:6] == ["fruit-head", "finished", "87.5 % (75.0 – 93.8)", "0.812", "72 test", "12"]
    assert table[2][1] == "failed"
    assert table[2][-1] == " ".join(FAILED.error.split())


def test_without_combined_jobs_there_is_no_square() -> None:
    assert square_of([DONE], {}) is None
    assert len(tables_of(to_markdown([DONE], {}))) == 1


@given(some.text(max_size=40), some.text(max_size=40))
def test_no_text_breaks_a_table(data: str, error: str) -> None:
    row = Row("a", "failed", error=error, data=data)
    (read,) = csv.DictReader(io.StringIO(to_csv([row]), newline=""))
    assert (read["data"], read["error"]) == (data, error)
    lines = to_markdown([row], {}).splitlines()
    assert len(lines) == 3
    unescaped = re.sub(r"\\.", "", lines[-1])
    assert unescaped.count("|") == len(COLUMNS) + 1


def test_both_files_are_replaced_whole(tmp_path: Path) -> None:
    to, markdown = tmp_path / "r.csv", tmp_path / "r.md"
    for rows in ([DONE, FAILED], [DONE]):
        write_tables(rows, {}, to=to, markdown=markdown)
    assert to.read_bytes().decode() == to_csv([DONE])
    assert markdown.read_text(encoding="utf-8") == to_markdown([DONE], {})
    assert {path.name for path in tmp_path.iterdir()} == {"r.csv", "r.md"}


def test_the_last_row_of_a_name_counts(tmp_path: Path) -> None:
    ledger = Ledger(tmp_path / "results.jsonl")
    assert ledger.rows() == {}
    for row in (PENDING, FAILED, DONE, Row("bees-head", "failed", error="\u2028 and \x85")):
        ledger.append(row)
    rows = ledger.rows()
    assert rows["fruit-head"] == DONE
    assert rows["bees-head"].error == "\u2028 and \x85"
    assert list(rows) == ["bees-head", "fruit-deep", "fruit-head"]


@pytest.mark.parametrize("damage", [b'{"name": "half', b"\xff\xfe\n", b"[]\n", b'{"name": "b"}\n', b"\n"])
def test_a_line_that_a_crash_has_cut_short_costs_that_line_only(tmp_path: Path, damage: bytes) -> None:
    path = tmp_path / "results.jsonl"
    Ledger(path).append(DONE)
    path.write_bytes(path.read_bytes() + damage)
    Ledger(path).append(FAILED)
    assert Ledger(path).rows() == {DONE.name: DONE, FAILED.name: FAILED}


def test_what_a_later_version_adds_to_a_row_is_passed_over(tmp_path: Path) -> None:
    path = tmp_path / "results.jsonl"
    path.write_text('{"name": "a", "state": "failed", "watts": 3}\n')
    assert Ledger(path).rows() == {"a": Row("a", "failed")}


def test_the_words_of_a_row_are_as_many_as_the_columns() -> None:
    assert all(len(cells_of(row)) == len(COLUMNS) for row in (DONE, FAILED, PENDING))
