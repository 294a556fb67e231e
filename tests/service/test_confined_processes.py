"""The processes that touch what users send know no secrets, leave no core dump and cannot fill the memory."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image
from small_bundle import small_bundle

from finetune.data.health.child import Child
from finetune.python import LEAST_MEMORY, environment, is_handed_on, most_memory
from finetune.service.predictor import Predictor

pytestmark = pytest.mark.skipif(not Path("/proc/self/limits").exists(), reason="needs Linux's /proc")
SECRETS = (
    "AWS_SECRET_ACCESS_KEY",
    "HF_TOKEN",
    "FINETUNE_TOKEN",
    "DATABASE_URL",
    "SSH_AUTH_SOCK",
    "HF_API_KEY",
)


@pytest.fixture(autouse=True)
def secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in SECRETS:
        monkeypatch.setenv(name, "squeamish-ossifrage")


def limits_of(pid: int) -> dict[str, str]:
    """The soft limits by name."""
    lines = Path(f"/proc/{pid}/limits").read_text().splitlines()[1:]
    return {line[:25].strip(): line[25:].split()[0] for line in lines}


def assert_confined(pid: int, most_bytes: int) -> None:
    assert b"squeamish" not in Path(f"/proc/{pid}/environ").read_bytes()
    limits = limits_of(pid)
    assert limits["Max core file size"] == "0"
    assert limits["Max data size"] == str(most_bytes)


def test_the_process_that_looks_at_images_is_confined(tmp_path: Path) -> None:
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    child = Child()
    try:
        child.look_at([str(tmp_path / "a.png")])
        assert_confined(child._process.pid, LEAST_MEMORY)
    finally:
        child.end()


def test_the_process_that_classifies_is_confined(tmp_path: Path) -> None:
    small_bundle(tmp_path / "bundle")
    Image.new("RGB", (4, 4)).save(tmp_path / "a.png")
    predictor = Predictor()
    try:
        assert len(predictor.ask(tmp_path / "bundle", tmp_path / "a.png").top) == 3
        assert predictor._process is not None
        assert_confined(predictor._process.pid, most_memory())
    finally:
        predictor.close()


def test_what_a_process_of_a_job_may_not_do_is_taken_away_when_it_begins(tmp_path: Path) -> None:
    # Without a request it fails at once.
    look = (
        "import resource, runpy, sys\n"
        "sys.argv[1:] = ['.', '1']\n"
        "try: runpy.run_module('finetune.service.child', run_name='__main__')\n"
        "except SystemExit: print(resource.getrlimit(resource.RLIMIT_CORE))"
    )
    done = subprocess.run(
        [sys.executable, "-c", look],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert "(0, 0)" in done.stdout


def test_only_what_says_how_the_machine_is_set_up_is_handed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "1")
    told = environment()
    assert not set(SECRETS) & set(told)
    assert told["CUDA_VISIBLE_DEVICES"] == "1"
    assert told["PATH"] == os.environ["PATH"]
    for name in (
        "HF_HOME",
        "TRANSFORMERS_OFFLINE",
        "https_proxy",
        "LC_ALL",
        "PYTHONPATH",
        "FINETUNE_CACHE",
        "OMP_NUM_THREADS",
    ):
        assert is_handed_on(name)
