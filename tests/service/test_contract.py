"""One contract for three doors: command line, API and page find the same in images, train the same, say the same."""

import contextlib
import io
import json
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from api_server import COLOURS, ApiServer, Person, packed, picture, sentence, serve_api
from services import tiny_network, wait_for

from finetune import python
from finetune.cli import run
from finetune.errors import OptionError
from finetune.service.engine.store import JobStore
from finetune.service.jobs import read_job
from finetune.service.projects import Project, start_training
from finetune.service.service import Service
from finetune.service.status import Status
from ui.view import make_view

NAME = "my photos.zip"
N_EACH = 12
BACKBONE = "test_resnet"
HEAD = "multi-stage"
"""Named at each door: the page takes the advised head with an advised strategy, the others what they are told."""
CHOICES = {"image_size": 32, "seed": 3, "head": HEAD}
RECIPE = {"strategy": "freeze-all", "backbone": BACKBONE, **CHOICES}
OPTIONS = (
    *("--strategy", "freeze-all", "--backbone", BACKBONE, "--image-size", 32, "--seed", 3),
    *("--head", HEAD, "--offline"),
)
LOOKED = ("new.png", "broken.png")


@dataclass(frozen=True)
class Told:
    """What one door tells of the same images: as they are, trained on, asked about, and cut off."""

    health: dict[str, Any]
    report: dict[str, Any]
    top: list[tuple[str, float]]
    unreadable: str
    cut_off: str


@dataclass(frozen=True)
class Served:
    """A server that does jobs, with somebody at its API and its page beside it in the same queue."""

    api: ApiServer
    me: Person
    page: Service


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the zip, which has a broken file and a double, with that zip cut off, and with new images."""
    folder = tmp_path_factory.mktemp("files")
    images = {f"{kind}__{n}.png": picture(kind, n) for kind in COLOURS for n in range(N_EACH)}
    odd = {"apple__broken.png": b"<html>", "plum__again.png": picture("plum", 0)}
    content = packed(**images, **odd)
    (folder / NAME).write_bytes(content)
    (folder / "cut.zip").write_bytes(content[: len(content) // 2])
    (folder / "new.png").write_bytes(picture("lime", 99))
    (folder / "broken.png").write_bytes(b"<html>")
    return folder


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    root = tmp_path_factory.mktemp("service")
    with (
        tiny_network(tmp_path_factory.mktemp("hf")),
        serve_api(root, working=True) as api,
        api.person("ann") as me,
        contextlib.closing(Service(root / "page", offline=True, store=api.context.store)) as page,
    ):
        yield Served(api, me, page)


def command(*words: object) -> tuple[int, str, str]:
    """Run one command line; return its exit code and what it said on both streams."""
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        code = run([str(word) for word in words])
    return code, out.getvalue(), err.getvalue()


def fit(*words: object) -> None:
    """Train in a process of its own, which finds the tiny network by its environment."""
    done = subprocess.run(
        python.command("finetune", "fit", *map(str, words)),
        env=python.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr


def on_the_command_line(files: Path, runs: Path) -> Told:
    code, health, _ = command("inspect", files / NAME, "--json", "--offline")
    assert code == 0
    fit(files / NAME, *OPTIONS, "--out", runs / "run")
    code, answers, _ = command(
        "predict", runs / "run", *(files / name for name in LOOKED), "--top", 5, "--json"
    )
    assert code == 0
    good, bad = json.loads(answers)
    code, _, refused = command("inspect", files / "cut.zip", "--offline")
    assert code == 3
    return Told(
        json.loads(health),
        json.loads((runs / "run" / "report.json").read_text(encoding="utf-8")),
        [(each["label"], each["probability"]) for each in good["top"]],
        bad["error"],
        refused.strip().removeprefix("error: ").replace(f"{files}/", ""),
    )


def over_the_api(served: Served, files: Path) -> Told:
    me, store = served.me, served.api.context.store
    dataset = me.post("/datasets", params={"backbone": BACKBONE}, files=sent(files, NAME)).json()
    job = me.post("/jobs", json={"dataset": dataset["id"], "recipe": RECIPE}).json()["id"]
    wait_for(lambda: store.get(job).has_ended and store.get(dataset["job"]).has_ended)
    assert me.get(f"/jobs/{job}").json()["error"] == ""
    answer = me.post(f"/models/{job}/predict", files=[*sent(files, *LOOKED)])
    good, bad = answer.json()["predictions"]
    return Told(
        me.get(f"/datasets/{dataset['id']}/health").json()["health"],
        me.get(f"/models/{job}").json()["report"],
        [(each["label"], each["probability"]) for each in good["top"]],
        bad["error"],
        sentence(me.post("/datasets", files=sent(files, "cut.zip")), 422),
    )


def on_the_page(served: Served, files: Path, folder: Path) -> Told:
    page = served.page
    project, cut = (brought(page, files / name, folder) for name in (NAME, "cut.zip"))
    assert ended(project.analysis).error == ""
    training = page.train(project, "freeze-all", CHOICES)
    assert ended(training.job).error == ""
    answers = [page.predict(training, files / name) for name in LOOKED]
    refused = cut.readable(ended(cut.analysis).error)
    assert refused in make_view(cut, "", is_known=True).data
    return Told(
        project.findings["health"],
        training.report,
        list(answers[0].top),
        answers[1].error.removeprefix("broken.png "),
        refused,
    )


def sent(files: Path, *names: str) -> list[tuple[str, tuple[str, bytes]]]:
    return [("file", (name, (files / name).read_bytes())) for name in names]


def brought(page: Service, archive: Path, folder: Path) -> Project:
    """Bring a copy to the page, since an upload is moved."""
    shutil.copy(archive, folder / archive.name)
    return page.take_upload(folder / archive.name, backbone=BACKBONE)


def ended(job: Path) -> Status:
    wait_for(lambda: (status := read_job(job)) is not None and status.has_ended)
    status = read_job(job)
    assert status is not None
    return status


@pytest.fixture(scope="module")
def told(served: Served, files: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Told]:
    return {
        "command line": on_the_command_line(files, tmp_path_factory.mktemp("runs")),
        "API": over_the_api(served, files),
        "page": on_the_page(served, files, tmp_path_factory.mktemp("uploads")),
    }


def same(told: dict[str, Told], what: Any) -> Any:
    """What all three tell; fails where one tells something else."""
    found = {door: what(each) for door, each in told.items()}
    first, *others = found.values()
    assert all(other == first for other in others), found
    return first


def test_the_same_is_found_in_the_images(told: dict[str, Told]) -> None:
    kinds = same(told, lambda each: [(f["kind"], f["severity"], f["count"]) for f in each.health["findings"]])
    assert ("unreadable", 1) in [(kind, count) for kind, _, count in kinds]
    assert same(told, lambda each: each.health["usable"]) is True
    assert same(told, lambda each: each.health["classes"]) == dict.fromkeys(COLOURS, N_EACH) | {"plum": 13}


def test_the_same_is_trained_to_the_same_accuracy(told: dict[str, Told]) -> None:
    for name in ("strategy", "backbone", "classes", "seed", "n_train", "n_val", "n_test", "image_size"):
        same(told, lambda each, name=name: each.report[name])
    for name in ("accuracy", "accuracy_interval", "balanced_accuracy", "macro_f1", "accuracy_split"):
        same(told, lambda each, name=name: each.report[name])
    assert same(told, lambda each: each.report["strategy"]) == "freeze-all"
    assert same(told, lambda each: each.report["seed"]) == 3


def test_an_image_gets_the_same_labels_and_probabilities(told: dict[str, Told]) -> None:
    labels = same(told, lambda each: [label for label, _ in each.top])
    assert sorted(labels) == list(COLOURS)
    wanted = [share for _, share in told["command line"].top]
    for each in told.values():
        assert [share for _, share in each.top] == pytest.approx(wanted, abs=1e-6)


def test_what_cannot_be_read_is_told_in_the_same_sentence(told: dict[str, Told]) -> None:
    assert same(told, lambda each: each.unreadable) == "is not an image but a text such as a web page"
    assert same(told, lambda each: each.cut_off).startswith("cut.zip ")


def test_what_cannot_be_asked_for_is_refused_in_the_same_sentence(served: Served, files: Path) -> None:
    _, _, err = command("fit", files / NAME, *OPTIONS, "--epochs", 3)
    on_command_line = err.strip().removeprefix("error: ")
    project = next(each for each in projects(served) if each.name == NAME)
    with pytest.raises(OptionError) as refused:
        served.page.train(project, "freeze-all", {**CHOICES, "epochs": 3})
    dataset = served.me.get("/datasets").json()["datasets"][0]["id"]
    answer = served.me.post("/jobs", json={"dataset": dataset, "recipe": {**RECIPE, "epochs": 3}})
    assert [str(refused.value), sentence(answer, 422)] == [on_command_line] * 2


def projects(served: Served) -> list[Project]:
    found = (served.page.find(path.name) for path in served.page.home.iterdir())
    return [project for project in found if project is not None]


def test_a_job_that_waits_is_cancelled_in_the_same_sentence_and_deleted_whole(tmp_path: Path) -> None:
    with (
        serve_api(tmp_path) as api,
        api.person() as me,
        contextlib.closing(Service(tmp_path / "page", offline=True, store=api.context.store)) as page,
    ):
        archive = packed(**{f"{kind}__{n}.png": picture(kind, n) for kind in COLOURS for n in range(2)})
        dataset = me.post("/datasets", content=archive).json()["id"]
        mine, typed = (
            me.post("/jobs", json={"dataset": dataset, "recipe": RECIPE}).json()["id"] for _ in "12"
        )
        (tmp_path / "copy.zip").write_bytes(archive)
        project = page.take_upload(tmp_path / "copy.zip", backbone=BACKBONE)
        training = start_training(project, api.context.store, root=page.root, recipe=RECIPE, offline=True)
        me.post(f"/jobs/{mine}/cancel")
        page.cancel(project)
        code, out, err = command("jobs", "cancel", typed, "--data-dir", tmp_path, "--json")
        assert code == 0, err
        status = read_job(training.job)
        assert status is not None
        errors = [me.get(f"/jobs/{mine}").json()["error"], status.error, json.loads(out)["error"]]
        assert errors == ["cancelled before training began, so there is nothing to keep"] * 3
        for job in (mine, typed):
            assert me.ask("DELETE", f"/jobs/{job}").status_code == 204
        page.discard(project)
        assert me.ask("DELETE", f"/datasets/{dataset}").status_code == 204
        assert JobStore(api.context.store.path).list() == []
        left = [path for name in ("runs", "jobs", "datasets") for path in (tmp_path / name).glob("*")]
        assert left == []
        assert page.find(project.id) is None
