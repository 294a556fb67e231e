"""Answers as rows: the promised columns, whatever the names, and JSON that reads back."""

import csv
import io
import json
import os
from pathlib import Path

import pytest

from finetune.bundle.predict import Prediction
from finetune.errors import OptionError
from finetune.prediction.rows import CsvRows, JsonRows, format_of, prediction_json

GOOD = Prediction(Path("a b.png"), (("größe, 10 cm", 0.75), ("ants", 0.25)), "")
BAD = Prediction(Path("bad.png"), (), "is truncated")


def read(rows: CsvRows, *predictions: Prediction) -> list[list[str]]:
    text = rows.header() + "".join(map(rows.row, predictions))
    return list(csv.reader(io.StringIO(text.encode("utf-8", "backslashreplace").decode(), newline="")))


def test_a_csv_has_the_promised_columns_and_a_row_an_image() -> None:
    columns = "path,label,probability,error,top1_label,top1_probability,top2_label,top2_probability"
    assert read(CsvRows(top=2), GOOD, BAD) == [
        columns.split(","),
        ["a b.png", "größe, 10 cm", "0.750000", "", "größe, 10 cm", "0.750000", "ants", "0.250000"],
        ["bad.png", "", "", "is truncated", "", "", "", ""],
    ]


def test_verdicts_are_the_last_columns_and_only_those_that_there_are() -> None:
    judged = Prediction(Path("a.png"), (("ants", 1.0),), "", known=False, plausible=("ants", "größe"))
    header, row = read(CsvRows(top=1, verdicts=("known", "set")), judged)
    assert header[-2:] == ["set", "known"]
    assert (json.loads(row[-2]), row[-1]) == (["ants", "größe"], "false")
    header, row = read(CsvRows(top=1, verdicts=("known",)), BAD)
    assert (header[-1], row[-1]) == ("known", "")


def test_a_csv_is_read_back_whatever_the_names() -> None:
    names = ["zwei\nzeilen.png", '"quoted".png', os.fsdecode(b"odd-\xff.png")]
    rows = read(CsvRows(top=1), *(Prediction(Path(name), (("ants", 1.0),), "") for name in names))
    assert [row[0] for row in rows[1:]] == ["zwei\nzeilen.png", '"quoted".png', "odd-\\udcff.png"]


def test_a_line_of_json_is_what_json_shows() -> None:
    rows = JsonRows()
    assert rows.header() == ""
    line = rows.row(GOOD)
    assert line.count("\n") == 1
    assert json.loads(line) == prediction_json(GOOD)
    odd = Prediction(Path(os.fsdecode(b"odd-\xff.png")), (), "is empty")
    assert json.loads(rows.row(odd).encode("utf-8", "backslashreplace")) == prediction_json(odd)


def test_a_prediction_is_ready_for_json() -> None:
    assert prediction_json(GOOD) == {
        "path": "a b.png",
        "label": "größe, 10 cm",
        "probability": 0.75,
        "error": None,
        "top": [{"label": "größe, 10 cm", "probability": 0.75}, {"label": "ants", "probability": 0.25}],
    }
    expected = {"path": "bad.png", "label": None, "probability": None, "error": "is truncated", "top": []}
    assert prediction_json(BAD) == expected


@pytest.mark.parametrize(
    ("out", "asked", "expected"),
    [("a.csv", None, "csv"), ("a.JSONL", None, "jsonl"), ("a.ndjson", None, "jsonl"), ("a.txt", None, "csv"),
     ("/dev/stdout", "jsonl", "jsonl"), ("a.jsonl", "csv", "csv")],
)  # fmt: skip
def test_the_ending_says_the_format_unless_it_is_asked_for(
    out: str, asked: str | None, expected: str
) -> None:
    assert format_of(Path(out), asked) == expected


def test_an_unknown_format_is_refused() -> None:
    with pytest.raises(OptionError, match="unknown format 'xlsx'; choose from csv, jsonl"):
        format_of(Path("a.xlsx"), "xlsx")
