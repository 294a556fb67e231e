"""What the page does with images besides training, in real processes, and the files that come of it."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest
from fastapi import FastAPI
from fastapi.testclient import TestClient
from page_parts import bare_parts
from page_server import flawed_zip
from services import ended, tiny_network, wait_for

from finetune import cli
from finetune.data.health import inspect_source
from finetune.data.sources import open_source
from finetune.recipe.fields import GROUPS, entry
from finetune.service.data_jobs import DataJob, newest_job
from finetune.service.jobs import is_alive, read_job
from finetune.service.projects import Project, new_project
from finetune.service.service import Service
from finetune.service.trainings import can_find_suspects
from strategies import STRATEGIES
from ui.downloads import add_downloads
from ui.expert import OWN, at_first
from ui.handlers import Handlers
from ui.tabs.train import FIRST, NO_LIMIT, OWN_SIZE
from ui.train_handlers import TrainHandlers
from ui.view import make_view

NAME = "my photos.zip"
WRONG = "lime/apple.png"


def untouched(*, size: str = OWN_SIZE, augment: str = OWN, **changes: Any) -> list[Any]:
    """What the options' components hold when only these were changed."""
    own = [str(getattr(kind(), option)) for kind in STRATEGIES.values() for option in kind.option_names()]
    fold = {name: at_first(entry(name)) for fields in GROUPS.values() for name in fields}
    return [FIRST, size, NO_LIMIT, augment, *own, *(fold | changes).values()]


def both_handlers(service: Service) -> tuple[Handlers, TrainHandlers]:
    """Those of the page, and those of its tab Train over them."""
    parts = bare_parts()
    handlers = Handlers(service, parts)
    return handlers, TrainHandlers(service, parts, handlers)


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return flawed_zip(tmp_path_factory.mktemp("photos") / NAME)


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Service]:
    with tiny_network(tmp_path_factory.mktemp("hf")):
        service = Service(tmp_path_factory.mktemp("root"), offline=True)
        yield service
        service.close()


@pytest.fixture(scope="module")
def client(service: Service) -> TestClient:
    app = FastAPI()
    add_downloads(app.router, service)
    return TestClient(app)


@pytest.fixture(scope="module")
def project(service: Service, photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    copy = tmp_path_factory.mktemp("upload") / NAME
    shutil.copy(photos, copy)
    project = service.take_upload(copy, backbone="test_resnet")
    assert ended(project.analysis).state == "finished"
    return project


def test_the_health_report_is_the_command_line_s_own(
    client: TestClient, project: Project, photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(photos.parent)
    page = tmp_path / "health.html"
    assert cli.run(["inspect", NAME, "--backbone", "test_resnet", "--html", str(page)]) == 0
    answer = client.get(f"/report/{project.id}")
    assert answer.text == page.read_text(encoding="utf-8")
    assert "apple/broken.png: is not an image but a text" in answer.text
    assert answer.headers["content-disposition"] == "attachment; filename*=utf-8''my%20photos-health.html"
    assert project.id not in answer.text


@pytest.fixture(scope="module")
def search(service: Service, project: Project) -> DataJob:
    handlers = Handlers(service, bare_parts())
    handlers.find_suspects(project.id, "", "")
    told = notice(handlers, handlers.find_suspects(project.id, "", ""))
    assert f"{NAME}: still looking for wrong labels; wait for it, or stop it" in told
    assert make_view(project, "").tools.stops == "Stop the search"
    found = newest_job(project, "suspects")
    assert found is not None
    assert ended(found.folder).state == "finished", read_job(found.folder)
    return found


def notice(handlers: Handlers, answer: dict[Any, Any]) -> str:
    told: str = answer[handlers._parts.notice]
    return told


def test_the_wrong_label_is_found_and_shown_with_its_picture(
    client: TestClient, project: Project, search: DataJob
) -> None:
    first = search.result["suspects"][0]
    assert (first["path"], first["label"], first["suggested"]) == (WRONG, "lime", "apple")
    tools = make_view(project, "").tools
    assert tools.has_suspects
    assert tools.can_search
    assert (
        f'src="data:image/jpeg;base64,{search.result["pictures"][WRONG].partition(",")[2]}"' in tools.suspects
    )
    assert "1. lime → apple" in tools.suspects
    answer = client.get(f"/suspects/{project.id}/{search.number}")
    assert answer.text.splitlines()[1].startswith(f"{WRONG},lime,apple,")
    assert answer.headers["content-disposition"].startswith("attachment; ")


@pytest.mark.parametrize(
    ("deal", "field", "told"),
    [
        ("leave out", "drop_suspects", "1 of 74 image is left out, as corrections/"),
        (
            "relabel as suggested",
            "relabel",
            "1 of 74 image is given the suggested class, as corrections/",
        ),
    ],
)
def test_what_was_chosen_of_the_suspects_is_trained_with(
    service: Service, project: Project, search: DataJob, deal: str, field: str, told: str
) -> None:
    handlers, training_by = both_handlers(service)
    answer = training_by.train(project.id, "freeze-all", "", deal, "1", *untouched(size="32"))
    assert notice(handlers, answer) == ""
    training = project.trainings[-1]
    status = ended(training.job)
    assert status.state == "finished", status
    assert training.report["corrections"][field]["count"] == 1
    table = Path(training.report["corrections"][field]["file"])
    assert table.parent == project.folder.resolve() / "corrections"
    assert len(table.read_text(encoding="utf-8").splitlines()) == 2
    said = project.readable(" ".join(status.said))
    assert told in said
    assert project.id not in said


def test_a_path_that_a_visitor_types_reaches_no_file(
    service: Service, project: Project, search: DataJob, tmp_path: Path
) -> None:
    secret = tmp_path / "secret.csv"
    secret.write_text("path,label\nTOP SECRET,x\n")
    (handlers, training_by), n_before = both_handlers(service), len(project.trainings)
    for which in (str(secret), f"../{secret}", "1,/etc/passwd"):
        answer = training_by.train(project.id, "freeze-all", "", "leave out", which, *untouched(size="32"))
        assert "is no number from 1 to" in notice(handlers, answer)
        assert "SECRET" not in notice(handlers, answer)
    assert len(project.trainings) == n_before


def test_the_preview_is_the_command_line_s_own_and_knows_what_is_not_augmented(
    service: Service, client: TestClient, project: Project, photos: Path, tmp_path: Path
) -> None:
    sheet = tmp_path / "sheet.png"
    options = ["--augment", "light", "--no-hflip", "--image-size", "32", "--preview", str(sheet)]
    assert cli.run(["augment", str(photos), *options]) == 0
    _, training_by = both_handlers(service)
    training_by.preview(project.id, "partial", "", *untouched(size="32", augment="light", hflip="no"))
    assert client.get(drawn(project)).content == sheet.read_bytes()
    assert "Augmentation light: " in make_view(project, "").tools.preview
    training_by.preview(project.id, "freeze-all", "", *untouched())
    drawn(project)
    assert "Augmentation none: images stay as they are." in make_view(project, "").tools.preview


def drawn(project: Project) -> str:
    """Wait for the newest preview and return its address."""
    job = newest_job(project, "preview")
    assert job is not None
    assert ended(job.folder).state == "finished", read_job(job.folder)
    return f"/preview/{project.id}/{job.number}"


def test_a_cleaned_copy_is_a_sound_data_set_again(
    service: Service, client: TestClient, project: Project, tmp_path: Path
) -> None:
    handlers = Handlers(service, bare_parts())
    handlers.clean(project.id, "", "")
    job = newest_job(project, "clean")
    assert job is not None
    assert ended(job.folder).state == "finished", read_job(job.folder)
    assert not (job.folder / "copy").exists()
    answer = client.get(f"/clean/{project.id}/{job.number}")
    assert unquote(answer.headers["content-disposition"]).endswith("my photos-cleaned.zip")
    (tmp_path / "cleaned.zip").write_bytes(answer.content)
    report = inspect_source(open_source(tmp_path / "cleaned.zip"))
    assert report.classes == {"apple": 23, "lime": 25, "plum": 24}
    assert [finding.kind for finding in report.findings] == ["skipped-file"]  # the log
    told = make_view(project, "").tools.cleaned
    assert "Images in the cleaned copy: 72. Left out as duplicates: 1. Left out as unreadable or in" in told


def test_a_job_goes_with_its_project(service: Service, photos: Path, tmp_path: Path) -> None:
    shutil.copy(photos, tmp_path / "brief.zip")
    brief = new_project(service.home, upload=tmp_path / "brief.zip")
    job = service.clean(brief)
    service.discard(brief)
    wait_for(lambda: not is_alive(job.folder))
    assert not brief.folder.exists()


@pytest.mark.parametrize("kind", ["report", "suspects", "clean", "preview", "bundle"])
def test_nobody_without_the_key_gets_a_file(
    client: TestClient, project: Project, search: DataJob, kind: str
) -> None:
    number = "" if kind == "report" else f"/{search.number}"
    for key in ("0" * 32, "..", "%2e%2e", project.id[:-1]):
        assert client.get(f"/{kind}/{key}{number}").status_code == 404
    if number:
        for other in ("99", "..", "%2e%2e", "1%2f.."):
            assert client.get(f"/{kind}/{project.id}/{other}").status_code == 404


def test_without_pretrained_weights_there_is_nothing_to_find_wrong_labels_with() -> None:
    assert not can_find_suspects({"weights": {"source": "none"}})
    assert not can_find_suspects({})
    assert can_find_suspects({"weights": {"source": "cache"}})
