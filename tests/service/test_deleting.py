"""What is deleted is gone from the disk, and nothing else is; and which run answers is the user's choice."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from page_server import colour_zip
from services import ended, tiny_network

from finetune.data.unpacking import content_name, kept_set
from finetune.errors import ImageError, RunError
from finetune.service.data_work import ONNX
from finetune.service.judged import in_cell, judged_images
from finetune.service.projects import Project
from finetune.service.service import Service
from finetune.service.trainings import trained
from ui.results_view import make_results_view
from ui.use_view import make_use_view

TINY = {"image_size": 32}


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with tiny_network(tmp_path_factory.mktemp("hf")), pytest.MonkeyPatch.context() as patched:
        patched.setenv("FINETUNE_CACHE", str(tmp_path_factory.mktemp("cache")))
        service = Service(tmp_path_factory.mktemp("root"), offline=True)
        yield service
        service.close()


@pytest.fixture(autouse=True)
def one_cache(
    service: Service, monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """The children of the module's service and the tests look into one cache."""
    cache = service.root / "cache"
    cache.mkdir(exist_ok=True)
    monkeypatch.setenv("FINETUNE_CACHE", str(cache))


def project_of(service: Service, folder: Path, name: str) -> Project:
    project = service.take_upload(colour_zip(folder / name), backbone="test_resnet")
    assert ended(project.analysis).state == "finished"
    return project


def test_runs_are_chosen_looked_into_exported_and_deleted(service: Service, tmp_path: Path) -> None:
    project = project_of(service, tmp_path, "photos.zip")
    first = service.train(project, "freeze-all", TINY)
    assert ended(first.job).state == "finished"
    second = service.train(project, "freeze-all", TINY)
    assert ended(second.job).state == "finished"
    assert trained(project) == second
    service.choose(project, "1")
    assert trained(project) == first
    service.choose(project, "no such")
    assert trained(project) == first, "what cannot be asked changes nothing"
    service.choose_beside(project, "2")
    view = make_results_view(project, project.trainings, trained(project))
    assert "photos-freeze-all-1 beside photos-freeze-all-2" in view.comparison
    assert "Cannot be told apart" in view.comparison
    assert 'data-click="cell:1:' in view.matrix

    images = judged_images(first.run)
    assert images
    cells = [in_cell(first.run, label, called) for label, called in {(i.label, i.called) for i in images}]
    assert sorted(each.place for cell in cells for each in cell) == [each.place for each in images]
    assert service.thumbnail(project, first, images[0].name).startswith(b"\xff\xd8")
    with pytest.raises(ImageError):
        service.thumbnail(project, first, "../../project.json")

    job = service.export(project, first, "fp32")
    assert ended(job.folder).state == "finished"
    assert (job.result["flips"], job.result["precision"]) == (0, "fp32")
    use = make_use_view(project, project.trainings, first)
    assert f"/onnx/{project.id}/1" in use.exports
    assert f"/predict/{project.id}/1" in use.lines

    service.delete_run(project, first)
    assert not first.run.exists()
    assert not list(first.job.iterdir())
    assert not (job.folder / ONNX).exists()
    assert [each.number for each in project.trainings] == ["2"]
    assert trained(project) == second
    assert not [path for path in service.root.iterdir() if path.name.startswith(".") and path.name != ".page"]
    third = service.train(project, "freeze-all", TINY)
    assert third.number == "3", "the number of a training that is there is not given again"
    with pytest.raises(RunError, match=r"photos\.zip is training; cancel it before you delete it"):
        service.delete_project(project)
    with pytest.raises(RunError, match="is training; cancel it before you delete it"):
        service.delete_run(project, third)
    service.cancel(project)
    ended(third.job)
    service.delete_run(project, third)
    fourth = service.train(project, "freeze-all", TINY)
    assert fourth.number == "4", "addresses of a deleted run must not lead to another"
    service.cancel(project)
    ended(fourth.job)
    unpacked = kept_set(content_name(project.brought))
    assert unpacked.is_dir()
    other = service.take_upload(shutil.copy(project.brought, tmp_path / "other.zip"), backbone="test_resnet")
    service.delete_project(project)
    assert service.find(project.id) is None
    assert not project.folder.exists()
    assert not second.run.exists()
    assert unpacked.is_dir(), "another project has the same images"
    service.delete_project(other)
    assert not unpacked.exists(), "the images that were unpacked go, too"
