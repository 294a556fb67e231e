"""The warm process says why too, and whether an image is known; the page shows both."""

import io
from dataclasses import replace
from pathlib import Path

import pytest
from drawing import picture, save
from networks import batch
from page_parts import bare_parts
from PIL import Image

from finetune.bundle.bundle import load_bundle, write_bundle
from finetune.bundle.manifest import seal
from finetune.data.transforms import Preprocessing
from finetune.known.calibration import write_known
from finetune.known.reject import fit_reject
from finetune.model.backbones import find_backbone
from finetune.model.build import build
from finetune.model.weights import NO_WEIGHTS
from finetune.service.predictor import Predictor, Why
from finetune.service.service import Service
from ui.trial_handlers import TrialHandlers
from ui.web.trial import why_html

PREPROCESSING = Preprocessing(64, (0.5, 0.5, 0.5), (0.5, 0.5, 0.5), "bilinear", 0.875)


@pytest.fixture
def bundle(tmp_path: Path) -> Path:
    backbone = find_backbone("test_resnet")
    model = build(backbone, n_classes=3, weights=NO_WEIGHTS, seed=3, image_size=64)
    folder = tmp_path / "bundle"
    write_bundle(folder, model, backbone=backbone, class_names=("<a>", "b", "c"), preprocessing=PREPROCESSING)
    return folder


def test_it_explains_and_goes_on_after_a_file_that_is_no_image(bundle: Path, tmp_path: Path) -> None:
    image = save(picture(1, (90, 60)), tmp_path / "a.png")
    (tmp_path / "no.png").write_text("<html>")
    predictor = Predictor()
    try:
        why = predictor.ask_why(bundle, image)
        assert why.error == ""
        assert why.picture.startswith(b"\x89PNG")
        assert "speaks for" in why.sentence
        assert "(grad-cam)" in why.sentence
        sizes = {Image.open(io.BytesIO(each)).size for each in (why.image, why.heat)}
        assert sizes == {(90, 60)}
        assert (why.method, why.is_empty) == ("grad-cam", False)
        trouble = predictor.ask_why(bundle, tmp_path / "no.png")
        assert (trouble.error, trouble.picture) == (
            "no.png is not an image but a text such as a web page",
            b"",
        )
        answer = predictor.ask(bundle, image)
        assert len(answer.top) == 3
        assert answer.known is None
        assert predictor.ask_why(bundle, image) == why
    finally:
        predictor.close()


def test_it_says_whether_the_image_is_known(bundle: Path, tmp_path: Path) -> None:
    images, _ = batch(1, 40)
    logits, features = (each.numpy() for each in load_bundle(bundle).outputs(images))
    targets = logits.argmax(axis=1)
    reject = fit_reject(features, targets, held_out=features, logits=logits, held_out_targets=targets)
    write_known(bundle, reject=reject, conformal=None)
    seal(bundle)
    predictor = Predictor()
    try:
        assert predictor.ask(bundle, save(picture(1, (90, 60)), tmp_path / "a.png")).known in (True, False)
    finally:
        predictor.close()


def test_the_page_explains_only_uploaded_files(tmp_path: Path) -> None:
    service = Service(tmp_path / "root", offline=True)
    try:
        handlers = TrialHandlers(service, bare_parts().test_tab)
        for image in (None, {}, {"path": None}, {"path": "/etc/hostname"}):
            assert handlers.why("0" * 32, image) == ""
    finally:
        service.close()


def test_the_picture_and_its_words_are_safe_html() -> None:
    why = Why("", b"", "", image=b"\xff\xd8", heat=b"\xff\xd8\xff", explained="<a>", method="grad-cam")
    html = str(why_html(why))
    assert 'src="data:image/jpeg;base64,/9g="' in html
    assert "yellow is what speaks for &lt;a&gt; (grad-cam)" in html
    assert "<a>" not in html
    assert "Nothing in the image speaks for &lt;a&gt;" in why_html(replace(why, is_empty=True))
