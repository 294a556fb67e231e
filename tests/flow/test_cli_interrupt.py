"""Ctrl-C in the middle of training: one sentence, exit code 130, the best so far kept."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import environment

from finetune.bundle.bundle import load_bundle


def wait_for_rows(metrics: Path, n_rows: int, process: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 200
    while time.monotonic() < deadline and process.poll() is None:
        if metrics.exists() and len(metrics.read_text().splitlines()) > n_rows:
            return
        time.sleep(0.05)
    process.kill()
    pytest.fail(f"training did not get going: {process.communicate()[1]}")


@pytest.mark.skipif(os.name != "posix", reason="sends a POSIX signal")
def test_ctrl_c_ends_training_with_one_sentence(
    colours: Path, random_tiny: tuple[str, ...], tmp_path: Path
) -> None:
    training = ("--strategy", "from-scratch", "--epochs", "5000", "--out", "run")
    command = [sys.executable, "-m", "finetune", "fit", str(colours), *random_tiny[:-1], "1", *training]
    process = subprocess.Popen(
        command,
        cwd=tmp_path,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        process_group=0,
    )
    run = tmp_path / "run"
    try:
        wait_for_rows(run / "metrics.csv", 3, process)
        os.killpg(process.pid, signal.SIGINT)  # as a terminal does: the loader's processes get it too
        out, err = process.communicate(timeout=120)
    finally:
        process.kill()
    assert process.returncode == 130
    assert out == ""
    said = (
        r"error: interrupted after epoch \d+ of 5000; the best so far "
        r"\((?:epoch \d+|before the first epoch), [\d.]+ % of val right\) "
    )
    said += r"is kept in run/bundle, without a report until the run is finished; "
    said += r"go on with: finetune fit --resume run"
    assert re.fullmatch(said, err.splitlines()[-1])
    assert err.count("error: ") == 1
    assert "Traceback" not in err
    left = {path.name for path in run.iterdir()}
    files = {"recipe.yaml", "metrics.csv", "log.txt", "augmentation.png", "run.json"}
    assert left == files | {"resume", "tensorboard", "bundle"}
    assert load_bundle(run).class_names == ("apple", "lime", "plum")
    assert "ended early: interrupted after epoch" in (run / "log.txt").read_text().splitlines()[-1]


def test_an_interruption_before_training_leaves_nothing(
    capfd: pytest.CaptureFixture[str], colours: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from finetune.cli import run

    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("finetune.training.prepare.inspect_source", interrupted)
    arguments = ["fit", str(colours), "--strategy", "from-scratch", "--out", str(tmp_path / "a" / "run")]
    assert run(arguments) == 130
    assert capfd.readouterr().err.endswith("error: interrupted; what was finished is kept\n")
    assert not (tmp_path / "a").exists()


def test_an_interrupted_import_ends_as_any_interruption_does(tmp_path: Path) -> None:
    """CPython remembers a KeyboardInterrupt out of an `exec`, and `python -m` would end by the signal."""
    text = 'exec("raise KeyboardInterrupt")'
    (tmp_path / "cut_short.py").write_text(
        "import sys\n"
        "from finetune import cli\n"
        "@cli.app.command()\n"
        f"def cut() -> None:\n    {text}\n"
        'sys.argv[1:] = ["cut"]\n'
        "cli.main()\n"
    )
    command = [sys.executable, "-m", "cut_short"]
    answer = subprocess.run(
        command, cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=60
    )
    assert (answer.returncode, answer.stderr) == (130, "error: interrupted; what was finished is kept\n")
