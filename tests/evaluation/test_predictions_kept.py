"""What a run said of each image comes back as it was, and what is damaged is refused in one sentence."""

import csv
from pathlib import Path

import numpy as np
import pytest

from finetune.errors import ResourceError, RunError
from finetune.evaluation.calibration import Calibration
from finetune.evaluation.gallery import choose
from finetune.evaluation.predictions import Predictions, read_predictions, write_predictions


@pytest.fixture
def said() -> Predictions:
    logits = np.array([[4, 0], [0, 1], [2, 0], [0, 3], [0.2, 0]], np.float32)
    names = ("ants/ü,1.png", "bees/2.png", 'bees/"3".png', "ants/4.png", "ants/5\n.png")
    return Predictions(names, np.array([0, 1, 1, 0, 0]), logits, ("ants", "bees"), tuple("abcde"))


def test_what_is_written_is_read_again(said: Predictions, tmp_path: Path) -> None:
    table, logits = tmp_path / "p.csv", tmp_path / "p.safetensors"
    write_predictions(said, table=table, logits=logits, calibration=Calibration(2.0))
    read = read_predictions(table, logits, said.class_names)
    assert (read.names, read.class_names, read.digests) == (said.names, said.class_names, said.digests)
    assert (read.targets == said.targets).all()
    assert (read.logits == said.logits).all()
    with table.open(newline="", encoding="utf-8") as stream:
        rows = list(csv.DictReader(stream))
    assert [row["predicted"] for row in rows] == ["ants", "bees", "ants", "bees", "ants"]
    assert float(rows[0]["probability"]) == pytest.approx(1 / (1 + np.exp(-2)), abs=1e-6), "calibrated"


def test_files_that_are_gone_damaged_or_of_two_runs_are_refused(said: Predictions, tmp_path: Path) -> None:
    table, logits = tmp_path / "p.csv", tmp_path / "p.safetensors"
    with pytest.raises(RunError, match="is missing, so what the run said of each image is not known"):
        read_predictions(table, logits, said.class_names)
    write_predictions(said, table=table, logits=logits)
    with pytest.raises(RunError, match="do not belong together"):
        read_predictions(table, logits, ("bees", "ants"))
    kept = table.read_text(encoding="utf-8")
    table.write_text("".join(kept.splitlines(keepends=True)[:3]), encoding="utf-8")
    with pytest.raises(RunError, match="do not belong together"):
        read_predictions(table, logits, said.class_names)
    table.write_text("nonsense\n1\n", encoding="utf-8")
    with pytest.raises(RunError, match="is damaged"):
        read_predictions(table, logits, said.class_names)
    logits.write_bytes(b"nonsense")
    with pytest.raises(RunError, match="is damaged"):
        read_predictions(table, logits, said.class_names)


def test_logits_that_cannot_be_written_are_told(said: Predictions, tmp_path: Path) -> None:
    with pytest.raises(ResourceError, match=r"cannot write .*nowhere"):
        write_predictions(said, table=tmp_path / "p.csv", logits=tmp_path / "nowhere" / "p.safetensors")


def test_the_gallery_shows_the_surest_mistakes_and_the_hits_nearly_missed(said: Predictions) -> None:
    gallery = choose(said)
    assert [shown.place for shown in gallery.mistakes] == [3, 2]
    assert [shown.place for shown in gallery.hits] == [4, 1, 0]
    first = gallery.mistakes[0]
    assert (first.label, first.called) == ("ants", "bees")
    assert first.probability + first.probability_of_label == pytest.approx(1)
    assert [len(choose(said, most=1).mistakes), len(choose(said, most=1).hits)] == [1, 1]
    assert "place" not in gallery.to_json()["uncertain_hits"][0]
    assert choose(said, Calibration(100.0)).mistakes[0].probability < 0.51
