"""What cannot work: one sentence that says what, where and what to do, its exit code, and nothing left behind."""

import os
import re
import resource
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import Answer, Finetune, coloured, draw_colours, environment, finetune_process

from finetune.cli import main
from finetune.data.archive_checks import MAX_RATIO

Fails = Callable[..., str]


@pytest.fixture
def fails(finetune: Finetune, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fails:
    """Run a command that must fail with this code; return its sentence. No run may be left in the folder."""
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)

    def call(code: int, *arguments: object) -> str:
        answer: Answer = finetune(*arguments)
        assert answer.code == code, answer.err
        assert answer.out == ""
        assert not any(here.iterdir()), "something was left behind"
        return answer.error

    return call


# --- the data


def test_no_such_folder(fails: Fails, tmp_path: Path, colours: Path) -> None:
    sentence = fails(3, "fit", colours.parent / "colour")
    assert "no folder or file at" in sentence
    assert sentence.endswith("did you mean 'colours'?")
    for command in ("inspect", "advise"):
        assert "no folder or file at" in fails(3, command, tmp_path / "nowhere")


def test_an_empty_path(fails: Fails) -> None:
    for command in (("inspect",), ("advise", "--offline"), ("fit", "--offline")):
        assert "path is empty; give a folder or a zip" in fails(3, command[0], "", *command[1:])


def test_an_empty_folder(fails: Fails, tmp_path: Path, tiny: tuple[str, ...]) -> None:
    (tmp_path / "empty").mkdir()
    assert "is empty; put a folder of images for each class into it" in fails(
        3, "fit", tmp_path / "empty", *tiny
    )


def test_one_class(fails: Fails, tmp_path: Path, tiny: tuple[str, ...]) -> None:
    data = draw_colours(tmp_path / "data", {"only": 5})
    sentence = fails(3, "fit", data, *tiny)
    assert "only one class ('only')" in sentence
    assert "a classifier needs two or more" in sentence


def test_a_class_with_one_image(fails: Fails, tmp_path: Path, tiny: tuple[str, ...]) -> None:
    data = draw_colours(tmp_path / "data", {"many": 9, "one of [these]": 1})
    sentence = fails(3, "fit", data, *tiny)
    assert f"class 'one of [these]' has 1 image in {data}, but a split needs 3" in sentence
    assert sentence.endswith("add images or drop it with --exclude 'one of [these]'")


def test_a_val_class_that_train_does_not_have(fails: Fails, tmp_path: Path, tiny: tuple[str, ...]) -> None:
    data = draw_colours(tmp_path / "data", {"train/cat": 5, "train/dog": 5, "val/cats": 2, "val/dog": 2})
    sentence = fails(3, "fit", data, *tiny)
    assert f"class 'cats' in {data}/val is not a class of train" in sentence
    assert sentence.endswith("--exclude cats; did you mean 'cat'?")


def test_nothing_but_unreadable_images(fails: Fails, tmp_path: Path, tiny: tuple[str, ...]) -> None:
    for label in ("a", "b"):
        (tmp_path / "data" / label).mkdir(parents=True)
        for i in range(4):
            (tmp_path / "data" / label / f"{i}.jpg").write_text("hello")
    assert "no image in" in fails(3, "fit", tmp_path / "data", *tiny)


def test_a_file_that_is_no_zip(fails: Fails, tmp_path: Path, tiny: tuple[str, ...]) -> None:
    (tmp_path / "table.xlsx").write_bytes(b"\xd0\xcf")
    assert "is a file that holds no labelled images" in fails(3, "fit", tmp_path / "table.xlsx", *tiny)


def test_a_class_to_exclude_that_is_not_there(fails: Fails, colours: Path, tiny: tuple[str, ...]) -> None:
    sentence = fails(3, "fit", colours, *tiny, "--exclude", "aple")
    assert "no class 'aple'" in sentence
    assert sentence.endswith("did you mean 'apple'?")


# --- zips


def zip_of(folder: Path, archive: Path) -> Path:
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
        for path in sorted(folder.rglob("*.png")):
            made.write(path, path.relative_to(folder).as_posix())
    return archive


def test_a_zip_with_a_wrong_checksum(
    fails: Fails, colours: Path, tmp_path: Path, tiny: tuple[str, ...], cache_of_the_test: Path
) -> None:
    archive = zip_of(colours, tmp_path / "broken.zip")
    with zipfile.ZipFile(archive) as opened:
        info = opened.infolist()[5]
    content = bytearray(archive.read_bytes())
    middle = info.header_offset + 30 + len(info.filename) + info.compress_size // 2
    content[middle] ^= 0xFF
    archive.write_bytes(content)
    sentence = fails(3, "fit", archive, *tiny)
    assert str(archive) in sentence
    assert info.filename in sentence
    assert not list(cache_of_the_test.rglob("*.png"))


def test_a_zip_that_points_outside(
    fails: Fails, tmp_path: Path, tiny: tuple[str, ...], cache_of_the_test: Path
) -> None:
    archive = tmp_path / "outside.zip"
    with zipfile.ZipFile(archive, "w") as made:
        made.writestr("../../evil.png", b"x")
    assert "'../../evil.png'" in fails(3, "fit", archive, *tiny)
    assert not list(tmp_path.rglob("evil.png")) + list(cache_of_the_test.rglob("evil.png"))


def test_a_zip_bomb(fails: Fails, tmp_path: Path, tiny: tuple[str, ...], cache_of_the_test: Path) -> None:
    archive = tmp_path / "bomb.zip"
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as made:
        made.writestr("a/1.bmp", bytes(200_000_000))
    assert f"would grow more than {MAX_RATIO} times" in fails(3, "inspect", archive)
    assert not [path for path in cache_of_the_test.rglob("*") if path.is_file()]


def test_a_good_zip_trains_like_its_folder(
    finetune: Finetune,
    colours: Path,
    tmp_path: Path,
    tiny: tuple[str, ...],
    bundle: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    archive = zip_of(colours, tmp_path / "my.colours.zip")
    monkeypatch.chdir(tmp_path)
    assert finetune("fit", archive, "--strategy", "freeze-all", *tiny).code == 0
    run = tmp_path / "checkpoints" / "my.colours-freeze-all-1"
    assert (run / "metrics.csv").read_text() == (bundle / "metrics.csv").read_text()


# --- backbone and weights


def test_an_unknown_backbone(fails: Fails, colours: Path) -> None:
    for command in (("fit", colours), ("advise", colours), ("describe",)):
        sentence = fails(4, *command, *(["resnet17"] if len(command) == 1 else ["--backbone", "resnet17"]))
        assert "unknown backbone 'resnet17'" in sentence
        assert sentence.endswith("did you mean 'resnet18'?")


def test_weights_of_another_network(fails: Fails, colours: Path, weights: Path, tmp_path: Path) -> None:
    other = ("--backbone", "test_efficientnet", "--weights", weights, "--strategy", "freeze-all")
    sentence = fails(4, "fit", colours, *other, "--out", tmp_path / "new" / "run")
    assert re.search(r"of 86 tensors, 81 missing \(first: conv_stem.weight, ", sentence)
    assert "left over (first: " in sentence
    assert "of another shape (first: bn1.weight (32,) instead of (24,)" in sentence
    assert not (tmp_path / "new").exists(), "folders that were made for the run are taken away again"


def test_weights_that_are_no_safetensors(fails: Fails, colours: Path, tmp_path: Path) -> None:
    (tmp_path / "page.safetensors").write_text("<html>not found</html>")
    damaged = ("--backbone", "test_resnet", "--weights", tmp_path / "page.safetensors")
    assert "is not a readable .safetensors file" in fails(
        4, "fit", colours, *damaged, "--strategy", "freeze-all"
    )


def test_weights_that_are_not_there(fails: Fails, colours: Path, tmp_path: Path) -> None:
    for name, expected in (("no.safetensors", "no such weights file"), (".", "no such weights file")):
        missing = ("--backbone", "test_resnet", "--weights", tmp_path / name)
        assert expected in fails(4, "fit", colours, *missing)


def test_a_weights_file_without_its_backbone(fails: Fails, colours: Path, weights: Path) -> None:
    sentence = fails(2, "fit", colours, "--weights", weights)
    assert sentence.endswith("does not say which backbone it is for; add --backbone NAME")


def test_weights_that_cannot_be_had_offline_name_three_ways_out(
    fails: Fails, colours: Path, tmp_path: Path
) -> None:
    answer = finetune_process(
        "fit", colours, "--backbone", "resnet50", "--offline", cwd=tmp_path, HF_HOME=str(tmp_path / "hub")
    )
    assert answer.code == 4
    for way in (
        "--backbone tf_efficientnet_lite0",
        "--weights FILE.safetensors or FILE.pth",
        "run once with a network",
    ):
        assert way in answer.error
    assert not (tmp_path / "checkpoints").exists()


def test_from_scratch_needs_no_weights_and_asks_for_none(
    finetune: Finetune, colours: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    command = ("--strategy", "from-scratch", "--backbone", "test_efficientnet", "--image-size", 32)
    answer = finetune("fit", colours, *command, "--epochs", 1, "--workers", 0, "--out", tmp_path / "run")
    assert answer.code == 0, answer.err


# --- options


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--strategy", "parti"], "unknown strategy 'parti'; choose one of auto, .*; did you mean 'partial'"),
        (["--strategy", "freeze-all", "--epochs", "3"], "--epochs has no effect .* use --strategy partial"),
        (["--strategy", "freeze-all", "--lr", "0.1"], "--lr has no effect .* use --strategy partial"),
        (["--strategy", "freeze-all", "--batch-size", "8"], "--batch-size has no effect"),
        (["--strategy", "from-scratch", "--weights", "hub"], "--weights hub has no effect"),
        (
            ["--strategy", "partial", "--weights", "none"],
            "but --weights is none; use --strategy from-scratch",
        ),
        (["--strategy", "partial", "--set", "stage=2"], "has no option 'stage'"),
        (["--strategy", "partial", "--set", "stages=two"], "--set stages=two is not NAME=NUMBER"),
        (["--strategy", "partial", "--set", "stages=0"], "trains at least 1 stage"),
        (["--strategy", "partial", "--set", "stages=1.5"], "stages is 1.5, but must be a whole number"),
        (["--strategy", "partial", "--set", "stages=inf"], "stages is inf, but must be a whole number"),
        (["--strategy", "full-finetune", "--set", "layer_decay=nan"], "layer_decay is nan"),
        (["--set", "stages=2"], "strategy options need a strategy by name"),
        (["--strategy", "partial", "--epochs", "0"], "--epochs is 0: .*greater than or equal to 1"),
        (["--strategy", "partial", "--epochs", "abc"], "'--epochs'.*valid integer.*`finetune fit --help`"),
        (["--lr", "nan"], "--lr is nan"),
        (["--max-minutes", "inf"], "--max-minutes is inf"),
        (["--max-minutes", "-1"], "--max-minutes is -1"),
        (["--image-size", "7"], "--image-size is 7"),
        (["--batch-size", "1"], "--batch-size is 1"),
        (["--seed", "-1"], "--seed is -1"),
        (["--augment", "rotate"], "--augment is 'rotate'"),
        (["--epoch", "3"], "no such option: --epoch; .*did you mean '--epochs'"),
        (["--epochs"], "'--epochs' requires an argument"),
        (["another"], "unexpected extra argument"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_an_option_that_cannot_be(fails: Fails, colours: Path, options: list[str], sentence: str) -> None:
    assert re.search(sentence, fails(2, "fit", colours, *options))


def test_an_option_that_only_this_network_cannot_have(
    fails: Fails, colours: Path, tiny: tuple[str, ...]
) -> None:
    sentence = fails(2, "fit", colours, "--strategy", "partial", "--set", "stages=9", *tiny)
    assert "stages is 9, but this backbone has 4; choose 1 to 4" in sentence


def test_a_length_beyond_the_epochs_that_the_strategy_chooses(
    fails: Fails, colours: Path, tiny: tuple[str, ...]
) -> None:
    sentence = fails(2, "fit", colours, *tiny, "--strategy", "partial", "--warmup-epochs", 500)
    assert re.fullmatch(
        r"error: --warmup-epochs 500 is longer than training, --epochs \d+; make it shorter", sentence
    )


def test_an_unknown_command_and_missing_arguments(fails: Fails) -> None:
    assert fails(2, "fitt").endswith("no such command: fitt; see `finetune --help`; did you mean 'fit'?")
    assert "missing DATA, a folder or zip of images" in fails(2, "fit")
    assert "missing argument 'PATH...'" in fails(2, "predict", "run")


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("epoch: 3", "unknown setting 'epoch'.*did you mean 'epochs'"),
        ("a: [\nb", "recipe.yaml: not valid YAML \\(.* in line 2\\); mend the file"),
        ("just words", "holds no settings"),
        ("", "holds no settings"),
        ("epochs: many", "--epochs is 'many'"),
        ("strategy: null", "--strategy is None"),
        ("weight_decay: -5", "recipe.yaml: --weight-decay is -5"),
        ("strategy_options: 5", "strategy_options is 5"),
        ("strategy: freeze-all\nepochs: 3", "recipe.yaml: --epochs has no effect"),
        ("!!python/object/apply:os.system ['echo']", "not valid YAML"),
        (b"\xff\xfe\x00", "is no UTF-8 text"),
    ],
)
def test_a_recipe_that_cannot_be(
    fails: Fails, colours: Path, tmp_path: Path, text: str | bytes, sentence: str
) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    assert re.search(sentence, fails(2, "fit", colours, "--recipe", path))


def test_a_share_of_a_split_that_the_data_brings_itself(fails: Fails, lacking: Path, tmp_path: Path) -> None:
    path = tmp_path / "recipe.yaml"
    path.write_text("strategy: from-scratch\nbackbone: test_resnet\nval_share: 0.3\n", encoding="utf-8")
    sentence = fails(2, "fit", lacking, "--recipe", path)
    assert "--val-share is 0.3" in sentence
    assert "no val is cut; leave it out" in sentence


def test_a_recipe_that_is_not_there(fails: Fails, colours: Path, tmp_path: Path) -> None:
    assert "No such file" in fails(2, "fit", colours, "--recipe", tmp_path / "no.yaml")
    assert "Is a directory" in fails(2, "fit", colours, "--recipe", tmp_path)


# --- the run's folder


def test_a_run_folder_that_is_in_use(
    fails: Fails, colours: Path, tiny: tuple[str, ...], tmp_path: Path
) -> None:
    (tmp_path / "used").mkdir()
    (tmp_path / "used" / "thesis.txt").write_text("mine")
    sentence = fails(6, "fit", colours, *tiny, "--out", tmp_path / "used")
    assert "is not empty; choose another folder, or leave --out away" in sentence
    assert [path.name for path in (tmp_path / "used").iterdir()] == ["thesis.txt"]


def test_a_run_folder_that_is_a_file(fails: Fails, colours: Path, weights: Path) -> None:
    assert "is a file; give a folder" in fails(6, "fit", colours, "--out", weights)
    assert "lies below a file" in fails(6, "fit", colours, "--out", weights / "run")


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs a folder that nobody can write to")
def test_a_run_folder_that_cannot_be_made(fails: Fails, colours: Path) -> None:
    assert "cannot make the run folder /proc/run" in fails(5, "fit", colours, "--out", "/proc/run")


def test_a_run_folder_inside_the_data_set(
    finetune: Finetune, tmp_path: Path, tiny: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = draw_colours(tmp_path / "data", {"a": 6, "b": 6})
    monkeypatch.chdir(data)
    for options in ((), ("--out", "a/run"), ("--out", data / "run")):
        answer = finetune("fit", ".", *tiny, *options)
        assert answer.code == 2
        assert "would lie inside the data set . and be taken for images next time" in answer.error
    assert sorted(path.name for path in data.iterdir()) == ["a", "b"]
    outside = ("--strategy", "freeze-all", "--out", "../run")
    assert finetune("fit", ".", *tiny, *outside).code == 0


def test_a_run_that_fails_early_leaves_a_folder_that_was_there(
    finetune: Finetune, tmp_path: Path, tiny: tuple[str, ...]
) -> None:
    (tmp_path / "mine").mkdir()
    answer = finetune("fit", tmp_path / "nowhere", *tiny, "--out", tmp_path / "mine")
    assert answer.code == 3
    assert (tmp_path / "mine").is_dir()


# --- the machine


def finetune_with_limit(limit: int, bytes_: int, *arguments: object, cwd: Path) -> Answer:
    done = subprocess.run(
        [sys.executable, "-m", "finetune", *map(str, arguments)],
        cwd=cwd,
        env=environment(),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
        preexec_fn=lambda: resource.setrlimit(limit, (bytes_, bytes_)),
    )
    return Answer(done.returncode, done.stdout, done.stderr)


def test_a_disk_without_room_for_the_classifier_leaves_no_half_of_it(
    colours: Path, tiny: tuple[str, ...], tmp_path: Path
) -> None:
    command = ("fit", colours, "--strategy", "freeze-all", *tiny, "--out", "run")
    answer = finetune_with_limit(resource.RLIMIT_FSIZE, 300_000, *command, cwd=tmp_path)
    assert answer.code == 5
    assert "cannot write" in answer.error
    assert "free some space or choose another folder" in answer.error
    assert sorted(path.name for path in (tmp_path / "run").iterdir()) == [
        "curves.png",
        "log.txt",
        "metrics.csv",
        "recipe.yaml",
        "resume",
        "run.json",
        "tensorboard",
    ]
    assert "ended early: cannot write" in (tmp_path / "run" / "log.txt").read_text()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs a device that is always full")
def test_a_full_disk_under_a_csv(finetune: Finetune, bundle: Path, colours: Path) -> None:
    answer = finetune("predict", bundle, colours / "apple", "--out", "/dev/full")
    assert answer.code == 5
    assert "No space left on device" in answer.error


def test_debug_shows_the_traceback_beside_the_sentence(finetune: Finetune, tmp_path: Path) -> None:
    answer = finetune("inspect", tmp_path / "nowhere", debug=True)
    assert answer.code == 3
    assert "Traceback (most recent call last)" in answer.err
    assert "finetune.errors.DataError: no folder or file" in answer.err
    assert answer.err.splitlines()[-1].startswith("error: no folder or file")


@pytest.mark.parametrize(
    "arguments",
    [("inspect", "nowhere"), ("inspect", "nowhere", "--debug"), ("--debug", "inspect", "nowhere")],
)
def test_debug_is_found_wherever_it_stands(
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arguments: tuple[str, ...],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["finetune", *arguments])
    for name in ("OMP_WAIT_POLICY", "THP_MEM_ALLOC_ENABLE"):
        monkeypatch.setenv(name, os.environ.get(name, ""))
    with warnings.catch_warnings(), pytest.raises(SystemExit, match=r"^3$"):
        main()
    shown = capsys.readouterr().err
    assert shown.endswith("error: no folder or file at nowhere, check the path\n")
    assert ("Traceback" in shown) == ("--debug" in arguments)


def test_the_program_runs_as_a_module_and_as_a_script(tmp_path: Path) -> None:
    answer = finetune_process("inspect", "nowhere", cwd=tmp_path)
    assert (answer.code, answer.error) == (3, "error: no folder or file at nowhere, check the path")
    script = subprocess.run(
        [Path(sys.executable).with_name("finetune"), "inspect", "nowhere"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (script.returncode, script.stderr) == (answer.code, answer.err)


def test_a_fault_of_the_program_is_called_that(
    finetune: Finetune, colours: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr("finetune.data.health.inspect_source", broken)
    answer = finetune("inspect", colours)
    assert answer.code == 1
    assert "ZeroDivisionError: division by zero; this is a fault of the program" in answer.error


@pytest.mark.parametrize(
    "error",
    [MemoryError(), RuntimeError("[enforce fail] DefaultCPUAllocator: not enough memory: you tried to ...")],
)
def test_memory_that_runs_out_has_a_remedy(
    finetune: Finetune, colours: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def exhausted(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("finetune.data.health.inspect_source", exhausted)
    answer = finetune("inspect", colours)
    assert answer.code == 5
    assert answer.error == (
        "error: out of memory; use a smaller --image-size, or a smaller --backbone, or close other programs"
    )


# --- bundles


def test_a_bundle_that_is_not_there(fails: Fails, colours: Path, tmp_path: Path) -> None:
    for command in ("predict", "evaluate"):
        assert "is not a bundle" in fails(6, command, tmp_path / "nowhere", colours)


def test_what_cannot_be_predicted(fails: Fails, bundle: Path, tmp_path: Path) -> None:
    assert "no such image or folder" in fails(3, "predict", bundle, tmp_path / "nope.jpg")
    (tmp_path / "empty").mkdir()
    assert "no images in" in fails(3, "predict", bundle, tmp_path / "empty")
    assert "'--top'" in fails(2, "predict", bundle, tmp_path, "--top", 0)


def test_a_csv_that_cannot_be_written_is_refused_before_the_work(
    fails: Fails, bundle: Path, tmp_path: Path
) -> None:
    coloured(0, 1).save(tmp_path / "one.png")
    nowhere = tmp_path / "no" / "such" / "answers.csv"
    assert "no folder" in fails(5, "predict", bundle, tmp_path / "one.png", "--out", nowhere)
    assert "is a folder; name a CSV file in it" in fails(5, "predict", bundle, tmp_path, "--out", tmp_path)


@pytest.mark.skipif(os.name != "posix", reason="a file name that is no text")
def test_a_data_set_whose_path_is_no_text(tmp_path: Path) -> None:
    answer = finetune_process("inspect", os.fsdecode(b"\xff"), cwd=tmp_path)
    assert answer.code == 3
    assert answer.error == "error: no folder or file at \\udcff, check the path"
