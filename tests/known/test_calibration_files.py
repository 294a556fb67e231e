"""What was fitted comes back from the files beside a bundle; old bundles have none; damage is told."""

import json
from pathlib import Path

import numpy as np
import pytest
from features import clouds, logits_of

from finetune.errors import RunError
from finetune.known.calibration import ARRAYS_FILE, JSON_FILE, Calibration, read_calibration, write_known
from finetune.known.conformal import fit_conformal
from finetune.known.reject import fit_reject


def written(folder: Path) -> Calibration:
    train, targets = clouds(300, seed=1)
    val, val_targets = clouds(100, seed=2)
    logits = logits_of(val)
    made = Calibration(
        1.0,
        fit_reject(train, targets, held_out=val, logits=logits, held_out_targets=val_targets),
        fit_conformal(logits, val_targets),
    )
    write_known(folder, reject=made.reject, conformal=made.conformal)
    return made


def test_what_was_written_judges_alike(tmp_path: Path) -> None:
    made = written(tmp_path)
    features = np.concatenate([clouds(20, seed=3)[0], clouds(20, seed=4, first=6)[0]])
    logits = logits_of(features)
    for coverage in (0.8, 0.99):
        found = read_calibration(tmp_path).judge(logits, features, coverage=coverage)
        assert found == made.judge(logits, features, coverage=coverage)
    verdicts = made.judge(logits, features)
    assert sum(verdict.known is True for verdict in verdicts[:20]) >= 17
    assert sum(verdict.known is False for verdict in verdicts[20:]) >= 15
    for verdict, row in zip(verdicts, logits, strict=True):
        assert verdict.plausible is not None
        assert list(verdict.plausible) == sorted(verdict.plausible, key=lambda index: -row[index])


def test_a_bundle_without_the_files_cannot_tell(tmp_path: Path) -> None:
    found = read_calibration(tmp_path)
    assert found == Calibration()
    features, _ = clouds(2)
    assert [(verdict.known, verdict.plausible) for verdict in found.judge(logits_of(features), features)] == [
        (None, None)
    ] * 2


def test_what_others_wrote_stays_and_a_second_run_replaces_only_its_own(tmp_path: Path) -> None:
    (tmp_path / JSON_FILE).write_text('{"temperature": {"value": 1.5, "n": 3}, "other": [1]}')
    assert read_calibration(tmp_path).temperature == 1.5
    written(tmp_path)
    written(tmp_path)
    sections = json.loads((tmp_path / JSON_FILE).read_text())
    assert sections["other"] == [1]
    assert read_calibration(tmp_path).temperature == 1.5
    assert sorted(path.name for path in tmp_path.iterdir()) == [JSON_FILE, ARRAYS_FILE]
    write_known(tmp_path, reject=None, conformal=None)
    assert read_calibration(tmp_path) == Calibration(1.5)


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / JSON_FILE).write_text("{"),
        lambda folder: (folder / JSON_FILE).write_text("[1]"),
        lambda folder: (folder / JSON_FILE).write_text('{"temperature": 0}'),
        lambda folder: (folder / JSON_FILE).write_text('{"reject": {"kind": "distance"}}'),
        lambda folder: (folder / ARRAYS_FILE).write_bytes(b"no tensors"),
    ],
)
def test_a_damaged_file_is_told(tmp_path: Path, change: object) -> None:
    written(tmp_path)
    change(tmp_path)  # type: ignore[operator]
    with pytest.raises(RunError, match=r"is damaged \(calibration.json: .*write it again"):
        read_calibration(tmp_path)


def test_missing_arrays_are_told(tmp_path: Path) -> None:
    written(tmp_path)
    (tmp_path / ARRAYS_FILE).unlink()
    with pytest.raises(RunError, match=r"lacks known.safetensors; write it again"):
        read_calibration(tmp_path)
