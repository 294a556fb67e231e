"""What is done to a project's images by hand counts in all that follows."""

import csv
import io
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from page_server import colour_zip, flawed_zip
from PIL import Image, ImageOps
from services import ended, tiny_network

from finetune.errors import DataError, ImageError, OptionError
from finetune.service.additions import added_images
from finetune.service.own_corrections import corrections_of
from finetune.service.projects import Project
from finetune.service.service import Service
from finetune.service.suspects_choice import SuspectsChoice

COPY = "plum/again.png"


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with tiny_network(tmp_path_factory.mktemp("hf")):
        service = Service(tmp_path_factory.mktemp("root"), offline=True)
        yield service
        service.close()


@pytest.fixture(scope="module")
def images(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Images that are none of the project's."""
    folder = colour_zip(tmp_path_factory.mktemp("images") / "plain.zip", each=8).with_suffix("")
    for path in folder.rglob("*.png"):
        ImageOps.mirror(Image.open(path)).save(path)
    return folder


@pytest.fixture(scope="module")
def project(service: Service, tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = service.take_upload(
        flawed_zip(tmp_path_factory.mktemp("photos") / "flawed.zip"), backbone="test_resnet"
    )
    assert ended(project.analysis).state == "finished"
    return project


def again(service: Service, project: Project) -> Project:
    service.curation.look(project)
    found = service.find(project.id)
    assert found is not None
    assert found.looking_again is not None
    assert ended(found.looking_again).state == "finished"
    found = service.find(project.id)
    assert found is not None
    return found


def test_corrections_and_additions_count_at_the_next_look(
    service: Service, project: Project, images: Path
) -> None:
    before = project.findings["health"]["classes"]
    service.curation.correct(project, COPY, "")
    service.curation.correct(project, "plum/0.png", "lime")
    service.add_image(project, images / "apple" / "0.png", " apple ")
    service.add_image(project, images / "lime" / "0.png", "mango")
    assert project.findings["health"]["classes"] == before, "not before it is looked at again"
    for number in range(1, 8):
        service.add_image(project, images / "lime" / f"{number}.png", "mango")
    looked = again(service, project)
    assert looked.findings["health"]["classes"] == {
        "apple": before["apple"] + 1,
        "lime": before["lime"] + 1,
        "mango": 8,
        "plum": before["plum"] - 2,
    }
    assert looked.data.name == "flawed.csv"
    assert project.data.is_file(), "what was brought stays as it is"
    assert str(looked.folder) not in str(looked.findings)
    training = service.train(looked, "freeze-all", {"image_size": 32})
    assert ended(training.job).state == "finished"
    assert training.report["classes"] == ["apple", "lime", "mango", "plum"]
    service.curation.take_back(looked, "")
    assert corrections_of(looked) == {}
    restored = again(service, looked)
    assert restored.findings["health"]["classes"]["plum"] == before["plum"]
    assert COPY in restored.findings["enlarged"]


def test_a_set_is_made_of_single_images(service: Service, images: Path) -> None:
    project = service.begin_set()
    for name in ("apple", "plum"):
        for path in sorted((images / name).iterdir()):
            service.add_image(project, path, name)
    gone = service.add_image(project, images / "lime" / "0.png", "plum")
    service.curation.remove(project, gone.name)
    again_added = service.add_image(project, images / "apple" / "1.png", "apple")
    assert again_added.name != gone.name, "a number is not given twice"
    assert len(added_images(project)) == 17
    service.curation.look(project, backbone="test_resnet")
    assert ended(project.analysis).state == "finished"
    found = service.find(project.id)
    assert found is not None
    assert found.findings["health"]["classes"] == {"apple": 9, "plum": 8}
    service.curation.remove(found, again_added.name)
    with found.data.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert all((found.data.parent / row["path"]).stat().st_size for row in rows), "what was looked at stays"
    service.delete_project(found)
    assert service.find(project.id) is None
    assert not project.folder.exists()


@pytest.mark.parametrize("label", ["", "  ", ".hidden", "a" * 81, "a\u202eb"])
def test_a_class_needs_a_name_that_can_be(
    service: Service, project: Project, images: Path, label: str
) -> None:
    with pytest.raises(OptionError, match="class"):
        service.add_image(project, images / "lime" / "0.png", label)


def test_what_is_no_image_is_not_added(service: Service, project: Project, tmp_path: Path) -> None:
    text = tmp_path / "note.png"
    text.write_text("<html>", encoding="utf-8")
    with pytest.raises(ImageError, match=r"^note\.png is not an image"):
        service.add_image(project, text, "lime")


@pytest.mark.parametrize(
    ("name", "to"), [("apple/1.png", ""), ("../../project.json", ""), (COPY, "no such class")]
)
def test_only_what_is_shown_can_be_corrected(service: Service, project: Project, name: str, to: str) -> None:
    with pytest.raises(DataError, match=r"shows no image called|is no class of"):
        service.curation.correct(project, name, to)


def test_the_own_list_goes_before_the_choice_of_all_suspects(service: Service, project: Project) -> None:
    found = service.find(project.id)
    assert found is not None
    search = service.find_suspects(found)
    assert ended(search.folder).state == "finished"
    wrong = search.result["suspects"][0]
    assert (wrong["path"], wrong["suggested"]) == ("lime/apple.png", "apple")
    service.curation.correct(found, wrong["path"], wrong["label"])  # keep it
    service.curation.correct(found, COPY, "")
    chosen = SuspectsChoice("drop_suspects", "1")
    training = service.train(found, "freeze-all", {"image_size": 32}, suspects=chosen)
    assert ended(training.job).state == "finished"
    assert training.report["corrections"]["drop_suspects"]["count"] == 1
    text = Path(training.report["corrections"]["drop_suspects"]["file"]).read_text(encoding="utf-8")
    assert [row["path"] for row in csv.DictReader(io.StringIO(text))] == [COPY]
    copy = service.clean(found)
    assert ended(copy.folder).state == "finished"
    with zipfile.ZipFile(copy.folder / "cleaned.zip") as archive:
        assert not [name for name in archive.namelist() if name.endswith("again.png")]
    shutil.rmtree(training.run)
