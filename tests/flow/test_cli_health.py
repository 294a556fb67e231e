"""What `inspect` writes and says of pictures, channels and the index of what was seen."""

import base64
import re
from pathlib import Path
from typing import Any

import pytest
from conftest import Finetune
from drawing import draw_scenes, save, scene


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = draw_scenes(
        tmp_path / "photos & <more>", {"train/ants": 20, "train/bees": 20, "test/ants": 4, "test/bees": 4}
    )
    save(scene(1), folder / "test" / "ants" / "leak.jpg", quality=50)
    (folder / "train" / "ants" / "broken.jpg").touch()
    return folder


def test_the_html_is_one_file_with_the_images_of_every_finding(
    finetune: Finetune, data: Path, tmp_path: Path
) -> None:
    page = tmp_path / "health.html"
    assert finetune("inspect", data, "--html", page, "--backbone", "resnet18").code == 0
    text = page.read_text(encoding="utf-8")
    assert "photos &amp; &lt;more&gt;" in text
    assert "<more>" not in text
    assert "train/ants/broken.jpg: is empty (0 bytes)" in text
    assert "mean, resnet18" in text
    leak = text[text.index("is in more than one split") :]
    shown = re.findall(r'<img src="data:image/jpeg;base64,([^"]+)" alt="([^"]+)">', leak)[:2]
    assert [name for _, name in shown] == ["train/ants/1.png", "test/ants/leak.jpg"]
    assert all(base64.b64decode(content).startswith(b"\xff\xd8") for content, _ in shown)
    assert not re.search(r'(src|href)="(?!data:)', text)


@pytest.mark.parametrize(
    ("where", "says"), [("", "is a folder"), ("no/such/page.html", "no folder that exists")]
)
def test_a_page_that_cannot_be_written_is_refused_before_the_work(
    finetune: Finetune, data: Path, tmp_path: Path, where: str, says: str
) -> None:
    refused = finetune("inspect", data, "--html", tmp_path / where)
    assert refused.code == 2
    assert says in refused.error


def test_the_json_has_groups_and_channels_beside_the_backbones(finetune: Finetune, data: Path) -> None:
    values = finetune("inspect", data, "--backbone", "tf_efficientnet_lite0", "--json").json
    assert values["near_duplicates"] == [["train/ants/1.png", "test/ants/leak.jpg"]]
    assert values["backbone"] == {"name": "tf_efficientnet_lite0", "mean": [0.5] * 3, "std": [0.5] * 3}
    assert all(0 < value < 1 for value in values["channels"]["mean"] + values["channels"]["std"])


def test_an_unknown_backbone_is_refused(finetune: Finetune, data: Path) -> None:
    refused = finetune("inspect", data, "--backbone", "resnet19")
    assert refused.code == 4
    assert "resnet18" in refused.error


def test_the_cache_command_shows_and_removes_what_was_seen(finetune: Finetune, data: Path) -> None:
    assert finetune("inspect", data).code == 0
    seen = finetune("cache", "--json").json["checked_images"]
    assert seen["bytes"] > 10_000
    assert "checked images" in finetune("cache").out
    assert finetune("cache", "--clear", "--json").json["freed_bytes"] == seen["bytes"]
    assert finetune("cache", "--json").json["checked_images"]["bytes"] == 0


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
@pytest.mark.parametrize("options", [(), ("--json",)])
def test_the_report_is_shown_even_if_the_page_cannot_be_written(
    finetune: Finetune, data: Path, options: tuple[str, ...]
) -> None:
    """What took minutes to measure must not be lost with a file on a full disk."""
    refused = finetune("inspect", data, "--html", "/dev/full", *options)
    assert refused.code == 5
    assert refused.error.startswith("error: the disk is full: cannot write --html /dev/full: No space left")
    assert refused.json["usable"] if options else "49 readable images, can be trained on" in refused.out


def test_an_image_that_vanishes_before_its_picture_is_made_costs_that_alone(
    finetune: Finetune, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def shown(value: Any, view: Any, as_json: bool) -> None:
        (data / "train" / "ants" / "0.png").unlink()

    monkeypatch.setattr("finetune.cli.data_commands.show", shown)
    assert finetune("inspect", data, "--html", tmp_path / "page.html").code == 0
    assert "an image of the class bees" in (tmp_path / "page.html").read_text(encoding="utf-8")


def test_a_backbone_at_hand_confirms_likely_duplicates(
    finetune: Finetune, data: Path, tmp_path: Path
) -> None:
    page = tmp_path / "page.html"
    named = ("--backbone", "tf_efficientnet_lite0")
    assert finetune("inspect", data, *named, "--json").json["feature_check"] == {
        "candidates": 1,
        "turned_down": 0,
    }
    told = "The features of tf_efficientnet_lite0 turned down 0 of 1 likely duplicate pairs"
    assert told in finetune("inspect", data, *named, "--html", page).out
    assert told in page.read_text(encoding="utf-8")
    assert finetune("inspect", data, "--json").json["feature_check"] is None


def test_a_backbone_without_weights_on_this_machine_confirms_nothing_and_says_so(
    finetune: Finetune, data: Path
) -> None:
    answer = finetune("inspect", data, "--backbone", "fc2", "--json")
    assert answer.code == 0
    assert "the weights of fc2 are not on this machine" in answer.err
    assert answer.json["feature_check"] is None
    assert len(answer.json["near_duplicates"]) == 1
