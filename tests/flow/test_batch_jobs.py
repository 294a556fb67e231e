"""The trainings of a batch are jobs of an engine: seen, cancelled and tried again by `finetune jobs`."""

import shutil
import time
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import Finetune, Finished, environment
from killing import n_rows, start

from finetune.batch.folder import BatchFolder
from finetune.batch.ledger import Row
from finetune.batch.plan import key_of
from finetune.data.fingerprint import fingerprint
from finetune.data.sources import open_source
from finetune.errors import Paused
from finetune.recipe import Recipe
from finetune.service.engine.place import DATABASE
from finetune.service.engine.store import JobStore
from finetune.training.train import fit

QUICK = {"strategy": "from-scratch", "backbone": "test_resnet", "image_size": 32, "workers": 0, "epochs": 1}
PATIENCE_S = 200


@pytest.fixture(autouse=True)
def same_code_in_children(monkeypatch: pytest.MonkeyPatch, warm: None) -> None:
    for name, value in environment().items():
        monkeypatch.setenv(name, value)


def write_jobs(path: Path, data: Path, **recipes: dict[str, Any]) -> Path:
    jobs = [{"name": name, "data": str(data), "recipe": recipe} for name, recipe in recipes.items()]
    path.write_text(yaml.safe_dump({"jobs": jobs}, sort_keys=False), encoding="utf-8")
    return path


def states(out: Path) -> dict[str, tuple[str, int]]:
    return {job.title: (job.state, job.attempt) for job in reversed(JobStore(out / DATABASE).list())}


def test_a_running_job_is_cancelled_and_the_next_one_runs(
    finetune: Finetune, colours: Path, tmp_path: Path
) -> None:
    recipes = {"long": {**QUICK, "epochs": 5000}, "next": QUICK}
    jobs, out = write_jobs(tmp_path / "night.yaml", colours, **recipes), tmp_path / "out"
    here = ("--data-dir", out)
    process = start("batch", jobs, "--out", out, cwd=tmp_path)
    try:
        deadline = time.monotonic() + PATIENCE_S
        while n_rows(out / "runs" / "long") < 2:
            assert process.poll() is None, process.communicate()[1]
            assert time.monotonic() < deadline
            time.sleep(0.05)
        listed = finetune("jobs", "list", *here, "--json")
        assert [(row["title"], row["state"]) for row in listed.json] == [
            ("next", "queued"),
            ("long", "running"),
        ]
        assert "nobody is at work" not in listed.err
        long = listed.json[1]
        assert long["run"] == str(out / "runs" / "long")
        assert finetune("jobs", "cancel", long["id"], *here, "--json").json["cancel_asked"]
        _, err = process.communicate(timeout=PATIENCE_S)
    finally:
        process.kill()
    assert process.returncode == 7
    assert err.index("warning: job 1 of 2, long: interrupted: ") < err.index("job 2 of 2, next: starts")
    assert states(out) == {"long": ("cancelled", 1), "next": ("done", 1)}
    rows = BatchFolder(out).ledger.rows()
    assert (rows["long"].state, rows["next"].state) == ("interrupted", "finished")
    assert rows["long"].seconds > 0
    assert (out / "runs" / "long" / "bundle").is_dir(), "what it had is kept"
    assert "epoch" in finetune("jobs", "log", long["id"], *here).out
    again = finetune("jobs", "retry", long["id"], *here, "--json")
    assert again.json["state"] == "queued"
    assert (
        f"note: nobody is at work in {out}; what waits is done once its page is open, or its batch"
        in again.err
    )


def test_a_folder_that_a_version_without_the_engine_has_left_is_taken_over(
    finetune: Finetune, colours: Path, finished: dict[str, Finished], tmp_path: Path
) -> None:
    recipes = {"whole": QUICK, "hungry": {**QUICK, "seed": 1}, "half": {**QUICK, "epochs": 3}}
    made = {name: Recipe.make(**recipe) for name, recipe in recipes.items()}
    jobs, folder = write_jobs(tmp_path / "night.yaml", colours, **recipes), BatchFolder(tmp_path / "out")
    shutil.copytree(finished["from-scratch"].folder, folder.run("whole"))
    with pytest.raises(Paused):
        fit(colours, made["half"], out=folder.run("half"), offline=True, pause_after=1)
    data = fingerprint(open_source(colours))
    told = {"whole": "interrupted", "hungry": "failed", "half": "interrupted"}
    for name, state in told.items():
        run = "" if name == "hungry" else f"moved/runs/{name}"
        row = Row(name, state, run=run, key=key_of(made[name], data), error="it was killed")  # type: ignore[arg-type]
        folder.ledger.append(row)

    answer = finetune("batch", jobs, "--out", folder.path, "--no-retry-failed", "--json")
    assert answer.code == 7
    assert "1 already done, 1 to go on with" in answer.err
    assert "hungry: it was killed; failed before, not tried again" in answer.err
    assert "job 3 of 3, half: goes on" in answer.err
    assert [(row["state"], row["error"]) for row in answer.json] == [
        ("finished", ""),
        ("failed", "it was killed"),
        ("finished", ""),
    ]
    assert n_rows(folder.run("half")) == 4
    assert {path.name for path in folder.run("half").parent.iterdir()} == {"whole", "half"}
    assert states(folder.path) == {"whole": ("done", 1), "hungry": ("failed", 1), "half": ("done", 1)}
    assert [row["title"] for row in finetune("jobs", "list", "--data-dir", folder.path, "--json").json] == [
        "half",
        "hungry",
        "whole",
    ]
