"""A run that was interrupted, killed or broken goes on to the same bits as one that nobody disturbed."""

import csv
import json
import os
import random
import resource
import shutil
import signal
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import Answer, Finetune, draw_colours, fit_quietly
from events import read_events
from killing import draw_hard, kill_when, n_rows, outcome, start, start_afresh

pytestmark = pytest.mark.skipif(os.name != "posix", reason="sends POSIX signals")

EPOCHS = 8
BY_SIGNAL = {"SIGINT": 130, "SIGTERM": 130, "SIGKILL": -9}


@pytest.fixture(scope="module")
def hard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_hard(tmp_path_factory.mktemp("data") / "hard")


@pytest.fixture(scope="module")
def options(hard: Path, weights: Path) -> dict[str, tuple[object, ...]]:
    """The whole command of a short run of each kind that trains by gradient."""
    shared = (hard, "--backbone", "test_resnet", "--image-size", 32, "--epochs", EPOCHS, "--batch-size", 8)
    pretrained = ("--weights", weights, "--augment", "crop-flip")
    return {
        "partial": (*shared, *pretrained, "--strategy", "partial"),
        "full-finetune": (*shared, *pretrained, "--strategy", "full-finetune"),
        "from-scratch": (*shared, "--strategy", "from-scratch", "--seed", 17, "--lr", 4e-4),
    }


@pytest.fixture(scope="module")
def undisturbed(
    options: dict[str, tuple[object, ...]], tmp_path_factory: pytest.TempPathFactory
) -> dict[str, Any]:
    runs = {}
    for name, command in options.items():
        folder = tmp_path_factory.mktemp("undisturbed") / "run"
        fit_quietly(*command, "--workers", 0, "--out", folder)
        runs[name] = outcome(folder)
        best = max(runs[name]["rows"], key=lambda row: float(row["val_score"]))
        if name == "from-scratch":
            assert int(best["epoch"]) == EPOCHS, "the best epoch is too early to prove anything"
    return runs


def record(run: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((run / "run.json").read_text())
    return found


CASES = [
    (strategy, signum, workers)
    for strategy, signum, workers in (
        ("partial", "SIGINT", 0),
        ("partial", "SIGKILL", 1),
        ("full-finetune", "SIGTERM", 1),
        ("full-finetune", "SIGKILL", 0),
        ("from-scratch", "SIGINT", 1),
        ("from-scratch", "SIGTERM", 0),
        ("from-scratch", "SIGKILL", 0),
    )
]


@pytest.mark.parametrize(("strategy", "signum", "workers"), CASES)
def test_a_killed_run_comes_to_the_same_bits(
    finetune: Finetune,
    options: dict[str, tuple[object, ...]],
    undisturbed: dict[str, Any],
    tmp_path: Path,
    strategy: str,
    signum: str,
    workers: int,
) -> None:
    chance = random.Random(f"{strategy}/{signum}")
    rows, delay_s = chance.randint(2, EPOCHS - 2), chance.uniform(0, 0.08)
    run = tmp_path / "run"
    process = start("fit", *options[strategy], "--workers", workers, "--out", "run", cwd=tmp_path)
    code, err = kill_when(process, lambda: n_rows(run) >= rows, getattr(signal, signum), delay_s=delay_s)
    assert code == BY_SIGNAL[signum]
    assert "Traceback" not in err
    assert record(run)["state"] == ("running" if signum == "SIGKILL" else "interrupted")
    answer = finetune("fit", "--resume", run)
    assert answer.code == 0, answer.err
    assert "going on after epoch" in answer.err
    expected = undisturbed[strategy]
    got = outcome(run)
    if workers:
        expected, got = ({**side, "recipe": ""} for side in (expected, got))
    assert got == expected
    assert record(run)["state"] == "finished"


def interrupted_run(options: tuple[object, ...], run: Path, signum: int, *, rows: int = 3) -> str:
    process = start("fit", *options, "--workers", 0, "--out", run, cwd=run.parent)
    return kill_when(process, lambda: n_rows(run) >= rows, signum)[1]


@pytest.fixture(scope="module")
def killed(options: dict[str, tuple[object, ...]], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A from-scratch run whose process was killed; tests work on copies."""
    run = tmp_path_factory.mktemp("killed") / "run"
    interrupted_run(options["from-scratch"], run, signal.SIGKILL, rows=5)
    assert len(list((run / "resume").glob("epoch-*.safetensors"))) == 2
    return run


@pytest.fixture
def run(killed: Path, tmp_path: Path) -> Path:
    return shutil.copytree(killed, tmp_path / "run")


def test_a_run_interrupted_twice(
    finetune: Finetune, options: dict[str, tuple[object, ...]], undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    interrupted_run(options["from-scratch"], run, signal.SIGTERM, rows=2)
    done = record(run)["epochs_done"]
    process = start("fit", "--resume", "run", cwd=tmp_path)
    code, _ = kill_when(process, lambda: record(run)["epochs_done"] > done + 1, signal.SIGKILL)
    assert code == -9
    assert finetune("fit", "--resume", run).code == 0
    assert outcome(run) == undisturbed["from-scratch"]


def seconds_of(run: Path) -> list[float]:
    with (run / "metrics.csv").open(newline="", encoding="utf-8") as stream:
        return [float(row["seconds"]) for row in csv.DictReader(stream)]


def newest_state(run: Path) -> Path:
    return max((run / "resume").glob("epoch-*.safetensors"))


def flip_a_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def cut_off(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-1000])


def drop_the_hash(path: Path) -> None:
    path.with_name(path.name + ".sha256").unlink()


@pytest.mark.parametrize("damage", [flip_a_bit, cut_off, drop_the_hash, Path.unlink])
def test_a_damaged_state_is_passed_over_for_the_one_before(
    finetune: Finetune, undisturbed: dict[str, Any], run: Path, damage: Any
) -> None:
    newest = newest_state(run)
    damage(newest)
    answer = finetune("fit", "--resume", run)
    assert answer.code == 0
    if newest.exists() or damage is not Path.unlink:
        assert (
            f"warning: damaged in {run / 'resume'}: {newest.name}; going on from an older state" in answer.err
        )
    assert outcome(run) == undisturbed["from-scratch"]


def test_without_any_sound_state_it_starts_over_and_says_so(
    finetune: Finetune, undisturbed: dict[str, Any], run: Path
) -> None:
    for path in (run / "resume").glob("best-*.safetensors"):
        flip_a_bit(path)
    answer = finetune("fit", "--resume", run)
    assert answer.code == 0
    assert "warning: no sound state in" in answer.err
    assert outcome(run) == undisturbed["from-scratch"]


def test_a_run_whose_states_are_gone_starts_over(
    finetune: Finetune, undisturbed: dict[str, Any], run: Path
) -> None:
    shutil.rmtree(run / "resume")
    assert finetune("fit", "--resume", run).code == 0
    assert outcome(run) == undisturbed["from-scratch"]


def test_the_seconds_go_on_counting_and_the_board_has_each_epoch_once(finetune: Finetune, run: Path) -> None:
    before = seconds_of(run)[-2]
    assert finetune("fit", "--resume", run).code == 0
    seconds = seconds_of(run)
    assert seconds == sorted(seconds)
    assert seconds[-1] > before
    steps = [step for step, _ in read_events(run / "tensorboard")]
    assert steps == list(range(EPOCHS + 1))


def test_an_interrupted_run_keeps_its_best_and_says_how_to_go_on(
    finetune: Finetune, options: dict[str, tuple[object, ...]], hard: Path, undisturbed: Any, tmp_path: Path
) -> None:
    run = tmp_path / "my run"
    err = interrupted_run(options["from-scratch"], run, signal.SIGTERM, rows=7)
    last = err.splitlines()[-1]
    done, best = record(run)["epochs_done"], (run / "bundle")
    assert last.startswith(f"error: interrupted after epoch {done} of {EPOCHS}; the best so far (epoch ")
    kept = f"% of val right) is kept in {best}, without a report until the run is finished; "
    assert f"{kept}go on with: finetune fit --resume '{run}'" in last
    assert err.count("error: ") == 1
    assert record(run)["error"] == last.removeprefix("error: ")
    assert (run / "log.txt").read_text().splitlines()[-1].endswith(last.removeprefix("error: "))
    assert finetune("predict", run, hard / "a" / "0.png").code == 0
    assert finetune("evaluate", run, hard).code == 0
    interim = (best / "model.safetensors").read_bytes()
    assert finetune("fit", "--resume", run).code == 0
    assert outcome(run) == undisturbed["from-scratch"]
    assert (best / "model.safetensors").read_bytes() != interim or done == EPOCHS


def test_a_second_ctrl_c_ends_at_once_and_the_run_can_still_go_on(
    finetune: Finetune, options: dict[str, tuple[object, ...]], undisturbed: Any, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    process = start("fit", *options["from-scratch"], "--workers", 0, "--out", "run", cwd=tmp_path)

    def twice() -> bool:
        if n_rows(run) < 3:
            return False
        os.killpg(process.pid, signal.SIGINT)
        return True

    code, err = kill_when(process, twice, signal.SIGINT)
    assert code == 130
    assert "Traceback" not in err
    assert err.splitlines()[-1].startswith("error: interrupted")
    assert finetune("fit", "--resume", run).code == 0
    assert outcome(run) == undisturbed["from-scratch"]


@pytest.mark.parametrize("moment", ["write_bundle", "judge_run", "find_baselines", "write_report"])
def test_an_interruption_after_training_is_gone_on_from(
    finetune: Finetune,
    options: dict[str, tuple[object, ...]],
    undisturbed: dict[str, Any],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    moment: str,
) -> None:
    import finetune.training.complete as complete_module

    undisturbed_step = getattr(complete_module, moment)
    asked: list[int] = []

    def interrupted_once(*arguments: object, **named: object) -> object:
        if not asked:
            asked.append(signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGTERM)
        return undisturbed_step(*arguments, **named)

    run = tmp_path / "run"
    monkeypatch.setattr(complete_module, moment, interrupted_once)
    answer = finetune("fit", *options["from-scratch"], "--workers", 0, "--out", run)
    assert answer.code == 130
    assert answer.error.startswith(f"error: interrupted after epoch {EPOCHS} of {EPOCHS}; ")
    again = finetune("fit", "--resume", run)
    assert again.code == 0
    assert outcome(run) == undisturbed["from-scratch"]


def test_a_run_killed_while_it_was_preparing_begins_again_in_its_folder(
    finetune: Finetune, options: dict[str, tuple[object, ...]], undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    process = start("fit", *options["from-scratch"], "--workers", 0, "--out", "run", cwd=tmp_path)
    kill_when(process, (run / "run.json").exists, signal.SIGKILL)
    assert record(run)["recipe"] is None
    assert finetune("fit", "--resume", run).code == 0
    assert outcome(run) == undisturbed["from-scratch"]


def test_early_stopping_stays_stopped_after_a_resume(
    finetune: Finetune, colours: Path, random_tiny: tuple[str, ...], tmp_path: Path, monkeypatch: Any
) -> None:
    """The state after the epoch that ended training is gone on from: no epoch may be added."""
    import finetune.training.complete as complete_module

    command = (colours, *random_tiny, "--strategy", "from-scratch", "--lr", 1e-9, "--epochs", 40)
    assert finetune("fit", *command, "--out", tmp_path / "whole").code == 0
    whole = tmp_path / "whole"
    assert json.loads((whole / "report.json").read_text())["stopped"] == "validation did not improve any more"
    assert n_rows(whole) < 41
    run = tmp_path / "run"

    def killed(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(complete_module, "put_bundle", killed)
        assert finetune("fit", *command, "--out", run).code == 130
    assert finetune("fit", "--resume", run).code == 0
    assert outcome(run) == outcome(whole)
    reports = [json.loads((folder / "report.json").read_text()) for folder in (whole, run)]
    assert reports[0]["stopped"] == reports[1]["stopped"]


def test_a_plan_made_under_a_budget_is_kept_to(
    finetune: Finetune, options: dict[str, tuple[object, ...]], undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    interrupted_run((*options["from-scratch"], "--max-minutes", 5), run, signal.SIGKILL)
    assert record(run)["budget_minutes"] < 5
    assert finetune("fit", "--resume", run).code == 0
    got = outcome(run)
    assert got["weights"] == undisturbed["from-scratch"]["weights"]
    assert got["rows"] == undisturbed["from-scratch"]["rows"]


def test_a_budget_plans_epochs_once(
    finetune: Finetune, options: dict[str, tuple[object, ...]], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    budget = ("--epochs", 9999, "--max-minutes", 0.2)
    interrupted_run((*options["from-scratch"], *budget), run, signal.SIGKILL)
    planned = record(run)["epochs_planned"]
    assert planned < 9999
    assert f"epochs: {planned}\n" in (run / "recipe.yaml").read_text()
    assert finetune("fit", "--resume", run).code == 0
    assert f"epochs: {planned}\n" in (run / "recipe.yaml").read_text()
    assert json.loads((run / "report.json").read_text())["seconds_by_phase"]["train"] < 60


def test_a_solved_head_is_solved_again(
    finetune: Finetune, colours: Path, tiny: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import finetune.training.ways as ways_module

    def terminated(*_: object, **__: object) -> None:
        os.kill(os.getpid(), signal.SIGTERM)

    command = (colours, *tiny, "--strategy", "auto", "--seed", 1)
    assert finetune("fit", *command, "--out", tmp_path / "whole").code == 0
    run = tmp_path / "run"
    with monkeypatch.context() as patched:
        for name in ("fit_head", "draw_preview"):
            patched.setattr(ways_module, name, terminated)
        answer = finetune("fit", *command, "--out", run)
    assert answer.code == 130
    assert (
        answer.error == f"error: interrupted before training began; go on with: finetune fit --resume {run}"
    )
    assert not (run / "bundle").exists()
    resumed = finetune("fit", "--resume", run, "--json")
    assert "timing this machine" not in (run / "log.txt").read_text().partition("ended early")[2]
    assert resumed.code == 0
    assert outcome(run) == outcome(tmp_path / "whole")
    whole = json.loads((tmp_path / "whole" / "report.json").read_text())
    assert resumed.json["strategy_requested"] == "auto"
    assert untimed(resumed.json["advice"]) == untimed(whole["advice"])


def untimed(advice: dict[str, Any]) -> dict[str, Any]:
    """The advice without what was timed: two runs are advised by two clocks."""
    timed = {"decision", "forecast", "reason", "reason_zh", "kept"}
    return {name: value for name, value in advice.items() if name not in timed}


def test_hanging_up_does_not_end_a_run_that_ignores_it(
    options: dict[str, tuple[object, ...]], undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    process = start("fit", *options["from-scratch"], "--workers", 0, "--out", "run",
                    cwd=tmp_path, ignoring=[signal.SIGHUP])  # fmt: skip
    code, err = kill_when(process, lambda: n_rows(run) >= 2, signal.SIGHUP)
    assert code == 0, err
    assert outcome(run) == undisturbed["from-scratch"]


# --- what goes wrong


def test_a_run_folder_deleted_under_the_training(
    options: dict[str, tuple[object, ...]], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    process = start("fit", *options["from-scratch"], "--workers", 0, "--out", "run", cwd=tmp_path)

    def deleted() -> bool:
        if n_rows(run) < 2:
            return False
        run.rename(tmp_path / "gone")
        return True

    code, err = kill_when(process, deleted, 0)
    answer = Answer(code, "", err)
    assert code == 6
    assert answer.error.startswith("error: the run folder run was removed while the run was at work")
    assert not run.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="limits another process")
def test_a_disk_that_fills_up_leaves_the_last_state_valid(
    finetune: Finetune, options: dict[str, tuple[object, ...]], undisturbed: dict[str, Any], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    process = start("fit", *options["from-scratch"], "--workers", 0, "--out", "run", cwd=tmp_path)

    def full() -> bool:
        if n_rows(run) < 4:
            return False
        resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (200_000, 200_000))
        return True

    code, err = kill_when(process, full, 0)
    assert code == 5
    assert "cannot write" in Answer(code, "", err).error
    assert record(run)["state"] == "failed"
    assert "cannot write" in record(run)["error"]
    assert not list((run / "resume").glob("*.tmp"))
    answer = finetune("fit", "--resume", run)
    assert answer.code == 0
    assert "going on after epoch" in answer.err
    assert outcome(run) == undisturbed["from-scratch"]


def test_a_finished_run(finetune: Finetune, bundle: Path) -> None:
    answer = finetune("fit", "--resume", bundle)
    assert answer.code == 6
    assert f"the run {bundle} is finished, there is nothing to go on with" in answer.error


def test_a_folder_that_is_no_run(finetune: Finetune, colours: Path, tmp_path: Path) -> None:
    answer = finetune("fit", "--resume", colours)
    assert answer.code == 6
    assert f"{colours} is not the folder of a run: it has no run.json" in answer.error
    assert "no run folder at" in finetune("fit", "--resume", tmp_path / "nowhere").error


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ("", "is damaged or not a run's"),
        ('{"state": "runn', "is damaged or not a run's"),
        ('{"name": "somebody else\'s"}', r"is damaged or not a run's (state: field required)"),
        ("[]", "is damaged or not a run's"),
    ],
)
def test_a_half_written_or_foreign_record(finetune: Finetune, run: Path, content: str, told: str) -> None:
    (run / "run.json").write_text(content)
    answer = finetune("fit", "--resume", run)
    assert answer.code == 6
    assert told in answer.error


def test_a_record_from_a_later_version_or_with_a_recipe_that_cannot_be(finetune: Finetune, run: Path) -> None:
    whole = record(run)
    (run / "run.json").write_text(json.dumps({**whole, "schema_version": 2}))
    assert "schema_version: input should be 1" in finetune("fit", "--resume", run).error
    (run / "run.json").write_text(json.dumps({**whole, "recipe": {"strategy": "magic"}}))
    answer = finetune("fit", "--resume", run)
    assert answer.code == 2
    assert "unknown strategy 'magic'" in answer.error


def test_a_run_that_is_still_at_work(
    finetune: Finetune, options: dict[str, tuple[object, ...]], tmp_path: Path
) -> None:
    run = tmp_path / "run"
    process = start("fit", *options["partial"], "--workers", 0, "--out", "run", cwd=tmp_path)
    answers = []

    def tried() -> bool:
        if n_rows(run) < 2:
            return False
        os.killpg(process.pid, signal.SIGSTOP)
        answers.append(finetune("fit", "--resume", run))
        os.killpg(process.pid, signal.SIGCONT)
        return True

    kill_when(process, tried, signal.SIGKILL)
    assert answers[0].code == 6
    assert f"the run {run} is still at work (process {process.pid})" in answers[0].error
    assert finetune("fit", "--resume", run).code == 0


def test_another_version_of_a_package_is_told(finetune: Finetune, run: Path) -> None:
    whole = record(run)
    (run / "run.json").write_text(json.dumps({**whole, "versions": {**whole["versions"], "torch": "1.0"}}))
    answer = finetune("fit", "--resume", run)
    assert answer.code == 0
    assert "warning: the run began with torch 1.0, which is another version now" in answer.err


def test_a_recipe_that_was_edited_meanwhile_changes_nothing_and_is_kept(
    finetune: Finetune, undisturbed: dict[str, Any], run: Path
) -> None:
    before = (run / "recipe.yaml").read_text()
    edited = before.replace("seed: 17", "seed: 12  # another try")
    assert edited != before
    (run / "recipe.yaml").write_text(edited)
    answer = finetune("fit", "--resume", run)
    assert answer.code == 0
    assert (
        f"warning: {run / 'recipe.yaml'} was edited, but the run goes on with the recipe that it"
        in answer.err
    )
    assert (run / "recipe.edited.yaml").read_text() == edited
    assert (run / "recipe.yaml").read_text() == before
    assert outcome(run) == undisturbed["from-scratch"]


def test_a_recipe_that_nobody_edited_is_not_told_of(finetune: Finetune, run: Path) -> None:
    answer = finetune("fit", "--resume", run)
    assert answer.code == 0
    assert "was edited" not in answer.err
    assert not (run / "recipe.edited.yaml").exists()


@pytest.fixture
def own(killed: Path, hard: Path, tmp_path: Path) -> tuple[Path, Path]:
    """A killed run and images of its own, to be changed."""
    run, data = shutil.copytree(killed, tmp_path / "run"), shutil.copytree(hard, tmp_path / "data")
    (run / "run.json").write_text(json.dumps({**record(run), "data": str(data)}))
    return run, data


def test_images_that_changed_since(finetune: Finetune, own: tuple[Path, Path]) -> None:
    run, data = own
    before = (run / "run.json").read_text()
    (data / "a" / "0.png").unlink()
    shutil.copy(data / "a" / "1.png", data / "b" / "1.png")
    for name in ("x", "y"):
        shutil.copy(data / "c" / "1.png", data / "c" / f"{name}.png")
    answer = finetune("fit", "--resume", run)
    assert answer.code == 6
    assert "are not those that the run" in answer.error
    assert "(2 images added, 1 image removed, 1 image changed)" in answer.error
    assert json.loads((run / "run.json").read_text()) == json.loads(before)


def test_images_that_are_gone_or_have_moved(
    finetune: Finetune, own: tuple[Path, Path], undisturbed: dict[str, Any]
) -> None:
    run, data = own
    moved = data.rename(data.with_name("moved"))
    answer = finetune("fit", "--resume", run)
    assert answer.code == 3
    assert f"the images of the run are no longer at {data}; say where they are now" in answer.error
    archive = shutil.make_archive(str(moved), "zip", moved)
    assert finetune("fit", archive, "--resume", run).code == 0
    assert outcome(run) == undisturbed["from-scratch"]
    assert record(run)["data"] == archive


def test_other_images_are_refused(finetune: Finetune, run: Path, colours: Path) -> None:
    answer = finetune("fit", colours, "--resume", run)
    assert answer.code == 6
    assert "are not those that the run" in answer.error


def test_weights_that_changed_since(
    finetune: Finetune, options: dict[str, tuple[object, ...]], weights: Path, tmp_path: Path
) -> None:
    mine = Path(shutil.copy(weights, tmp_path / "mine.safetensors"))
    run = tmp_path / "run"
    command = [mine if option is weights else option for option in options["partial"]]
    interrupted_run(tuple(command), run, signal.SIGKILL, rows=2)
    from safetensors.torch import load_file, save_file

    save_file({name: 2 * tensor for name, tensor in load_file(mine).items()}, mine)
    answer = finetune("fit", "--resume", run)
    assert answer.code == 6
    assert f"the weights {mine} are not those that the run {run} began with" in answer.error
    shutil.copy(weights, mine)
    assert finetune("fit", "--resume", run).code == 0


@pytest.mark.parametrize(
    ("choice", "flag"),
    [
        (("--epochs", 3), "--epochs"),
        (("--strategy", "partial"), "--strategy"),
        (("--set", "stages=2"), "--set"),
        (("--seed", 0), "--seed"),
        (("--exclude", "a"), "--exclude"),
        (("--recipe", "mine.yaml"), "--recipe"),
        (("--out", "elsewhere"), "--out"),
    ],
)
def test_a_choice_beside_resume(
    finetune: Finetune, killed: Path, choice: tuple[object, ...], flag: str
) -> None:
    answer = finetune("fit", "--resume", killed, *choice)
    assert answer.code == 2
    assert answer.error.startswith(f"error: {flag} has no effect with --resume")


def test_neither_data_nor_a_run(finetune: Finetune) -> None:
    answer = finetune("fit")
    assert answer.code == 2
    assert "missing DATA" in answer.error


def catches_sigterm(process_id: int) -> bool:
    """Whether the process has a handler for SIGTERM (proc(5): SigCgt is a mask, signal n its bit n - 1)."""
    status = Path(f"/proc/{process_id}/status").read_text()
    mask = next(line.split()[1] for line in status.splitlines() if line.startswith("SigCgt"))
    return bool(int(mask, 16) >> (signal.SIGTERM - 1) & 1)


@pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
def test_sigterm_ends_other_commands_with_one_sentence(tmp_path: Path) -> None:
    data = draw_colours(tmp_path / "data", {"a": 300, "b": 300})
    process = start_afresh("inspect", data, cwd=tmp_path)
    code, err = kill_when(process, lambda: catches_sigterm(process.pid), signal.SIGTERM)
    assert "Traceback" not in err
    assert (code, err.splitlines()[-1]) == (130, "error: interrupted; what was finished is kept")
