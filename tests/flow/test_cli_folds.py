"""Cross-validation over folds, groups, shares and balance, as the command line gives them."""

import json
from pathlib import Path

import pytest
from conftest import Finetune, draw_colours, fit_quietly


@pytest.fixture(scope="module")
def folded(
    colours: Path, tiny: tuple[str, ...], tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, str]:
    run = tmp_path_factory.mktemp("folds") / "run"
    options = (*tiny, "--strategy", "freeze-all", "--folds", 4)
    return run, fit_quietly(colours, *options, "--out", run).err


def test_folds_judge_every_image_once_beside_the_test_split(folded: tuple[Path, str]) -> None:
    run, said = folded
    report = json.loads((run / "report.json").read_text(encoding="utf-8"))
    found = report["cross_validation"]
    assert (found["n_folds"], found["n_images"], found["n_left_out"]) == (4, 42, 0)
    assert sum(fold["n_images"] for fold in found["folds"]) == 42
    low, high = found["accuracy_interval"]
    assert 0 <= low <= found["accuracy"] <= high <= 1
    assert found["accuracy"] > 0.9
    assert report["n_test"] == 4
    assert "4 folds of 42 images: accuracy" in said


def test_the_bundle_is_the_same_with_and_without_folds(
    finetune: Finetune, folded: tuple[Path, str], colours: Path, tiny: tuple[str, ...], tmp_path: Path
) -> None:
    run = tmp_path / "plain"
    assert finetune("fit", colours, *tiny, "--strategy", "freeze-all", "--out", run).code == 0
    weights = Path("bundle", "model.safetensors")
    assert (run / weights).read_bytes() == (folded[0] / weights).read_bytes()


@pytest.mark.parametrize(
    ("options", "match"),
    [
        (("--strategy", "partial"), "--folds has no effect with strategy 'partial'"),
        (("--strategy", "freeze-all", "--head", "dense"), "--folds has no effect with strategy 'freeze-all'"),
        (("--strategy", "freeze-all", "--augment", "crop"), "--folds 3 judges images as they are, but"),
    ],
)
def test_folds_are_refused_where_networks_would_be_trained(
    finetune: Finetune, colours: Path, tmp_path: Path, options: tuple[str, ...], match: str
) -> None:
    answer = finetune("fit", colours, *options, "--folds", 3, "--out", tmp_path / "run")
    assert (answer.code, match in answer.error) == (2, True), answer.error


def test_folds_and_shares_are_refused_where_the_data_has_its_own_splits(
    finetune: Finetune, lacking: Path, tiny: tuple[str, ...], tmp_path: Path
) -> None:
    common = ("fit", lacking, *tiny, "--strategy", "freeze-all", "--out", tmp_path / "run")
    folds = finetune(*common, "--folds", 3)
    assert (folds.code, "--folds 3 has no effect on" in folds.error) == (2, True)
    share = finetune(*common, "--val-share", 0.3)
    assert (share.code, "--val-share is 0.3, but" in share.error) == (2, True)
    group = finetune(*common, "--group-by", "(.)")
    assert (group.code, "--group-by has no effect on" in group.error) == (2, True)


def test_shares_and_groups_by_name_reach_the_split(
    finetune: Finetune, colours: Path, tiny: tuple[str, ...], tmp_path: Path
) -> None:
    options = ("--val-share", 0.3, "--test-share", 0.3, "--group-by", r"/(\d)\d?\.png$")
    answer = finetune(
        "fit", colours, *tiny, "--strategy", "freeze-all", *options, "--out", tmp_path / "run", "--json"
    )
    assert answer.code == 0, answer.err
    sizes = [answer.json[f"n_{side}"] for side in ("train", "val", "test")]
    assert sum(sizes) == 42
    assert sizes[1] + sizes[2] >= 12
    bad = finetune("fit", colours, "--group-by", "(", "--out", tmp_path / "bad")
    assert (bad.code, "is no regular expression" in bad.error) == (2, True)


def test_balance_auto_says_what_it_does_and_why(
    finetune: Finetune, tiny: tuple[str, ...], tmp_path: Path
) -> None:
    data = draw_colours(tmp_path / "data", {"a": 40, "b": 8})
    run = tmp_path / "run"
    answer = finetune("fit", data, *tiny, "--strategy", "freeze-all", "--balance", "auto", "--out", run)
    assert answer.code == 0, answer.err
    assert "class balance weights: 'a' has " in answer.err
    assert "class_balance: weights" in (run / "recipe.yaml").read_text(encoding="utf-8")
    assert ", macro F1 " in answer.out
