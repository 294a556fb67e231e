"""Many images that are asked about at once: a real job, its pictures and its file, and who gets to see them."""

import csv
import io
import json
import shutil
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from drawing import picture, save
from fastapi import FastAPI
from fastapi.testclient import TestClient
from page_parts import bare_parts
from PIL import Image
from services import ended
from small_bundle import CLASS_NAMES, small_bundle

from finetune.service.data_jobs import DataJob
from finetune.service.held_out import MOST, keep_held_out, read_held_out
from finetune.service.projects import Project, Training, new_project
from finetune.service.service import Service
from finetune.service.trials import read_trial
from ui.trial_downloads import add_trial_downloads
from ui.trial_handlers import TrialHandlers
from ui.trial_view import make_trial_view

BROKEN = "not-an-image.png"


@dataclass(frozen=True)
class Asking:
    service: Service
    project: Project
    training: Training
    handlers: TrialHandlers
    client: TestClient
    folder: Path

    def bring(self, *names: str) -> list[dict[str, str]]:
        """Lay copies of these files where uploads arrive, and tell of them as a browser would."""
        self.service.uploads.mkdir(exist_ok=True)
        return [{"path": shutil.copy(self.folder / name, self.service.uploads)} for name in names]


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asking]:
    """A project with a classifier, and files to bring."""
    folder = tmp_path_factory.mktemp("files")
    for number, name in enumerate(("a.png", "b.png")):
        save(picture(number, (90, 60)), folder / name)
    (folder / BROKEN).write_text("<html>")
    with zipfile.ZipFile(folder / "more.zip", "w") as archive:
        archive.write(folder / "a.png", "inside/a.png")
    service = Service(tmp_path_factory.mktemp("root"), offline=True)
    project = new_project(service.home, sample="fruit")
    project.analysis.mkdir()
    (project.analysis / "result.json").write_text(json.dumps({"health": {"classes": {"ants": 2, "bees": 1}}}))
    run = service.root / "run-1"
    run.mkdir()
    small_bundle(run / "bundle")
    job = project.folder / "trainings" / "1"
    job.mkdir(parents=True)
    (job / "request.json").write_text(json.dumps({"out": str(run), "recipe": {"strategy": "freeze-all"}}))
    app = FastAPI()
    add_trial_downloads(app, service)
    handlers = TrialHandlers(service, bare_parts().test_tab)
    yield Asking(service, project, project.trainings[0], handlers, TestClient(app), folder)
    service.close()


@pytest.fixture(scope="module")
def asked(asking: Asking) -> str:
    """The number of a job that has answered."""
    asking.handlers.ask_many(asking.project.id, asking.bring("a.png", "b.png", BROKEN, "more.zip"))
    job = asking.project.folder / "trial" / "1"
    assert ended(job).state == "finished", ended(job)
    return job.name


def test_no_folder_of_uploads_is_taken(asking: Asking, asked: str) -> None:
    """All uploads lie below one folder; whoever names it, or one in it, must not get what others brought."""
    uploads = asking.service.uploads
    (uploads / "ann").mkdir(parents=True, exist_ok=True)
    (uploads / "ann" / "hers.png").write_bytes(b"hers")
    asking.handlers.ask_many(asking.project.id, [{"path": str(uploads)}, {"path": str(uploads / "ann")}])
    assert (uploads / "ann" / "hers.png").read_bytes() == b"hers"
    assert (asking.project.folder / "trial" / asked).is_dir(), "nothing new was asked about"


def test_each_image_gets_a_row_of_the_file_and_a_picture(asking: Asking, asked: str) -> None:
    file = asking.client.get(f"/answers/{asking.project.id}/{asked}")
    rows = {row["path"]: row for row in csv.DictReader(io.StringIO(file.text))}
    assert set(rows) == {"a.png", "b.png", BROKEN, "more/inside/a.png"}
    assert rows["a.png"]["label"] in CLASS_NAMES
    assert rows["a.png"]["label"] == rows["more/inside/a.png"]["label"]
    assert "is not an image" in rows[BROKEN]["error"]
    assert "fruit-answers.csv" in file.headers["content-disposition"]
    view = make_trial_view(asking.project, asking.training)
    assert view.classes == ("ants", "bees")
    assert not view.is_answering
    assert "4 images, asked of run-1; 1 cannot be read" in view.answers
    assert f"<strong>{rows['b.png']['label']}</strong>" in view.answers
    assert "is not an image but a text" in view.answers
    for number, name in enumerate(sorted(rows)):
        shown = asking.client.get(f"/asked/{asking.project.id}/{asked}/{number}")
        assert shown.status_code == (404 if name == BROKEN else 200), name
        if name != BROKEN:
            assert Image.open(io.BytesIO(shown.content)).size == (90, 60)


def test_a_pressed_image_becomes_the_one_that_is_asked_about(asking: Asking, asked: str) -> None:
    test = asking.handlers._test
    chosen = asking.handlers.take_asked(asking.project.id, "0")
    lent = Path(chosen[test.image])
    assert lent.is_relative_to(asking.service.uploads)
    assert lent.read_bytes() == (asking.folder / "a.png").read_bytes()
    assert chosen[test.truth] == {}
    for number in ("9", "-1", "", "x", "²", "../0"):
        assert test.image not in asking.handlers.take_asked(asking.project.id, number)


def test_a_stranger_sees_nothing(asking: Asking, asked: str) -> None:
    for path in (
        f"/answers/{'0' * 32}/{asked}",
        f"/asked/{'0' * 32}/{asked}/0",
        f"/asked/{asking.project.id}/2/0",
        f"/asked/{asking.project.id}/{asked}/99",
        f"/asked/{asking.project.id}/{asked}/-1",
        f"/held-out/{asking.project.id}/1/0",
    ):
        assert asking.client.get(path).status_code == 404, path


def test_only_uploaded_files_are_asked_about_and_the_newest_images_alone_stay(
    asking: Asking, asked: str
) -> None:
    foreign = [{"path": str(asking.folder / "a.png")}, None, {}]
    asking.handlers.ask_many(asking.project.id, foreign)
    assert [path.name for path in (asking.project.folder / "trial").iterdir()] == [asked]
    first = next((asking.project.folder / "asked").iterdir())
    asking.handlers.ask_many(asking.project.id, asking.bring(BROKEN))
    job = asking.project.folder / "trial" / "2"
    assert ended(job).state == "finished"
    assert not first.exists()
    assert [path.name for path in (asking.project.folder / "trial").iterdir()] == ["2"]
    newest = read_trial(asking.project, DataJob(job))
    assert newest is not None
    assert newest.n_errors == 1


def test_held_out_images_are_kept_a_class_in_turn_with_their_labels(asking: Asking, tmp_path: Path) -> None:
    data = tmp_path / "data"
    names = [f"{label}/{number}.png" for label in ("ants", "bees") for number in range(MOST)]
    for name in names:
        (data / name).parent.mkdir(parents=True, exist_ok=True)
        save(picture(len(name), (300, 200)), data / name)
    with (tmp_path / "predictions.csv").open("w", encoding="utf-8") as stream:
        print("path,label,predicted,probability,digest", file=stream)
        print(*(f"{name},{name.partition('/')[0]},ants,0.9," for name in names), sep="\n", file=stream)
        print("bees/gone.png,bees,ants,0.9,", file=stream)
    job = asking.training.job
    keep_held_out(job, tmp_path, str(data), offline=True)
    kept = read_held_out(job)
    assert [each.label for each in kept] == ["ants", "bees"] * (MOST // 2)
    assert kept[2].image.read_bytes() == (data / "ants/1.png").read_bytes()
    assert Image.open(io.BytesIO(kept[0].picture.read_bytes())).size == (240, 160)
    shown = asking.client.get(f"/held-out/{asking.project.id}/1/1")
    assert shown.content == kept[1].picture.read_bytes()
    chosen = asking.handlers.take_held_out(asking.project.id, "1")
    truth = chosen[asking.handlers._test.truth]
    assert truth == {"name": Path(chosen[asking.handlers._test.image]).name, "label": "bees"}
    view = make_trial_view(asking.project, asking.training)
    assert view.held_out.count("<button") == MOST
    assert "bees" not in view.held_out
