"""The whole way through the client, against a server that does the jobs: images in, a model out, doors shut."""

import json
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import onnx
import pytest
from api_server import COLOURS, ApiServer, packed, photos, picture, serve_api
from services import tiny_network

from finetune.bundle.bundle import load_bundle
from finetune.client import ApiError, Client, Dataset, Job
from finetune.client import client as client_module
from finetune.errors import ResourceError, RunError
from finetune.service.api.engine import at_work

TINY = {"strategy": "freeze-all", "backbone": "test_resnet", "image_size": 32}


@dataclass(frozen=True)
class Made:
    """What one person has made: the data set, the finished job, and what the events told of it."""

    dataset: Dataset
    job: Job
    events: list[str]
    rows: list[dict[str, float | None]]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    with (
        tiny_network(tmp_path_factory.mktemp("hf")),
        serve_api(tmp_path_factory.mktemp("service"), working=True) as server,
    ):
        yield server


@pytest.fixture(scope="module")
def client(server: ApiServer) -> Iterator[Client]:
    with (
        pytest.MonkeyPatch.context() as patched,
        Client(server.url, token=server.context.tokens.create("ann")[1]) as client,
    ):
        patched.setattr(client_module, "ASKED_EVERY_S", 0.1)
        yield client


@pytest.fixture(scope="module")
def made(client: Client, tmp_path_factory: pytest.TempPathFactory) -> Made:
    archive = tmp_path_factory.mktemp("photos") / "my photos.zip"
    archive.write_bytes(photos(14))
    dataset = client.upload(archive, backbone="test_resnet")
    job = client.fit(dataset.id, TINY, title="a try", key="once")
    events = list(client.events(job))
    rows = [dict(event.data) for event in events if event.name == "metrics"]
    return Made(dataset, client.wait(job), [event.name for event in events], rows)


def test_what_was_handed_in_is_looked_at_and_advised_on(client: Client, made: Made) -> None:
    health = client.health(made.dataset.id, wait=True)
    assert (health.state, health.error) == ("done", "")
    assert health.health is not None
    assert health.health["classes"] == dict.fromkeys(COLOURS, 14)
    assert health.advice is not None
    assert health.advice["strategy"] in ("freeze-all", "partial")
    assert health.backbone == "test_resnet"
    assert client.datasets() == [made.dataset]


def test_a_job_is_followed_to_its_end(server: ApiServer, client: Client, made: Made) -> None:
    assert (made.job.state, made.job.error, made.job.model) == ("done", "", made.job.id)
    assert made.events[-1] == "end"
    assert made.events.count("end") == 1
    assert made.rows
    assert client.metrics(made.job) == made.rows
    assert client.metrics(made.job, since=1) == made.rows[1:]
    log = client.log(made.job)
    assert "freeze-all" in log
    assert str(server.context.data_dir) not in log
    assert [job.id for job in client.jobs()] == [made.job.id, made.dataset.job]
    assert client.fit(made.dataset.id, TINY, title="a try", key="once").id == made.job.id


def test_the_model_answers_and_says_why(client: Client, made: Made, tmp_path: Path) -> None:
    (model,) = client.models()
    assert (model.id, model.title, model.dataset) == (made.job.model, "a try", made.dataset.id)
    assert model.report["accuracy"] > 0.5
    for kind in COLOURS:
        (tmp_path / f"{kind}.png").write_bytes(picture(kind, 99))
    (tmp_path / "broken.png").write_bytes(b"<html>")
    found = client.predict(model.id, sorted(tmp_path.iterdir()), top=3, coverage=0.99, explain=True)
    named = {answer.name: answer for answer in found}
    assert named["broken.png"].error == "is not an image but a text such as a web page"
    apple = named["apple.png"]
    assert apple.label in COLOURS
    assert set(apple.plausible or ()) <= set(COLOURS)
    assert apple.explanation is not None
    assert apple.explanation["picture"].startswith("data:image/png;base64,")
    assert sum(share for _, share in apple.top) == pytest.approx(1, abs=1e-3)


def test_many_images_are_a_job_whose_answers_are_taken_home(
    client: Client, made: Made, tmp_path: Path
) -> None:
    assert made.job.model
    archive = tmp_path / "new.zip"
    archive.write_bytes(packed(**{f"in__{kind}.png": picture(kind, 99) for kind in COLOURS}))
    job = client.wait(client.predict_batch(made.job.model, archive, format="jsonl", top=2, tta=True))
    assert (job.kind, job.state, job.model, job.dataset) == ("predict", "done", made.job.model, None)
    rows = client.result(job, tmp_path / "answers.jsonl").read_text(encoding="utf-8").splitlines()
    paths = sorted(tmp_path.glob("*"))
    assert [json.loads(row)["path"] for row in rows] == [f"in/{kind}.png" for kind in COLOURS]
    assert [len(json.loads(row)["top"]) for row in rows] == [2, 2, 2]
    other = client.predict_batch(made.job.model, dataset=made.dataset.id)
    assert (other.dataset, client.cancel(other).id) == (made.dataset.id, other.id)
    for each in (job, client.wait(other)):
        client.delete_job(each)
        with pytest.raises(ApiError, match="there is no such job"):
            client.result(each, tmp_path / "gone.csv")
    assert sorted(tmp_path.glob("*")) == paths
    with pytest.raises(TypeError, match="give an archive or a data set"):
        client.predict_batch(made.job.model)


def test_the_model_is_taken_home_as_a_bundle_and_as_onnx(client: Client, made: Made, tmp_path: Path) -> None:
    assert made.job.model
    with zipfile.ZipFile(client.download(made.job.model, tmp_path / "model.zip")) as archive:
        archive.extractall(tmp_path)
    assert load_bundle(tmp_path / f"model-{made.job.id[:12]}").class_names == tuple(COLOURS)
    onnx.checker.check_model(str(client.download(made.job.model, tmp_path / "model.onnx", format="onnx")))
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["model.onnx", "model.zip"]


def test_a_job_that_fails_says_why_without_a_path(server: ApiServer, client: Client, tmp_path: Path) -> None:
    one_class = tmp_path / "one.zip"
    with zipfile.ZipFile(one_class, "w") as archive:
        for n in range(4):
            archive.writestr(f"apple/{n}.png", picture("apple", n))
    dataset = client.upload(one_class)
    health = client.health(dataset.id, wait=True)
    assert health.state == "failed"
    assert "only one class ('apple') in one" in health.error
    job = client.wait(client.fit(dataset.id, TINY))
    assert (job.state, job.model) == ("failed", None)
    assert "only one class ('apple') in one" in job.error
    assert str(server.context.data_dir) not in job.error
    client.delete_dataset(dataset.id)


def test_a_refusal_is_an_error_with_the_server_s_sentence(client: Client, tmp_path: Path) -> None:
    with pytest.raises(ApiError, match="there is no such job") as caught:
        client.job("0" * 32)
    assert caught.value.status == 404
    assert caught.value.problem["title"] == "Not Found"
    with pytest.raises(ApiError, match="there is no such job"):
        list(client.events("0" * 32))
    with pytest.raises(ApiError, match="there is no such model"):
        client.download("0" * 32, tmp_path / "x.zip")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(ApiError, match="has ended; there is nothing to cancel"):
        client.cancel(next(client.jobs()))
    with pytest.raises(ApiError, match="nothing to go on with"):
        client.resume(next(client.jobs()))
    with (
        Client("http://127.0.0.1:9", token="x") as nowhere,
        pytest.raises(ResourceError, match="does not answer"),
    ):
        nowhere.datasets()


def test_what_is_no_problem_is_an_error_all_the_same() -> None:
    answer = httpx.Response(502, text="<html>bad gateway", request=httpx.Request("GET", "http://x"))
    with pytest.raises(ApiError, match="the server answered 502 Bad Gateway"):
        client_module._raise(answer)


def test_a_second_server_for_the_folder_is_refused(server: ApiServer) -> None:
    with pytest.raises(RunError, match="another server is at work"), at_work(server.context.data_dir):
        pass


def test_what_is_deleted_is_gone(server: ApiServer, client: Client, made: Made) -> None:
    assert made.job.model
    client.delete_model(made.job.model)
    client.delete_dataset(made.dataset.id)
    assert client.datasets() == []
    assert list(client.models()) == []
    assert list(server.context.runs.iterdir()) == []
    assert list((server.context.data_dir / "datasets").iterdir()) == []
    left = {path.name for path in (server.context.data_dir / "jobs").iterdir()}
    assert not left & {made.job.id, made.dataset.job}
