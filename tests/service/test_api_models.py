"""Models over HTTP: listing, asking about images, taking home, deleting; the network answers in its own process."""

import base64
import io
import struct
import threading
import zipfile
import zlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest
from api_server import LIMITS, ApiServer, Person, packed, picture, put_job, put_model, sentence, serve_api
from PIL import Image

from finetune.bundle.bundle import load_bundle
from finetune.bundle.predict import predict
from finetune.service.api.routes.predict import _row
from finetune.service.api.uploads import Upload
from finetune.service.predictor import Answer
from finetune.service.serving import Limits


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    serving = Limits(window_s=0.2, most_waiting=70)
    with (
        pytest.MonkeyPatch.context() as patched,
        serve_api(tmp_path_factory.mktemp("service"), serving=serving) as server,
    ):
        patched.setenv("OMP_NUM_THREADS", "1")
        yield server


@pytest.fixture(scope="module")
def me(server: ApiServer) -> Iterator[Person]:
    with server.person() as person:
        yield person


@pytest.fixture(scope="module")
def model(server: ApiServer) -> str:
    return put_model(server.context, "", dataset="0" * 32)


def images(*contents: bytes) -> list[tuple[str, tuple[str, bytes]]]:
    return [("images", (f"{n}.png", content)) for n, content in enumerate(contents)]


def test_a_model_is_told_with_the_heart_of_its_report(me: Person, model: str) -> None:
    answer = me.get(f"/models/{model}")
    found = answer.json()
    assert (found["id"], found["title"], found["dataset"]) == (model, "fruit", "0" * 32)
    assert found["report"] == {
        "strategy": "freeze-all",
        "accuracy": 0.9,
        "classes": ["apple", "lime", "plum"],
    }
    assert "secret" not in answer.text
    assert found in me.get("/models").json()["models"]
    assert me.get(f"/jobs/{model}").json()["model"] == model


def test_only_a_job_that_made_a_classifier_is_a_model(server: ApiServer, me: Person) -> None:
    for state in ("done", "running"):
        job = put_job(server.context, "", state, {"data": "photos", "out": "/nowhere"})
        assert sentence(me.get(f"/models/{job}"), 404) == "there is no such model"
        assert (
            sentence(me.post(f"/models/{job}/predict", files=images(b"x")), 404) == "there is no such model"
        )


def test_models_come_in_pages_over_jobs_that_made_none(tmp_path: Path) -> None:
    with serve_api(tmp_path) as server, server.person() as me:
        made = []
        for n in range(3):
            made.append(put_model(server.context, "", title=str(n)))
            put_job(server.context, "", "done", {"data": "photos", "out": "/nowhere"})
        first = me.get("/models", params={"limit": 2}).json()
        rest = me.get("/models", params={"limit": 2, "before": first["next"]}).json()
        assert [each["id"] for each in first["models"] + rest["models"]] == made[::-1]
        assert rest["next"] is None


def test_an_image_gets_the_answer_that_the_bundle_gives(
    server: ApiServer, me: Person, model: str, tmp_path: Path
) -> None:
    contents = [picture(kind, n) for n, kind in enumerate(("apple", "lime", "plum"))]
    answer = me.post(f"/models/{model}/predict", files=images(*contents), params={"top": 2})
    rows = answer.json()["predictions"]
    bundle = load_bundle(Path(server.context.store.get(model).request["out"]))
    paths = [tmp_path / f"{n}.png" for n in range(3)]
    for path, content in zip(paths, contents, strict=True):
        path.write_bytes(content)
    for row, wanted in zip(rows, predict(bundle, paths, top=2), strict=True):
        assert row["name"] == wanted.path.name
        assert [each["label"] for each in row["top"]] == [label for label, _ in wanted.top]
        assert row["probability"] == pytest.approx(wanted.probability, abs=1e-4)
        assert (row["known"], row["set"], row["error"], row["explanation"]) == (None, None, None, None)
    assert list(server.context.arriving.iterdir()) == []


def test_an_explanation_is_a_sentence_and_a_picture(me: Person, model: str) -> None:
    answer = me.post(f"/models/{model}/predict", files=images(picture()), params={"explain": "gradcam"})
    (row,) = answer.json()["predictions"]
    assert "the dark margin was not looked at" in row["explanation"]["sentence"]
    kind, _, content = row["explanation"]["picture"].partition(",")
    assert kind == "data:image/png;base64"
    assert Image.open(io.BytesIO(base64.b64decode(content))).format == "PNG"
    many = me.post(f"/models/{model}/predict", files=images(*[b"x"] * 9), params={"explain": "gradcam"})
    assert "at most 8 images are explained" in sentence(many, 422)


def pixel_bomb() -> bytes:
    """A PNG whose head says 60,000 x 60,000."""
    head = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)

    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", head)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


def test_a_bad_image_is_a_row_with_a_sentence_and_the_others_are_answered(me: Person, model: str) -> None:
    files = [
        ("images", ("../../etc/passwd", b"root:x:0:0")),
        ("images", ("empty.png", b"")),
        ("images", ("bomb.png", pixel_bomb())),
        ("images", ("fine.png", picture())),
        ("images", ("page.svg", b"<svg onload='alert(1)'/>")),
    ]
    rows = me.post(f"/models/{model}/predict", files=files).json()["predictions"]
    assert [(row["name"], row["error"]) for row in rows] == [
        ("passwd", "is not an image"),
        ("empty.png", "is empty (0 bytes)"),
        ("bomb.png", "has more than 89 million pixels; shrink it"),
        ("fine.png", None),
        ("page.svg", "is not an image but a text such as a web page"),
    ]
    assert rows[3]["label"] in ("apple", "lime", "plum")


def test_a_pickle_leaves_no_trace_under_any_name(me: Person, model: str, tmp_path: Path) -> None:
    trace = tmp_path / "trace"
    pickle = f"cos\nsystem\n(S'touch {trace}'\ntR.".encode()
    files = [("images", (name, pickle)) for name in ("a.png", "a.pt", "a.pkl", "a.jpg")]
    rows = me.post(f"/models/{model}/predict", files=files).json()["predictions"]
    assert {row["error"] for row in rows} == {"is not an image"}
    assert not trace.exists()


@pytest.mark.parametrize(
    ("options", "status", "told"),
    [
        ({"data": {"note": "x"}, "files": {}}, 422, "the body is not multipart/form-data"),
        ({"files": {"note": (None, "x")}}, 422, "the form has no image"),
        ({"files": images(*[b"x"] * 65)}, 413, "more than 64 files in one request"),
        ({"files": images(b"x" * 300_000)}, 413, "the file 0.png is too large"),
        ({"files": images(*[b"x" * 150_000] * 8)}, 413, "the request's body is larger than 1 MB"),
        ({"files": images(b"x"), "params": {"top": 0}}, 422, "top: input should be greater than"),
        ({"files": images(b"x"), "params": {"coverage": 1}}, 422, "coverage: input should be less than 1"),
        ({"files": images(b"x"), "params": {"explain": "magic"}}, 422, "explain: input should be 'gradcam'"),
    ],
)
def test_a_question_that_cannot_be_is_refused(
    me: Person, model: str, options: dict[str, object], status: int, told: str
) -> None:
    answer = me.post(f"/models/{model}/predict", **options)
    assert told in sentence(answer, status)


def test_questions_that_come_together_are_asked_together(server: ApiServer, me: Person, model: str) -> None:
    me.post(f"/models/{model}/predict", files=images(picture()))  # loaded
    before = batches(me)
    start = threading.Barrier(8)

    def ask(number: int) -> str:
        start.wait()
        kind = ("apple", "lime", "plum")[number % 3]
        answer = me.post(f"/models/{model}/predict", files=images(picture(kind, number)))
        return str(answer.json()["predictions"][0]["label"])

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(ask, range(8)))
    n_batches, n_images = (now - then for now, then in zip(batches(me), before, strict=True))
    assert n_images == 8
    assert n_batches < 8
    alone = [ask_alone(me, model, number) for number in range(8)]
    assert found == alone


def ask_alone(me: Person, model: str, number: int) -> str:
    kind = ("apple", "lime", "plum")[number % 3]
    answer = me.post(f"/models/{model}/predict", files=images(picture(kind, number)))
    return str(answer.json()["predictions"][0]["label"])


def batches(me: Person) -> tuple[float, float]:
    """How many batches and images there were, as Prometheus is told."""
    lines = me.http.get("/metrics").text.splitlines()
    values = dict(line.rsplit(" ", 1) for line in lines if line.startswith("finetune_predict_batch_images"))
    return float(values["finetune_predict_batch_images_count"]), float(
        values["finetune_predict_batch_images_sum"]
    )


def test_more_than_can_wait_is_refused_with_a_time_to_come_again(me: Person, model: str) -> None:
    def ask(_: int) -> int:
        answer = me.post(f"/models/{model}/predict", files=images(*[picture()] * 40))
        if answer.status_code == 429:
            assert "images are waiting for this model already" in sentence(answer, 429)
            assert answer.headers["retry-after"] == "2"
        return answer.status_code

    with ThreadPoolExecutor(6) as pool:
        codes = list(pool.map(ask, range(6)))
    assert set(codes) == {200, 429}


def test_the_bundle_comes_as_a_zip_that_can_be_loaded(me: Person, model: str, tmp_path: Path) -> None:
    answer = me.get(f"/models/{model}/download")
    assert answer.headers["content-disposition"] == f'attachment; filename="model-{model[:12]}.zip"'
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        archive.extractall(tmp_path)
    assert load_bundle(tmp_path / f"model-{model[:12]}").class_names == ("apple", "lime", "plum")
    assert sentence(me.get(f"/models/{model}/download", params={"format": "pickle"}), 422).startswith(
        "format: "
    )


def test_a_model_with_no_images_left_to_compare_on_is_not_exported(me: Person, model: str) -> None:
    told = sentence(me.get(f"/models/{model}/download", params={"format": "onnx"}), 409)
    assert "images" in told
    assert "/tmp" not in told


def test_a_model_that_is_deleted_is_gone_from_the_disk(server: ApiServer, me: Person, model: str) -> None:
    me.post(f"/models/{model}/predict", files=images(picture()))
    doomed = put_model(server.context, "", title="doomed")
    run = Path(server.context.store.get(doomed).request["out"])
    assert me.post(f"/models/{doomed}/predict", files=images(picture())).status_code == 200
    assert server.context.serving.loaded == 2
    assert me.ask("DELETE", f"/models/{doomed}").status_code == 204
    assert not run.exists()
    assert server.context.serving.loaded == 1
    for answer in (
        me.get(f"/models/{doomed}"),
        me.get(f"/models/{doomed}/download"),
        me.post(f"/models/{doomed}/predict", files=images(picture())),
        me.ask("DELETE", f"/models/{doomed}"),
    ):
        assert sentence(answer, 404) == "there is no such model"


def test_a_damaged_bundle_is_told_without_its_place(server: ApiServer, me: Person) -> None:
    damaged = put_model(server.context, "", title="damaged")
    run = Path(server.context.store.get(damaged).request["out"])
    (run / "bundle" / "model.safetensors").write_bytes(b"x" * 100)
    told = sentence(me.post(f"/models/{damaged}/predict", files=images(picture())), 409)
    assert "was changed after it was written" in told
    assert str(server.context.data_dir) not in told


def test_a_zip_is_no_image(me: Person, model: str) -> None:
    (row,) = me.post(f"/models/{model}/predict", files=images(packed(a=b"x"))).json()["predictions"]
    assert row["error"] == "is not an image"


def test_a_small_limit_of_images_is_one_of_the_server(tmp_path: Path) -> None:
    with serve_api(tmp_path, limits=replace(LIMITS, images=2)) as server, server.person() as me:
        small = put_model(server.context, "")
        assert "more than 2 files" in sentence(
            me.post(f"/models/{small}/predict", files=images(*[b"x"] * 3)), 413
        )


def test_how_far_an_answer_can_be_trusted_is_told_with_it() -> None:
    answer = Answer((("apple", 0.7), ("plum", 0.3)), "", known=False, plausible=("apple", "plum"))
    row = _row(Upload("..\\a.png", Path("0")), answer, None)
    assert (row.name, row.label, row.probability) == ("a.png", "apple", 0.7)
    assert (row.known, row.set) == (False, ["apple", "plum"])
