"""Many images over HTTP: queued, answered as the bundle answers, gone on with after a break, and deleted whole."""

import contextlib
import csv
import io
import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path

import pytest
from api_server import (
    COLOURS,
    LIMITS,
    V1,
    ApiServer,
    Person,
    packed,
    photos,
    picture,
    put_model,
    sentence,
    serve_api,
)
from services import wait_for

from finetune.bundle.bundle import load_bundle
from finetune.bundle.predict import predict
from finetune.errors import Interrupted
from finetune.progress import Advance
from finetune.service import predict_work
from finetune.service.api.engine import at_work
from finetune.service.engine.going_on import progress_of

N_IMAGES = 40
ARCHIVE = packed(
    **{f"new__{n:02}.png": picture(tuple(COLOURS)[n % 3], n) for n in range(N_IMAGES)},
    **{"new__broken.jpg": b"<html>", "readme.txt": b"no image by its name"},
)


class StoppedAfterABatch:
    """What a process reports to that is told to stop once the first rows are there."""

    def say(self, text: str) -> None:
        pass

    @contextlib.contextmanager
    def track(self, _title: str) -> Iterator[Advance]:
        def advance(done: int, _total: int) -> None:
            if done:
                raise KeyboardInterrupt

        yield advance


@dataclass(frozen=True)
class Asked:
    """A server whose jobs of predictions, all of the model ``model``, are done."""

    server: ApiServer
    me: Person
    model: str
    interrupted: str
    of_dataset: str
    broken: str
    dataset: str


@pytest.fixture(scope="module")
def asked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Asked]:
    with (
        pytest.MonkeyPatch.context() as patched,
        serve_api(tmp_path_factory.mktemp("service")) as server,
        server.person("ann") as me,
    ):
        patched.setenv("OMP_NUM_THREADS", "1")
        model = put_model(server.context, "ann")
        dataset = me.post("/datasets", files={"file": ("photos.zip", photos())}).json()
        me.post(f"/jobs/{dataset['job']}/cancel")
        address = f"/models/{model}/predict-batch"
        answers = [
            me.post(address, params={"top": 2}, files={"file": ("my images.zip", ARCHIVE)}),
            me.post(address, params={"format": "jsonl"}, json={"dataset": dataset["id"]}),
            me.post(address, params={"name": "bad.zip"}, content=packed(**{"a.png": b"<html>"})),
        ]
        assert [answer.status_code for answer in answers] == [202] * 3
        jobs = [answer.json()["id"] for answer in answers]
        assert answers[0].headers["location"] == f"{V1}/jobs/{jobs[0]}"
        stop_after_a_batch(server, jobs[0])
        told = sentence(me.get(f"/jobs/{jobs[0]}/result"), 409)
        assert told == "the job is queued; its answers are there when it is done"
        told = sentence(me.ask("DELETE", f"/models/{model}"), 409)
        assert told.endswith("is still to use this model; cancel it, or wait")
        assert sentence(me.ask("DELETE", f"/jobs/{model}"), 409) == told
        assert "is still to use this data set" in sentence(
            me.ask("DELETE", f"/datasets/{dataset['id']}"), 409
        )
        with at_work(server.context.data_dir):
            wait_for(lambda: all(server.context.store.get(job).has_ended for job in jobs))
        yield Asked(server, me, model, *jobs, dataset["id"])


def stop_after_a_batch(server: ApiServer, job_id: str) -> None:
    """Let a first attempt at the job end early, as a process does that is told to stop."""
    job = server.context.store.get(job_id)
    folder = server.context.view(job).folder
    folder.mkdir(parents=True)
    request = {name: value for name, value in job.request.items() if name not in ("model", "digest")}
    with pytest.raises(Interrupted, match="32 of 41 rows are kept"):
        predict_work.predict(folder, StoppedAfterABatch(), **request)
    assert progress_of(job, folder) == 32


def test_a_job_that_was_stopped_goes_on_and_answers_as_the_bundle_does(asked: Asked, tmp_path: Path) -> None:
    job = asked.me.get(f"/jobs/{asked.interrupted}").json()
    assert (job["kind"], job["state"], job["title"]) == ("predict", "done", "my images")
    assert (job["model"], job["dataset"]) == (asked.model, None)
    assert (job["progress"]["done"], job["progress"]["total"]) == (41, 41)
    said = ["going on after 32 of 41 images: answers.csv.part", "wrote 41 rows, 1 of them errors"]
    assert job["progress"]["said"] == said
    answer = asked.me.get(f"/jobs/{asked.interrupted}/result")
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    name = f'attachment; filename="predictions-{asked.interrupted[:12]}.csv"'
    assert answer.headers["content-disposition"] == name
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    names = [f"new/{n:02}.png" for n in range(N_IMAGES)]
    assert [row["path"] for row in rows] == [*names, "new/broken.jpg"]
    assert rows[-1]["error"] == "is not an image but a text such as a web page"
    paths = [tmp_path / f"{n:02}.png" for n in range(N_IMAGES)]
    for n, path in enumerate(paths):
        path.write_bytes(picture(tuple(COLOURS)[n % 3], n))
    bundle = load_bundle(Path(asked.server.context.store.get(asked.model).request["out"]))
    for row, wanted in zip(rows[:-1], predict(bundle, paths, top=2), strict=True):
        assert (row["label"], row["top2_label"]) == tuple(label for label, _ in wanted.top)
        assert float(row["probability"]) == pytest.approx(wanted.probability, abs=1e-5)


def test_a_data_set_is_answered_image_by_image_and_stays(asked: Asked) -> None:
    job = asked.me.get(f"/jobs/{asked.of_dataset}").json()
    assert (job["state"], job["dataset"]) == ("done", asked.dataset)
    answer = asked.me.get(f"/jobs/{asked.of_dataset}/result")
    assert answer.headers["content-type"] == "application/x-ndjson"
    rows = [json.loads(line) for line in answer.text.splitlines()]
    assert [row["path"] for row in rows] == [f"{kind}/{n}.png" for kind in COLOURS for n in range(2)]
    assert all(len(row["top"]) == 3 and row["error"] is None for row in rows)
    assert asked.me.get(f"/datasets/{asked.dataset}/health").status_code == 200


def test_where_no_image_can_be_read_the_job_fails_and_its_rows_say_why(asked: Asked) -> None:
    job = asked.me.get(f"/jobs/{asked.broken}").json()
    assert job["state"] == "failed"
    assert job["error"] == "none of 1 image can be read; the result says why of each, bring others"
    answer = asked.me.get(f"/jobs/{asked.broken}/result")
    assert "a.png,,,is not an image but a text such as a web page" in answer.text


def test_no_path_of_the_server_is_told_and_images_go_when_they_are_answered(asked: Asked) -> None:
    for job in (asked.interrupted, asked.of_dataset, asked.broken):
        for address in (f"/jobs/{job}", f"/jobs/{job}/result", f"/jobs/{job}/log"):
            assert str(asked.server.context.data_dir) not in asked.me.get(address).text
    assert list((asked.server.context.data_dir / "asked").iterdir()) == []
    assert list(asked.server.context.arriving.iterdir()) == []


def test_only_a_job_of_predictions_has_answers(asked: Asked) -> None:
    told = sentence(asked.me.get(f"/jobs/{asked.model}/result"), 404)
    assert told == "this job has no file of answers; only one of predict-batch has"


def test_a_model_and_images_must_be_the_asker_s(asked: Asked) -> None:
    with asked.server.person("ben") as ben:
        own = put_model(asked.server.context, "ben")
        body = {"dataset": asked.dataset}
        told = sentence(ben.post(f"/models/{own}/predict-batch", json=body), 404)
        assert told == "there is no such data set"
        theirs = ben.post("/datasets", files={"file": ("own.zip", photos(1))}).json()["id"]
        answer = ben.post(f"/models/{asked.model}/predict-batch", json={"dataset": theirs})
        assert sentence(answer, 404) == "there is no such model"
        assert sentence(ben.get(f"/jobs/{asked.interrupted}/result"), 404) == "there is no such job"


@pytest.mark.parametrize(
    ("options", "status", "told"),
    [
        ({"content": ARCHIVE[:-30]}, 422, "cut off"),
        ({"content": b""}, 422, "the body is empty; send a zip or a tar"),
        (
            {"content": packed(**{"a.txt": b"x"})},
            422,
            "no images in images; send some whose names end as images' do",
        ),
        ({"content": packed(**{"..__a.png": picture()})}, 422, "a.png"),
        ({"content": b"x" * 3_000_000}, 413, "the request's body is larger than 2 MB; send less"),
        ({"json": {"data": "x"}}, 422, "dataset: field required"),
        ({"json": ["x"]}, 422, "body: input should be a valid dictionary"),
        (
            {"json": {"dataset": "x" * 30_000}},
            413,
            "the request's body is larger than 20,000 bytes; send less",
        ),
        ({"content": b"{", "headers": {"content-type": "application/json"}}, 422, "it is no JSON"),
        ({"json": {"dataset": "../x"}}, 404, "there is no such data set"),
        ({"content": ARCHIVE, "params": {"format": "xml"}}, 422, "format: input should be 'csv' or 'jsonl'"),
        ({"content": ARCHIVE, "params": {"top": 0}}, 422, "top: input should be greater than or equal to 1"),
        (
            {"content": ARCHIVE, "params": {"coverage": 0.9}},
            422,
            "the model has no sets of plausible classes",
        ),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence_and_leaves_nothing(
    asked: Asked, options: dict[str, object], status: int, told: str
) -> None:
    before = asked.me.get("/jobs").json()
    answer = asked.me.post(f"/models/{asked.model}/predict-batch", **options)  # type: ignore[arg-type]
    detail = sentence(answer, status)
    assert told in detail
    assert str(asked.server.context.data_dir) not in detail
    assert asked.me.get("/jobs").json() == before
    assert list((asked.server.context.data_dir / "asked").iterdir()) == []
    assert list(asked.server.context.arriving.iterdir()) == []


def test_a_job_that_waits_is_cancelled_and_goes_with_its_images(tmp_path: Path) -> None:
    with serve_api(tmp_path, limits=replace(LIMITS, jobs=1, kept=20_000)) as server, server.person() as me:
        model = put_model(server.context, "")
        address = f"/models/{model}/predict-batch"
        job = me.post(address, content=packed(**{"a.png": picture()})).json()["id"]
        (images,) = (tmp_path / "asked").iterdir()
        too_many = sentence(me.post(address, content=ARCHIVE), 429)
        assert too_many == "you have 1 jobs waiting, which is the most"
        assert sentence(me.ask("DELETE", f"/jobs/{job}"), 409) == "the job is queued; cancel it first"
        me.post(f"/jobs/{job}/cancel")
        assert me.get(f"/jobs/{job}").json()["can_resume"] is False
        told = sentence(me.post(address, content=ARCHIVE), 413)
        assert told == "your data sets would take more than 2e-05 GB; delete some first"
        assert images.is_dir()
        assert me.ask("DELETE", f"/models/{model}").status_code == 204
        assert sentence(me.post(f"/jobs/{job}/retry"), 409) == "the model of this job is deleted"
        assert me.ask("DELETE", f"/jobs/{job}").status_code == 204
        assert not images.exists()


def test_a_request_that_got_no_answer_may_be_sent_again_and_starts_no_second_job(tmp_path: Path) -> None:
    archive, other = packed(**{"a.png": picture()}), packed(**{"a.png": picture("lime")})
    with serve_api(tmp_path, limits=replace(LIMITS, jobs=2)) as server, server.person() as me:
        model, second = put_model(server.context, ""), put_model(server.context, "")
        dataset = me.post("/datasets", files={"file": ("photos.zip", photos())}).json()
        me.post(f"/jobs/{dataset['job']}/cancel")
        address = f"/models/{model}/predict-batch"
        key, title = {"idempotency-key": "once"}, {"title": "those of May"}
        asked = {"params": title, "headers": key, "files": {"file": ("may.zip", archive)}}
        job = me.post(address, **asked).json()
        assert job["title"] == "those of May"
        set_key = {"idempotency-key": "set"}
        of_set = {"headers": set_key, "json": {"dataset": dataset["id"]}}
        set_job = me.post(address, **of_set).json()
        kept = [path.name for path in (tmp_path / "asked").iterdir()]
        for _ in range(2):
            for sent in (asked, {"params": title, "headers": key, "content": archive}):
                assert me.post(address, **sent).json()["id"] == job["id"], "though the queue is full"
            assert me.post(address, **of_set).json()["id"] == set_job["id"]
            assert [path.name for path in (tmp_path / "asked").iterdir()] == kept
            for each in (job, set_job):  # the second time all that was asked about is gone
                me.post(f"/jobs/{each['id']}/cancel")
            me.ask("DELETE", f"/models/{model}")
            me.ask("DELETE", f"/datasets/{dataset['id']}")
        told = "the idempotency key 'once' was used for another request; take a new one for a new request"
        for path, changed in (
            (address, {"content": other}),
            (address, {"content": archive, "params": {"top": 2}}),
            (address, {"json": {"dataset": dataset["id"]}}),
            (f"/models/{second}/predict-batch", {"content": archive}),
            ("/jobs", {"json": {"dataset": dataset["id"]}}),
        ):
            assert sentence(me.post(path, headers=key, **changed), 422) == told  # type: ignore[arg-type]
        assert "at least 1 character" in sentence(me.post(address, headers={"idempotency-key": ""}), 422)
        assert len(server.context.store.list()) == 3
        assert list(server.context.arriving.iterdir()) == []


def test_of_two_that_send_the_same_at_once_one_is_queued(tmp_path: Path) -> None:
    with serve_api(tmp_path) as server, server.person() as me:
        address = f"/models/{put_model(server.context, '')}/predict-batch"

        def send(_: int) -> str:
            headers = {"idempotency-key": "once"}
            return str(me.post(address, content=ARCHIVE, headers=headers).json()["id"])

        with ThreadPoolExecutor(2) as pool:
            assert len(set(pool.map(send, range(2)))) == 1
        assert len(list((tmp_path / "asked").iterdir())) == 1


def test_what_was_never_queued_goes_with_the_next_start(tmp_path: Path) -> None:
    (tmp_path / "asked" / ("0" * 32) / "images").mkdir(parents=True)
    with serve_api(tmp_path):
        assert list((tmp_path / "asked").iterdir()) == []


def test_deleting_the_job_deletes_its_answers(asked: Asked) -> None:
    folder = asked.server.context.view(asked.server.context.store.get(asked.broken)).folder
    assert folder.is_dir()
    assert asked.me.ask("DELETE", f"/jobs/{asked.broken}").status_code == 204
    assert not folder.exists()
    assert sentence(asked.me.get(f"/jobs/{asked.broken}/result"), 404) == "there is no such job"
