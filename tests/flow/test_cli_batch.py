"""Whole batches in real processes: unattended, killed in the middle, gone on with."""

import csv
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import REPOSITORY, Finetune, Finished, environment
from filelock import FileLock
from killing import Forked, start

from finetune.batch.folder import BatchFolder
from finetune.batch.job import Job
from finetune.batch.ledger import Ledger, Row
from finetune.batch.plan import key_of, plan
from finetune.data.fingerprint import fingerprint
from finetune.data.sources import open_source
from finetune.errors import RunError
from finetune.recipe import Recipe
from finetune.service.engine.place import DATABASE
from finetune.service.engine.store import JobStore

QUICK = {"strategy": "from-scratch", "backbone": "test_resnet", "image_size": 32, "workers": 0, "epochs": 1}
LONG = {**QUICK, "epochs": 50}
PATIENCE_S = 200


@pytest.fixture(autouse=True)
def same_code_in_children(monkeypatch: pytest.MonkeyPatch, warm: None) -> None:
    for name, value in environment().items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def head(weights: Path) -> dict[str, Any]:
    """The settings of the smallest freeze-all run."""
    tiny = {"backbone": "test_resnet", "weights": str(weights), "image_size": 32, "workers": 0}
    return {"strategy": "freeze-all", **tiny}


def write_jobs(path: Path, **fields: Any) -> Path:
    path.write_text(yaml.safe_dump(fields, sort_keys=False), encoding="utf-8")
    return path


def wait_for(what: Callable[[], Any], process: Forked) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not what():
        if time.monotonic() > deadline or process.poll() is not None:
            process.kill()
            pytest.fail(f"it did not come so far: {process.communicate()[1]}")
        time.sleep(0.05)


def n_epochs(run: Path) -> int:
    metrics = run / "metrics.csv"
    return len(metrics.read_text(encoding="utf-8").splitlines()) - 1 if metrics.exists() else 0


def process_of(run: Path) -> int:
    pid: int = json.loads((run / "run.json").read_text(encoding="utf-8"))["pid"]
    return pid


def test_a_failed_job_does_not_end_the_rest_and_a_second_call_does_what_is_left(
    finetune: Finetune, colours: Path, head: dict[str, Any], tmp_path: Path
) -> None:
    jobs = write_jobs(
        tmp_path / "night.yaml",
        data={"absent": "absent", "here": str(colours)},
        recipes={"head": head, "scratch": QUICK},
    )
    out = tmp_path / "out"
    answer = finetune("batch", jobs, "--out", out, "--json")
    assert answer.code == 7
    assert answer.err.endswith(
        "error: 2 of 4 jobs did not finish (absent-head, absent-scratch); mend what their rows say and give the "
        "same command again\n"
    )
    missing = f"no folder or file at {tmp_path / 'absent'}, check the path"
    warned = answer.err.index(f"warning: absent-head: {missing}")
    assert warned < answer.err.index("job 3 of 4, here-head: starts")
    assert [(row["name"], row["state"]) for row in answer.json] == [
        ("absent-head", "failed"),
        ("absent-scratch", "failed"),
        ("here-head", "finished"),
        ("here-scratch", "finished"),
    ]
    assert answer.json[0]["error"] == missing
    for row in answer.json[2:]:
        report = json.loads((Path(row["run"]) / "report.json").read_text(encoding="utf-8"))
        assert row["run"] == str(out / "runs" / row["name"])
        assert all(row[name] == report[name] for name in ("accuracy", "seconds", "strategy", "n_train"))
        assert row["error"] == ""
    with (out / "results.csv").open(encoding="utf-8", newline="") as stream:
        assert [row["state"] for row in csv.DictReader(stream)] == ["failed"] * 2 + ["finished"] * 2
    assert "| absent | failed | failed |" in (out / "results.md").read_text(encoding="utf-8")

    before = {path: path.stat().st_mtime_ns for path in (out / "runs").rglob("*")}
    shutil.copytree(colours, tmp_path / "absent")
    again = finetune("batch", jobs, "--out", out, "--json")
    assert again.code == 0
    assert "4 jobs in" in again.err
    assert "2 already done" in again.err
    assert again.json[2:] == answer.json[2:]
    assert {path: path.stat().st_mtime_ns for path in before} == before
    assert {row["state"] for row in again.json} == {"finished"}


@pytest.mark.skipif(os.name != "posix", reason="sends POSIX signals")
@pytest.mark.parametrize("signum", [signal.SIGKILL, signal.SIGINT])
def test_after_an_end_in_the_middle_the_same_command_goes_on(
    finetune: Finetune, colours: Path, tmp_path: Path, signum: int
) -> None:
    listed = [{"name": "first", "data": str(colours), "recipe": QUICK}]
    listed += [{"name": "second", "data": str(colours), "recipe": LONG}]
    listed += [{"name": "third", "data": str(colours), "recipe": {**QUICK, "seed": 1}}]
    jobs, out = write_jobs(tmp_path / "night.yaml", jobs=listed), tmp_path / "out"
    second = out / "runs" / "second"
    process = start("batch", jobs, "--out", out, cwd=tmp_path)
    wait_for(lambda: n_epochs(second) >= 3, process)
    child = process_of(second)
    os.kill(process.pid, signum)
    _, err = process.communicate(timeout=PATIENCE_S)
    rows = Ledger(out / "results.jsonl").rows()
    assert (rows["first"].state, rows["second"].state) == ("finished", "interrupted")
    assert "third" not in rows
    assert "| third | pending |" in (out / "results.md").read_text(encoding="utf-8")
    if signum != signal.SIGKILL:
        assert process.returncode == 130
        assert err.splitlines()[-1] == (
            f"error: interrupted; what was finished is in {out / 'results.md'}, and the same command goes on"
        )
        with pytest.raises(ProcessLookupError):
            os.kill(child, 0)
    assert n_epochs(second) < LONG["epochs"]

    again = finetune("batch", jobs, "--out", out, "--json")
    assert again.code == 0, again.err
    assert "3 jobs in" in again.err
    assert "1 already done, 1 to go on with" in again.err
    assert "job 2 of 3, second: goes on" in again.err
    assert [row["state"] for row in again.json] == ["finished"] * 3
    engine_s = [(job.title, job.state, job.attempt) for job in reversed(JobStore(out / DATABASE).list())]
    assert engine_s == [("first", "done", 1), ("second", "done", 2), ("third", "done", 1)]
    assert {path.name for path in (out / "runs").iterdir()} == {"first", "second", "third"}


@pytest.mark.skipif(os.name != "posix", reason="sends POSIX signals")
def test_a_job_whose_process_is_killed_has_failed_and_the_next_one_runs(
    finetune: Finetune, colours: Path, tmp_path: Path
) -> None:
    listed = [{"name": "hungry", "data": str(colours), "recipe": LONG}]
    listed += [{"name": "modest", "data": str(colours), "recipe": QUICK}]
    jobs, out = write_jobs(tmp_path / "night.yaml", jobs=listed), tmp_path / "out"
    process = start("batch", jobs, "--out", out, "--quiet", cwd=tmp_path)
    hungry = out / "runs" / "hungry"
    wait_for(lambda: n_epochs(hungry) >= 2, process)
    os.kill(process_of(hungry), signal.SIGKILL)
    _, err = process.communicate(timeout=PATIENCE_S)
    assert process.returncode == 7
    assert (
        "warning: job 1 of 2, hungry: failed: the process was killed, as happens when memory runs out" in err
    )
    assert "modest: starts" not in err, "quiet means warnings alone"
    rows = Ledger(out / "results.jsonl").rows()
    assert (rows["hungry"].state, rows["modest"].state) == ("failed", "finished")

    kept = finetune("batch", jobs, "--out", out, "--no-retry-failed")
    assert kept.code == 7
    assert "hungry: the process was killed" in kept.err
    assert "failed before, not tried again" in kept.err


def test_a_finished_job_is_known_by_its_recipe_and_its_data(
    colours: Path, finished: dict[str, Finished], weights: Path, tmp_path: Path
) -> None:
    data = shutil.copytree(colours, tmp_path / "data")
    shutil.copy(weights, tmp_path / "own.safetensors")
    recipe = Recipe(strategy="freeze-all", backbone="test_resnet", weights=str(tmp_path / "own.safetensors"))
    folder = BatchFolder(tmp_path / "out")
    shutil.copytree(finished["freeze-all"].folder, folder.run("a"))
    key = key_of(recipe, fingerprint(open_source(data)))
    folder.ledger.append(Row("a", "interrupted", run="elsewhere/runs/a", key=key))

    def action(recipe: Recipe = recipe, data: Path = data) -> str:
        (task,) = plan([Job("a", data, recipe)], folder, retry_failed=True, max_minutes=None)
        if task.action == "keep":
            assert (task.row.state, task.row.run) == ("finished", str(folder.run("a")))
            assert task.row.accuracy == finished["freeze-all"].report["accuracy"]
        return task.action

    assert action() == "keep"
    assert action(recipe.with_changes(workers=3, val_share=0.15)) == "keep"
    assert action(data=shutil.copytree(data, tmp_path / "moved")) == "keep"
    assert action(recipe.with_changes(seed=1)) == "start"
    shutil.copy(weights, tmp_path / "same.safetensors")
    assert action(recipe.with_changes(weights=str(tmp_path / "same.safetensors"))) == "keep"
    (tmp_path / "same.safetensors").write_bytes(b"other")
    assert action(recipe.with_changes(weights=str(tmp_path / "same.safetensors"))) == "start"
    report = (folder.run("a") / "report.json").read_text(encoding="utf-8")
    (folder.run("a") / "report.json").write_text(report[:-40], encoding="utf-8")
    assert action() == "resume"
    (folder.run("a") / "run.json").unlink()
    assert action() == "start"
    (folder.run("a") / "report.json").write_text(report, encoding="utf-8")
    next(data.rglob("*.png")).unlink()
    assert action() == "start"


def test_a_run_folder_is_never_used_twice(tmp_path: Path) -> None:
    folder = BatchFolder(tmp_path)
    assert folder.free_run("a", {"a", "a-2"}).name == "a"
    (folder.run("a") / "bundle").mkdir(parents=True)
    assert folder.free_run("a", {"a", "a-2"}).name == "a-3"
    assert folder.free_run("a", {"a"}).name == "a-2"
    folder.run("a-2").mkdir()
    assert folder.free_run("a", {"a"}).name == "a-2", "an empty folder is free"


def test_two_batches_in_one_folder_do_not_mix(finetune: Finetune, colours: Path, tmp_path: Path) -> None:
    jobs = write_jobs(tmp_path / "night.yaml", jobs=[{"name": "a", "data": str(colours), "recipe": QUICK}])
    out = tmp_path / "out"
    out.mkdir()
    with FileLock(out / "lock"):
        answer = finetune("batch", jobs, "--out", out)
    assert answer.code == 6
    assert answer.error == (
        f"error: another batch is at work in {out}; wait for it, or give this one another --out"
    )


def test_a_folder_that_is_not_a_batch_is_left_alone(
    finetune: Finetune, colours: Path, bundle: Path, tmp_path: Path
) -> None:
    jobs = write_jobs(tmp_path / "night.yaml", jobs=[{"name": "a", "data": str(colours), "recipe": QUICK}])
    before = sorted(bundle.iterdir())
    answer = finetune("batch", jobs, "--out", bundle)
    assert (answer.code, sorted(bundle.iterdir())) == (6, before)
    assert (
        answer.error
        == f"error: --out {bundle} is neither empty nor the folder of a batch; choose another folder"
    )
    answer = finetune("batch", jobs, "--out", jobs / "below")
    assert answer.code == 6
    assert "is, or lies below, a file; give a folder that is empty" in answer.error
    answer = finetune("batch", jobs, "--out", colours / "out")
    assert answer.code == 2
    assert "would lie inside the data set" in answer.error


def test_a_bad_jobs_file_starts_nothing(
    finetune: Finetune, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    jobs = write_jobs(tmp_path / "night.yaml", jobs=[{"name": "a", "data": "d", "recipe": {"epoch": 1}}])
    answer = finetune("batch", jobs)
    assert answer.code == 2
    assert answer.error.startswith(f"error: {jobs}: job 'a': unknown setting 'epoch'")
    good = write_jobs(tmp_path / "good.yaml", jobs=[{"name": "a", "data": "d"}])
    answer = finetune("batch", good, "--max-minutes", "0")
    assert (answer.code, answer.out) == (2, "")
    assert "--max-minutes is 0, but must be more than 0" in answer.error
    assert {path.name for path in tmp_path.iterdir()} == {"night.yaml", "good.yaml"}


def test_a_process_that_cannot_be_started_is_that_jobs_failure(colours: Path, tmp_path: Path) -> None:
    from finetune import run_batch

    (tmp_path / "out" / "jobs").mkdir(parents=True)
    (tmp_path / "out" / "jobs" / "a").write_text("in the way")
    (row,) = run_batch([Job("a", colours, QUICK)], out=tmp_path / "out")
    assert row.state == "failed"
    assert "File exists" in row.error
    with pytest.raises(RunError, match="another batch is at work"), FileLock(tmp_path / "out" / "lock"):
        run_batch([Job("a", colours, QUICK)], out=tmp_path / "out")


def test_a_run_that_cannot_go_on_is_begun_anew_beside_it(
    finetune: Finetune, colours: Path, tmp_path: Path
) -> None:
    jobs = write_jobs(tmp_path / "night.yaml", jobs=[{"name": "a", "data": str(colours), "recipe": QUICK}])
    folder = BatchFolder(tmp_path / "out")
    folder.run("a").mkdir(parents=True)
    (folder.run("a") / "run.json").write_text("{half")
    key = key_of(Recipe.make(**QUICK), fingerprint(open_source(colours)))
    folder.ledger.append(Row("a", "interrupted", run=str(folder.run("a")), key=key))
    answer = finetune("batch", jobs, "--out", folder.path, "--json")
    assert answer.code == 0, answer.err
    assert "a: cannot go on (" in answer.err
    assert "run.json is damaged or not a run's" in answer.err
    assert answer.json[0]["run"] == str(folder.run("a-2"))
    assert (folder.run("a") / "run.json").read_text() == "{half"


def run_example(*arguments: str, cwd: Path) -> str:
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=cwd,
        env=environment(HF_HUB_OFFLINE="1"),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def lay_fruit(fruit: Path, batch: Path) -> None:
    """Have a few images of the sample set lie where the batch would draw all of it."""
    for label in fruit.iterdir():
        (batch / "data" / "fruit" / label.name).mkdir(parents=True)
        for image in sorted(label.iterdir())[:6]:
            shutil.copy(image, batch / "data" / "fruit" / label.name)


def test_the_example_file_runs(fruit: Path, tmp_path: Path) -> None:
    shutil.copy(REPOSITORY / "examples" / "batch.yaml", tmp_path)
    lay_fruit(fruit, tmp_path / "checkpoints" / "batch")
    out = run_example("-m", "finetune", "batch", "batch.yaml", "--offline", "--json", cwd=tmp_path)
    assert {row["name"] for row in json.loads(out)} == {"fruit-head", "fruit-deep", "three-digits"}
    assert (tmp_path / "checkpoints" / "batch" / "results.md").exists()


def test_the_example_script_runs_and_needs_no_guard_around_it(fruit: Path, tmp_path: Path) -> None:
    lay_fruit(fruit, tmp_path / "checkpoints" / "both")
    lines = run_example(str(REPOSITORY / "examples" / "batch.py"), cwd=tmp_path).splitlines()
    assert len(lines) == 4
    assert all(": finished, " in line for line in lines)
