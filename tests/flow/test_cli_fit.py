"""From images to a run folder: every strategy by name, the files and numbers it leaves, and its repetition."""

import json
import re
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
import yaml
from conftest import Answer, Finetune, Finished, coloured, draw_colours
from PIL import Image
from safetensors.torch import load_file

from strategies import STRATEGIES

REPORT_KEYS = {
    "schema",
    "strategy",
    "strategy_requested",
    "backbone",
    "weights",
    "accuracy",
    "accuracy_split",
    "selection_split",
    "n_train",
    "n_val",
    "n_test",
    "classes",
    "trainable_share",
    "seconds",
    "seconds_by_phase",
    "seed",
    "versions",
}
"""The keys that scripts rely on."""

RUN_FILES = {
    "run.json",
    "recipe.yaml",
    "metrics.csv",
    "report.json",
    "report.html",
    "predictions.csv",
    "predictions.safetensors",
    "curves.png",
    "confusion.png",
    "log.txt",
    "tensorboard/events.out.tfevents",
    "bundle/model.safetensors",
    "bundle/config.json",
    "bundle/classes.json",
    "bundle/preprocess.json",
    "bundle/files.json",
    "bundle/reference.safetensors",
    "bundle/reference.json",
    "bundle/recipe.yaml",
    "bundle/report.json",
    "bundle/MODEL_CARD.md",
    "bundle/calibration.json",
}

BY_GRADIENT = {"augmentation.png", "what_moved.png", "what_moved.csv", "what_moved.json"}

every_strategy = pytest.mark.parametrize("strategy", STRATEGIES)


def files(folder: Path) -> set[str]:
    """The paths of the files; an event file's name ends in its time and the machine's name."""
    found = (path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    return {re.sub(r"(tfevents)\..*", r"\1", name) for name in found}


@every_strategy
def test_a_run_leaves_exactly_the_promised_files(finished: dict[str, Finished], strategy: str) -> None:
    extra = set() if strategy == "freeze-all" else BY_GRADIENT
    assert files(finished[strategy].folder) == RUN_FILES | extra


@every_strategy
def test_a_report_has_the_promised_keys_and_numbers_that_can_be(
    finished: dict[str, Finished], strategy: str
) -> None:
    report = finished[strategy].report
    assert set(report) >= REPORT_KEYS
    assert report["strategy"] == report["strategy_requested"] == strategy
    assert report["backbone"] == "test_resnet"
    assert set(report["weights"]) >= {"source", "sha256", "licence"}
    low, high = report["accuracy_interval"]
    assert 0 <= low <= report["accuracy"] <= high <= 1
    assert report["accuracy"] == report["n_correct"] / report["n_test"]
    assert (report["n_train"], report["n_val"], report["n_test"]) == (32, 6, 4)
    assert report["classes"] == ["apple", "lime", "plum"]
    assert report["accuracy_split"] == "test"
    assert report["selection_split"] == (None if strategy == "freeze-all" else "val")
    assert report["seconds"] == pytest.approx(sum(report["seconds_by_phase"].values()), abs=0.1)
    assert sum(map(sum, report["confusion"])) == report["n_test"]


def test_the_share_that_trains_grows_from_strategy_to_strategy(finished: dict[str, Finished]) -> None:
    shares = [finished[name].report["trainable_share"] for name in STRATEGIES]
    assert 0 < shares[0] < 0.01 < shares[1] < shares[2] == shares[3] == 1


def test_the_weights_are_told_by_source_and_checksum(finished: dict[str, Finished], weights: Path) -> None:
    told = finished["partial"].report["weights"]
    assert (told["source"], told["origin"], len(told["sha256"])) == ("file", str(weights), 64)
    assert finished["from-scratch"].report["weights"]["source"] == "none"


@every_strategy
def test_a_recipe_holds_every_choice_by_its_concrete_name(
    finished: dict[str, Finished], strategy: str, weights: Path
) -> None:
    recipe = yaml.safe_load((finished[strategy].folder / "recipe.yaml").read_text())
    assert recipe["strategy"] == strategy
    assert recipe["backbone"] == "test_resnet"
    assert recipe["weights"] == ("none" if strategy == "from-scratch" else str(weights))
    assert recipe["image_size"] == 32
    numbers = {"epochs", "lr", "weight_decay", "label_smoothing", "augment", "batch_size"}
    assert numbers & set(recipe) == (set() if strategy == "freeze-all" else numbers)


@pytest.mark.parametrize("strategy", [name for name in STRATEGIES if name != "freeze-all"])
def test_the_metrics_have_a_row_an_epoch_from_before_the_first(
    finished: dict[str, Finished], strategy: str
) -> None:
    header, *rows = finished[strategy].metrics
    scores = ["train_loss", "val_loss", "val_accuracy", "val_score"]
    assert header == ["epoch", *scores, "lr", "seconds", "val_macro_f1"]
    assert [row[0] for row in rows] == ["0", "1", "2"]
    assert rows[0][1] == ""
    assert all(float(row[1]) > 0 for row in rows[1:])
    assert all(float(row[2]) >= 0 and 0 <= float(row[3]) <= 1 for row in rows)


def test_freeze_all_writes_the_strengths_that_it_tried(finished: dict[str, Finished]) -> None:
    header, *rows = finished["freeze-all"].metrics
    assert header == ["inverse_strength", "cv_log_loss"]
    assert len(rows) >= 3
    assert all(float(loss) > 0 for _, loss in rows)


@every_strategy
def test_the_pictures_open(finished: dict[str, Finished], strategy: str) -> None:
    for path in finished[strategy].folder.glob("*.png"):
        with Image.open(path) as picture:
            picture.load()
            assert min(picture.size) > 100


@every_strategy
def test_the_log_holds_all_that_was_said_with_the_time(finished: dict[str, Finished], strategy: str) -> None:
    run = finished[strategy]
    lines = (run.folder / "log.txt").read_text(encoding="utf-8").splitlines()
    assert all(re.match(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d \S", line) for line in lines)
    texts = [line[20:] for line in lines]
    assert run.answer.err.splitlines() == [text for text in texts if text in run.answer.err.splitlines()]
    assert any(text.startswith("checking images: 42 of 42, ") for text in texts)
    result, *notes = run.answer.out.splitlines()[:-2]
    assert texts[-1 - len(notes) :] == [result, *notes]


@every_strategy
def test_the_answer_names_the_result_its_interval_and_the_next_command(
    finished: dict[str, Finished], strategy: str
) -> None:
    run = finished[strategy]
    result, beside, *notes, places, following = run.answer.out.splitlines()
    assert re.match(r"beside it: nearest neighbours of frozen features [\d.]+ % \([\d.]+ to [\d.]+\)", beside)
    assert all(note.startswith("note: the kept weights (the start)") for note in notes)
    assert re.match(rf"{strategy}: \d of 4 test images right, [\d.]+ % \(95 % interval ", result)
    assert "selected on this split" not in result
    assert all(str(run.folder / name) in places for name in ("report.json", "report.html", "confusion.png"))
    assert following == f"next: finetune predict {run.folder} IMAGE"


@every_strategy
def test_what_is_expected_is_said_before_training(finished: dict[str, Finished], strategy: str) -> None:
    err = finished[strategy].answer.err
    assert re.search(r"^training: .* \d+ seconds? \(measured: ", err, re.MULTILINE)
    assert "Traceback" not in err
    assert ".py:" not in err, "a library's warning reached the user"


@every_strategy
def test_timm_loads_the_bundle_as_it_is(finished: dict[str, Finished], strategy: str) -> None:
    folder = finished[strategy].folder / "bundle"
    model = timm.create_model(f"local-dir:{folder}", pretrained=True).eval()
    state = load_file(folder / "model.safetensors")
    assert all(torch.equal(tensor, state[name]) for name, tensor in model.state_dict().items())
    assert model(torch.zeros(1, 3, 32, 32)).shape == (1, 3)


def test_from_scratch_normalises_with_the_data_s_own_statistics(finished: dict[str, Finished]) -> None:
    def mean(strategy: str) -> list[float]:
        found = json.loads((finished[strategy].folder / "bundle" / "preprocess.json").read_text())
        return [round(value, 3) for value in found["mean"]]

    assert mean("partial") == [0.5, 0.5, 0.5]
    assert mean("from-scratch") != [0.5, 0.5, 0.5]


def repeat(finetune: Finetune, run: Finished, data: Path, out: Path, *options: object) -> Finished:
    answer = finetune("fit", data, "--recipe", run.folder / "recipe.yaml", "--out", out, *options)
    assert answer.code == 0, answer.err
    return Finished(out, answer)


def without_seconds(rows: list[list[str]]) -> list[list[str]]:
    clock = rows[0].index("seconds") if "seconds" in rows[0] else len(rows[0])
    return [row[:clock] + row[clock + 1 :] for row in rows]


@pytest.mark.parametrize("strategy", ["freeze-all", "partial"])
def test_the_recipe_of_a_run_repeats_it_to_the_bit(
    finetune: Finetune, finished: dict[str, Finished], colours: Path, tmp_path: Path, strategy: str
) -> None:
    first = finished[strategy]
    second = repeat(finetune, first, colours, tmp_path / "again")
    assert without_seconds(second.metrics) == without_seconds(first.metrics)
    assert second.report["accuracy"] == first.report["accuracy"]
    assert (second.folder / "recipe.yaml").read_text() == (first.folder / "recipe.yaml").read_text()
    weights = [load_file(run.folder / "bundle" / "model.safetensors") for run in (first, second)]
    assert all(torch.equal(tensor, weights[1][name]) for name, tensor in weights[0].items())


def test_another_seed_gives_other_numbers(
    finetune: Finetune, finished: dict[str, Finished], colours: Path, tmp_path: Path
) -> None:
    first = finished["partial"]
    second = repeat(finetune, first, colours, tmp_path / "other", "--seed", 1, "--epochs", 1)
    assert without_seconds(second.metrics)[:2] != without_seconds(first.metrics)[:2]
    assert second.report["seed"] == 1
    assert len(second.metrics) == 3, "an option on the command line wins over the recipe"


def test_an_excluded_class_stays_excluded_when_the_recipe_is_repeated(
    finetune: Finetune, colours: Path, tiny: tuple[str, ...], tmp_path: Path
) -> None:
    chosen = ("--strategy", "freeze-all", *tiny, "--exclude", "lime")
    assert finetune("fit", colours, *chosen, "--out", tmp_path / "first").code == 0
    first = Finished(tmp_path / "first", Answer(0, "", ""))
    assert first.report["classes"] == ["apple", "plum"]
    assert repeat(finetune, first, colours, tmp_path / "again").report["classes"] == ["apple", "plum"]


def test_a_val_folder_without_the_first_class_keeps_the_indices(
    finetune: Finetune, lacking: Path, tiny: tuple[str, ...], tmp_path: Path
) -> None:
    out = tmp_path / "run"
    fitted = finetune("fit", lacking, "--strategy", "freeze-all", *tiny, "--out", out, "--json")
    report = fitted.json
    assert report["classes"] == ["a", "b", "c"]
    assert report["accuracy_split"] == "val"
    assert report["accuracy"] >= 8 / 9
    confusion = np.array(report["confusion"])
    assert confusion.sum(axis=1).tolist() == [0, 5, 4]
    assert json.loads((out / "bundle" / "classes.json").read_text()) == ["a", "b", "c"]
    evaluated = finetune("evaluate", out, lacking, "--json").json
    assert (evaluated["split"], evaluated["confusion"]) == ("val", report["confusion"])
    predicted = finetune("predict", out, lacking / "val", "--json").json
    right = [Path(row["path"]).parent.name == row["label"] for row in predicted]
    assert sum(right) == report["n_correct"]


def test_a_result_on_the_split_that_chose_the_epoch_says_so(
    finetune: Finetune, lacking: Path, tiny: tuple[str, ...], tmp_path: Path
) -> None:
    answer = finetune(
        "fit", lacking, "--strategy", "partial", "--epochs", 1, *tiny, "--out", tmp_path / "run"
    )
    assert "selected on this split" in answer.out
    report = json.loads((tmp_path / "run" / "report.json").read_text())
    assert report["accuracy_split"] == report["selection_split"] == "val"
    assert report["n_test"] == 0


def test_two_epochs_are_the_same_with_and_without_a_loader_process(
    finetune: Finetune, finished: dict[str, Finished], colours: Path, tmp_path: Path
) -> None:
    other = repeat(finetune, finished["partial"], colours, tmp_path / "other", "--workers", 1)
    assert without_seconds(other.metrics) == without_seconds(finished["partial"].metrics)


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_one_training_image_a_class_is_enough_to_run(
    finetune: Finetune, tiny: tuple[str, ...], random_tiny: tuple[str, ...], tmp_path: Path, strategy: str
) -> None:
    data = draw_colours(tmp_path / "data", dict.fromkeys("abcde", 3))
    options = random_tiny if strategy == "from-scratch" else tiny
    epochs = () if strategy == "freeze-all" else ("--epochs", 1)
    named = ("--strategy", strategy, *options, *epochs)
    answer = finetune("fit", data, *named, "--out", tmp_path / "run", "--json")
    assert answer.code == 0, answer.err
    assert (answer.json["n_train"], answer.json["n_test"]) == (5, 5)


def test_advice_on_one_training_image_a_class_is_refused_with_a_way_out(
    finetune: Finetune, tiny: tuple[str, ...], tmp_path: Path
) -> None:
    data = draw_colours(tmp_path / "data", {"a": 3, "b": 3})
    answer = finetune("fit", data, *tiny, "--out", tmp_path / "run")
    assert answer.code == 3
    assert answer.error.endswith("leave them out with --exclude, or name a --strategy")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("strategy", ["freeze-all", "from-scratch"])
def test_images_of_every_kind_are_trained_on(
    finetune: Finetune, tiny: tuple[str, ...], random_tiny: tuple[str, ...], tmp_path: Path, strategy: str
) -> None:
    data = draw_colours(tmp_path / "data", {"a": 6, "b": 6})
    turned = Image.Exif()
    turned[0x0112] = 6
    for kind, label in enumerate(("a", "b")):
        red = coloured(kind, 500)
        red.convert("RGBA").save(data / label / "clear.png")
        red.convert("CMYK").save(data / label / "print.jpg")
        red.convert("P").save(data / label / "palette.gif")
        red.convert("L").save(data / label / "grey.webp")
        red.convert("1").save(data / label / "bits.bmp")
        red.save(data / label / "turned.jpg", exif=turned)
        Image.fromarray(np.asarray(red.convert("L")).astype(np.uint16) * 257).save(
            data / label / "grey16.png"
        )
        red.resize((1, 1)).save(data / label / "dot.png")
        red.resize((4000, 2)).save(data / label / "strip.tiff")
    options = tiny if strategy == "freeze-all" else (*random_tiny, "--epochs", 1)
    answer = finetune("fit", data, "--strategy", strategy, *options, "--out", tmp_path / "run", "--json")
    assert answer.code == 0, answer.err
    assert answer.json["n_quarantined"] == 0
    assert answer.json["n_train"] + answer.json["n_val"] + answer.json["n_test"] == 30


def test_the_recipe_finds_its_weights_from_any_folder(
    finetune: Finetune, weights: Path, colours: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(weights.parent)
    options = ("--backbone", "test_resnet", "--image-size", 32, "--workers", 0, "--strategy", "freeze-all")
    assert finetune("fit", colours, *options, "--weights", weights.name, "--out", tmp_path / "run").code == 0
    recipe = yaml.safe_load((tmp_path / "run" / "recipe.yaml").read_text())
    assert recipe["weights"] == str(weights)


def test_runs_without_out_take_the_next_free_name(
    finetune: Finetune, colours: Path, tiny: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "checkpoints" / "colours-freeze-all-2").mkdir(parents=True)
    for _ in range(2):
        assert finetune("fit", colours, "--strategy", "freeze-all", *tiny, "--quiet").code == 0
    assert sorted(path.name for path in (tmp_path / "checkpoints").iterdir()) == [
        "colours-freeze-all-1",
        "colours-freeze-all-2",
        "colours-freeze-all-3",
    ]
    assert not any((tmp_path / "checkpoints" / "colours-freeze-all-2").iterdir())


def test_an_empty_folder_may_be_the_run_s(
    finetune: Finetune, colours: Path, tiny: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "run").mkdir()
    assert finetune("fit", colours, "--strategy", "freeze-all", *tiny, "--out", tmp_path / "run").code == 0
    assert files(tmp_path / "run") == RUN_FILES


def test_a_time_budget_plans_fewer_epochs_and_says_so(
    finetune: Finetune, colours: Path, random_tiny: tuple[str, ...], tmp_path: Path
) -> None:
    budget = ("--epochs", 9999, "--max-minutes", 0.05)
    answer = finetune(
        "fit", colours, "--strategy", "from-scratch", *random_tiny, *budget, "--out", tmp_path / "run"
    )
    told = re.search(r"9999 epochs would take .*; --max-minutes 0.05 leaves time for (\d+)", answer.err)
    assert told
    recipe = yaml.safe_load((tmp_path / "run" / "recipe.yaml").read_text())
    assert recipe["epochs"] == int(told[1]) < 9999
    run = Finished(tmp_path / "run", answer)
    assert run.report["seconds_by_phase"]["train"] < 30
    assert len(run.metrics) <= 2 + int(told[1])


def test_a_budget_that_a_solved_head_cannot_keep_is_told(
    finetune: Finetune, colours: Path, tiny: tuple[str, ...], tmp_path: Path
) -> None:
    budget = ("--max-minutes", 0.00001, "--out", tmp_path / "run")
    answer = finetune("fit", colours, "--strategy", "freeze-all", *tiny, *budget)
    assert answer.code == 0
    assert re.search(
        r"^warning: the features alone take about \d+ seconds?, more than --max-minutes 1e-05, which can only leave "
        r"out epochs; a smaller --image-size is faster$",
        answer.err,
        re.MULTILINE,
    )
    roomy = ("--max-minutes", 100, "--cache", "off", "--out", tmp_path / "roomy")
    answer = finetune("fit", colours, "--strategy", "freeze-all", *tiny, *roomy)
    assert "training: the features of 32 images once" in answer.err
    assert "--max-minutes" not in answer.err


def test_a_learning_rate_that_breaks_the_network_still_gives_a_sound_classifier(
    finetune: Finetune, colours: Path, random_tiny: tuple[str, ...], tmp_path: Path
) -> None:
    wild = ("--lr", 10, "--epochs", 2, "--augment", "none", "--batch-size", 8)
    answer = finetune(
        "fit", colours, "--strategy", "from-scratch", *random_tiny, *wild, "--out", tmp_path / "run"
    )
    assert answer.code == 0, answer.err
    state = load_file(tmp_path / "run" / "bundle" / "model.safetensors")
    assert all(torch.isfinite(tensor).all() for tensor in state.values())
    (diverged, *_) = notes = json.loads((tmp_path / "run" / "report.json").read_text())["notes"]
    assert re.fullmatch(
        r"training diverged: the \w+ loss (grew from|became) .* at step \d+ \(epoch \d, learning rate .*\); "
        r"kept are the weights of (the start|epoch 1); try --lr 1 or --clip-norm 0\.1",
        diverged,
    )
    assert f"warning: {diverged}" in answer.err
    assert all(f"note: {note}\n" in answer.out for note in notes)
    log = (tmp_path / "run" / "log.txt").read_text()
    assert all(f" note: {note}\n" in log for note in notes)


def test_quiet_leaves_only_warnings_and_the_result(
    finetune: Finetune, colours: Path, tiny: tuple[str, ...], tmp_path: Path
) -> None:
    answer = finetune("fit", colours, "--strategy", "freeze-all", *tiny, "--quiet", "--out", tmp_path / "run")
    assert answer.out.startswith("freeze-all: ")
    assert answer.err.splitlines()
    assert all(line.startswith("warning: ") for line in answer.err.splitlines())
    assert "training: " in (tmp_path / "run" / "log.txt").read_text(), "the log is not quiet"


def test_an_option_of_the_strategy_reaches_it(
    finetune: Finetune, colours: Path, tiny: tuple[str, ...], finished: dict[str, Finished], tmp_path: Path
) -> None:
    options = ("--strategy", "partial", "--set", "stages=2", "--epochs", 1, "--batch-size", 16)
    answer = finetune("fit", colours, *options, *tiny, "--out", tmp_path / "run", "--json")
    assert answer.json["trainable_share"] > finished["partial"].report["trainable_share"]
    recipe = yaml.safe_load((tmp_path / "run" / "recipe.yaml").read_text())
    assert recipe["strategy_options"] == {"stages": 2}
    assert "1 epoch of 2 steps" in answer.err


def test_unreadable_images_are_named_before_training_and_counted_in_the_report(
    finetune: Finetune, tiny: tuple[str, ...], tmp_path: Path
) -> None:
    data = draw_colours(tmp_path / "data", {"a": 6, "b": 6})
    (data / "a" / "page.jpg").write_text("<html>")
    answer = finetune("fit", data, "--strategy", "freeze-all", *tiny, "--out", tmp_path / "run", "--json")
    assert "a/page.jpg: is not an image but a text such as a web page" in answer.err
    assert answer.json["n_quarantined"] == 1
    assert "a/page.jpg" in (tmp_path / "run" / "log.txt").read_text()
