"""Whose a project is: found and listed by its owner alone."""

import json
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from api_server import photos
from page_parts import bare_parts

from finetune.errors import ResourceError
from finetune.service.datasets import Datasets, kept_by_api
from finetune.service.engine.store import JobStore
from finetune.service.projects import PROJECT, find_project, new_project
from finetune.service.room import Kept, Room
from finetune.service.service import Service
from ui.handlers import Handlers


@pytest.fixture
def service(tmp_path: Path) -> Iterator[Service]:
    """Over a store that nobody supervises: nothing is done."""
    opened = Service(tmp_path / "root", offline=True, store=JobStore(tmp_path / "jobs.sqlite"))
    yield opened
    opened.close()


def test_a_project_is_found_and_listed_by_its_owner_alone(service: Service) -> None:
    ann = service.take_sample("fruit", backbone="test_resnet", owner="ann")
    nobody = service.take_sample("fruit", backbone="test_resnet")
    assert service.find(ann.id, "ann") == ann
    for other in ("", "ben", "Ann"):
        assert service.find(ann.id, other) is None
    assert service.find(nobody.id) == nobody
    assert service.find(nobody.id, "ann") is None
    assert service.projects("ann") == [ann]
    assert service.projects() == [nobody]
    assert service.projects("ben") == []


def test_the_newest_project_comes_first(service: Service) -> None:
    made = [new_project(service.home, sample="fruit") for _ in range(3)]
    assert service.projects() == made[::-1]


def test_who_asks_need_not_be_named(tmp_path: Path) -> None:
    asking = "ann"
    store = JobStore(tmp_path / "jobs.sqlite")
    service = Service(tmp_path / "root", offline=True, store=store, asking=lambda: asking)
    project = service.take_sample("fruit", backbone="test_resnet")
    assert project.owner == "ann"
    assert service.find(project.id) == project
    asking = "ben"
    assert service.find(project.id) is None
    assert service.projects() == []
    service.close()


def test_a_project_of_an_earlier_version_belongs_to_nobody(tmp_path: Path) -> None:
    project = new_project(tmp_path, sample="fruit")
    kept = {"name": "fruit", "data": str(project.data), "sample": "fruit"}
    (project.folder / PROJECT).write_text(json.dumps(kept), encoding="utf-8")
    found = find_project(tmp_path, project.id)
    assert found is not None
    assert found.owner == ""
    assert found.created[:10] == project.created[:10]


def test_an_owner_keeps_so_much_and_the_others_as_much(tmp_path: Path) -> None:
    room = Room(kept=5000, projects=2)
    store = JobStore(tmp_path / "jobs.sqlite")
    service = Service(tmp_path / "root", offline=True, store=store, room=room)

    def bring(owner: str, size: int) -> Path:
        upload = tmp_path / "photos.zip"
        upload.write_bytes(b"x" * size)
        service.take_upload(upload, backbone="test_resnet", owner=owner)
        return upload

    bring("ann", 3000)
    with pytest.raises(
        ResourceError, match="your data sets here would take more than 5e-06 GB; delete some first"
    ):
        bring("ann", 3000)
    assert not (tmp_path / "photos.zip").exists()
    bring("ben", 3000)
    service.take_sample("fruit", backbone="test_resnet", owner="ann")
    with pytest.raises(
        ResourceError, match="you have 2 data sets here, which is the most; delete some first"
    ):
        service.take_sample("fruit", backbone="test_resnet", owner="ann")
    assert len(service.projects("ann")) == 2
    service.close()


def test_data_sets_that_an_owner_has_handed_in_by_the_api_count_too(tmp_path: Path) -> None:
    datasets, asked = Datasets(tmp_path / "datasets"), Datasets(tmp_path / "asked")
    (tmp_path / "photos.zip").write_bytes(photos())
    for place in (datasets, asked):
        place.keep(place.unpack(tmp_path / "photos.zip", "photos.zip", owner="ann"))
    by_api = partial(kept_by_api, datasets, asked)
    size = by_api("ann").size_bytes // 2
    assert by_api("ann") == Kept(1, 2 * size)
    assert by_api("ben") == Kept()
    room = Room(kept=3 * size, projects=2, elsewhere=by_api)
    (tmp_path / "home").mkdir()
    room.refuse_beyond(tmp_path / "home", "ann", size)
    with pytest.raises(ResourceError, match="would take more than"):
        room.refuse_beyond(tmp_path / "home", "ann", size + 1)
    room.refuse_beyond(tmp_path / "home", "ben", size + 1)
    new_project(tmp_path / "home", sample="digits", owner="ann")
    with pytest.raises(ResourceError, match="you have 2 data sets here, which is the most"):
        room.refuse_beyond(tmp_path / "home", "ann", 0, is_new=True)
    room.refuse_beyond(tmp_path / "home", "ann", 0)  # one image more for a set that is there


def test_the_page_says_why_nothing_more_is_taken(tmp_path: Path) -> None:
    store, parts = JobStore(tmp_path / "jobs.sqlite"), bare_parts()
    service = Service(tmp_path / "root", offline=True, store=store, room=Room(kept=10, projects=1))
    do = Handlers(service, parts)
    begun = do.taking_sample("fruit")("", "", "", "test_resnet")[parts.project_id]
    uploaded = service.uploads / "a" / "photos.zip"
    uploaded.parent.mkdir(parents=True)
    uploaded.write_bytes(b"x" * 100)
    told = do.take_upload("", "", "", str(uploaded), "test_resnet")
    assert "you have 1 data set here, which is the most" in told[parts.notice]
    assert told[parts.project_id] == ""
    assert [project.id for project in service.projects()] == [begun]
    for other in (service.uploads, tmp_path / "root", tmp_path / "jobs.sqlite"):
        assert do.take_upload("", "", "", str(other), "test_resnet")[parts.data_tab.upload]["value"] is None
        assert other.exists(), "only what was uploaded is taken"
    service.close()
