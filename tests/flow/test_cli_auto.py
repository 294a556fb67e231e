"""The strategy is chosen by what was measured and forecast; the square's cell is told beside it."""

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from conftest import Finetune, draw_colours, finetune_process, fit_quietly
from outlooks import NAMES, best_is, table_of
from PIL import Image

from finetune.advice import advise, explain, rules
from finetune.advice.contenders import CONTENDERS
from finetune.advice.forecast import ForecastTable
from finetune.advice.measured import Measures
from finetune.training import advising

LARGE_HERE = 16
WithTable = Callable[[ForecastTable], None]
PROMISED = {
    "strategy": str,
    "runner_up": str,
    "cell": dict,
    "size": dict,
    "similarity": dict,
    "rule": str,
    "reason": str,
    "warnings": list,
}


@pytest.fixture
def large_from_few(monkeypatch: pytest.MonkeyPatch) -> None:
    """The row of the square is a matter of one number; here 16 images are many."""
    for module in (rules, advise, explain):
        monkeypatch.setattr(module, "LARGE_FROM_IMAGES", LARGE_HERE)


@pytest.fixture(scope="session")
def noise(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pure noise under random labels: no feature of any network can help."""
    generator = np.random.default_rng(3)
    root = tmp_path_factory.mktemp("data") / "noise"
    for label in ("x", "y"):
        (root / label).mkdir(parents=True)
        for i in range(14):
            pixels = generator.integers(0, 256, (40, 40, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(root / label / f"{i}.png")
    return root


@pytest.fixture
def measured_gain(monkeypatch: pytest.MonkeyPatch) -> Callable[[float], None]:
    """Let everything be measured as usual, then report another gain."""

    def report(value: float) -> None:
        measure = advising.measure

        def changed(*arguments: Any, **options: Any) -> Measures:
            found = measure(*arguments, **options)
            return replace(found, gain=replace(found.gain, value=value))

        monkeypatch.setattr(advising, "measure", changed)

    return report


@pytest.mark.parametrize("name", NAMES)
def test_what_promises_most_is_advised_and_trained(
    finetune: Finetune, colours: Path, tiny: tuple[str, ...], with_table: WithTable, tmp_path: Path, name: str
) -> None:
    with_table(best_is(name))
    run, contender = tmp_path / "run", CONTENDERS[name]
    answer = finetune("fit", colours, *tiny, "--epochs", 1, "--out", run, "--json")
    assert answer.code == 0, answer.err
    report, recipe = answer.json, yaml.safe_load((run / "recipe.yaml").read_text())
    advice = report["advice"]
    assert report["strategy_requested"] == "auto"
    assert report["strategy"] == recipe["strategy"] == advice["strategy"] == contender.strategy
    assert recipe.get("head", "linear") == contender.options.get("head", "linear")
    assert "auto" not in (recipe["backbone"], recipe["weights"])
    assert f"strategy {report['strategy']}: {advice['reason']}" in answer.err
    # The square is told in any case, and what overruled its rule.
    assert advice["cell"] == {"size": "small", "similarity": "similar"}
    assert advice["rule_strategy"] == "freeze-all"
    assert f"So {contender.title}: " in advice["reason"]
    assert ("overrules the rule's freeze-all" in advice["reason"]) == (contender.strategy != "freeze-all")
    assert f"The runner-up is {advice['runner_up']}" in advice["reason"]
    assert advice["runner_up"] != advice["strategy"]
    assert report["weights"]["source"] == ("none" if name == "from-scratch" else "file")
    again = finetune("fit", colours, "--recipe", run / "recipe.yaml", "--out", tmp_path / "again", "--json")
    assert again.json["accuracy"] == report["accuracy"], "the recipe repeats the run"


@pytest.mark.parametrize(
    ("gain", "large", "rule", "strategy"),
    [
        (0.3, False, "small-different", "partial"),
        (0.9, True, "large-similar", "full-finetune"),
        (0.05, True, "large-useless", "from-scratch"),
    ],
)
def test_every_cell_is_told(
    finetune: Finetune,
    colours: Path,
    tiny: tuple[str, ...],
    with_table: WithTable,
    measured_gain: Callable[[float], None],
    request: pytest.FixtureRequest,
    gain: float,
    large: bool,
    rule: str,
    strategy: str,
) -> None:
    if large:
        request.getfixturevalue("large_from_few")
    with_table(best_is("full-finetune"))
    measured_gain(gain)
    advice = finetune("advise", colours, *tiny[:6], "--json").json
    assert (advice["rule"], advice["rule_strategy"]) == (rule, strategy)
    size, similarity = rule.split("-")
    assert advice["cell"] == {"size": size, "similarity": similarity.replace("useless", "different")}
    assert f"its rule says {strategy}." in advice["reason"]
    assert advice["strategy"] == "full-finetune"
    assert ("Other ways: " in advice["reason"]) == (rule == "small-different")
    if rule == "small-different":
        assert f"`finetune fit {colours} --strategy partial --augment medium`" in advice["reason"]
        assert advice["augmentation"] is not None
        assert "--augment" in advice["reason"]


def test_noise_is_not_frozen_though_a_table_promises_that(
    finetune: Finetune,
    noise: Path,
    tiny: tuple[str, ...],
    with_table: WithTable,
    measured_gain: Callable[[float], None],
) -> None:
    with_table(best_is("freeze-all"))
    measured_gain(0.05)  # of so few images the gain of noise is a matter of luck
    answer = finetune("advise", noise, *tiny[:6], "--json")
    assert answer.code == 0, answer.err
    advice = answer.json
    assert advice["strategy"] != "freeze-all"
    assert advice["can_learn"] is False
    assert "Nothing can be learnt from these labels" in advice["reason"]
    assert any("nothing can be learnt" in warning for warning in advice["warnings"])
    assert any("no more than random ones" in warning for warning in advice["warnings"])


def test_the_json_has_the_promised_keys_and_every_number(
    finetune: Finetune, colours: Path, tiny: tuple[str, ...], with_table: WithTable
) -> None:
    with_table(table_of())
    answer = finetune("advise", colours, *tiny[:6], "--json")
    assert answer.code == 0, answer.err
    advice = answer.json
    assert {name: type(advice[name]) for name in PROMISED} == PROMISED
    assert set(advice["cell"]) == {"size", "similarity"}
    assert advice["size"] == {"n": 32, "per_class": 10.7, "smallest": 10}
    assert advice["similarity"]["name"] == "transfer_gain"
    assert isinstance(advice["similarity"]["value"], float)
    assert any("uncertain" in warning for warning in advice["warnings"])
    assert set(advice["forecast"]) == set(NAMES)
    for name, row in advice["forecast"].items():
        assert row["strategy"] == CONTENDERS[name].strategy
        assert 0 < row["interval"][0] < row["accuracy"] < row["interval"][1] < 1
        assert row["seconds"] > 0
        assert row["peak_bytes"] > 1e6
    shares = {name: row["trainable_share"] for name, row in advice["forecast"].items()}
    assert shares["full-finetune"] == shares["from-scratch"] == 1
    assert shares["freeze-all"] < shares["partial"] < 1
    assert shares["freeze-all"] < shares["multi-stage"]
    assert advice["decision"]["n_trainings"] == 1_234
    assert advice["measures"]["n_images"] == 32
    assert advice["race"] == []


def test_the_forecast_share_is_that_of_the_finished_run(
    finished: dict[str, Any], finetune: Finetune, colours: Path, tiny: tuple[str, ...]
) -> None:
    forecast = finetune("advise", colours, *tiny[:6], "--json").json["forecast"]
    for name, run in finished.items():
        assert forecast[name]["trainable_share"] == pytest.approx(run.report["trainable_share"], rel=1e-6)


def test_the_terminal_shows_the_choice_the_promises_and_the_square(
    finetune: Finetune, colours: Path, tiny: tuple[str, ...], with_table: WithTable
) -> None:
    with_table(best_is("multi-stage"))
    answer = finetune("advise", colours, *tiny[:6])
    assert answer.code == 0, answer.err
    assert answer.out.startswith("strategy: freeze-all (multi-stage head)   runner-up: ")
    assert "80 % interval" in answer.out
    (small,) = [line for line in answer.out.splitlines() if "small (< 5,000)" in line]
    assert small.index("● freeze-all") < small.index("partial")
    assert answer.out.count("●") == 2, "the choice in the table, and the cell"


def test_the_reason_is_given_in_chinese(
    finetune: Finetune, colours: Path, tiny: tuple[str, ...], with_table: WithTable
) -> None:
    with_table(best_is("full-finetune"))
    answer = finetune("advise", colours, *tiny[:6], "--language", "zh")
    assert answer.code == 0, answer.err
    assert answer.out.startswith("策略: full-finetune   其次: ")
    shown = "".join(answer.out.split())
    assert "共32张训练图像、3个类别" in shown
    assert "证据推翻了规则。" in shown
    assert "training images" not in answer.out
    other = finetune("advise", colours, *tiny[:6], "--language", "fr")
    assert (other.code, "--language" in other.error) == (2, True)


def test_the_weight_of_time_decides(
    finetune: Finetune, colours: Path, tiny: tuple[str, ...], with_table: WithTable
) -> None:
    with_table(table_of({"freeze-all": 0.0, "multi-stage": 0.0, "partial": -1.0, "full-finetune": 0.3}))
    chosen = {}
    for weight in (0, 90):
        advice = finetune("advise", colours, *tiny[:6], "--time-weight", weight, "--json").json
        assert advice["decision"]["time_weight"] == weight
        assert f"(a doubling of the time counts {weight} points)" in advice["reason"]
        chosen[weight] = advice["strategy"]
    assert chosen == {0: "full-finetune", 90: "freeze-all"}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("advise", "--time-weight", -1), "--time-weight"),
        (("advise", "--time-weight", "nan"), "--time-weight"),
        (("fit", "--strategy", "partial", "--time-weight", 1), "--time-weight"),
        (("advise", "--weights", "none"), "--weights none cannot be advised on"),
        (("advise", "--backbone", "fc2"), "--backbone fc2 cannot be advised on"),
        (("advise", "--square", "square.jpg"), "--square square.jpg must end in .png or .svg"),
        (("advise", "--square", "nowhere/square.svg"), "lies in no folder that exists"),
    ],
    ids=lambda value: " ".join(map(str, value)) if isinstance(value, tuple) else "",
)
def test_choices_that_cannot_be_are_refused_before_anything_is_measured(
    finetune: Finetune, colours: Path, words: tuple[object, ...], sentence: str
) -> None:
    answer = finetune(words[0], colours, *words[1:])
    assert answer.code == 2
    assert sentence in answer.error
    assert "measuring" not in answer.err


@pytest.mark.parametrize(("ending", "begins"), [("svg", b"<?xml"), ("png", b"\x89PNG")])
def test_the_square_is_drawn_with_this_data_among_others(
    finetune: Finetune, colours: Path, tiny: tuple[str, ...], tmp_path: Path, ending: str, begins: bytes
) -> None:
    file = tmp_path / f"square.{ending}"
    answer = finetune("advise", colours, *tiny[:6], "--square", file, "--json")
    assert answer.code == 0, answer.err
    assert answer.json["size"]["n"] == 32
    assert f"wrote {file}" in answer.err
    content = file.read_bytes()
    assert content.startswith(begins)
    if ending == "svg":
        assert b"your images: 32, gain" in content
        assert b"ants and bees" in content


def test_the_commands_in_the_advice_survive_a_path_with_blanks(
    finetune: Finetune,
    tiny: tuple[str, ...],
    measured_gain: Callable[[float], None],
    tmp_path: Path,
) -> None:
    measured_gain(0.3)
    data = draw_colours(tmp_path / "my photos", {"a": 8, "b": 8})
    reason = finetune("advise", data, *tiny[:6], "--json").json["reason"]
    assert f"`finetune backbones --rank '{data}'`" in reason


def test_options_that_the_advised_strategy_cannot_use_get_one_note(
    finetune: Finetune, colours: Path, tiny: tuple[str, ...], with_table: WithTable, tmp_path: Path
) -> None:
    with_table(best_is("freeze-all"))
    training = ("--epochs", 3, "--lr", 0.01, "--batch-size", 8)
    answer = finetune("fit", colours, *tiny, *training, "--out", tmp_path / "run")
    assert answer.code == 0
    advice = json.loads((tmp_path / "run" / "report.json").read_text(encoding="utf-8"))["advice"]
    assert (
        f"runner-up: finetune fit {colours} --strategy {advice['runner_up']}" in answer.out.splitlines()[-1]
    )
    assert "--backbone test_resnet --image-size 32" in answer.out.splitlines()[-1]
    notes = [line for line in answer.err.splitlines() if "not used" in line]
    assert notes == [
        "note: --epochs, --batch-size, --lr not used: freeze-all solves its head on fixed features and has no "
        "training steps"
    ]


def test_a_head_that_was_chosen_is_kept_and_its_rival_not_forecast(
    finetune: Finetune, colours: Path, tiny: tuple[str, ...], with_table: WithTable, tmp_path: Path
) -> None:
    with_table(best_is("freeze-all"))
    run = ("--head", "dense", "--epochs", 1, "--out", tmp_path / "run", "--json")
    answer = finetune("fit", colours, *tiny, *run)
    assert answer.code == 0, answer.err
    forecast = answer.json["advice"]["forecast"]
    assert "multi-stage" not in forecast
    assert forecast["freeze-all"]["trainable_share"] == pytest.approx(answer.json["trainable_share"])


def test_choices_that_go_with_no_strategy_that_trains_are_refused_in_one_sentence(
    finetune: Finetune, colours: Path, tiny: tuple[str, ...], tmp_path: Path
) -> None:
    answer = finetune("fit", colours, *tiny, "--warmup-epochs", 9_000, "--out", tmp_path / "run")
    assert answer.code == 2
    assert "--warmup-epochs 9000 is longer than training" in answer.error
    assert not (tmp_path / "run").exists()


def test_a_budget_that_hardly_anything_fits_is_kept(
    finetune: Finetune, colours: Path, tiny: tuple[str, ...], with_table: WithTable, tmp_path: Path
) -> None:
    with_table(best_is("full-finetune"))
    answer = finetune("fit", colours, *tiny, "--max-minutes", 0.001, "--out", tmp_path / "run", "--json")
    assert answer.code == 0, answer.err
    assert answer.json["strategy"] == "freeze-all"
    assert "takes longer than there is time" in answer.json["advice"]["reason"]


def test_without_any_weights_auto_starts_from_scratch(
    finetune: Finetune, colours: Path, random_tiny: tuple[str, ...], tmp_path: Path
) -> None:
    weightless = ("--weights", "none", "--epochs", 1)
    answer = finetune("fit", colours, *random_tiny, *weightless, "--out", tmp_path / "run", "--json")
    assert answer.json["strategy"] == "from-scratch"
    assert answer.json["strategy_requested"] == "auto"
    assert "strategy from-scratch: without pretrained weights there is nothing to keep" in answer.err


@pytest.fixture
def advised_once(
    finetune: Finetune, colours: Path, tiny: tuple[str, ...], experience: Path
) -> Iterator[dict[str, Any]]:
    """An advice whose measures are kept for trainings on the same data."""
    answer = finetune("advise", colours, *tiny[:6], "--json")
    assert answer.code == 0, answer.err
    return answer.json


def test_finished_trainings_on_measured_data_are_learnt_from_listed_and_forgotten(
    finetune: Finetune,
    colours: Path,
    tiny: tuple[str, ...],
    advised_once: dict[str, Any],
    experience: Path,
    tmp_path: Path,
) -> None:
    assert advised_once["decision"]["n_own"] == 0
    fit_quietly(colours, "--strategy", "freeze-all", *tiny, "--out", tmp_path / "named")
    listed = finetune("experience", "--json").json
    report = json.loads((tmp_path / "named" / "report.json").read_text(encoding="utf-8"))
    assert listed == {
        "file": str(experience),
        "trainings": [
            {
                "contender": "freeze-all",
                "n_train": 32,
                "n_classes": 3,
                "accuracy": report["accuracy"],
                "n_judged": report["n_test"],
            }
        ],
    }
    shown = finetune("experience").out
    assert "1 training in" in shown
    assert "freeze-all" in shown
    after = finetune("advise", colours, *tiny[:6], "--json").json
    assert after["decision"]["n_own"] == 1
    assert ", 1 of them your own, " in after["reason"]
    assert "其中 1 次是你自己的" in after["reason_zh"]
    assert after["forecast"]["freeze-all"] != advised_once["forecast"]["freeze-all"]
    assert finetune("experience", "--clear", "--json").json == {"forgotten": 1}
    assert finetune("experience", "--json").json["trainings"] == []


def test_an_advised_training_is_learnt_from(
    finetune: Finetune,
    colours: Path,
    tiny: tuple[str, ...],
    with_table: WithTable,
    experience: Path,
    tmp_path: Path,
) -> None:
    with_table(best_is("multi-stage"))
    fit_quietly(colours, *tiny, "--out", tmp_path / "auto")
    (row,) = finetune("experience", "--json").json["trainings"]
    assert row["contender"] == "multi-stage"


def test_experience_can_be_off_and_damaged(
    finetune: Finetune,
    colours: Path,
    tiny: tuple[str, ...],
    experience: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    experience.parent.mkdir()
    experience.write_text('{"kind": "trained", "accuracy"\nnonsense\n', encoding="utf-8")
    assert finetune("advise", colours, *tiny[:6], "--json").json["decision"]["n_own"] == 0
    monkeypatch.setenv("FINETUNE_EXPERIENCE", "off")
    assert finetune("experience").out.startswith("switched off by FINETUNE_EXPERIENCE=off")


def test_offline_and_without_a_cache_the_packaged_backbone_is_taken_and_the_reason_given(
    colours: Path, tmp_path: Path
) -> None:
    command = ("fit", colours, "--image-size", 32, "--offline", "--json", "--workers", 0)
    answer = finetune_process(*command, "--epochs", 1, cwd=tmp_path, HF_HOME=str(tmp_path / "hub"))
    assert answer.code == 0, answer.err
    report = json.loads(answer.out)
    assert report["backbone"] == "tf_efficientnet_lite0"
    assert report["weights"]["source"] == "packaged"
    assert answer.err.startswith(
        "backbone tf_efficientnet_lite0: offline and resnet18 is not in the local cache"
    )
    assert ".py:" not in answer.err, "a library's warning reached the user"
    recipe = yaml.safe_load((tmp_path / report["run"] / "recipe.yaml").read_text())
    assert recipe["backbone"] == "tf_efficientnet_lite0"
