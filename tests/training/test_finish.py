"""After the last epoch the average is kept if it is no worse, WiSE-FT looks between the ends, and all is told."""

from pathlib import Path

import pytest
from networks import make_tuner, moved, snapshot, statistics_names
from test_averaging import weights
from test_gradient import Heard, learner_in, recipe_of, run

from finetune.data.transforms import TrainingTransform
from finetune.evaluation.history import MetricsRow
from finetune.evaluation.scores import Scores
from finetune.training.averaging import mean_weights, thawed_names
from finetune.training.callbacks import KeepBest
from finetune.training.durable import write_tensors
from finetune.training.finish import Finisher
from finetune.training.saved_states import SavedStates


def finisher(folder: Path, score: float, heard: Heard) -> tuple[Finisher, KeepBest]:
    """After three epochs of weights that somebody wrote, the start the best; validation says ``score``."""
    learner = learner_in(folder, "from-scratch")
    states = SavedStates(folder / "states")
    states.make()
    model = learner.model
    write_tensors(states.start_path, snapshot(model), metadata={"val_accuracy": "0.5"})
    names = thawed_names(learner.grouping, learner.plan)
    for epoch, state in enumerate(weights(3, model, names), start=1):
        write_tensors(states.weights_path(epoch), state, metadata={})
    recipe = recipe_of("from-scratch", epochs=3, average_last=3)
    tuner = make_tuner(model, learner.grouping, learner.plan)
    transform = TrainingTransform(learner.preprocessing, "crop", 0)
    found = Scores(0.7, 0.5, score)
    return Finisher(learner, recipe, states, tuner, transform, lambda: found, heard), KeepBest(states)


ROWS = [MetricsRow(epoch, 1.0, 0.9, 0.4, 0.45 - epoch / 100, 1e-3, 1.0) for epoch in range(4)]


@pytest.mark.parametrize(
    ("score", "used"), [(0.46, True), (0.45, True), (0.44, False), (float("nan"), False)]
)
def test_the_mean_is_kept_if_it_scores_no_worse_than_the_best_epoch(
    tmp_path: Path, score: float, used: bool
) -> None:
    heard = Heard()
    settled, best = finisher(tmp_path, score, heard)
    model = settled.learner.model
    start = snapshot(model)
    found = settled.finish(ROWS, best, []).averaging
    assert found is not None
    assert (found.used, found.epochs) == (used, (1, 2, 3))
    assert heard.said == [found.sentence()]
    changed = moved(start, model.state_dict())
    if used:
        mean = mean_weights(model, settled.states, (1, 2, 3))
        assert moved(mean, model.state_dict()) == statistics_names(model), "statistics are measured anew"
        assert changed == set(start)
    else:
        assert not changed


def test_weights_that_are_lost_are_left_out_with_a_warning(tmp_path: Path) -> None:
    heard = Heard()
    settled, best = finisher(tmp_path, 0.9, heard)
    settled.states.weights_path(2).write_bytes(b"cut off")
    found = settled.finish(ROWS, best, []).averaging
    assert found is not None
    assert found.epochs == (1, 3)
    assert heard.said[0] == "warning: the weights after 2 of the last 3 epochs are left to average"
    for epoch in (1, 3):
        settled.states.weights_path(epoch).unlink()
    assert settled.finish(ROWS, best, []).averaging is None


def test_a_run_averages_its_last_epochs(tmp_path: Path) -> None:
    _, trained, _ = run(tmp_path, "from-scratch", epochs=3, average_last=2)
    found = trained.finish.averaging
    assert found is not None
    assert found.epochs == (2, 3)
    best = max(trained.rows, key=lambda row: row.val_score)
    assert found.best_epoch == best.epoch
    assert found.used == (found.scores.val_score >= best.val_score)


def test_wise_ft_starts_from_the_solved_head_and_is_never_worse_than_either_end(tmp_path: Path) -> None:
    heard = Heard()
    _, trained, folder = run(tmp_path, heard=heard, epochs=3, wise_ft=True)
    found = trained.finish.interpolation
    assert found is not None
    scores = {row.alpha: row.val_score for row in found.rows}
    assert list(scores) == [0, 0.25, 0.5, 0.75, 1]
    assert scores[0] == trained.rows[0].val_score
    best = max(trained.rows, key=lambda row: row.val_score)
    assert scores[1] == (best.val_score if best.epoch else trained.rows[-1].val_score)
    assert found.best.val_score == max(scores.values())
    assert heard.said[-1] == found.sentence()
    assert trained.finish.movement.kept.startswith(f"alpha {found.best.alpha:g} towards epoch ")
    assert SavedStates(folder.states).start_path.is_file()


def test_where_no_epoch_beat_the_head_alone_the_other_end_is_the_last_epoch(tmp_path: Path) -> None:
    _, trained, _ = run(tmp_path, lr=10, epochs=2, wise_ft=True, ema=0.5)
    best = max(trained.rows, key=lambda row: row.val_score)
    assert best.epoch == 0, "the rate was not high enough to prove anything"
    found = trained.finish.interpolation
    assert found is not None
    assert found.rows[-1].val_score == trained.rows[-1].val_score, "not what validation saw of the last epoch"
    assert found.best.val_score >= trained.rows[0].val_score
    assert trained.finish.movement.kept.endswith("towards epoch 2")
