"""`finetune export` and `finetune push`, as a user calls them: the file, the proof, and what is refused."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import onnxruntime
import pytest
from conftest import REPOSITORY, Finetune, coloured
from PIL import Image

from finetune.bundle.bundle import load_bundle
from finetune.bundle.manifest import add_files


@pytest.fixture
def run(bundle: Path, tmp_path: Path) -> Path:
    """A copy of a finished run, to export from."""
    return Path(shutil.copytree(bundle, tmp_path / "run"))


def test_an_export_is_compared_on_the_images_of_the_run(finetune: Finetune, run: Path) -> None:
    answer = finetune("export", run, "--format", "onnx", "--json", "--quiet")
    assert answer.code == 0, answer.err
    values = answer.json
    assert {"path", "format", "checked", "flips", "max_abs_dlogit", "bytes"} <= set(values)
    assert (values["path"], values["format"], values["flips"]) == (str(run / "model.onnx"), "onnx", 0)
    assert values["checked"] == 32, "four of the test split, and training images to make up the number"
    assert values["max_abs_dlogit"] <= 0.02
    assert values["bytes"] == (run / "model.onnx").stat().st_size
    assert values["accuracy_bundle"] == values["accuracy_exported"] > 0.8


def test_the_file_carries_names_temperature_and_softmax(finetune: Finetune, run: Path, colours: Path) -> None:
    add_files(run / "bundle", {"calibration.json": json.dumps({"temperature": 2.0})})
    assert finetune("export", run, "--quiet").code == 0
    session = onnxruntime.InferenceSession(run / "model.onnx", providers=["CPUExecutionProvider"])
    facts = session.get_modelmeta().custom_metadata_map
    assert json.loads(facts["class_names"]) == ["apple", "lime", "plum"]
    assert facts["temperature"] == "2.0"
    assert {"backbone", "licence", "version", "precision"} <= set(facts)
    images = np.asarray(Image.open(colours / "lime" / "1.png"))[None].repeat(3, axis=0)
    probabilities, logits = session.run(["probabilities", "logits"], {"images": images})
    assert probabilities.shape == logits.shape == (3, 3)
    shares = np.exp(logits / 2)
    assert np.allclose(probabilities, shares / shares.sum(1, keepdims=True), atol=1e-6)


def odd_images(folder: Path) -> list[Path]:
    folder.mkdir()
    red, turned = coloured(0, 1000), Image.Exif()
    turned[0x0112] = 6
    wide = Image.new("RGB", (3000, 20), "white")
    wide.paste(coloured(2, 5, side_px=20), (1490, 0))
    made = {
        "clear.png": red.convert("RGBA"),
        "print.jpg": red.convert("CMYK"),
        "palette.gif": red.convert("P", palette=Image.Palette.ADAPTIVE),
        "grey.png": red.convert("L"),
        "grey16.png": Image.fromarray(np.asarray(red.convert("L")).astype(np.uint16) * 257),
        "dot.png": red.resize((1, 1)),
        "wide.png": wide,
    }
    for name, image in made.items():
        image.save(folder / name)
    red.resize((40, 90)).save(folder / "turned.jpg", exif=turned)
    half = Image.new("RGBA", (30, 30), (60, 80, 200, 0))
    half.save(folder / "through.png")
    return sorted(folder.iterdir())


def test_the_program_of_the_documents_gives_the_labels_of_predict(
    finetune: Finetune, run: Path, colours: Path, tmp_path: Path
) -> None:
    assert finetune("export", run, "--quiet").code == 0
    script = REPOSITORY / "docs" / "onnx_predict.py"
    assert len(script.read_text(encoding="utf-8").splitlines()) <= 30
    paths = [*odd_images(tmp_path / "odd"), *sorted((colours / "plum").iterdir())]
    done = subprocess.run(
        [sys.executable, script, run / "model.onnx", *paths], capture_output=True, text=True, check=True
    )
    theirs = [line.split("\t") for line in done.stdout.splitlines()]
    ours = finetune("predict", run, *paths, "--json", "--quiet").json
    assert [row[1] for row in theirs] == [row["label"] for row in ours]
    assert [float(row[2]) for row in theirs] == pytest.approx([row["probability"] for row in ours], abs=0.01)


def test_another_label_is_refused_by_name_and_leaves_the_former_file(
    finetune: Finetune, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An image path that is wrong in the file: the mean of another data set."""
    from finetune.export import export

    (run / "model.onnx").write_bytes(b"former")
    right = export.assemble

    def wrong(network: object, preprocessing: object, **how: object) -> object:
        fields = {**vars(preprocessing), "mean": (-2.0, 3.0, -2.0)}
        return right(network, type(preprocessing)(**fields), **how)  # type: ignore[arg-type, call-arg]

    monkeypatch.setattr(export, "assemble", wrong)
    answer = finetune("export", run, "--quiet")
    assert answer.code == 6
    assert "the fp32 file gives another label to " in answer.error
    assert " of 32 images (" in answer.error
    assert ".png: " in answer.error
    assert (run / "model.onnx").read_bytes() == b"former"
    assert not list(run.glob("*.tmp")) + list(run.glob(".*.tmp"))
    refused = finetune("export", run, "--precision", "fp16", "--quiet").error
    limit = refused.split("--max-flips ")[1].split()[0]
    assert finetune("export", run, "--precision", "fp16", "--max-flips", limit, "--quiet").code == 0
    assert (run / "model.fp16.onnx").is_file()


def test_half_and_eight_bits_are_smaller_and_say_what_they_cost(finetune: Finetune, run: Path) -> None:
    sizes = {}
    for precision, limit in (("fp32", ()), ("fp16", ("--max-flips", 1)), ("int8", ("--max-flips", 8))):
        answer = finetune("export", run, "--precision", precision, *limit, "--json")
        assert answer.code == 0, answer.err
        sizes[precision] = answer.json["bytes"]
        assert answer.json["precision"] == precision
        assert 0 <= answer.json["accuracy_exported"] <= 1
    assert sizes["int8"] < sizes["fp16"] < sizes["fp32"]


def test_a_bundle_alone_is_compared_on_its_references_or_on_what_is_given(
    finetune: Finetune, bundle: Path, colours: Path, tmp_path: Path
) -> None:
    alone = Path(shutil.copytree(bundle / "bundle", tmp_path / "mine"))
    answer = finetune("export", alone, "--json")
    assert (answer.code, answer.json["checked"], answer.json["path"]) == (0, 5, str(tmp_path / "mine.onnx"))
    assert "note: compared on 5 images only; --check DATA gives more" in answer.err
    given = finetune("export", alone, "--check", colours, "--out", tmp_path / "b.onnx", "--json", "--quiet")
    assert given.json["checked"] == 42
    assert "give --calibrate DATA" in finetune("export", alone, "--precision", "int8", "--quiet").error


def test_a_run_whose_images_are_gone_asks_for_others(finetune: Finetune, run: Path, tmp_path: Path) -> None:
    record = json.loads((run / "run.json").read_text())
    (run / "run.json").write_text(json.dumps({**record, "data": str(tmp_path / "gone")}))
    answer = finetune("export", run)
    assert answer.code == 3
    assert "the images of this run cannot be opened" in answer.error
    assert answer.error.endswith("give --check DATA")


@pytest.mark.parametrize(
    ("code", "sentence", "options"),
    [
        (2, "--precision int4 is not one of fp32, fp16, int8; did you mean", ("--precision", "int4")),
        (2, "--format tflite is not one of onnx", ("--format", "tflite")),
        (2, "--max-flips has an effect only with", ("--max-flips", "1")),
        (2, "--calibrate has an effect only with", ("--calibrate", "x")),
        (2, "is no .onnx file; give a name that ends in .onnx", ("--out", "model.pt")),
        (5, "no folder nowhere for --out", ("--out", "nowhere/model.onnx")),
    ],
)
def test_what_cannot_be_is_refused(
    code: int, sentence: str, options: tuple[str, ...], finetune: Finetune, bundle: Path
) -> None:
    answer = finetune("export", bundle, *options)
    assert answer.code == code
    assert sentence in answer.error


def test_a_finished_run_gives_its_bundle_recipe_report_and_card(bundle: Path) -> None:
    folder = bundle / "bundle"
    assert {"recipe.yaml", "report.json", "MODEL_CARD.md", "files.json"} <= {p.name for p in folder.iterdir()}
    card = (folder / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert card.startswith("---\n")
    for words in (
        "library_name: timm",
        "type: accuracy",
        "| accuracy |",
        " to ",
        "Licence of the data",
        "## Limits",
    ):
        assert words in card


def test_each_figure_of_the_card_has_its_interval(bundle: Path) -> None:
    card = (bundle / "bundle/MODEL_CARD.md").read_text(encoding="utf-8")
    for name in ("accuracy", "balanced accuracy", "macro F1", "log loss"):
        assert re.search(rf"^\| {name} \| \d\.\d+ \| \d\.\d+ to \d\.\d+ \|$", card, re.MULTILINE), name


def test_who_may_read_the_report_may_read_all_of_a_run_and_its_bundle(bundle: Path) -> None:
    files = [*bundle.glob("*.*"), *(bundle / "bundle").iterdir()]
    assert bundle / "predictions.safetensors" in files
    mode = (bundle / "report.json").stat().st_mode
    assert {path.name for path in files if path.is_file() and path.stat().st_mode != mode} == set()


def test_push_without_a_network_says_where_the_folder_lies_and_keeps_images_at_home(
    finetune: Finetune, run: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = finetune("push", run, "--to", "hf:someone/fruit", "--offline")
    assert answer.code == 0, answer.err
    folder = run / "hub-fruit"
    assert f"upload it with: hf upload someone/fruit {folder}" in answer.out
    assert "does not state the licence of the data yet" in answer.err
    assert load_bundle(folder).class_names == ("apple", "lime", "plum")
    assert json.loads((folder / "reference.json").read_text())["images"] == "drawn"
    assert str(run.parent) not in (folder / "recipe.yaml").read_text() + (folder / "report.json").read_text()
    assert (folder / "README.md").read_text().startswith("---\n")
    assert finetune("push", run, "--to", "hf:someone/fruit", "--offline").code == 0, "again"
    monkeypatch.delenv("HF_TOKEN", raising=False)
    (run / "hub-fruit" / "files.json").unlink()
    assert "holds something else" in finetune("push", run, "--to", "hf:someone/fruit", "--offline").error


@pytest.mark.parametrize("to", ["fruit", "hf:", "hf:a/b/c", "hf:../up", "hf:a b"])
def test_a_name_that_cannot_be_on_the_hub_is_refused(to: str, finetune: Finetune, bundle: Path) -> None:
    answer = finetune("push", bundle, "--to", to, "--offline")
    assert (answer.code, "is no repository of the hub; write hf:OWNER/NAME" in answer.error) == (2, True)
