"""The container: nobody is root, it installs as `make` does, and its health check asks what there is."""

import json
import re
import subprocess
from pathlib import Path

import pytest

from finetune.cli import app

ROOT = Path(__file__).resolve().parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")


def instructions(name: str) -> list[str]:
    """The arguments of each instruction of that name, continued lines joined."""
    joined = re.sub(r"\\\n\s*", "", DOCKERFILE)
    return re.findall(rf"^{name} (.+)$", joined, flags=re.MULTILINE)


def test_it_installs_by_the_script_that_make_runs() -> None:
    assert "/source/.ci/install /opt/finetune" in instructions("RUN")
    assert "PYTHON=$(PYTHON) .ci/install $(VENV)" in (ROOT / "Makefile").read_text(encoding="utf-8")


def test_nobody_is_root_when_it_runs() -> None:
    (user,) = instructions("USER")
    assert user != "root"
    assert any(f" {user} " in f"{step} " and "useradd" in step for step in instructions("RUN"))


def test_it_runs_a_command_with_options_that_exist() -> None:
    (entry,), (words,) = instructions("ENTRYPOINT"), instructions("CMD")
    assert json.loads(entry) == ["finetune"]
    command, *options = json.loads(words)
    import typer.main

    known = typer.main.get_command(app).commands[command]  # type: ignore[attr-defined]
    flags = {flag for parameter in known.params for flag in parameter.opts}
    assert {word for word in options if word.startswith("--")} <= flags
    (port,) = instructions("EXPOSE")
    assert port in options


def test_the_health_check_asks_an_address_that_answers_without_a_token() -> None:
    (check,) = instructions("HEALTHCHECK")
    assert "http://127.0.0.1:8000/healthz" in check
    program = json.loads(check.partition(" CMD ")[2])
    assert program[:2] == ["python", "-c"]
    compile(program[2], "health check", "exec")


def test_the_script_installs_nothing_into_an_old_python(tmp_path: Path) -> None:
    old = tmp_path / "python"
    old.write_text("#!/bin/sh\necho 'Python 3.11 or newer is needed, this is 3.9.1' >&2\nexit 1\n")
    old.chmod(0o755)
    done = subprocess.run(
        [ROOT / ".ci" / "install", tmp_path / "made"],
        env={"PATH": "/usr/bin:/bin", "PYTHON": str(old)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert "Python 3.11 or newer is needed" in done.stderr
    assert not (tmp_path / "made").exists()


@pytest.mark.parametrize("name", [".git", "checkpoints", ".venv"])
def test_what_is_large_or_private_stays_out_of_the_image(name: str) -> None:
    assert name in (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
