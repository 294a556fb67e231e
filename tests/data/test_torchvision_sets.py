"""Each torchvision set is asked what it takes, has its classes by name, and changes no other set."""

import struct
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pytest
import torchvision
from drawing import draw_set, picture, save
from test_packed_images import digits, pixels, seen

from finetune.data.images import load_rgb
from finetune.data.kinds import torchvision_sets
from finetune.data.kinds.torchvision_sets import SETS
from finetune.data.sources import open_source
from finetune.errors import DataError, OptionError


@pytest.mark.parametrize("name", SETS)
def test_a_set_is_there_takes_what_it_is_asked_and_offline_asks_nobody(tmp_path: Path, name: str) -> None:
    for asked in SETS[name].values():
        with pytest.raises(DataError, match=rf"torchvision:{name} is not whole in ") as raised:
            torchvision_sets._opened(f"torchvision:{name}", name, tmp_path, asked, offline=True)
        assert not isinstance(raised.value.__cause__, URLError)


def test_the_download_of_one_set_makes_no_other_set_new(cache_of_the_test: Path) -> None:
    root = cache_of_the_test / "torchvision"
    draw_set(root / "EuroSAT" / "eurosat" / "2750", {"Forest": 2, "River": 1}, suffix=".jpg")
    before = open_source("torchvision:EuroSAT", offline=True)
    digits(root / "MNIST", 6, 3)
    assert len(open_source("torchvision:MNIST", offline=True).images) == 9
    assert open_source("torchvision:EuroSAT", offline=True) == before
    draw_set(root / "EuroSAT" / "eurosat" / "2750", {"Desert": 1}, suffix=".jpg")
    after = open_source("torchvision:EuroSAT", offline=True)
    assert after.root != before.root
    assert len(after.images) == 4


def test_emnist_is_taken_by_the_name_of_its_part_and_stands_upright(tmp_path: Path) -> None:
    raw, written = tmp_path / "EMNIST" / "raw", {}
    raw.mkdir(parents=True)
    for part, n in (("train", 6), ("test", 3)):
        written[part] = pixels(n, 28, 28)
        head, labels = struct.pack(">4I", 2051, n, 28, 28), bytes(1 + number % 3 for number in range(n))
        (raw / f"emnist-letters-{part}-images-idx3-ubyte").write_bytes(head + written[part].tobytes())
        (raw / f"emnist-letters-{part}-labels-idx1-ubyte").write_bytes(struct.pack(">2I", 2049, n) + labels)
    source = open_source(f"torchvision:EMNIST:letters@{tmp_path}", offline=True)
    assert seen(source)[-4:] == [("c", "train"), ("a", "test"), ("b", "test"), ("c", "test")]
    assert np.array_equal(np.asarray(load_rgb(source.images[0].path))[..., 0], written["train"][0].T)
    match = r"torchvision:EMNIST does not say which set; choose from EMNIST:balanced, .*, EMNIST:letters, "
    with pytest.raises(DataError, match=match):
        open_source("torchvision:EMNIST")


def test_country211_has_three_parts_of_image_files(tmp_path: Path) -> None:
    folders = {f"{part}/{country}": 2 for part in ("train", "valid", "test") for country in ("AD", "AE")}
    draw_set(tmp_path / "country211", folders, suffix=".jpg")
    source = open_source(f"torchvision:Country211@{tmp_path}", offline=True)
    assert list(source.split_folders) == ["train", "val", "test"]
    assert {image.path.suffix for image in source.images} == {".jpg"}
    assert source.class_names == ("AD", "AE")


@pytest.mark.parametrize("with_answers", [True, False])
def test_fer2013_has_its_feelings_by_name_and_tells_what_has_no_label(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, with_answers: bool
) -> None:
    files = {name: (file, None) for name, (file, _) in torchvision.datasets.FER2013._RESOURCES.items()}
    monkeypatch.setattr(torchvision.datasets.FER2013, "_RESOURCES", files)
    face = " ".join(["7"] * 48 * 48)
    folder = tmp_path / "fer2013"
    folder.mkdir()
    if with_answers:
        rows = [f"0,{face},Training", f"6,{face},Training", f"6,{face},PublicTest", f"0,{face},PrivateTest"]
        (folder / "fer2013.csv").write_text("\n".join(["emotion,pixels,Usage", *rows]))
    else:
        (folder / "train.csv").write_text(f"emotion,pixels\n0,{face}\n6,{face}\n")
        (folder / "test.csv").write_text(f"pixels\n{face}\n{face}\n")
    source = open_source(f"torchvision:FER2013@{tmp_path}", offline=True)
    train = [("angry", "train"), ("neutral", "train")]
    assert seen(source) == ([*train, ("angry", "test"), ("neutral", "test")] if with_answers else train)
    told = [] if with_answers else ["has 2 images without a label"]
    assert [item.reason for item in source.skipped] == told


def test_omniglot_has_its_characters_by_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    checks = dict.fromkeys(torchvision.datasets.Omniglot.zips_md5)
    monkeypatch.setattr(torchvision.datasets.Omniglot, "zips_md5", checks)
    folder = tmp_path / "omniglot-py" / "images_background"
    draw_set(folder, {"Greek/character01": 2, "Greek/character02": 1, "Latin/character01": 1})
    folder.with_suffix(".zip").touch()
    source = open_source(f"torchvision:Omniglot@{tmp_path}", offline=True)
    assert source.class_names == ("Greek/character01", "Greek/character02", "Latin/character01")
    assert source.split_folders == {}


def test_the_people_of_lfw_have_their_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    people = torchvision.datasets.LFWPeople
    monkeypatch.setattr(people, "checksums", dict.fromkeys(people.checksums))
    archives = {name: (folder, file, None) for name, (folder, file, _) in people.file_dict.items()}
    monkeypatch.setattr(people, "file_dict", archives)
    folder = tmp_path / "lfw-py"
    for number, name in enumerate(["Ann_A_0001", "Ann_A_0002", "Bea_B_0001"]):
        save(picture(number), folder / "lfw_funneled" / name[:-5] / f"{name}.jpg")
    (folder / "lfw-funneled.tgz").touch()
    (folder / "lfw-names.txt").write_text("Zoe_Z\t1\nAnn_A\t2\nBea_B\t1\n")
    (folder / "people.txt").write_text("2\n1\nAnn_A\t2\n1\nBea_B\t1\n")
    source = open_source(f"torchvision:LFWPeople@{tmp_path}", offline=True)
    assert seen(source) == [("Ann_A", None), ("Ann_A", None), ("Bea_B", None)]
    assert {image.path.suffix for image in source.images} == {".jpg"}


def test_the_small_val_images_of_places365_are_a_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    places = torchvision.datasets.Places365
    monkeypatch.setattr(places, "_CATEGORIES_META", ("categories_places365.txt", None))
    monkeypatch.setattr(places, "_FILE_LIST_META", {"val": ("places365_val.txt", None)})
    (tmp_path / "categories_places365.txt").write_text("/a/airfield 0\n/b/bar 1\n")
    (tmp_path / "places365_val.txt").write_text("0.jpg 1\n1.jpg 0\n")
    draw_set(tmp_path, {"val_256": 2}, suffix=".jpg")
    source = open_source(f"torchvision:Places365:val@{tmp_path}", offline=True)
    assert seen(source) == [("/a/airfield", None), ("/b/bar", None)]
    with pytest.raises(DataError, match=r"Places365 does not say which set; choose from Places365:val$"):
        open_source("torchvision:Places365")


def test_caltech101_has_its_classes_by_name(tmp_path: Path) -> None:
    folder = tmp_path / "caltech101" / "101_ObjectCategories"
    (folder / "BACKGROUND_Google").mkdir(parents=True)
    for number, name in enumerate(["ant", "crab", "crab"]):
        save(picture(number), folder / name / f"image_{1 + number // 2:04d}.jpg")
    assert open_source(f"torchvision:Caltech101@{tmp_path}", offline=True).class_names == ("ant", "crab")


@pytest.mark.parametrize("offline", [True, False])
@pytest.mark.parametrize("name", ["FER2013", "LFWPeople", "StanfordCars"])
def test_what_torchvision_cannot_download_is_said_so(name: str, offline: bool) -> None:
    match = rf"torchvision:{name} is not whole in .*{name}, and torchvision cannot download it; put its files"
    with pytest.raises(DataError, match=match):
        open_source(f"torchvision:{name}", offline=offline)


def test_a_set_that_needs_a_package_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torchvision_sets.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(OptionError, match=r"torchvision:PCAM needs the package h5py; run `pip install h5py`"):
        open_source("torchvision:PCAM")
