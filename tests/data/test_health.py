"""The health check names what is wrong with a set, and says when training cannot start."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from drawing import draw_set, picture, save
from PIL import Image

from finetune.data.health import Finding, HealthReport, inspect_source
from finetune.data.health.class_rules import effective_number
from finetune.data.sources import open_source


def inspected(root: Path) -> HealthReport:
    return inspect_source(open_source(root), workers=2)


def found(report: HealthReport, kind: str) -> Finding:
    (finding,) = [finding for finding in report.findings if finding.kind == kind]
    return finding


def kinds(report: HealthReport) -> set[str]:
    return {finding.kind for finding in report.findings}


def test_a_sound_set_has_no_findings(tmp_path: Path) -> None:
    report = inspected(draw_set(tmp_path, {"ants": 20, "bees": 25}))
    assert report.usable
    assert report.findings == ()
    assert report.classes == {"ants": 20, "bees": 25}
    assert report.splits == {}
    assert len(report.images) == len(report.facts) == 45


def test_the_counts_are_of_readable_images_by_class_and_by_split(tmp_path: Path) -> None:
    draw_set(tmp_path, {"train/ants": 20, "train/bees": 21, "Valid/ants": 3, "Valid/bees": 4})
    (tmp_path / "train" / "ants" / "x.jpg").touch()
    report = inspected(tmp_path)
    assert report.classes == {"ants": 23, "bees": 25}
    assert report.splits == {"train": 41, "val": 7}
    assert report.split_folders == {"train": "train", "val": "Valid"}


def test_unreadable_images_are_quarantined_with_their_reasons(tmp_path: Path) -> None:
    draw_set(tmp_path, {"ants": 20, "bees": 20})
    (tmp_path / "ants" / "empty.jpg").touch()
    (tmp_path / "bees" / "page.jpg").write_text("<html>")
    report = inspected(tmp_path)
    assert report.usable
    assert [(item.name, item.reason) for item in report.quarantine] == [
        ("ants/empty.jpg", "is empty (0 bytes)"),
        ("bees/page.jpg", "is not an image but a text such as a web page"),
    ]
    finding = found(report, "unreadable")
    assert (finding.severity, finding.count) == ("warning", 2)
    assert finding.examples[0] == "ants/empty.jpg: is empty (0 bytes)"
    assert not {image.name for image in report.images} & {"ants/empty.jpg", "bees/page.jpg"}


def test_ten_examples_are_shown_and_all_are_counted(tmp_path: Path) -> None:
    draw_set(tmp_path, {"ants": 20, "bees": 20})
    for i in range(12):
        (tmp_path / "ants" / f"broken{i}.jpg").touch()
    finding = found(inspected(tmp_path), "unreadable")
    assert (finding.count, len(finding.examples)) == (12, 10)


def test_what_was_skipped_is_told_by_kind(tmp_path: Path) -> None:
    draw_set(tmp_path, {"": 1, "ants": 20, "bees": 20, "wasps": 0})
    (tmp_path / "ants" / ".DS_Store").touch()
    (tmp_path / "ants" / "notes.txt").touch()
    report = inspected(tmp_path)
    assert {(f.kind, f.severity, f.examples) for f in report.findings} == {
        ("hidden", "note", ("ants: 1 hidden or system file: .DS_Store",)),
        ("skipped-file", "note", ("ants/notes.txt: is not an image file (.txt)",)),
        ("skipped-image", "warning", ("0.png: is an image outside any class folder",)),
        ("empty-class", "warning", ("wasps: is a folder without images",)),
    }
    assert report.usable


def test_one_file_of_another_format_among_many_is_named(tmp_path: Path) -> None:
    draw_set(tmp_path, {"ants": 20, "bees": 20})
    save(picture(99), tmp_path / "ants" / "imageNotFound.gif")
    finding = found(inspected(tmp_path), "odd-format")
    assert finding.severity == "warning"
    assert finding.examples == ("ants/imageNotFound.gif",)
    assert finding.message.startswith("1 image is a GIF while 40 of 41 are PNG;")


def test_a_mix_of_formats_is_not_odd(tmp_path: Path) -> None:
    draw_set(tmp_path, {"ants": 20})
    draw_set(tmp_path, {"bees": 20}, suffix=".bmp")
    assert "odd-format" not in kinds(inspected(tmp_path))


def copy(root: Path, old: str, new: str) -> None:
    (root / new).parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(root / old, root / new)


def test_copies_within_a_class_are_a_note(tmp_path: Path) -> None:
    draw_set(tmp_path, {"ants": 20, "bees": 20})
    copy(tmp_path, "ants/0.png", "ants/copy1.png")
    copy(tmp_path, "ants/0.png", "ants/copy2.png")
    report = inspected(tmp_path)
    assert kinds(report) == {"duplicate"}
    assert found(report, "duplicate").count == 2
    assert found(report, "duplicate").examples == ("ants/0.png = ants/copy1.png = ants/copy2.png",)


def test_copies_across_splits_are_a_leak(tmp_path: Path) -> None:
    draw_set(tmp_path, {"train/ants": 20, "train/bees": 20, "val/ants": 2, "val/bees": 2})
    copy(tmp_path, "train/ants/0.png", "val/ants/again.png")
    finding = found(inspected(tmp_path), "duplicate-across-splits")
    assert (finding.severity, finding.count) == ("warning", 1)
    assert finding.examples == ("train/ants/0.png = val/ants/again.png",)


def test_one_image_in_two_classes_is_a_contradiction(tmp_path: Path) -> None:
    draw_set(tmp_path, {"ants": 20, "bees": 20})
    copy(tmp_path, "ants/0.png", "bees/x.png")
    report = inspected(tmp_path)
    assert kinds(report) == {"conflicting-labels"}
    assert found(report, "conflicting-labels").examples == ("ants/0.png = bees/x.png",)
    assert found(report, "conflicting-labels").message.startswith("1 image lies in two classes at once")


@pytest.mark.parametrize(
    ("folders", "needed"),
    [
        ({"daisy": 2, "rose": 20}, 3),
        ({"train/daisy": 1, "train/rose": 20, "test/rose": 1}, 2),
        ({"train/daisy": 2, "train/rose": 20}, 3),
    ],
)
def test_a_class_too_small_for_its_split_is_an_error_with_a_remedy(
    tmp_path: Path, folders: dict[str, int], needed: int
) -> None:
    report = inspected(draw_set(tmp_path / "set", folders))
    finding = found(report, "tiny-class")
    assert not report.usable
    assert (finding.severity, finding.examples) == ("error", ("daisy",))
    assert finding.message.startswith("class 'daisy' has ")
    assert finding.message.endswith(
        f", but a split needs {needed}; add images or drop it with --exclude daisy"
    )


def test_one_training_image_is_enough_when_val_is_given(tmp_path: Path) -> None:
    folders = {"train/daisy": 1, "train/rose": 20, "val/rose": 1, "val/daisy": 1}
    assert inspected(draw_set(tmp_path, folders)).usable


def test_copies_do_not_make_a_class_large_enough(tmp_path: Path) -> None:
    draw_set(tmp_path, {"tea rose": 1, "ants": 20})
    for i in range(5):
        copy(tmp_path, "tea rose/0.png", f"tea rose/copy{i}.png")
    finding = found(inspected(tmp_path), "tiny-class")
    assert "has 6 images in" in finding.message
    assert finding.message.endswith(
        "but only 1 different, and a split needs 3; add images or drop it with --exclude 'tea rose'"
    )


def test_a_class_without_a_readable_image_is_an_error(tmp_path: Path) -> None:
    draw_set(tmp_path, {"ants": 20, "bees": 20, "wasps": 0})
    (tmp_path / "wasps" / "1.jpg").touch()
    report = inspected(tmp_path)
    assert not report.usable
    assert found(report, "empty-class").severity == "error"
    assert "class 'wasps' has no readable images" in found(report, "empty-class").message
    assert report.classes["wasps"] == 0


def test_a_set_without_a_readable_image_is_not_usable(tmp_path: Path) -> None:
    draw_set(tmp_path, {"ants": 0, "bees": 0})
    (tmp_path / "ants" / "1.jpg").touch()
    (tmp_path / "bees" / "1.jpg").touch()
    report = inspected(tmp_path)
    assert not report.usable
    assert report.findings[0].kind == "no-images"


def test_one_class_with_readable_images_is_not_enough(tmp_path: Path) -> None:
    draw_set(tmp_path, {"ants": 20, "bees": 0})
    (tmp_path / "bees" / "1.jpg").touch()
    assert "only class 'ants'" in found(inspected(tmp_path), "one-class").message


def test_a_given_split_without_a_readable_image_is_an_error(tmp_path: Path) -> None:
    draw_set(tmp_path, {"train/ants": 20, "train/bees": 20, "val/ants": 0})
    (tmp_path / "val" / "ants" / "1.jpg").touch()
    report = inspected(tmp_path)
    assert not report.usable
    assert found(report, "empty-split").examples == ("val",)


def test_a_class_that_a_given_split_lacks_is_reported(tmp_path: Path) -> None:
    draw_set(tmp_path, {"train/ants": 20, "train/bees": 20, "val/ants": 3})
    report = inspected(tmp_path)
    assert report.usable
    assert found(report, "missing-from-split").examples == ("bees",)


def test_few_images_and_imbalance_are_told_with_their_numbers(tmp_path: Path) -> None:
    report = inspected(draw_set(tmp_path, {"ants": 50, "bees": 5}))
    assert found(report, "few-images").examples == ("bees: 5",)
    assert found(report, "imbalance").examples == ("ants: 50", "bees: 5")
    assert "class 'ants' has 10 times the images of 'bees'" in found(report, "imbalance").message
    assert report.usable


def test_five_to_one_is_imbalance_with_a_way_to_even_it_out_and_a_little_less_is_none(tmp_path: Path) -> None:
    report = inspected(draw_set(tmp_path / "five", {"ants": 25, "bees": 5}))
    assert "--class-balance" in found(report, "imbalance").message
    assert "imbalance" not in kinds(inspected(draw_set(tmp_path / "less", {"ants": 24, "bees": 5})))


def test_balance_is_that_of_the_training_images_and_always_told(tmp_path: Path) -> None:
    draw_set(tmp_path, {"train/ants": 25, "train/bees": 20, "val/ants": 2, "val/bees": 30})
    report = inspected(tmp_path)
    shown = report.to_json()
    assert "imbalance" not in kinds(report)
    assert shown["classes"] == {"ants": 27, "bees": 50}
    assert shown["effective_number"] == {
        "ants": pytest.approx(effective_number(25)),
        "bees": pytest.approx(effective_number(20)),
    }
    assert shown["imbalance"] == {
        "largest": "ants",
        "smallest": "bees",
        "ratio": 1.25,
        "effective": pytest.approx(effective_number(25) / effective_number(20)),
    }


def test_one_class_has_no_balance(tmp_path: Path) -> None:
    draw_set(tmp_path, {"ants": 3, "bees": 0})
    (tmp_path / "bees" / "1.jpg").touch()
    assert inspected(tmp_path).to_json()["imbalance"] is None


def test_class_names_that_look_like_one_class_are_told(tmp_path: Path) -> None:
    report = inspected(draw_set(tmp_path, {"ant": 20, "ants": 20, "bees": 20}))
    assert found(report, "similar-class-names").examples == ("ant, ants: singular and plural",)


def test_turned_grey_and_transparent_images_among_others_are_noted(tmp_path: Path) -> None:
    draw_set(tmp_path, {"ants": 20, "bees": 20})
    exif = Image.Exif()
    exif[0x0112] = 6
    save(picture(90), tmp_path / "ants" / "turned.png", exif=exif)
    save(picture(91).convert("L"), tmp_path / "ants" / "grey.png")
    save(picture(92).convert("RGBA"), tmp_path / "ants" / "clear.png")
    report = inspected(tmp_path)
    notes = {finding.kind: finding.examples for finding in report.findings}
    assert notes == {
        "rotated": ("ants/turned.png",),
        "greyscale": ("ants/grey.png",),
        "alpha": ("ants/clear.png",),
    }
    assert {finding.severity for finding in report.findings} == {"note"}


def test_a_set_all_in_grey_is_not_worth_a_note(tmp_path: Path) -> None:
    for label in ("ants", "bees"):
        for i in range(20):
            save(picture(hash((label, i)) % 2**32).convert("L"), tmp_path / label / f"{i}.png")
    assert "greyscale" not in kinds(inspected(tmp_path))


def test_errors_come_first_and_notes_last(tmp_path: Path) -> None:
    draw_set(tmp_path, {"ants": 20, "bees": 1})
    (tmp_path / "ants" / "notes.txt").touch()
    assert [finding.severity for finding in inspected(tmp_path).findings] == [
        "error",
        "warning",
        "warning",
        "note",
    ]


def test_the_json_has_exactly_the_promised_keys(tmp_path: Path) -> None:
    draw_set(tmp_path, {"train/ants": 20, "train/bees": 2, "val/ants": 1})
    (tmp_path / "train" / "ants" / "broken.jpg").touch()
    shown = json.loads(json.dumps(inspected(tmp_path).to_json()))
    assert set(shown) == {
        "usable",
        "classes",
        "splits",
        "findings",
        "quarantine",
        "split_folders",
        "how_split",
        "duplicates",
        "near_duplicates",
        "mirrored_duplicates",
        "effective_number",
        "imbalance",
        "feature_check",
        "channels",
    }
    assert all(
        set(f) == {"kind", "severity", "count", "message", "examples", "images"} for f in shown["findings"]
    )
    assert shown["quarantine"] == [{"name": "train/ants/broken.jpg", "reason": "is empty (0 bytes)"}]
    assert shown["classes"] == {"ants": 21, "bees": 2}


def test_progress_counts_every_image_once(tmp_path: Path) -> None:
    seen: list[tuple[int, int]] = []
    source = open_source(draw_set(tmp_path, {"ants": 3, "bees": 3}))
    inspect_source(source, progress=lambda done, total: seen.append((done, total)))
    assert seen == [(done, 6) for done in range(1, 7)]


def test_an_interrupted_check_stops(tmp_path: Path) -> None:
    def interrupt(done: int, total: int) -> None:
        raise KeyboardInterrupt("by the user")

    source = open_source(draw_set(tmp_path, {"ants": 3, "bees": 3}))
    with pytest.raises(KeyboardInterrupt, match="by the user"):
        inspect_source(source, progress=interrupt)


def test_the_number_of_workers_changes_nothing(tmp_path: Path) -> None:
    source = open_source(draw_set(tmp_path, {"ants": 9, "bees": 9}))
    assert inspect_source(source, workers=1) == inspect_source(source, workers=7)


def test_the_check_loads_no_heavy_package() -> None:
    code = (
        "import sys, finetune.data.health, finetune.data.split\n"
        "heavy = {'torch', 'torchvision', 'timm', 'lightning', 'pytorch_lightning', 'sklearn', 'scipy'}\n"
        "print(heavy & {name.split('.')[0] for name in sys.modules})"
    )
    shown = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    assert shown.stdout.strip() == "set()"


@pytest.mark.shared_data
def test_the_tutorial_s_stray_gif_is_named(shared_data: Path) -> None:
    report = inspected(shared_data / "hymenoptera.zip")
    finding = found(report, "odd-format")
    assert finding.severity == "warning"
    assert finding.examples == ("train/ants/imageNotFound.gif",)
    assert report.usable
    assert report.classes == {"ants": 194, "bees": 204}
    assert report.splits == {"train": 245, "val": 153}
