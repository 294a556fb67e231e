"""`finetune explain` draws why; a bad image is a row, a bad option a sentence."""

from pathlib import Path

from conftest import Finetune, coloured
from PIL import Image


def test_each_image_gets_a_picture_and_a_line(
    finetune: Finetune, bundle: Path, colours: Path, tmp_path: Path
) -> None:
    images = [colours / "lime" / "14.png", colours / "plum" / "28.png"]
    images = [path if path.is_file() else next(path.parent.glob("*.png")) for path in images]
    out = tmp_path / "new" / "why"
    answer = finetune("explain", bundle, *images, "--out", out, "--quiet")
    assert answer.code == 0, answer.err
    lines = answer.out.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith(f"{images[0]}: ")
    pictures = sorted(out.iterdir())
    assert len(pictures) == 2
    for path in pictures:
        assert path.name.endswith("-grad-cam.png")
        with Image.open(path) as picture:
            assert picture.width > 900
    assert finetune("explain", bundle, *images, "--out", out, "--quiet").code == 0, "a second time"
    assert sorted(out.iterdir()) == pictures


def test_json_has_the_numbers_and_a_bad_image_is_a_row(
    finetune: Finetune, bundle: Path, tmp_path: Path
) -> None:
    for folder in "xy":
        (tmp_path / folder).mkdir()
        coloured(1, 5, 80).resize((120, 80)).save(tmp_path / folder / "a.png")
    (tmp_path / "x" / "broken.jpg").write_text("<html>")
    method = ("--method", "integrated-gradients", "--class", "plum")
    answer = finetune("explain", bundle, tmp_path, "--json", *method, "--out", tmp_path / "out")
    assert answer.code == 0
    first, broken, second = answer.json
    assert broken == {
        "path": str(tmp_path / "x" / "broken.jpg"),
        "error": "is not an image but a text such as a web page",
    }
    assert first["explained"] == "plum"
    assert first["method"] == "integrated-gradients"
    assert first["size"] == [120, 80]
    left, top, right, bottom = first["box"]
    assert 18 < left < right < 102
    assert 0 <= top < bottom <= 80
    assert first["grid"] == second["grid"]
    names = [Path(row["picture"]).name for row in (first, second)]
    assert names == ["a-integrated-gradients.png", "a-2-integrated-gradients.png"]
    assert all((tmp_path / "out" / name).is_file() for name in names)


def test_what_cannot_be_is_one_sentence(
    finetune: Finetune, bundle: Path, colours: Path, tmp_path: Path
) -> None:
    image = next((colours / "lime").glob("*.png"))
    for options, code, words in (
        (("--method", "cam"), 2, "unknown method 'cam', there are grad-cam, integrated-gradients"),
        (("--class", "limes"), 2, "--class limes is not one of the bundle's 3 classes; did you mean 'lime'?"),
        (("--out", image), 5, "cannot make the folder --out"),
    ):
        answer = finetune("explain", bundle, image, *options)
        assert answer.code == code
        assert words in answer.error
    (tmp_path / "no.png").write_text("<html>")
    answer = finetune("explain", bundle, tmp_path / "no.png", "--out", tmp_path / "out")
    assert answer.code == 3
    assert "is not an image but a text" in answer.out
    missing = finetune("explain", bundle, tmp_path / "none.png")
    assert missing.code == 3
    assert "no such image or folder" in missing.error
