"""The page's service without a page: projects, their analysis, trainings and classifiers, in real processes."""

import contextlib
import json
import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from markupsafe import escape
from page_parts import bare_parts
from page_server import colour_zip
from services import ended, tiny_network, wait_for
from warm import afresh

from finetune.bundle.manifest import seal
from finetune.errors import DataError, OptionError, ResourceError, RunError
from finetune.service.jobs import cancel_job, is_alive, read_job
from finetune.service.predictor import Predictor, identity
from finetune.service.projects import Project, Training, find_project, new_project, safe_name
from finetune.service.service import Service
from finetune.service.trainings import trained
from ui.view import make_view

TINY = {"image_size": 32}


@pytest.fixture(scope="module")
def surroundings(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """A hub cache with a tiny network, which the children find by the environment."""
    with tiny_network(tmp_path_factory.mktemp("hf")):
        yield


@pytest.fixture(scope="module")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return colour_zip(tmp_path_factory.mktemp("photos") / "my photos.zip")


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory, surroundings: None) -> Iterator[Service]:
    service = Service(tmp_path_factory.mktemp("root"), offline=True)
    yield service
    service.close()


def upload(service: Service, photos: Path, folder: Path, name: str = "") -> Project:
    """Hand in a copy, since an upload is moved."""
    copy = folder / (name or photos.name)
    shutil.copy(photos, copy)
    project = service.take_upload(copy, backbone="test_resnet")
    assert not copy.exists()
    return project


@pytest.fixture(scope="module")
def looked_at(service: Service, photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = upload(service, photos, tmp_path_factory.mktemp("upload"))
    assert ended(project.analysis).state == "finished", read_job(project.analysis)
    return project


@pytest.fixture(scope="module")
def other(service: Service, photos: Path, tmp_path_factory: pytest.TempPathFactory) -> Project:
    project = upload(service, photos, tmp_path_factory.mktemp("upload"), "other.zip")
    assert ended(project.analysis).state == "finished"
    return project


@pytest.fixture(scope="module")
def classifier(service: Service, looked_at: Project) -> Training:
    training = service.train(looked_at, "freeze-all", TINY)
    assert ended(training.job).state == "finished"
    return training


def test_an_analysis_tells_health_advice_and_what_each_strategy_trains(looked_at: Project) -> None:
    findings = looked_at.findings
    assert findings["health"]["classes"] == {"apple": 14, "lime": 14, "plum": 14}
    assert {image["label"] for image in findings["thumbnails"]} == {"apple", "lime", "plum"}
    assert all(image["source"].startswith("data:image/jpeg;base64,") for image in findings["thumbnails"])
    assert findings["advice"]["strategy"] in ("freeze-all", "partial")
    assert findings["backbone"] == "test_resnet"
    assert [row["lr_multiplier"] > 0 for row in findings["strips"]["freeze-all"]][-2:] == [False, True]
    assert all(row["lr_multiplier"] == 1 for row in findings["strips"]["from-scratch"])


def test_a_training_ends_in_a_run_beside_those_of_the_command_line(
    service: Service, looked_at: Project, classifier: Training
) -> None:
    training = classifier
    assert training.run == service.root / "my-photos-freeze-all-1"
    assert training.report["strategy"] == "freeze-all"
    assert training.report["image_size"] == 32
    assert trained(looked_at) == training
    image = next((looked_at.folder / "data").parent.glob("data/*.zip"))
    assert image.name == "my photos.zip"


def test_options_that_cannot_be_are_refused_before_anything_starts(
    service: Service, looked_at: Project
) -> None:
    n_before = len(looked_at.trainings)
    with pytest.raises(OptionError, match="--image-size is 7: input should be greater"):
        service.train(looked_at, "partial", {"image_size": 7})
    with pytest.raises(OptionError, match="--epochs has no effect with strategy 'freeze-all', which solves"):
        service.train(looked_at, "freeze-all", {**TINY, "epochs": 3})
    with pytest.raises(OptionError, match="strategy 'freeze-all' has no option 'layer_decay'"):
        service.train(looked_at, "freeze-all", {"strategy_options": {"layer_decay": 0.5}})
    assert len(looked_at.trainings) == n_before


def test_a_network_without_pretrained_weights_is_trained_from_scratch_and_no_other_way(
    service: Service, photos: Path, tmp_path: Path
) -> None:
    shutil.copy(photos, tmp_path / "plain.zip")
    project = service.take_upload(tmp_path / "plain.zip", backbone="fc2")
    assert ended(project.analysis).state == "finished"
    assert set(project.findings["strips"]) == {"from-scratch"}
    view = make_view(project, "")
    assert view.chosen == "from-scratch"
    assert "fc2 has no pretrained weights, so there is nothing to freeze" in view.advice
    told = "fc2 has no pretrained weights, but strategy 'partial' starts from them"
    with pytest.raises(OptionError, match=told):
        service.train(project, "partial", TINY)
    training = service.train(project, "from-scratch", {**TINY, "epochs": 1, "hidden": "16"})
    assert ended(training.job).state == "finished"
    assert training.report["backbone"] == "fc2"


def test_a_project_trains_once_at_a_time_and_a_cancelled_training_says_so(
    service: Service, looked_at: Project
) -> None:
    training = service.train(looked_at, "from-scratch", {**TINY, "epochs": 5000})
    with pytest.raises(RunError, match=r"my photos\.zip is training already; wait for it or cancel it"):
        service.train(looked_at, "freeze-all", TINY)
    wait_for((training.run / "metrics.csv").exists)
    service.cancel(looked_at)
    status = ended(training.job)
    assert (status.state, status.exit_code) == ("interrupted", 130)
    assert "interrupted" in status.error
    wait_for(lambda: not is_alive(training.job))


def test_two_projects_train_one_after_the_other(service: Service, looked_at: Project, other: Project) -> None:
    first = service.train(looked_at, "from-scratch", {**TINY, "epochs": 5000})
    wait_for((first.run / "metrics.csv").exists)
    second = service.train(other, "freeze-all", TINY)
    wait_for(lambda: (status := second.status) is not None and status.state == "waiting")
    assert not (second.run / "report.json").exists()
    service.cancel(looked_at)
    assert ended(second.job).state == "finished"


def test_a_job_that_waits_can_be_cancelled(service: Service, looked_at: Project, other: Project) -> None:
    first = service.train(looked_at, "from-scratch", {**TINY, "epochs": 5000})
    wait_for((first.run / "metrics.csv").exists)
    second = service.train(other, "freeze-all", TINY)
    wait_for(lambda: (status := second.status) is not None and status.state == "waiting")
    assert second.status is not None
    assert second.status.n_before == 1
    service.cancel(other)
    status = ended(second.job)
    assert (status.state, status.exit_code) == ("interrupted", 130)
    assert status.error == "cancelled before training began, so there is nothing to keep"
    wait_for(lambda: not second.run.exists())
    service.discard_training(looked_at)
    assert ended(first.job).state == "interrupted"
    wait_for(lambda: not first.run.exists())
    assert first.is_discarded
    assert "what this training had is deleted" in make_view(looked_at, "").train.training


def test_other_images_wait_until_the_training_before_them_has_ended(
    service: Service, photos: Path, tmp_path: Path
) -> None:
    project = upload(service, photos, tmp_path, "stays.zip")
    assert ended(project.analysis).state == "finished"
    training = service.train(project, "from-scratch", {**TINY, "epochs": 5000})
    rows = training.run / "metrics.csv"
    wait_for(lambda: rows.exists() and len(rows.read_text().splitlines()) > 3)
    service.leave(project)
    assert service.find(project.id) is not None, "one can come back to it"
    service.cancel(project)
    service.cancel(project)  # impatience must not cost what the first press lets it keep
    assert "is kept in" in ended(training.job).error
    service.leave(project)
    assert service.find(project.id) is not None, "its runs may be gone on with"
    resumed = service.resume(project)
    wait_for(lambda: (status := resumed.status) is not None and status.phase == "training")
    assert trained(project) is None, "a bundle that is about to be replaced is not asked"
    service.cancel(project)
    ended(resumed.job)
    assert len({each.run for each in project.trainings}) == 1
    paused = make_view(project, "").train
    assert "Paused after epoch " in paused.training
    assert (paused.can_resume, paused.can_cancel, paused.can_pause) == (True, True, False)
    service.discard_training(project)
    assert not resumed.run.exists()
    gone = make_view(project, "").train
    assert (gone.can_resume, gone.can_cancel, gone.log) == (False, False, "")


def test_images_that_were_not_looked_at_to_the_end_go_when_others_come(
    service: Service, photos: Path, tmp_path: Path
) -> None:
    project = upload(service, photos, tmp_path, "brief visit.zip")
    mended = upload(service, photos, tmp_path, "mended.zip")
    service.add_image(mended, next((photos.parent / "my photos").glob("lime/*.png")), "lime")
    for each in (project, mended):
        service.leave(each)
    assert service.find(project.id) is None
    assert service.find(mended.id) is not None, "what was done by hand is not lost"
    service.discard(mended)
    wait_for(lambda: not is_alive(project.analysis))
    assert make_view(None, "", is_known=True).data.count("gone from the disk") == 1
    assert make_view(None, "").data == ""


def test_there_must_be_something_to_go_on_with(service: Service, photos: Path, tmp_path: Path) -> None:
    project = upload(service, photos, tmp_path, "fresh.zip")
    with pytest.raises(RunError, match=r"fresh\.zip has no training to go on with; start one"):
        service.resume(project)
    service.discard(project)


def test_a_data_set_that_cannot_be_trained_on_shows_its_health_and_why(
    service: Service, tmp_path: Path
) -> None:
    small = colour_zip(tmp_path / "small.zip", each=2)
    project = service.take_upload(small, backbone="test_resnet")
    status = ended(project.analysis)
    assert (status.state, status.exit_code) == ("failed", 3)
    sentence = "class 'apple' has 2 images in small.zip, but a split needs 3"
    assert sentence in project.readable(status.error)
    assert project.findings["health"]["usable"] is False
    assert any(sentence in finding["message"] for finding in project.findings["health"]["findings"])
    assert project.id not in json.dumps(project.findings), "the key must not be shown"
    page = make_view(project, "").data
    assert page.count(str(escape(sentence))) == 1
    assert project.id not in page
    with pytest.raises(DataError, match="has not been looked at to the end"):
        service.train(project, "freeze-all", TINY)


def test_a_zip_cut_off_in_the_upload_is_told_by_its_own_name(
    service: Service, photos: Path, tmp_path: Path
) -> None:
    half = tmp_path / "half.zip"
    half.write_bytes(photos.read_bytes()[:5000])
    project = service.take_upload(half, backbone="test_resnet")
    status = ended(project.analysis)
    assert project.readable(status.error).startswith("half.zip is cut off: the end of the zip is missing")


def test_weights_that_cannot_be_had_are_told(service: Service, photos: Path, tmp_path: Path) -> None:
    shutil.copy(photos, tmp_path / "a.zip")
    project = service.take_upload(tmp_path / "a.zip", backbone="vgg11")
    status = ended(project.analysis)
    assert status.exit_code == 4
    assert "is not in the local cache, and --offline forbids a download" in status.error


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("../../etc/passwd.zip", "passwd.zip"),
        ("..\\..\\evil.zip", "evil.zip"),
        ("a<b>&'\".zip", "a-b.zip"),
        ("....zip", "images.zip"),
        ("Ferienfotos Küche.zip", "Ferienfotos Küche.zip"),
        ("x" * 300 + ".zip", "x" * 80 + ".zip"),
        ("holiday", "holiday"),
        (".zip", "zip"),
    ],
)
def test_an_upload_s_name_leads_nowhere(given: str, kept: str) -> None:
    assert safe_name(given) == kept


def test_an_unknown_sample_set_is_refused(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="no sample set is called 'cats'; choose from digits, fruit"):
        new_project(tmp_path, sample="cats")


@pytest.mark.parametrize("key", ["", "..", "../..", "0" * 31, "g" * 32, "0" * 32, "0" * 32 + "/.."])
def test_a_key_that_was_never_given_out_finds_nothing(key: str, tmp_path: Path) -> None:
    (tmp_path / "project.json").write_text("{}")
    assert find_project(tmp_path / "home", key) is None


def test_a_second_service_for_the_same_folder_is_told_where_the_first_is(service: Service) -> None:
    service.announce("http://127.0.0.1:7860")
    with pytest.raises(
        RunError, match=r"is open already at http://127\.0\.0\.1:7860; use that one, or another"
    ):
        Service(service.root)


def test_a_deleted_run_answers_no_more(service: Service, photos: Path, tmp_path: Path) -> None:
    project = upload(service, photos, tmp_path, "gone.zip")
    assert ended(project.analysis).state == "finished"
    training = service.train(project, "freeze-all", TINY)
    assert ended(training.job).state == "finished"
    shutil.rmtree(training.run)
    assert trained(project) is None
    assert training.report == {}
    with pytest.raises(RunError, match="is not a bundle"):
        service.predict(training, photos)


def test_discarding_a_project_leaves_its_runs(service: Service, photos: Path, tmp_path: Path) -> None:
    project = upload(service, photos, tmp_path, "brief.zip")
    assert ended(project.analysis).state == "finished"
    training = service.train(project, "freeze-all", TINY)
    assert ended(training.job).state == "finished"
    service.discard(project)
    assert service.find(project.id) is None
    assert (training.run / "report.json").is_file()


def test_a_classifier_answers_and_goes_on_after_a_file_that_is_no_image(
    service: Service, classifier: Training, photos: Path, tmp_path: Path
) -> None:
    image = next((photos.parent / "my photos").glob("lime/*.png"))
    first = service.predict(classifier, image)
    assert first.top[0][0] == "lime"
    assert sum(share for _, share in first.top) == pytest.approx(1)
    (tmp_path / "no.jpg").write_text("<html>")
    assert service.predict(classifier, tmp_path / "no.jpg").error == (
        "no.jpg is not an image but a text such as a web page"
    )
    assert service.predict(classifier, tmp_path / "absent.jpg").error.startswith("absent.jpg cannot be read")
    assert service.predict(classifier, image) == first


def test_the_page_asks_only_about_files_that_were_uploaded(
    service: Service, looked_at: Project, photos: Path
) -> None:
    from ui.trial_handlers import TrialHandlers

    test = bare_parts().test_tab
    handlers = TrialHandlers(service, test)

    def classify(project_id: str, image: dict[str, str | None] | None) -> tuple[str, str]:
        shown = handlers.classify(project_id, image, {"name": "lime.png", "label": "plum"})
        return shown[test.answer], shown[test.trouble]

    image = next((photos.parent / "my photos").glob("lime/*.png"))
    service.uploads.mkdir(exist_ok=True)
    uploaded = service.uploads / "lime.png"
    shutil.copy(image, uploaded)
    answer, trouble = classify(looked_at.id, {"path": str(uploaded)})
    assert "<strong>lime</strong>" in answer
    assert "✗ In your data it is labelled <strong>plum</strong>." in answer
    assert trouble == ""
    for path in (
        image,
        service.uploads,
        service.uploads / ".." / looked_at.id / "data" / "my photos.zip",
        Path("/etc/hostname"),
    ):
        shown, trouble = classify(looked_at.id, {"path": str(path)})
        assert "as soon as there is an image" in shown
        assert trouble == ""
    for nothing in (None, {}, {"path": None}, {"path": ""}):
        assert "as soon as there is an image" in classify(looked_at.id, nothing)[0]
    assert "as soon as there is an image" in classify("0" * 32, {"path": str(uploaded)})[0]


def test_another_classifier_in_the_same_place_is_another(
    classifier: Training, photos: Path, tmp_path: Path
) -> None:
    bundle, image = tmp_path / "bundle", next((photos.parent / "my photos").glob("plum/*.png"))
    shutil.copytree(classifier.run / "bundle", bundle)
    predictor = Predictor()
    try:
        before, first = predictor.ask(bundle, image), identity(bundle)
        shutil.rmtree(bundle)
        shutil.copytree(classifier.run / "bundle", bundle)
        (bundle / "classes.json").write_text('["a", "b", "c"]')
        seal(bundle)
        assert identity(bundle) != first
        after = predictor.ask(bundle, image)
    finally:
        predictor.close()
    assert {label for label, _ in before.top} == {"apple", "lime", "plum"}
    assert {label for label, _ in after.top} == {"a", "b", "c"}


def test_a_classifier_whose_process_dies_is_started_again(classifier: Training, photos: Path) -> None:
    image = next((photos.parent / "my photos").glob("plum/*.png"))
    predictor = Predictor()
    try:
        before = predictor.ask(classifier.run / "bundle", image)
        process = predictor._process
        assert process is not None
        process.kill()
        process.wait()
        assert predictor.ask(classifier.run / "bundle", image) == before
        answering = predictor._process
        assert answering is not None
        answering.send_signal(19)  # stopped, so that it can be killed while it is asked
        threading.Timer(0.5, answering.kill).start()
        with pytest.raises(ResourceError, match="the classifier's process gave no answer; try again"):
            predictor.ask(classifier.run / "bundle", image)
    finally:
        predictor.close()


def test_a_user_s_folder_of_a_package_s_name_is_not_taken_for_it(
    photos: Path, tmp_path: Path, surroundings: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("finetune", "torch", "json"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text("raise SystemExit('taken for the package')")
    monkeypatch.chdir(tmp_path)
    with afresh(), contextlib.closing(Service(tmp_path / "root", offline=True)) as service:
        project = upload(service, photos, tmp_path, "shadow.zip")
        assert ended(project.analysis).state == "finished"


def test_closing_keeps_what_runs_and_waits_and_the_next_service_goes_on_with_both(
    photos: Path, tmp_path: Path, surroundings: None
) -> None:
    service = Service(tmp_path / "root", offline=True)
    project = upload(service, photos, tmp_path)
    assert ended(project.analysis).state == "finished"
    training = service.train(project, "from-scratch", {**TINY, "epochs": 5000})
    search = service.find_suspects(project)
    rows = training.run / "metrics.csv"
    wait_for(lambda: rows.exists() and len(rows.read_text().splitlines()) > 3)
    service.close()
    assert not is_alive(training.job)
    n_before = len(rows.read_text().splitlines())
    for status in (training.status, search.status):
        assert status is not None
        assert status.state == "waiting"
    cancel_job(training.job)  # nothing runs that could be stopped, and that is no error
    again = Service(tmp_path / "root", offline=True)
    found = again.find(project.id)
    assert found is not None
    wait_for(lambda: len(rows.read_text().splitlines()) > n_before)
    again.cancel(found)
    assert "is kept in" in ended(training.job).error
    wait_for(lambda: (status := search.status) is not None and status.state == "running")
    again.close()
